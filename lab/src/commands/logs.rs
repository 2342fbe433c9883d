//! `lab logs`: what the daemons of a node write, shown by `tail`.

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;

use super::running::{Fault, Running, settle};
use crate::args::LogsArgs;
use crate::exit::Exit;
use crate::holder::folders;
use crate::node::LOG_MAX;

/// Runs `lab logs`.
pub fn run(args: &LogsArgs) -> Exit {
    settle(logs(args))
}

fn logs(args: &LogsArgs) -> Result<Exit, Fault> {
    let lab = Running::find(args.lab.as_deref())?;
    let folder = folders(&lab.path).logs;
    let file = folder.join(format!("{}.log", args.node));
    // A name with a slash would be another folder's file.
    if args.node.contains('/') || !file.is_file() {
        let entries = fs::read_dir(folder).map_err(Fault::system("look for logs"))?;
        let names = entries.flatten().map(|entry| entry.path());
        let stem = |path: PathBuf| Some(path.file_stem()?.to_str()?.to_owned());
        let mut names: Vec<String> = names.filter_map(stem).collect();
        names.sort();
        return Err(Fault::NoLog {
            lab: lab.name,
            name: args.node.clone(),
            names,
        });
    }
    if fs::metadata(&file).is_ok_and(|file| file.len() >= LOG_MAX) {
        anstream::eprintln!(
            "lab: the log is full ({} MiB): what came later was not kept",
            LOG_MAX >> 20
        );
    }
    let mut tail = Command::new("tail");
    tail.arg("-n").arg(args.lines.to_string());
    if args.follow {
        tail.arg("-F");
    }
    // Returns only where it could not become tail.
    let error = tail.arg("--").arg(file).exec();
    Err(Fault::system("run tail")(error))
}
