//! `lab ps`: the running labs.

use crate::args::PsArgs;
use crate::exit::Exit;

/// Runs `lab ps`.
pub fn run(_args: PsArgs) -> Exit {
    anstream::eprintln!("lab ps: this build of lab cannot do it");
    Exit::Infrastructure
}
