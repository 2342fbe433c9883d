//! One file a noun.

mod config;
mod interfaces;
mod log;
mod rules;
mod show;
mod stats;
mod status;
mod version;
mod watch;
mod workers;

use std::fs;
use std::io::{self, Read, Write};
use std::path::Path;

use clap::CommandFactory;

use crate::args::{Args, Command};
use crate::connect::connect;
use crate::error::Error;
use crate::render::Output;

/// Does what the command line asks.
pub(crate) fn run(args: &Args, out: &mut Output<impl Write>) -> Result<(), Error> {
    let global = &args.global;
    match &args.command {
        Command::Status => status::run(&mut connect(global)?, out),
        Command::Rules(rules) => rules::run(rules, global, out),
        Command::Stats(stats) => stats::run(stats, &mut connect(global)?, out),
        Command::Workers => workers::run(&mut connect(global)?, out),
        Command::Interfaces => interfaces::run(&mut connect(global)?, out),
        Command::Show(what) => show::run(what, &mut connect(global)?, out),
        Command::Watch(watch) => watch::run(watch, connect(global)?, out),
        Command::Config(config) => config::run(config, global, out),
        Command::Log(log) => log::run(log, &mut connect(global)?, out),
        Command::Version => version::run(global, out),
        Command::Completion { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(*shell, &mut Args::command(), "mcrctl", &mut script);
            out.text(&String::from_utf8_lossy(&script))?;
            Ok(())
        }
    }
}

/// The text of a file that the user named; `-` is standard input.
fn read(path: &Path) -> Result<String, Error> {
    let mut text = String::new();
    let read = if path == Path::new("-") {
        io::stdin().lock().read_to_string(&mut text)
    } else {
        fs::File::open(path).and_then(|mut file| file.read_to_string(&mut text))
    };
    match read {
        Ok(_) => Ok(text),
        Err(error) => Err(Error::Usage(format!(
            "cannot read {}: {error}",
            path.display()
        ))),
    }
}

/// What messages call a file that the user named.
fn name(path: &Path) -> String {
    if path == Path::new("-") {
        "standard input".to_owned()
    } else {
        path.display().to_string()
    }
}
