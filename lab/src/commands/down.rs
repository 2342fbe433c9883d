//! `lab down`: the end of labs. It needs nothing but the lab's directory: the
//! file it was made from may have changed or gone.

use std::time::Duration;

use nix::sys::signal::Signal;

use super::running::{Fault, Running, settle};
use crate::args::DownArgs;
use crate::exit::Exit;
use crate::holder::protocol::Request;
use crate::rundir;

/// How long a lab may take to end by itself.
const END_TIME: Duration = Duration::from_secs(20);
/// How long the kernel may take to end it after SIGKILL, in milliseconds.
const KILL_TIME: u16 = 10_000;
/// How long an answered holder may take to be gone, in milliseconds.
const GONE_TIME: u16 = 5_000;

/// Runs `lab down`.
pub fn run(args: DownArgs) -> Exit {
    settle(down(args))
}

fn down(args: DownArgs) -> Result<Exit, Fault> {
    let labs = if args.all {
        Running::all()?
    } else {
        let find = |name: &String| Running::find(Some(name));
        args.names.iter().map(find).collect::<Result<Vec<_>, _>>()?
    };
    for lab in &labs {
        end(lab)?;
        anstream::println!("{}  down", lab.name);
    }
    // Now that they are dead, their directories are swept.
    rundir::sweep()?;
    Ok(Exit::Pass)
}

fn end(lab: &Running) -> Result<(), Fault> {
    let Some(first) = lab.state.hold_init() else {
        return Ok(());
    };
    // Where it does not answer, it is not ready yet, or stuck: it ends below.
    let errors: Result<Vec<String>, Fault> = lab.ask(&Request::Down {}, END_TIME);
    for error in errors.unwrap_or_default() {
        anstream::eprintln!("lab: {}: {error}", lab.name);
    }
    let failed = Fault::system::<std::io::Error>;
    if first
        .wait_end(GONE_TIME.into())
        .map_err(failed("wait for the lab"))?
    {
        return Ok(());
    }
    // The first process takes all others with it.
    first
        .signal(Signal::SIGKILL)
        .map_err(failed("end the lab"))?;
    if first
        .wait_end(KILL_TIME.into())
        .map_err(failed("wait for the lab"))?
    {
        Ok(())
    } else {
        Err(Fault::System {
            action: "end the lab",
            source: std::io::ErrorKind::TimedOut.into(),
        })
    }
}
