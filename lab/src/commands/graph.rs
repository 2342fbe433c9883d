//! `lab graph`.

use crate::args::GraphArgs;
use crate::exit::Exit;

/// Runs `lab graph`.
pub fn run(_args: &GraphArgs) -> Exit {
    anstream::eprintln!("lab graph: this build of lab cannot do it");
    Exit::Infrastructure
}
