//! The multicast relay and router daemon: sockets, files and processes around
//! the logic of `mcr-proto`.

mod args;
mod check;
mod config;
mod control;
mod event_loop;
mod io;
mod observe;
mod record;
mod routing;
mod supervisor;
mod worker;

use std::process::ExitCode;

use clap::Parser;

use crate::args::{Arguments, Command};

fn main() -> ExitCode {
    match Arguments::parse().command {
        Command::Run(arguments) => supervisor::run(arguments),
        Command::Check(arguments) => check::run(&arguments),
        Command::Replay(arguments) => record::replay::run(&arguments),
        Command::Worker { .. } => worker::run(),
    }
}
