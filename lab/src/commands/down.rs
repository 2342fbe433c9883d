//! `lab down`: the end of labs.

use crate::args::DownArgs;
use crate::exit::Exit;

/// Runs `lab down`.
pub fn run(_args: DownArgs) -> Exit {
    anstream::eprintln!("lab down: this build of lab cannot do it");
    Exit::Infrastructure
}
