//! `lab up`: a lab that stays.

use crate::args::UpArgs;
use crate::exit::Exit;

/// Runs `lab up`.
pub fn run(_args: UpArgs) -> Exit {
    anstream::eprintln!("lab up: this build of lab cannot do it");
    Exit::Infrastructure
}
