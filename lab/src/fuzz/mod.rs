//! Random networks against the reference model, in virtual time: `case` is one
//! with its parts, `draw` makes it from a seed, `questions` asks what the model
//! has an answer to, `text` writes the lab file, `verdict` runs that as `lab
//! test --sim` does, and `shrink` makes one that fails smaller.

mod case;
mod draw;
mod hunt;
mod questions;
mod shrink;
mod text;
mod verdict;

pub use case::Case;
pub use hunt::{Found, Hunt, Hunted, Plant};
pub use shrink::{Smallest, shrink};
pub use verdict::{Failure, Kind, judge};

#[cfg(test)]
mod tests;
