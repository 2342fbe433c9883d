//! Bytes to values: views of Ethernet, IPv4 and UDP that were checked once, IGMP
//! and PIM messages, and the Internet checksum.
//!
//! Parsing never copies and never panics; what is wrong with a packet is a
//! [`Malformed`] reason. Values to bytes are the same header types, written
//! with [`IntoBytes`].

pub mod checksum;
pub mod error;
pub mod ethernet;
pub mod igmp;
pub mod ipv4;
pub mod pim;
mod reader;
pub mod udp;

pub use error::{BadMessage, Malformed};
pub use zerocopy::IntoBytes;
