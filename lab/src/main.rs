//! The `lab` program. Starts no thread: entering a namespace is only possible
//! while there is one.

use std::process::ExitCode;

use clap::Parser;
use lab::args::Args;
use lab::commands;
use lab::exit::Exit;

fn main() -> ExitCode {
    match Args::try_parse() {
        Ok(args) => commands::run(args.command).into(),
        Err(error) => Exit::of_usage(&error).into(),
    }
}
