//! `lab clean`: what dead labs left behind goes.

use super::running::settle;
use crate::exit::Exit;
use crate::rundir;

/// Runs `lab clean`.
pub fn run() -> Exit {
    settle(rundir::sweep().map_err(Into::into).map(|swept| {
        for name in &swept {
            anstream::println!("{name}  removed");
        }
        if swept.is_empty() {
            anstream::println!("nothing to remove");
        }
        Exit::Pass
    }))
}
