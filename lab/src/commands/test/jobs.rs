//! Several labs at a time. Each worker is a process with a world of its own,
//! made before anything else, because only a process of one thread can enter
//! namespaces; it runs one lab after another, as it is told, and tells what
//! comes of them. This process prints, and hands out the labs.

mod floor;
mod queue;
mod worker;

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::exit;
use std::time::Instant;

use mcr_sys::process::{die_with_parent, fork};
use nix::sys::wait::waitpid;
use nix::unistd::{ForkResult, Pid, pipe, setpgid};

use super::batch::Batch;
use super::progress::Printer;
use super::{conclude, finish, inside_runtime, worst};
use crate::args::TestArgs;
use crate::exit::Exit;
use crate::node::Programs;
use crate::topology::model::Topology;

/// A worker, as this process sees it.
struct Hand {
    pid: Pid,
    line: UnixStream,
}

/// Runs all labs.
pub(super) fn run(args: &TestArgs, batch: &Batch, programs: &Programs, keep: &Path) -> Exit {
    let labs = &batch.labs;
    let began = Instant::now();
    // What is held tells the workers, by its end, that this process ended.
    let (hands, held) = match hire(args, labs, programs, keep) {
        Ok(hired) => hired,
        Err(error) => return cannot_start(&error),
    };
    let pids: Vec<Pid> = hands.iter().map(|hand| hand.pid).collect();
    let printer = Printer::new(args.format);
    let done = inside_runtime(floor::run(args, labs, hands, &printer)).and_then(|done| done);
    // Their ends of the lines are closed, so they have ended or are about to.
    let ended = pids
        .iter()
        .try_for_each(|pid| waitpid(*pid, None).map(drop));
    let done = match (done, ended) {
        (Ok(done), Ok(())) => done,
        (Err(error), _) => return cannot_start(&error),
        (Ok(_), Err(errno)) => return cannot_start(&errno.into()),
    };
    drop(held);
    let concluded = conclude(&printer, &done.runs, began);
    let exit = worst(done.exits.into_iter().chain([concluded]));
    finish(args, batch, Ok((done.runs, exit)))
}

fn cannot_start(error: &io::Error) -> Exit {
    anstream::eprintln!("lab test: cannot run labs side by side: {error}");
    Exit::Infrastructure
}

/// Starts the workers. Only the first process returns.
fn hire(
    args: &TestArgs,
    labs: &[Topology],
    programs: &Programs,
    keep: &Path,
) -> io::Result<(Vec<Hand>, OwnedFd)> {
    let (parent, held) = pipe()?;
    let mut hands: Vec<Hand> = Vec::new();
    for _ in 0..args.jobs().min(labs.len()) {
        let (own, theirs) = UnixStream::pair()?;
        match fork()? {
            ForkResult::Parent { child } => hands.push(Hand {
                pid: child,
                line: own,
            }),
            ForkResult::Child => {
                drop((held, hands, own));
                // The terminal's Ctrl-C goes to the first process alone.
                let attached = setpgid(Pid::from_raw(0), Pid::from_raw(0))
                    .map_err(io::Error::from)
                    .and_then(|()| die_with_parent(parent.as_fd()));
                let code = match attached {
                    Ok(()) => worker::run(args, labs, programs, keep, theirs),
                    Err(_) => Exit::Infrastructure,
                };
                exit(code.code().into())
            }
        }
    }
    Ok((hands, held))
}
