//! What the daemon tells of itself while it runs.

pub(crate) mod log;
