//! Join/Prune of a whole router among neighbours that the tests speak for.

mod downstream;
mod pack;
mod rig;
mod rpt;
mod upstream;
