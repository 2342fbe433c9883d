//! The command line of mcrd. It asks the daemon over the control socket and
//! prints the answer; it decides nothing itself.

mod args;
mod commands;
mod connect;
mod error;
mod render;
mod rule_args;

use std::io::{BufWriter, Write};
use std::process::ExitCode;

use clap::Parser;

use crate::args::Args;
use crate::error::Error;
use crate::render::Output;

fn main() -> ExitCode {
    let args = Args::parse();
    let mut out = Output::new(BufWriter::new(anstream::stdout().lock()), args.global.json);
    let done = commands::run(&args, &mut out).and_then(|()| out.flush().map_err(Error::from));
    match done {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever reads has seen enough: `mcrctl rules list | head`.
        Err(error) if error.is_broken_pipe() => ExitCode::SUCCESS,
        Err(error) => {
            // Where even this cannot be written, the exit code still tells.
            drop(report(&error, &mut out));
            error.exit_code()
        }
    }
}

/// Tells what went wrong: to programs on standard output, to people on
/// standard error.
fn report(error: &Error, out: &mut Output<impl Write>) -> std::io::Result<()> {
    if out.json {
        out.json(&error.as_json())?;
        out.flush()
    } else {
        write!(anstream::stderr().lock(), "{}", error.as_text())
    }
}
