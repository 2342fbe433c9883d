//! `lab check`.

use crate::args::CheckArgs;
use crate::exit::Exit;

/// Runs `lab check`.
pub fn run(_args: &CheckArgs) -> Exit {
    anstream::eprintln!("lab check: this build of lab cannot do it");
    Exit::Infrastructure
}
