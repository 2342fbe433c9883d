//! What workers are to hold: the entries of relay rules and those of routes.

use std::time::Duration;

use mcr_proto::fib::{Egress, Fib, FibDigest, FibEntry, FibKey, RouteEntry, RouteKey};
use mcr_proto::id::{GroupAddr, IfIndex, InterfaceName, IpProtocol, Port, UnicastAddr};
use mcr_proto::relay::Relay;
use mcr_proto::router::Router;
use mcr_proto::router::interfaces::{Interfaces, RouterInterface};
use mcr_proto::routes::{RouteTable, Routes};
use mcr_wire::ipv4;

/// The (S,G) routes that forwarded something are told at most so often.
const ACTIVE_EVERY: Duration = Duration::from_secs(10);

/// The key of an entry of either kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Key {
    Relay(FibKey),
    Route(RouteKey),
}

/// An entry of either kind.
#[derive(Clone, Copy)]
pub(super) enum Entry<'a> {
    Relay(FibKey, &'a FibEntry),
    Route(RouteKey, &'a RouteEntry),
}

/// The tables that relay and router want.
#[derive(Clone, Copy)]
pub(crate) struct Tables<'a> {
    relay: &'a Relay,
    routes: Option<&'a Routes>,
    /// Those of the router.
    interfaces: Option<&'a Interfaces>,
    told: bool,
    /// How often the routes that forward are told.
    pub(super) active_every: Duration,
}

impl<'a> Tables<'a> {
    pub(crate) fn new(relay: &'a Relay, router: &'a Router) -> Tables<'a> {
        let keepalive = router.config().pim.keepalive_period;
        Tables {
            active_every: (keepalive / 10).min(ACTIVE_EVERY),
            interfaces: Some(router.interfaces()),
            ..Tables::of(relay, router.routes(), router.routes_are_told())
        }
    }

    pub(super) fn of(relay: &'a Relay, routes: &'a Routes, routes_are_told: bool) -> Tables<'a> {
        Tables {
            relay,
            routes: Some(routes),
            interfaces: None,
            told: relay.tables_are_told() && routes_are_told,
            active_every: ACTIVE_EVERY,
        }
    }

    /// What the workers of one interface are to hold.
    pub(super) fn input(&self, iif: IfIndex) -> InputTables<'a> {
        InputTables {
            fib: self.relay.fib(iif),
            routes: self.routes.and_then(|routes| routes.table(iif)),
            told: self.told,
        }
    }

    /// Whether the router is to route on the interface, which may be down.
    pub(super) fn are_routed(&self, iif: IfIndex) -> bool {
        let iface = self.interfaces.and_then(|known| known.get(iif));
        iface.is_some_and(RouterInterface::is_configured)
    }

    /// Whether a relay rule sends packets that arrive on the interface, as this
    /// one did, on the output as they are. The workers did so already with
    /// those that they hand up, so no other copy is sent there.
    pub(crate) fn relays(&self, iif: IfIndex, packet: &[u8], oif: IfIndex) -> bool {
        let Ok(packet) = ipv4::Packet::parse(packet) else {
            return false;
        };
        let Some((entry, port)) = self.rule(iif, &packet) else {
            return false;
        };
        entry.outputs.iter().any(|output| {
            let here = match output.egress {
                Egress::Ready { oif: ready, .. } => ready == oif,
                Egress::Unavailable(_) => false,
            };
            let rewrite = &output.rewrite;
            let group = packet.header().destination();
            here && rewrite.destination.is_none_or(|to| to == group)
                && rewrite.port.is_none_or(|to| Some(to) == port)
        })
    }

    /// The entry of the rule that a packet matches, and the packet's port.
    fn rule(
        &self,
        iif: IfIndex,
        packet: &ipv4::Packet<'_>,
    ) -> Option<(&'a FibEntry, Option<Port>)> {
        let header = packet.header();
        let source = UnicastAddr::try_from(header.source()).ok();
        let group = GroupAddr::try_from(header.destination()).ok()?;
        let protocol = IpProtocol(header.protocol);
        let has_port = protocol == IpProtocol::UDP && !header.is_fragment();
        let port = match packet.payload() {
            [_, _, high, low, ..] if has_port => Port::new(u16::from_be_bytes([*high, *low])),
            _ => None,
        };
        let fib = self.relay.fib(iif);
        // The most specific first.
        let tries = [(source, port), (source, None), (None, port), (None, None)];
        let found = tries.into_iter().find_map(|(source, port)| {
            fib.get(&FibKey {
                iif,
                group,
                source,
                protocol,
                port,
            })
        })?;
        Some((found, port))
    }

    pub(super) fn name(&self, index: IfIndex) -> Option<&'a InterfaceName> {
        let mut interfaces = self.relay.interfaces();
        let found = interfaces.find(|known| known.index == index)?;
        Some(&found.name)
    }
}

/// The tables of one input interface.
#[derive(Clone, Copy)]
pub(super) struct InputTables<'a> {
    fib: &'a Fib,
    routes: Option<&'a RouteTable>,
    /// All changes of them were told.
    pub(super) told: bool,
}

impl<'a> InputTables<'a> {
    pub(super) fn has_rules(&self) -> bool {
        !self.fib.is_empty()
    }

    pub(super) fn get(&self, key: &Key) -> Option<Entry<'a>> {
        match key {
            Key::Relay(key) => Some(Entry::Relay(*key, self.fib.get(key)?)),
            Key::Route(key) => Some(Entry::Route(*key, self.routes?.entries().get(key)?)),
        }
    }

    pub(super) fn entries(&self) -> impl Iterator<Item = Entry<'a>> {
        let relay = self.fib.entries().iter();
        let routes = self.routes.into_iter().flat_map(RouteTable::entries);
        relay
            .map(|(key, entry)| Entry::Relay(*key, entry))
            .chain(routes.map(|(key, entry)| Entry::Route(*key, entry)))
    }

    pub(super) fn digest(&self) -> FibDigest {
        let routes = self.routes.map(RouteTable::digest).unwrap_or_default();
        self.fib.digest().and(routes)
    }
}

impl Entry<'_> {
    pub(super) const fn key(&self) -> Key {
        match self {
            Entry::Relay(key, _) => Key::Relay(*key),
            Entry::Route(key, _) => Key::Route(*key),
        }
    }
}
