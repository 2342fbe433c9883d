//! `lab new`.

use crate::args::NewArgs;
use crate::exit::Exit;

/// Runs `lab new`.
pub fn run(_args: &NewArgs) -> Exit {
    anstream::eprintln!("lab new: this build of lab cannot do it");
    Exit::Infrastructure
}
