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

/// Why the payload of an IP packet is not the IGMP or PIM message it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, thiserror::Error)]
pub enum BadMessage {
    /// The bytes end before what the message must have.
    #[error("the message is shorter than its type must be")]
    Truncated,
    /// The checksum is wrong.
    #[error("the message's checksum is wrong")]
    Checksum,
    /// A PIM version other than 2.
    #[error("the PIM version is not 2")]
    Version,
    /// A length or count inside the message does not fit it.
    #[error("a length inside the message does not fit it")]
    Length,
    /// An address family or encoding that is not IPv4's own.
    #[error("the address family or its encoding is not IPv4's")]
    Family,
    /// An address that cannot stand where it stands.
    #[error("an address cannot stand in its place")]
    Address,
}

impl BadMessage {
    /// All of them, for tables of counters.
    pub const ALL: [BadMessage; 6] = [
        BadMessage::Truncated,
        BadMessage::Checksum,
        BadMessage::Version,
        BadMessage::Length,
        BadMessage::Family,
        BadMessage::Address,
    ];

    /// Its name in counters.
    pub const fn name(self) -> &'static str {
        match self {
            BadMessage::Truncated => "truncated",
            BadMessage::Checksum => "checksum",
            BadMessage::Version => "version",
            BadMessage::Length => "length",
            BadMessage::Family => "family",
            BadMessage::Address => "address",
        }
    }
}
