//! Encoded group and source addresses (RFC 7761 §4.9.1).

use std::net::Ipv4Addr;

/// An Encoded-Group address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EncodedGroup {
    /// The group, or the first address of the range.
    pub group: Ipv4Addr,
    /// The mask length, at most 32.
    pub mask_len: u8,
    /// B: the range is for bidirectional PIM.
    pub bidirectional: bool,
    /// Z: an administratively scoped range.
    pub scope_zone: bool,
}

/// An Encoded-Source address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EncodedSource {
    /// The source, or the RP where `wildcard` is set.
    pub source: Ipv4Addr,
    /// The mask length, at most 32.
    pub mask_len: u8,
    /// S: sparse.
    pub sparse: bool,
    /// W: the address is the RP's and stands for any source.
    pub wildcard: bool,
    /// R: on the RP tree.
    pub rpt: bool,
}
