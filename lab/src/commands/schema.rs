//! `lab schema`: the JSON Schema of the lab file, for editors.

use crate::exit::Exit;
use crate::topology;

/// Runs `lab schema`.
pub fn run() -> Exit {
    anstream::println!("{:#}", topology::schema());
    Exit::Pass
}
