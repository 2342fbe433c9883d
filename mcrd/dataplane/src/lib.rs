//! Forwarding planes: the lookup table, the header rewrite, and the workers
//! that move packets. The supervisor's side of a worker is in [`channel`] and
//! [`counters`].

pub mod channel;
pub mod counters;
pub mod gate;
pub mod packet;
pub mod rewrite;
pub mod table;
