//! `lab schema`.

use crate::exit::Exit;

/// Runs `lab schema`.
pub fn run() -> Exit {
    anstream::eprintln!("lab schema: this build of lab cannot do it");
    Exit::Infrastructure
}
