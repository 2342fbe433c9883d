//! What the daemon tells of itself while it runs.

pub(crate) mod events;
pub(crate) mod log;
