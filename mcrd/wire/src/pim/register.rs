//! Register and Register-Stop (RFC 7761 §4.9.3, §4.9.4).

use std::net::Ipv4Addr;

use super::EncodedGroup;

/// A Register with the packet it carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Register<'a> {
    /// B: the sender is a border router; ignored on reception.
    pub border: bool,
    /// N: Null-Register; the packet is a header only.
    pub null: bool,
    /// The IPv4 packet, from its header on.
    pub packet: &'a [u8],
}

/// A Register-Stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RegisterStop {
    /// The group.
    pub group: EncodedGroup,
    /// The source; 0.0.0.0 stands for all sources of the group.
    pub source: Ipv4Addr,
}
