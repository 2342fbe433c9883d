//! `lab exec`: a command in a node.

use crate::args::ExecArgs;
use crate::exit::Exit;

/// Runs `lab exec`.
pub fn run(_args: ExecArgs) -> Exit {
    anstream::eprintln!("lab exec: this build of lab cannot do it");
    Exit::Infrastructure
}
