//! `lab completion`: completion for a shell.

use clap::CommandFactory;

use crate::args::{Args, CompletionArgs};
use crate::exit::Exit;

/// Runs `lab completion`.
pub fn run(args: &CompletionArgs) -> Exit {
    clap_complete::generate(
        args.shell,
        &mut Args::command(),
        "lab",
        &mut anstream::stdout(),
    );
    Exit::Pass
}
