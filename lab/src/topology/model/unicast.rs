//! Where unicast routes come from.

use std::time::Duration;

/// Where unicast routes come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unicast {
    /// The nodes' own `routes`, and nothing else.
    #[default]
    None,
    /// The lab adds the shortest paths to those, once.
    Static,
    /// The lab sets them anew after each change of the network.
    Oracle {
        /// So long after it.
        delay: Duration,
        /// The first router has them then, the last one so much later.
        skew: Duration,
    },
    /// OSPF of FRR, in all routers.
    Ospf,
}

impl Unicast {
    /// The time from a change of the network to the routes that the lab sets
    /// then, where it does.
    #[must_use]
    pub fn follows(self) -> Option<Duration> {
        match self {
            Unicast::Oracle { delay, skew: _ } => Some(delay),
            Unicast::None | Unicast::Static | Unicast::Ospf => None,
        }
    }

    /// Why the routes of routers do not change at a step's word; what to do.
    #[must_use]
    pub fn refuses(self) -> Option<(&'static str, &'static str)> {
        match self {
            Unicast::Oracle { .. } => None,
            Unicast::None => Some((
                "the lab sets no routes",
                "it sets those of routers, with `unicast: oracle`",
            )),
            Unicast::Static => Some((
                "the routes of `unicast: static` never change",
                "with `unicast: oracle` routers lose them by this verb",
            )),
            Unicast::Ospf => Some((
                "the routes of `unicast: frr-ospf` are OSPF's own",
                "they follow links that go down; with `unicast: oracle` this verb has a say",
            )),
        }
    }
}
