//! `lab sh`: a shell in a node.

use crate::args::ShArgs;
use crate::exit::Exit;

/// Runs `lab sh`.
pub fn run(_args: ShArgs) -> Exit {
    anstream::eprintln!("lab sh: this build of lab cannot do it");
    Exit::Infrastructure
}
