//! Join/Prune of a whole router among neighbours that the tests speak for.

pub(crate) mod bed;
mod downstream;
mod pack;
mod rig;
mod rpt;
mod upstream;
