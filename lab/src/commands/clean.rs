//! `lab clean`.

use crate::exit::Exit;

/// Runs `lab clean`.
pub fn run() -> Exit {
    anstream::eprintln!("lab clean: this build of lab cannot do it");
    Exit::Infrastructure
}
