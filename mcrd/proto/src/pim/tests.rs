//! Join/Prune of a whole router among neighbours that the tests speak for.

mod assert;
pub(crate) mod bed;
mod downstream;
mod macros;
mod malformed;
mod members;
mod neighbors;
mod pack;
mod rig;
mod rpt;
mod scale;
mod spt;
mod touched;
mod upstream;
