//! Between the kernel and the logic: what the kernel says becomes inputs, and
//! what relay and router want becomes requests and packets. No decision is made here.

pub(crate) mod forward;
pub(crate) mod listen;
pub(crate) mod membership;
pub(crate) mod neighbor;
pub(crate) mod netlink;
pub(crate) mod routes;
pub(crate) mod transmit;
