//! Ways: longest match, static routes, links that are down, equal ways (RFC 7761
//! §4.1: the MRIB).

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::config::{InterfaceConfig, PimInterfaceConfig};
use crate::id::MacAddr;
use crate::interface::{Interface, InterfaceChange};

struct World {
    config: Config,
    interfaces: Interfaces,
    table: RpfTable,
    cx: Context,
}

fn index(number: u32) -> IfIndex {
    IfIndex::new(number).unwrap()
}

fn name(number: u32) -> InterfaceName {
    format!("eth{number}").parse().unwrap()
}

fn interface(number: u32, up: bool) -> Interface {
    Interface {
        index: index(number),
        name: name(number),
        up,
        mtu: 1500,
        mac: MacAddr::default(),
        addresses: vec![format!("10.0.{number}.1/24").parse().unwrap()],
        multicast: true,
    }
}

fn route(prefix: &str, hops: &[(u32, &str)]) -> Route {
    let hops = hops.iter().map(|(iface, gateway)| RouteNextHop {
        iface: index(*iface),
        gateway: gateway.parse().ok(),
    });
    Route {
        prefix: prefix.parse().unwrap(),
        metric: 20,
        protocol: 188,
        next_hops: hops.collect(),
    }
}

impl World {
    /// Interfaces 1 to 4 with PIM, and 5 without; all up.
    fn new() -> World {
        let pim = InterfaceConfig {
            pim: Some(PimInterfaceConfig::default()),
            igmp: None,
        };
        let mut world = World {
            config: Config {
                interfaces: (1..=4).map(|number| (name(number), pim.clone())).collect(),
                ..Config::default()
            },
            interfaces: Interfaces::default(),
            table: RpfTable::default(),
            cx: Context::new(1),
        };
        world.table.configure(&world.config);
        for number in 1..=5 {
            world.link(number, true);
        }
        world
    }

    fn link(&mut self, number: u32, up: bool) {
        let change = InterfaceChange::Present(interface(number, up));
        self.interfaces.apply(change, &self.config);
    }

    fn apply(&mut self, change: RouteChange) -> bool {
        self.table
            .apply(Instant::ZERO, &mut self.cx, change)
            .is_some()
    }

    fn set(&mut self, prefix: &str, hops: &[(u32, &str)]) -> bool {
        self.apply(RouteChange::Set(route(prefix, hops)))
    }

    fn configure(&mut self, change: impl FnOnce(&mut Config)) -> bool {
        change(&mut self.config);
        self.table.configure(&self.config)
    }

    fn find(&self, address: &str) -> Result<Found, NoWay> {
        let address = address.parse().unwrap();
        self.table.find(&self.interfaces, address, None)
    }

    fn way(&self, address: &str) -> Option<(u32, Option<Ipv4Addr>)> {
        let found = self.find(address).ok()?;
        Some((found.rpf.iface.get(), found.rpf.next_hop))
    }
}

fn hop(iface: u32, gateway: &str) -> Option<(u32, Option<Ipv4Addr>)> {
    Some((iface, gateway.parse().ok()))
}

#[test]
fn longest_prefix_wins() {
    let mut world = World::new();
    world.set("0.0.0.0/0", &[(1, "10.0.1.2")]);
    world.set("10.9.0.0/16", &[(2, "10.0.2.2")]);
    world.set("10.9.1.0/24", &[(3, "")]);
    assert_eq!(world.way("192.0.2.1"), hop(1, "10.0.1.2"));
    assert_eq!(world.way("10.9.2.1"), hop(2, "10.0.2.2"));
    assert_eq!(world.way("10.9.1.7"), hop(3, "connected"));
    let found = world.find("10.9.2.1").unwrap();
    assert_eq!(found.network, "10.9.0.0/16".parse().unwrap());
    assert_eq!(found.rpf.preference, 110, "of OSPF, rtm_protocol 188");
    assert_eq!(found.rpf.metric, 20);
    assert_eq!(found.rpf.origin, RpfOrigin::Kernel(188));
}

#[test]
fn no_route_covers_the_address() {
    let mut world = World::new();
    assert_eq!(world.find("192.0.2.1"), Err(NoWay::NoRoute));
    world.set("10.9.0.0/16", &[(2, "10.0.2.2")]);
    assert_eq!(world.find("192.0.2.1"), Err(NoWay::NoRoute));
}

/// The kernel says nothing of routes that lost their link.
#[test]
fn link_that_went_down_takes_its_routes_out() {
    let mut world = World::new();
    world.set("0.0.0.0/0", &[(1, "10.0.1.2")]);
    world.set("10.9.0.0/16", &[(2, "10.0.2.2"), (3, "10.0.3.2")]);
    world.link(2, false);
    assert_eq!(world.way("10.9.0.1"), hop(3, "10.0.3.2"));
    world.link(3, false);
    assert_eq!(world.way("10.9.0.1"), hop(1, "10.0.1.2"));
    world.link(1, false);
    let down = NoWay::Down("10.9.0.0/16".parse().unwrap());
    assert_eq!(world.find("10.9.0.1"), Err(down));
    world.link(2, true);
    assert_eq!(world.way("10.9.0.1"), hop(2, "10.0.2.2"));
    world
        .interfaces
        .apply(InterfaceChange::Gone(index(2)), &world.config);
    assert_eq!(world.find("10.9.0.1"), Err(down));
}

/// A blackhole is an answer, which a shorter prefix does not overrule.
#[test]
fn route_that_refuses_packets_ends_the_search() {
    let mut world = World::new();
    world.set("0.0.0.0/0", &[(1, "10.0.1.2")]);
    world.set("10.9.0.0/16", &[]);
    let refused = NoWay::Refused("10.9.0.0/16".parse().unwrap());
    assert_eq!(world.find("10.9.0.1"), Err(refused));
    world.set("10.9.1.0/24", &[(2, "10.0.2.2")]);
    assert_eq!(world.way("10.9.1.1"), hop(2, "10.0.2.2"));
    world.link(2, false);
    assert_eq!(world.find("10.9.1.1"), Err(refused));
}

#[test]
fn next_hop_where_multicast_is_routed_comes_first() {
    let mut world = World::new();
    world.set("10.9.0.0/16", &[(5, "10.0.5.2"), (2, "10.0.2.2")]);
    assert_eq!(world.way("10.9.0.1"), hop(2, "10.0.2.2"));
    world.link(2, false);
    let way = world.way("10.9.0.1");
    assert_eq!(way, hop(5, "10.0.5.2"), "shown, though no PIM runs there");
}

#[test]
fn static_mroutes_come_before_longer_prefixes_of_the_kernel() {
    let mut world = World::new();
    world.set("10.9.1.0/24", &[(1, "10.0.1.2")]);
    let mroute = |network: &str, iface, next_hop: Option<[u8; 4]>| StaticMroute {
        network: network.parse().unwrap(),
        interface: name(iface),
        next_hop: next_hop.map(|hop| Ipv4Addr::from(hop).try_into().unwrap()),
        metric: 5,
    };
    assert!(world.configure(|config| {
        config.mroutes = vec![
            mroute("10.0.0.0/8", 2, Some([10, 0, 2, 9])),
            mroute("10.9.0.0/16", 9, None),
            mroute("10.9.0.0/16", 3, None),
        ];
    }));
    assert!(!world.configure(|_| {}), "the same again changes nothing");
    assert_eq!(
        world.way("10.9.1.1"),
        hop(3, "connected"),
        "there is no eth9"
    );
    assert_eq!(world.way("10.8.1.1"), hop(2, "10.0.2.9"));
    let found = world.find("10.8.1.1").unwrap().rpf;
    let static_way = (RpfOrigin::StaticMroute, 1, 5);
    assert_eq!((found.origin, found.preference, found.metric), static_way);
    world.link(3, false);
    assert_eq!(world.way("10.9.1.1"), hop(2, "10.0.2.9"));
    world.link(2, false);
    assert_eq!(world.way("10.9.1.1"), hop(1, "10.0.1.2"));
}

/// RFC 7761 §4.6.3: the preference is by the protocol that gave the route.
#[test]
fn preference_is_configurable_by_protocol() {
    let mut world = World::new();
    world.set("10.9.0.0/16", &[(2, "10.0.2.2")]);
    let preferences = BTreeMap::from([(188, 33)]);
    assert!(world.configure(|config| config.pim.preferences = preferences));
    assert_eq!(world.find("10.9.0.1").unwrap().rpf.preference, 33);
    assert!(world.configure(|config| config.pim.preferences.clear()));
    assert_eq!(world.find("10.9.0.1").unwrap().rpf.preference, 120);
}

#[test]
fn changes_tell_whether_a_way_may_differ() {
    let mut world = World::new();
    let (one, other) = (
        route("10.9.0.0/16", &[(1, "10.0.1.2")]),
        route("10.8.0.0/16", &[(1, "10.0.1.2")]),
    );
    let prefix = one.prefix;
    assert!(world.apply(RouteChange::Set(one.clone())));
    assert!(!world.apply(RouteChange::Set(one.clone())));
    assert!(world.apply(RouteChange::Remove(prefix)));
    assert!(!world.apply(RouteChange::Remove(prefix)));
    let all = vec![one.clone(), other.clone()];
    assert!(world.apply(RouteChange::Replace(all)));
    assert!(!world.apply(RouteChange::Replace(vec![other.clone(), one])));
    assert!(world.apply(RouteChange::Replace(vec![other])));
    assert_eq!(world.table.len(), 1);
}

#[test]
fn table_is_bounded() {
    let mut world = World::new();
    world.configure(|config| config.limits.routes = 2);
    let routes: Vec<Route> = (0..5)
        .map(|net| route(&format!("10.{net}.0.0/16"), &[(1, "10.0.1.2")]))
        .collect();
    world.apply(RouteChange::Replace(routes.clone()));
    assert_eq!(world.table.len(), 2);
    assert_eq!(world.cx.counters.get(None, "refused.routes"), 3);
    let events = std::iter::from_fn(|| world.cx.pop_output()).count();
    assert_eq!(events, 1, "told once a second");
    let mut changed = routes[0].clone();
    changed.metric = 1;
    assert!(
        world.apply(RouteChange::Set(changed)),
        "what is there can change"
    );
    assert!(world.apply(RouteChange::Remove(routes[0].prefix)));
    assert!(world.apply(RouteChange::Set(routes[4].clone())));
}

/// With ECMP every way carries flows, a flow keeps its way, and only the flows
/// of a way that is lost move.
#[test]
fn lost_way_moves_only_its_own_flows() {
    let mut world = World::new();
    let hops = [(1, "10.0.1.2"), (2, "10.0.2.2"), (3, "10.0.3.2")];
    world.set("10.9.0.0/16", &hops);
    let flows = |world: &World| -> Vec<u32> {
        let flow = |number: u8| {
            let group = GroupAddr::try_from(Ipv4Addr::new(239, 1, 1, number)).unwrap();
            let source = Ipv4Addr::new(10, 9, 0, number);
            let rpf = world.table.lookup(&world.interfaces, source, Some(group));
            rpf.unwrap().iface.get()
        };
        (1..=200).map(flow).collect()
    };
    let first = flows(&world);
    assert!(
        first.iter().all(|iface| *iface == 1),
        "the first without ECMP"
    );
    world.configure(|config| config.pim.ecmp = true);
    let before = flows(&world);
    let used: BTreeSet<u32> = before.iter().copied().collect();
    assert_eq!(used, BTreeSet::from([1, 2, 3]));
    world.link(2, false);
    let after = flows(&world);
    for (before, after) in before.iter().zip(&after) {
        assert!(before == after || *before == 2, "{before} became {after}");
        assert_ne!(*after, 2);
    }
    world.link(2, true);
    assert_eq!(flows(&world), before);
    world.set("10.9.0.0/16", &[hops[2], hops[0], hops[1]]);
    assert_eq!(
        flows(&world),
        before,
        "the order of the ways does not matter"
    );
}
