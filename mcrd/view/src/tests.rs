//! Views of a router that was given interfaces, routes and packets.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use mcr_api::router::{DownstreamState, FilterMode};
use mcr_proto::config::{
    Config, IgmpInterfaceConfig, InterfaceConfig, PimConfig, PimInterfaceConfig, StaticRp,
};
use mcr_proto::id::{IpProtocol, MacAddr, UnicastAddr};
use mcr_proto::interface::{Interface, InterfaceChange};
use mcr_proto::router::Input;
use mcr_proto::router::io::{Packet, Route, RouteChange, RouteNextHop};
use mcr_wire::pim::{
    ALL_PIM_ROUTERS, EncodedGroup, EncodedSource, Hello, JoinPrune, JoinPruneGroup, Message,
};

use super::*;

const GROUP: &str = "239.1.1.1";
const RP: &str = "10.255.0.1";

fn ip(address: &str) -> Ipv4Addr {
    address.parse().unwrap()
}

fn index(number: u32) -> IfIndex {
    IfIndex::new(number).unwrap()
}

fn unicast(address: &str) -> UnicastAddr {
    ip(address).try_into().unwrap()
}

struct Case {
    router: Router,
    now: Instant,
}

impl Case {
    /// PIM and IGMP on eth1 to eth3, of which eth3 is not there; the RP is
    /// behind the neighbour 10.0.1.2 on eth1.
    fn new() -> Case {
        let on = InterfaceConfig {
            pim: Some(PimInterfaceConfig::default()),
            igmp: Some(IgmpInterfaceConfig::default()),
        };
        let names = ["eth1", "eth2", "eth3"].into_iter();
        let config = Config {
            interfaces: names
                .map(|name| (name.parse().unwrap(), on.clone()))
                .collect(),
            pim: PimConfig {
                static_rps: vec![StaticRp {
                    address: unicast(RP),
                    groups: vec!["239.0.0.0/8".parse().unwrap()],
                    priority: 7,
                    r#override: false,
                }],
                ..PimConfig::default()
            },
            ..Config::default()
        };
        let now = Instant::ZERO;
        let mut case = Case {
            router: Router::new(config, 1, now),
            now,
        };
        for number in 1..=2 {
            case.give(Input::Interface(InterfaceChange::Present(Interface {
                index: index(number),
                name: format!("eth{number}").parse().unwrap(),
                up: true,
                mtu: 1500,
                mac: MacAddr::default(),
                addresses: vec![format!("10.0.{number}.1/24").parse().unwrap()],
                multicast: true,
            })));
        }
        case.route("10.255.0.0/16", &[(1, Some("10.0.1.2"))]);
        case.route("10.0.1.0/24", &[(1, None)]);
        case.route("10.0.2.0/24", &[(2, None)]);
        case
    }

    fn give(&mut self, input: Input) {
        self.router.handle(self.now, input);
        while self.router.poll_output().is_some() {}
    }

    fn wait(&mut self, seconds: u64) {
        self.now = self.now + Duration::from_secs(seconds);
        self.router.handle_timeout(self.now);
    }

    fn route(&mut self, prefix: &str, hops: &[(u32, Option<&str>)]) {
        let hops = hops.iter().map(|(iface, gateway)| RouteNextHop {
            iface: index(*iface),
            gateway: gateway.map(ip),
        });
        self.give(Input::Route(RouteChange::Set(Route {
            prefix: prefix.parse().unwrap(),
            metric: 20,
            protocol: 188,
            next_hops: hops.collect(),
        })));
    }

    fn packet(&mut self, iface: u32, src: &str, dst: Ipv4Addr, number: u8, payload: Vec<u8>) {
        self.give(Input::Packet(Packet {
            iface: index(iface),
            src: ip(src),
            dst,
            ttl: 1,
            router_alert: true,
            protocol: IpProtocol(number),
            payload,
        }));
    }

    fn hello(&mut self, iface: u32, src: &str) {
        let hello = Message::Hello(Hello {
            holdtime: Some(105),
            dr_priority: Some(1),
            generation_id: Some(7),
            ..Hello::default()
        });
        self.packet(iface, src, ALL_PIM_ROUTERS, 103, hello.emit());
    }

    fn join(&mut self, iface: u32, src: &str, group: &str, rp: &str) {
        let join = Message::JoinPrune(JoinPrune {
            upstream_neighbor: ip(&format!("10.0.{iface}.1")),
            holdtime: 210,
            groups: vec![JoinPruneGroup {
                group: EncodedGroup {
                    group: ip(group),
                    mask_len: 32,
                    bidirectional: false,
                    scope_zone: false,
                },
                joins: vec![EncodedSource {
                    source: ip(rp),
                    mask_len: 32,
                    sparse: true,
                    wildcard: true,
                    rpt: true,
                }],
                prunes: Vec::new(),
            }],
        });
        self.packet(iface, src, ALL_PIM_ROUTERS, 103, join.emit());
    }

    /// An IGMPv2 Report.
    fn report(&mut self, iface: u32, group: &str) {
        let [a, b, c, d] = ip(group).octets();
        let sum = 0x1600 + u32::from(a) * 256 + u32::from(b) + u32::from(c) * 256 + u32::from(d);
        let sum = !u16::try_from((sum & 0xffff) + (sum >> 16)).unwrap();
        let [high, low] = sum.to_be_bytes();
        let payload = vec![0x16, 0, high, low, a, b, c, d];
        self.packet(iface, &format!("10.0.{iface}.77"), ip(group), 2, payload);
    }

    fn view(&self) -> View<'_> {
        View {
            router: &self.router,
            now: self.now,
        }
    }
}

#[test]
fn interfaces_and_neighbors() {
    let mut case = Case::new();
    case.hello(1, "10.0.1.2");
    case.wait(5);
    let interfaces = pim::interfaces(case.view());
    let [one, two, three] = &interfaces[..] else {
        panic!("{interfaces:?}");
    };
    assert_eq!((one.up, one.neighbors), (true, 1));
    assert_eq!((one.dr, one.is_dr), (Some(ip("10.0.1.2")), false));
    assert_eq!(one.next_hello, Some(25.0));
    assert_eq!((two.dr, two.is_dr), (Some(ip("10.0.2.1")), true));
    assert_eq!((three.up, three.address, three.dr), (false, None, None));
    assert_eq!(three.interface, "eth3");
    let neighbors = pim::neighbors(case.view());
    let [neighbor] = &neighbors[..] else {
        panic!("{neighbors:?}");
    };
    assert_eq!(neighbor.interface, "eth1");
    assert_eq!((neighbor.uptime, neighbor.expires), (5.0, Some(100.0)));
    assert!(neighbor.is_dr);
}

#[test]
fn rps_with_reasons() {
    let case = Case::new();
    let rps = pim::rps(case.view());
    assert_eq!(rps.len(), 1);
    assert!(rps[0].reachable && !rps[0].is_me);
    let of = |group: &str| pim::rp_of(case.view(), ip(group).try_into().unwrap());
    let known = of(GROUP);
    assert_eq!(known.rp, Some(ip(RP)));
    let only = "It is the only RP for 239.1.1.1, by its range 239.0.0.0/8.";
    assert_eq!(known.reason, only);
    assert_eq!(of("232.1.1.1").rp, None);
    let ssm = "232.1.1.1 is in the source-specific range 232.0.0.0/8, which has no RPs.";
    assert_eq!(of("232.1.1.1").reason, ssm);
    assert_eq!(of("225.1.1.1").reason, "No RP's range has 225.1.1.1.");
}

#[test]
fn ways_with_reasons() {
    let mut case = Case::new();
    let of = |case: &Case, address: &str| pim::rpf(case.view(), ip(address), None);
    let way = of(&case, RP);
    assert_eq!(way.interface.as_deref(), Some("eth1"));
    assert_eq!(way.next_hop, Some(ip("10.0.1.2")));
    assert_eq!((way.neighbor, way.connected), (None, false));
    assert_eq!(
        way.reason,
        "By the kernel's route to 10.255.0.0/16, from OSPF. 10.0.1.2 is not a PIM neighbor."
    );
    case.hello(1, "10.0.1.2");
    let way = of(&case, RP);
    assert_eq!(way.neighbor, Some(ip("10.0.1.2")));
    assert_eq!(
        way.reason,
        "By the kernel's route to 10.255.0.0/16, from OSPF."
    );
    let way = of(&case, "10.0.2.9");
    assert_eq!((way.connected, way.next_hop), (true, None));
    let way = of(&case, "10.0.2.1");
    assert!(way.is_me && way.interface.is_none());
    assert_eq!(way.reason, "10.0.2.1 is this router's own address.");
    assert_eq!(
        of(&case, "192.0.2.1").reason,
        "No route leads to 192.0.2.1."
    );
}

#[test]
fn memberships() {
    let mut case = Case::new();
    case.report(2, GROUP);
    case.report(1, "239.1.1.2");
    case.wait(60);
    let keys: Vec<_> = igmp::keys(case.view(), None).collect();
    let groups: Vec<_> = keys
        .iter()
        .map(|key| igmp::group(case.view(), *key))
        .collect();
    assert_eq!(groups.len(), 2);
    assert_eq!(groups[0].interface, "eth1");
    let known = &groups[1];
    assert_eq!((known.group, known.mode), (ip(GROUP), FilterMode::Exclude));
    assert_eq!((known.version, known.uptime), (2, 60.0));
    assert_eq!(known.expires, Some(200.0));
    assert_eq!(known.last_reporter, Some(ip("10.0.2.77")));
    let cursor = igmp::read_cursor(&igmp::cursor(&keys[0])).unwrap();
    let rest: Vec<_> = igmp::keys(case.view(), Some(cursor)).collect();
    assert_eq!(rest, keys[1..]);
    assert!(igmp::read_cursor("eth1 239.1.1.1").is_none());
    let interfaces = igmp::interfaces(case.view());
    assert_eq!((interfaces[0].groups, interfaces[0].version), (1, 3));
    assert!(interfaces[1].is_querier);
    assert!(!interfaces[2].up);
}

#[test]
fn trees() {
    let mut case = Case::new();
    case.hello(1, "10.0.1.2");
    case.hello(2, "10.0.2.2");
    case.report(2, "239.1.1.2");
    case.join(2, "10.0.2.2", GROUP, RP);
    case.wait(10);
    let keys: Vec<_> = mroute::keys(case.view(), None, None).collect();
    let entry = mroute::entry(case.view(), keys[0]);
    assert_eq!((entry.source, entry.group), (None, ip(GROUP)));
    assert_eq!((entry.rp, entry.joined), (Some(ip(RP)), true));
    assert_eq!(entry.iif.as_deref(), Some("eth1"));
    assert_eq!(entry.rpf_neighbor, Some(ip("10.0.1.2")));
    assert_eq!(entry.olist, ["eth2"]);
    assert_eq!(entry.join_timer, Some(50.0));
    assert_eq!(entry.interfaces.len(), 1);
    let state = &entry.interfaces[0];
    assert_eq!(state.downstream, Some(DownstreamState::Join));
    assert_eq!((state.expires, state.local_members), (Some(200.0), false));
    let only = Some(ip("239.1.1.2").try_into().unwrap());
    let only: Vec<_> = mroute::keys(case.view(), only, None).collect();
    assert_eq!(only, [], "10.0.2.2 is the DR and serves the members");
    for key in keys {
        let cursor = mroute::cursor(&key);
        assert_eq!(mroute::read_cursor(&cursor).unwrap(), key);
    }
    let sg = (ip(GROUP).try_into().unwrap(), Some(unicast("10.9.0.7")));
    assert_eq!(mroute::read_cursor(&mroute::cursor(&sg)).unwrap(), sg);
    assert!(mroute::read_cursor("239.1.1.1 239.1.1.2").is_none());
}

#[test]
fn counters_of_router_and_sockets_are_told_together() {
    let mut case = Case::new();
    case.hello(1, "10.0.1.2");
    let mut outside = Counters::default();
    outside.add(index(1), "pim.rx.hello");
    outside.add_global("tx.failed");
    let told: BTreeMap<_, _> = counters(case.view(), &outside)
        .into_iter()
        .map(|counters| (counters.interface, counters.counters))
        .collect();
    assert_eq!(told[&None]["tx.failed"], 1);
    assert_eq!(told[&Some("eth1".to_owned())]["pim.rx.hello"], 2);
}
