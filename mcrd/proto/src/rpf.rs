//! Reverse path forwarding: from which interface and neighbour packets of an
//! address must come. Static multicast routes come before the kernel's.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use prefix_trie::PrefixMap;

use crate::config::{Config, StaticMroute};
use crate::id::{GroupAddr, IfIndex, InterfaceName, UnicastAddr};
use crate::rng::Rng;
use crate::router::event::Table;
use crate::router::io::{Route, RouteChange, RouteNextHop};
use crate::router::{Context, Interfaces, RouterInterface};
use crate::time::Instant;

/// The metric preference of a protocol that has none in the configuration.
const OTHER_PREFERENCE: u32 = 120;

/// RTPROT_STATIC of linux/rtnetlink.h: what a static multicast route has the
/// preference of.
const STATIC: u8 = 4;

/// All ways.
#[derive(Debug, Default)]
pub struct RpfTable {
    settings: Settings,
    mroutes: PrefixMap<Ipv4Net, Vec<Mroute>>,
    routes: PrefixMap<Ipv4Net, Route>,
}

/// What of the configuration decides about ways.
#[derive(Debug, Default, PartialEq, Eq)]
struct Settings {
    mroutes: Vec<StaticMroute>,
    preferences: std::collections::BTreeMap<u8, u32>,
    ecmp: bool,
    limit: usize,
}

/// A static multicast route to a network.
#[derive(Debug)]
struct Mroute {
    interface: InterfaceName,
    next_hop: Option<UnicastAddr>,
    metric: u32,
}

/// The way to an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rpf {
    /// RPF_interface.
    pub iface: IfIndex,
    /// MRIB.next_hop; `None` where the address is connected.
    pub next_hop: Option<Ipv4Addr>,
    /// Metric preference, for Asserts.
    pub preference: u32,
    /// Metric, for Asserts.
    pub metric: u32,
    /// Where it was found.
    pub origin: RpfOrigin,
}

/// Where a way was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RpfOrigin {
    /// A static multicast route.
    StaticMroute,
    /// A route of the kernel, put there by this protocol (rtm_protocol).
    Kernel(u8),
}

/// A way with the network it was found for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// The way.
    pub rpf: Rpf,
    /// The network of the route.
    pub network: Ipv4Net,
    /// How many equal ways there were to choose among.
    pub ways: usize,
}

/// Why there is no way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoWay {
    /// No route covers the address.
    NoRoute,
    /// The route refuses packets: blackhole, unreachable or prohibit.
    Refused(Ipv4Net),
    /// Routes cover the address, the longest for this network, and none leads
    /// over an interface that is up.
    Down(Ipv4Net),
}

impl RpfTable {
    /// Takes the configuration's static multicast routes and preferences;
    /// whether any way may differ now.
    pub fn configure(&mut self, config: &Config) -> bool {
        let settings = Settings {
            mroutes: config.mroutes.clone(),
            preferences: config.pim.preferences.clone(),
            ecmp: config.pim.ecmp,
            limit: config.limits.routes,
        };
        if self.settings == settings {
            return false;
        }
        self.mroutes = PrefixMap::new();
        for mroute in &settings.mroutes {
            let of_network = self.mroutes.entry(mroute.network.trunc()).or_default();
            of_network.push(Mroute {
                interface: mroute.interface.clone(),
                next_hop: mroute.next_hop,
                metric: mroute.metric,
            });
        }
        self.settings = settings;
        true
    }

    /// The kernel's routes changed; the network to whose addresses the ways may
    /// differ now.
    pub fn apply(
        &mut self,
        now: Instant,
        cx: &mut Context,
        change: RouteChange,
    ) -> Option<Ipv4Net> {
        match change {
            RouteChange::Set(route) => {
                let network = route.prefix.trunc();
                self.set(now, cx, route).then_some(network)
            }
            RouteChange::Remove(prefix) => {
                let network = prefix.trunc();
                self.routes.remove(&network).map(|_| network)
            }
            RouteChange::Replace(routes) => {
                let old = std::mem::take(&mut self.routes);
                for route in routes {
                    self.set(now, cx, route);
                }
                (!old.iter().eq(self.routes.iter())).then(Ipv4Net::default)
            }
        }
    }

    fn set(&mut self, now: Instant, cx: &mut Context, mut route: Route) -> bool {
        route.prefix = route.prefix.trunc();
        match self.routes.get(&route.prefix) {
            Some(old) if *old == route => return false,
            None if self.routes.len() >= self.settings.limit => {
                cx.refused(now, Table::Routes);
                return false;
            }
            Some(_) | None => {}
        }
        self.routes.insert(route.prefix, route);
        true
    }

    /// How many routes of the kernel there are.
    pub fn len(&self) -> usize {
        self.routes.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.routes.is_empty()
    }

    /// The way to an address: the longest prefix over an interface that is up,
    /// and of its next hops one where multicast is routed, if there is any.
    /// `group` takes part in the choice among equal ways.
    pub fn lookup(
        &self,
        interfaces: &Interfaces,
        address: Ipv4Addr,
        group: Option<GroupAddr>,
    ) -> Option<Rpf> {
        let found = self.find(interfaces, address, group);
        found.ok().map(|found| found.rpf)
    }

    /// As [`RpfTable::lookup`], with the reason.
    ///
    /// # Errors
    /// Why there is no way.
    pub fn find(
        &self,
        interfaces: &Interfaces,
        address: Ipv4Addr,
        group: Option<GroupAddr>,
    ) -> Result<Found, NoWay> {
        let host = Ipv4Net::from(address);
        let mroutes = self.mroutes.cover(&host);
        let static_way = mroutes.filter_map(|(network, mroutes)| {
            let mut mroutes = mroutes.iter();
            mroutes.find_map(|mroute| self.over_mroute(interfaces, *network, mroute))
        });
        if let Some(found) = static_way.last() {
            return Ok(found);
        }
        // The cover goes from the shortest prefix to the longest. As in the
        // kernel, a route whose links are all down does not hide a shorter one,
        // and a route that refuses packets does.
        let mut way = Err(NoWay::NoRoute);
        for (network, route) in self.routes.cover(&host) {
            if route.next_hops.is_empty() {
                way = Err(NoWay::Refused(*network));
                continue;
            }
            way = match (self.over_route(interfaces, address, group, route), way) {
                (Some(found), _) => Ok(found),
                (None, Err(NoWay::NoRoute | NoWay::Down(_))) => Err(NoWay::Down(*network)),
                (None, Ok(_) | Err(NoWay::Refused(_))) => way,
            };
        }
        way
    }

    fn over_mroute(
        &self,
        interfaces: &Interfaces,
        network: Ipv4Net,
        mroute: &Mroute,
    ) -> Option<Found> {
        let iface = interfaces
            .by_name(&mroute.interface)
            .filter(|iface| iface.kernel.up)?;
        let rpf = Rpf {
            iface: iface.index(),
            next_hop: mroute.next_hop.map(UnicastAddr::get),
            preference: self.preference(STATIC),
            metric: mroute.metric,
            origin: RpfOrigin::StaticMroute,
        };
        Some(Found {
            rpf,
            network,
            ways: 1,
        })
    }

    fn over_route(
        &self,
        interfaces: &Interfaces,
        address: Ipv4Addr,
        group: Option<GroupAddr>,
        route: &Route,
    ) -> Option<Found> {
        let usable = |wanted: fn(&RouterInterface) -> bool| {
            let hops = route.next_hops.iter().filter(move |hop| {
                let iface = interfaces.get(hop.iface);
                iface.is_some_and(|iface| iface.kernel.up && wanted(iface))
            });
            hops.copied().collect::<Vec<_>>()
        };
        let mut hops = usable(RouterInterface::routes);
        if hops.is_empty() {
            hops = usable(|_| true);
        }
        let hop = if self.settings.ecmp {
            hops.iter()
                .max_by_key(|hop| (weight(address, group, hop), **hop))
        } else {
            hops.first()
        };
        let hop = hop?;
        let rpf = Rpf {
            iface: hop.iface,
            next_hop: hop.gateway,
            preference: self.preference(route.protocol),
            metric: route.metric,
            origin: RpfOrigin::Kernel(route.protocol),
        };
        Some(Found {
            rpf,
            network: route.prefix,
            ways: hops.len(),
        })
    }

    fn preference(&self, protocol: u8) -> u32 {
        let preferences = &self.settings.preferences;
        preferences
            .get(&protocol)
            .copied()
            .unwrap_or(OTHER_PREFERENCE)
    }
}

/// Rendezvous hashing: every next hop has its own number for an address and a
/// group, and the highest wins, so that a next hop that goes or comes moves
/// only what it carried or will carry.
fn weight(address: Ipv4Addr, group: Option<GroupAddr>, hop: &RouteNextHop) -> u64 {
    let pair = |high: u32, low: u32| (u64::from(high) << 32) | u64::from(low);
    let group = group.map_or(0, |group| group.get().to_bits());
    let gateway = hop.gateway.map_or(0, Ipv4Addr::to_bits);
    let way = Rng::new(pair(hop.iface.get(), gateway)).bits();
    Rng::new(way ^ pair(address.to_bits(), group)).bits()
}

#[cfg(test)]
mod tests;
