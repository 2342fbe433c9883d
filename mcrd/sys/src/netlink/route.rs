//! The IPv4 routes of the main table, as the kernel tells of them.

use std::net::Ipv4Addr;

use rtnetlink::packet_core::NetlinkHeader;
use rtnetlink::packet_route::route::{
    RouteAddress, RouteAttribute, RouteFlags, RouteHeader, RouteMessage, RouteNextHop,
    RouteNextHopFlags, RouteType,
};

/// linux/netlink.h: NLM_F_REPLACE and NLM_F_APPEND.
const REPLACE: u16 = 0x100;
const APPEND: u16 = 0x800;

/// A route to other hosts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableRoute {
    /// The prefix's address.
    pub prefix: Ipv4Addr,
    /// The prefix's length.
    pub length: u8,
    /// The type of service it is for; 0 is any.
    pub tos: u8,
    /// Its metric; the lowest is used.
    pub metric: u32,
    /// Who made it (rtm_protocol).
    pub protocol: u8,
    /// Where it leads; nowhere where it is a blackhole or the like.
    pub next_hops: Vec<NextHop>,
}

/// One way of a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NextHop {
    /// The link.
    pub index: u32,
    /// The router; the destinations are on the link where there is none.
    pub gateway: Option<Ipv4Addr>,
}

/// A change of the main table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TableChange {
    /// The route is there.
    Set(TableRoute, Place),
    /// The route has gone.
    Gone(TableRoute),
}

/// Where a new route stands among those of its prefix, type of service and
/// metric; the first one is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// In place of the first one.
    Replace,
    /// Before them.
    First,
    /// After them.
    Last,
}

pub(super) fn place(header: &NetlinkHeader) -> Place {
    if header.flags & REPLACE != 0 {
        Place::Replace
    } else if header.flags & APPEND != 0 {
        Place::Last
    } else {
        Place::First
    }
}

/// The route; `None` where it is not one of the main table to other hosts.
#[allow(
    clippy::wildcard_enum_match_arm,
    reason = "the kernel's attributes and types are many and open-ended"
)]
pub(super) fn parse(message: &RouteMessage) -> Option<TableRoute> {
    let header = &message.header;
    let leads = match header.kind {
        RouteType::Unicast => true,
        RouteType::BlackHole | RouteType::Unreachable | RouteType::Prohibit | RouteType::Throw => {
            false
        }
        _ => return None,
    };
    if header.flags.contains(RouteFlags::Cloned) {
        return None;
    }
    let mut route = TableRoute {
        prefix: Ipv4Addr::UNSPECIFIED,
        length: header.destination_prefix_length,
        tos: header.tos,
        metric: 0,
        protocol: header.protocol.into(),
        next_hops: Vec::new(),
    };
    let mut table = u32::from(header.table);
    let mut oif = None;
    let mut gateway = None;
    let mut other_family = false;
    for attribute in &message.attributes {
        match attribute {
            RouteAttribute::Destination(RouteAddress::Inet(prefix)) => route.prefix = *prefix,
            RouteAttribute::Destination(_) => return None,
            RouteAttribute::Table(number) => table = *number,
            RouteAttribute::Priority(metric) => route.metric = *metric,
            RouteAttribute::Oif(index) => oif = Some(*index),
            RouteAttribute::Gateway(RouteAddress::Inet(address)) => gateway = Some(*address),
            RouteAttribute::Via(_) => other_family = true,
            RouteAttribute::MultiPath(several) => {
                route.next_hops.extend(several.iter().filter_map(next_hop));
            }
            _ => {}
        }
    }
    if table != u32::from(RouteHeader::RT_TABLE_MAIN) {
        return None;
    }
    if let Some(index) = oif.filter(|_| !other_family && route.next_hops.is_empty()) {
        route.next_hops.push(NextHop { index, gateway });
    }
    if !leads {
        route.next_hops.clear();
    }
    Some(route)
}

/// `None` for one that is dead, or whose router has no IPv4 address.
#[allow(
    clippy::wildcard_enum_match_arm,
    reason = "the kernel's attributes are many and open-ended"
)]
fn next_hop(hop: &RouteNextHop) -> Option<NextHop> {
    if hop.flags.contains(RouteNextHopFlags::Dead) {
        return None;
    }
    let mut gateway = None;
    for attribute in &hop.attributes {
        match attribute {
            RouteAttribute::Gateway(RouteAddress::Inet(address)) => gateway = Some(*address),
            RouteAttribute::Via(_) => return None,
            _ => {}
        }
    }
    Some(NextHop {
        index: hop.interface_index,
        gateway,
    })
}
