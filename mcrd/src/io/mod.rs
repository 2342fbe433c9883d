//! Between the kernel and the relay: what the kernel says becomes changes, and
//! what the relay wants becomes requests. No decision is made here.

pub(crate) mod membership;
pub(crate) mod neighbor;
pub(crate) mod netlink;
