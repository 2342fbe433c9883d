//! The `mcrgen` program.

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;
use mcrgen::args::{Cli, Command, HostsArgs, RecvArgs, SendArgs};
use mcrgen::error::Error;
use mcrgen::output::{Format, Output};
use mcrgen::progress::Progress;
use mcrgen::receiver::Ended;
use mcrgen::stop::Stop;
use mcrgen::{hosts, receiver, sender};

const DONE: u8 = 0;
const FAILED: u8 = 1;
const USAGE: u8 = 2;

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Send(args) => send(&args),
        Command::Recv(args) => recv(&args),
        Command::Hosts(args) => emulate(&args),
    };
    let status = result.unwrap_or_else(|error| {
        // Where standard error is gone, the exit status is all there is.
        writeln!(std::io::stderr(), "mcrgen: {error}").unwrap_or_default();
        match error {
            Error::Usage(_) | Error::NoInterface { .. } => USAGE,
            Error::Open(_)
            | Error::NoAddress(_)
            | Error::IgmpVersion { .. }
            | Error::Descriptors { .. }
            | Error::System { .. } => FAILED,
        }
    });
    ExitCode::from(status)
}

fn send(args: &SendArgs) -> Result<u8, Error> {
    let plan = args.plan()?;
    let (stop, output, mut progress) = start(args.common.json, args.common.interval.is_some())?;
    let last = sender::run(&plan, &stop, output, &mut progress)?;
    Ok(if last.sent > 0 { DONE } else { FAILED })
}

fn recv(args: &RecvArgs) -> Result<u8, Error> {
    let plan = args.plan()?;
    let (stop, output, mut progress) = start(args.common.json, args.common.interval.is_some())?;
    let (last, ended) = receiver::run(&plan, &stop, output, &mut progress)?;
    let nothing = last.flows.is_empty() && ended != Ended::Signal;
    Ok(if nothing { FAILED } else { DONE })
}

fn emulate(args: &HostsArgs) -> Result<u8, Error> {
    let plan = args.plan()?;
    let (stop, output, mut progress) = start(args.json, args.interval.is_some())?;
    let last = hosts::run(&plan, &stop, output, &mut progress)?;
    Ok(if last.reports > 0 { DONE } else { FAILED })
}

/// Signals are held back first, so that the output thread inherits it.
fn start(json: bool, regular: bool) -> Result<(Stop, Output, Progress), Error> {
    let stop = Stop::new()?;
    let format = if json { Format::Json } else { Format::Text };
    let output = Output::start(format)?;
    let progress = Progress::new(format == Format::Text && !regular);
    Ok((stop, output, progress))
}
