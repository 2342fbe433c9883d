//! The gate: how many instructions the router takes for its common work, which
//! no other load on the machine changes. A limit that is exceeded is a failure;
//! each limit is a tenth above what was counted when it was set.

#![allow(missing_docs, reason = "the macros make public functions")]

use std::hint::black_box;
use std::net::Ipv4Addr;
use std::time::Duration;

use gungraun::{
    Callgrind, EventKind, LibraryBenchmarkConfig, library_benchmark, library_benchmark_group, main,
};
use ipnet::Ipv4Net;
use mcr_proto::config::{Config, IgmpInterfaceConfig, InterfaceConfig, PimInterfaceConfig};
use mcr_proto::id::{IfIndex, InterfaceName, IpProtocol, MacAddr};
use mcr_proto::interface::{Interface, InterfaceChange};
use mcr_proto::router::io::{Packet, Route, RouteChange, RouteNextHop};
use mcr_proto::router::{Input, Router};
use mcr_proto::time::Instant;
use mcr_wire::igmp::{self, GroupRecord, RecordType};
use mcr_wire::pim::{self, EncodedGroup, EncodedSource, Hello, JoinPrune, JoinPruneGroup};

/// A router with two interfaces, `up` towards the sources and `down` towards
/// hosts and routers, with one PIM neighbour on each.
struct Rig {
    router: Router,
    now: Instant,
}

const UP: &str = "10.0.1.1/24";
const DOWN: &str = "10.0.2.1/24";
const UP_NEIGHBOR: Ipv4Addr = Ipv4Addr::new(10, 0, 1, 2);
const DOWN_NEIGHBOR: Ipv4Addr = Ipv4Addr::new(10, 0, 2, 2);

fn index(number: u32) -> IfIndex {
    IfIndex::new(number).unwrap_or_else(|| unreachable!("{number} is not 0"))
}

fn interface(number: u32, name: &str, net: &str) -> Option<Interface> {
    Some(Interface {
        index: index(number),
        name: name.parse().ok()?,
        up: true,
        mtu: 1500,
        mac: MacAddr([2, 0, 0, 0, 0, 1]),
        addresses: vec![net.parse().ok()?],
        multicast: true,
    })
}

fn route(prefix: &str, number: u32, gateway: Option<Ipv4Addr>) -> Option<Route> {
    Some(Route {
        prefix: prefix.parse::<Ipv4Net>().ok()?,
        metric: 0,
        protocol: 2,
        next_hops: vec![RouteNextHop {
            iface: index(number),
            gateway,
        }],
    })
}

impl Rig {
    fn new() -> Rig {
        Rig::try_new().unwrap_or_else(|| unreachable!("the values above are right"))
    }

    fn try_new() -> Option<Rig> {
        let both = InterfaceConfig {
            pim: Some(PimInterfaceConfig::default()),
            igmp: Some(IgmpInterfaceConfig::default()),
        };
        let mut config = Config::default();
        for name in ["up", "down"] {
            let name: InterfaceName = name.parse().ok()?;
            config.interfaces.insert(name, both.clone());
        }
        let now = Instant::ZERO;
        let mut rig = Rig {
            router: Router::new(config, 1, now),
            now,
        };
        rig.input(Input::Interface(InterfaceChange::Present(interface(
            1, "up", UP,
        )?)));
        rig.input(Input::Interface(InterfaceChange::Present(interface(
            2, "down", DOWN,
        )?)));
        rig.input(Input::Route(RouteChange::Replace(vec![
            route("10.0.1.0/24", 1, None)?,
            route("10.0.2.0/24", 2, None)?,
            route("10.9.0.0/16", 1, Some(UP_NEIGHBOR))?,
        ])));
        rig.hello(1, UP_NEIGHBOR);
        rig.hello(2, DOWN_NEIGHBOR);
        Some(rig)
    }

    fn input(&mut self, input: Input) {
        self.now = self.now + Duration::from_micros(10);
        self.router.handle(self.now, input);
        while let Some(output) = self.router.poll_output() {
            black_box(output);
        }
    }

    fn hello(&mut self, iface: u32, from: Ipv4Addr) {
        let hello = Hello {
            holdtime: Some(105),
            generation_id: Some(7),
            ..Hello::default()
        };
        let payload = pim::Message::Hello(hello).emit();
        self.input(pim_packet(iface, from, payload));
    }
}

fn pim_packet(iface: u32, src: Ipv4Addr, payload: Vec<u8>) -> Input {
    Input::Packet(Packet {
        iface: index(iface),
        src,
        dst: pim::ALL_PIM_ROUTERS,
        ttl: 1,
        router_alert: false,
        protocol: IpProtocol::PIM,
        payload,
    })
}

fn group(number: u32) -> Ipv4Addr {
    Ipv4Addr::from(0xe801_0000 + number)
}

/// An IGMPv3 report for each group, from one source each.
fn reports(count: u32) -> Vec<Input> {
    let report = |number| {
        let record = GroupRecord {
            record_type: RecordType::Allow,
            group: group(number),
            sources: vec![Ipv4Addr::new(10, 9, 0, 1)],
        };
        Input::Packet(Packet {
            iface: index(2),
            src: Ipv4Addr::new(10, 0, 2, 99),
            dst: Ipv4Addr::new(224, 0, 0, 22),
            ttl: 1,
            router_alert: true,
            protocol: IpProtocol::IGMP,
            payload: igmp::Message::ReportV3(vec![record]).emit(),
        })
    };
    (0..count).map(report).collect()
}

/// Join/Prune messages of the downstream neighbour with 100 groups each.
fn joins(count: u32) -> Vec<Input> {
    let block = |number| JoinPruneGroup {
        group: EncodedGroup {
            group: group(number),
            mask_len: 32,
            bidirectional: false,
            scope_zone: false,
        },
        joins: vec![EncodedSource {
            source: Ipv4Addr::new(10, 9, 0, 1),
            mask_len: 32,
            sparse: true,
            wildcard: false,
            rpt: false,
        }],
        prunes: Vec::new(),
    };
    let message = |first: u32| {
        let message = JoinPrune {
            upstream_neighbor: Ipv4Addr::new(10, 0, 2, 1),
            holdtime: 210,
            groups: (first..first + 50).map(block).collect(),
        };
        let payload = pim::Message::JoinPrune(message).emit();
        pim_packet(2, DOWN_NEIGHBOR, payload)
    };
    (0..count / 50).map(|number| message(number * 50)).collect()
}

fn with_reports() -> (Rig, Vec<Input>) {
    (Rig::new(), reports(1000))
}

fn with_joins() -> (Rig, Vec<Input>) {
    (Rig::new(), joins(1000))
}

/// A router that has the 1000 joined groups already, and hears of them again.
fn with_refresh() -> (Rig, Vec<Input>) {
    let mut rig = Rig::new();
    for input in joins(1000) {
        rig.input(input);
    }
    assert_eq!(rig.router.tib().groups.len(), 1000);
    (rig, joins(1000))
}

fn limit(instructions: u64) -> LibraryBenchmarkConfig {
    let mut callgrind = Callgrind::default();
    callgrind.hard_limits([(EventKind::Ir, instructions)]);
    let mut config = LibraryBenchmarkConfig::default();
    config.tool(callgrind);
    config
}

#[library_benchmark(config = limit(1_000_000_000))]
#[bench::of_1000_groups(setup = with_reports)]
fn igmp_reports((mut rig, inputs): (Rig, Vec<Input>)) -> Rig {
    for input in inputs {
        rig.input(input);
    }
    rig
}

#[library_benchmark(config = limit(1_000_000_000))]
#[bench::of_1000_sources(setup = with_joins)]
fn pim_joins((mut rig, inputs): (Rig, Vec<Input>)) -> Rig {
    for input in inputs {
        rig.input(input);
    }
    rig
}

#[library_benchmark(config = limit(1_000_000_000))]
#[bench::of_1000_sources(setup = with_refresh)]
fn pim_join_refresh((mut rig, inputs): (Rig, Vec<Input>)) -> Rig {
    for input in inputs {
        rig.input(input);
    }
    rig
}

library_benchmark_group!(
    name = router;
    benchmarks = igmp_reports, pim_joins, pim_join_refresh
);

main!(library_benchmark_groups = router);
