//! Assert (RFC 7761 §4.9.6).

use std::net::Ipv4Addr;

use super::EncodedGroup;

/// An Assert.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Assert {
    /// The group.
    pub group: EncodedGroup,
    /// The source; 0.0.0.0 in a (*,G) Assert.
    pub source: Ipv4Addr,
    /// How good the sender's route is.
    pub metric: AssertMetric,
}

/// What the message tells of the route. The order is the one of RFC 7761
/// §4.6.1, without its last step, the address: the lower is the better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AssertMetric {
    /// R: the packet came down the RP tree.
    pub rpt: bool,
    /// 31 bits.
    pub preference: u32,
    /// The metric.
    pub metric: u32,
}

impl AssertMetric {
    /// What an AssertCancel carries (RFC 7761 §4.6.4).
    pub const INFINITE: AssertMetric = AssertMetric {
        rpt: true,
        preference: 0x7fff_ffff,
        metric: 0xffff_ffff,
    };
}
