//! The safe face of what Linux offers: sockets, namespaces, capabilities,
//! netlink. `unsafe` is allowed here, each time with its reason.
#![allow(unsafe_code)]

pub mod capture;
pub mod channel;
pub mod clock;
pub mod ethtool;
pub mod features;
mod filter;
pub mod frames;
pub mod membership;
pub mod memfile;
pub mod mmsg;
pub mod namespace;
pub mod netlink;
pub mod packet;
pub mod privilege;
pub mod process;
pub mod readiness;
pub mod ring;
pub mod router;
pub mod sandbox;
pub mod slow_close;
pub mod spawn;
pub mod udp;
pub mod uring;
pub mod vnet;
