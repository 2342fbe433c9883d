//! What can be wrong with a packet.

/// Why bytes are not the packet they should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, thiserror::Error)]
pub enum Malformed {
    /// The bytes end before the header or the length it tells.
    #[error("the packet is shorter than its headers say")]
    Truncated,
    /// IP version, header length or total length cannot be.
    #[error("the IP header is malformed")]
    BadHeader,
    /// The IP header checksum is wrong.
    #[error("the IP header checksum is wrong")]
    BadChecksum,
    /// The UDP length is below 8 or beyond the IP payload.
    #[error("the UDP length does not fit the IP packet")]
    BadUdpLength,
}
