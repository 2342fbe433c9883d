//! Counters in memory that supervisor and worker share.
//!
//! The supervisor makes a sealed memory file for each worker place (interface
//! and position) and keeps it mapped; the worker, and the one that replaces it
//! after a crash, maps the same file and adds to it. So a figure is exact at
//! the moment it is read, no message carries it, and no restart of a worker
//! loses it.

use serde::{Deserialize, Serialize};

/// The number of a counter cell in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Slot(pub u32);

/// What one cell holds: for an entry what matched, for an output what was sent
/// and what was not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Cell {
    /// Packets.
    pub packets: u64,
    /// Bytes of those packets, from the IP header on.
    pub bytes: u64,
    /// Packets of this output that could not be sent.
    pub dropped: u64,
}

/// Why a packet was not forwarded, or a copy not sent. Each has a counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DropReason {
    /// The frame is not IPv4 (ARP and IPv6 are counted here too).
    NotIpv4,
    /// The frame or a header in it is shorter than it says.
    Truncated,
    /// The IP header is malformed (version, header length, total length).
    BadHeader,
    /// The IP header checksum is wrong.
    BadChecksum,
    /// The UDP length is below 8 or beyond the IP packet.
    BadUdpLength,
    /// The destination is in 224.0.0.0/24 or not a group.
    NotForwardable,
    /// The time to live had ended on arrival (0), or ends here (routed).
    TtlExpired,
    /// A fragment, which no rule with a port can match.
    Fragment,
    /// No entry matches.
    NoRule,
    /// Our own packet came back.
    Looped,
    /// The copy is larger than the output's MTU.
    TooBig,
    /// The output has no interface now.
    NoInterface,
    /// The output's interface is down.
    InterfaceDown,
    /// The output's interface has no address.
    NoAddress,
    /// There is no route to the output's destination.
    NoRoute,
    /// The next hop's link-layer address is not known.
    NoNeighbor,
    /// The output's queue is full.
    QueueFull,
    /// The kernel refused the copy for another reason.
    SendError,
}

impl DropReason {
    /// All of them, in the order of their counters.
    pub const ALL: [DropReason; 18] = [
        DropReason::NotIpv4,
        DropReason::Truncated,
        DropReason::BadHeader,
        DropReason::BadChecksum,
        DropReason::BadUdpLength,
        DropReason::NotForwardable,
        DropReason::TtlExpired,
        DropReason::Fragment,
        DropReason::NoRule,
        DropReason::Looped,
        DropReason::TooBig,
        DropReason::NoInterface,
        DropReason::InterfaceDown,
        DropReason::NoAddress,
        DropReason::NoRoute,
        DropReason::NoNeighbor,
        DropReason::QueueFull,
        DropReason::SendError,
    ];

    /// The name that the control API and the documents use.
    pub const fn name(self) -> &'static str {
        match self {
            DropReason::NotIpv4 => "not-ipv4",
            DropReason::Truncated => "truncated",
            DropReason::BadHeader => "bad-header",
            DropReason::BadChecksum => "bad-checksum",
            DropReason::BadUdpLength => "bad-udp-length",
            DropReason::NotForwardable => "not-forwardable",
            DropReason::TtlExpired => "ttl-expired",
            DropReason::Fragment => "fragment",
            DropReason::NoRule => "no-rule",
            DropReason::Looped => "looped",
            DropReason::TooBig => "too-big",
            DropReason::NoInterface => "no-interface",
            DropReason::InterfaceDown => "interface-down",
            DropReason::NoAddress => "no-address",
            DropReason::NoRoute => "no-route",
            DropReason::NoNeighbor => "no-neighbor",
            DropReason::QueueFull => "queue-full",
            DropReason::SendError => "send-error",
        }
    }
}
