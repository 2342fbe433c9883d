//! A router for tests of what data packets do: eth1 is the LAN 10.0.1.0/24 with
//! hosts, eth2 the link 10.0.2.0/24 to another router, with the RP, another
//! source and everything else behind it.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use mcr_wire::IntoBytes;
use mcr_wire::ipv4::Header;
use mcr_wire::pim::{ALL_PIM_ROUTERS, Hello, Message};

use crate::config::{Config, IgmpInterfaceConfig, InterfaceConfig, PimInterfaceConfig, StaticRp};
use crate::id::{GroupAddr, IfIndex, IpProtocol, MacAddr, UnicastAddr};
use crate::interface::{Interface, InterfaceChange};
use crate::router::io::{Packet, Route, RouteChange, RouteNextHop};
use crate::router::{DataPlaneEvent, Input, Output, Router};
use crate::time::Instant;

pub(crate) const NEIGHBOR: &str = "10.0.2.2";
pub(crate) const FAR_RP: &str = "10.9.0.1";
pub(crate) const GROUP: &str = "239.1.1.1";

pub(crate) fn ip(text: &str) -> Ipv4Addr {
    text.parse().unwrap()
}

pub(crate) fn unicast(text: &str) -> UnicastAddr {
    ip(text).try_into().unwrap()
}

pub(crate) fn group(text: &str) -> GroupAddr {
    ip(text).try_into().unwrap()
}

pub(crate) fn eth(number: u32) -> IfIndex {
    IfIndex::new(number).unwrap()
}

/// A UDP-like packet with so many bytes after its header.
pub(crate) fn data(source: &str, group: &str, ttl: u8, payload: usize) -> Vec<u8> {
    let header = Header::new(ip(source), ip(group), 17, ttl, payload).unwrap();
    let mut bytes = header.as_bytes().to_vec();
    bytes.resize(bytes.len() + payload, 0x5a);
    bytes
}

pub(crate) struct Bed {
    pub(crate) router: Router,
    pub(crate) now: Instant,
    pub(crate) config: Config,
}

impl Bed {
    /// With this RP for all groups.
    pub(crate) fn new(rp: &str) -> Bed {
        Bed::with(rp, |_| {})
    }

    pub(crate) fn with(rp: &str, change: impl FnOnce(&mut Config)) -> Bed {
        let on = InterfaceConfig {
            pim: Some(PimInterfaceConfig::default()),
            igmp: Some(IgmpInterfaceConfig::default()),
        };
        let names = ["eth1", "eth2"].map(|name| (name.parse().unwrap(), on.clone()));
        let mut config = Config {
            interfaces: BTreeMap::from(names),
            ..Config::default()
        };
        config.pim.static_rps.push(StaticRp {
            address: unicast(rp),
            groups: vec!["224.0.0.0/4".parse().unwrap()],
            priority: 192,
            r#override: false,
        });
        change(&mut config);
        let now = Instant::ZERO;
        let router = Router::new(config.clone(), 7, now);
        let mut bed = Bed {
            router,
            now,
            config,
        };
        for number in [1, 2] {
            bed.interface(number);
        }
        bed.routes();
        bed.hello();
        bed
    }

    fn interface(&mut self, number: u32) {
        let interface = Interface {
            index: eth(number),
            name: format!("eth{number}").parse().unwrap(),
            up: true,
            mtu: 1500,
            mac: MacAddr([2, 0, 0, 0, 0, 1]),
            addresses: vec![format!("10.0.{number}.1/24").parse().unwrap()],
            multicast: true,
        };
        self.give(Input::Interface(InterfaceChange::Present(interface)));
    }

    fn routes(&mut self) {
        let route = |prefix: &str, iface, gateway: Option<&str>| Route {
            prefix: prefix.parse().unwrap(),
            metric: 10,
            protocol: 2,
            next_hops: vec![RouteNextHop {
                iface: eth(iface),
                gateway: gateway.map(ip),
            }],
        };
        let routes = vec![
            route("10.0.1.0/24", 1, None),
            route("10.0.2.0/24", 2, None),
            route("0.0.0.0/0", 2, Some(NEIGHBOR)),
        ];
        self.give(Input::Route(RouteChange::Replace(routes)));
    }

    fn hello(&mut self) {
        let hello = Hello {
            holdtime: Some(0xffff),
            dr_priority: Some(1),
            generation_id: Some(1),
            ..Hello::default()
        };
        self.pim(NEIGHBOR, ALL_PIM_ROUTERS, &Message::Hello(hello));
    }

    /// A PIM message arrives on eth2; what is to be done about it.
    pub(crate) fn pim(&mut self, src: &str, dst: Ipv4Addr, message: &Message<'_>) -> Vec<Output> {
        self.give(Input::Packet(Packet {
            iface: eth(2),
            src: ip(src),
            dst,
            ttl: 64,
            router_alert: false,
            protocol: IpProtocol::PIM,
            payload: message.emit(),
        }))
    }

    pub(crate) fn give(&mut self, input: Input) -> Vec<Output> {
        self.router.handle(self.now, input);
        std::iter::from_fn(|| self.router.poll_output()).collect()
    }

    /// A packet without an entry.
    pub(crate) fn no_entry(&mut self, iface: u32, packet: Vec<u8>) -> Vec<Output> {
        let iif = eth(iface);
        self.give(Input::DataPlane(DataPlaneEvent::NoEntry { iif, packet }))
    }

    /// Lets the next timer run out; what is to be done about it.
    pub(crate) fn next_timer(&mut self) -> Vec<Output> {
        let (at, _) = self.router.poll_timeout().unwrap();
        self.now = at;
        self.router.handle_timeout(at);
        std::iter::from_fn(|| self.router.poll_output()).collect()
    }

    /// Hosts on eth1 want the group, from any source.
    pub(crate) fn member(&mut self, group: GroupAddr) -> Vec<Output> {
        let name = "eth1".parse().unwrap();
        let iface = self.config.interfaces.get_mut(&name).unwrap();
        let igmp = iface.igmp.as_mut().unwrap();
        igmp.static_groups.insert((group, None));
        self.give(Input::Config(Box::new(self.config.clone())))
    }

    pub(crate) fn count(&self, iface: u32, name: &'static str) -> u64 {
        self.router.counters().get(Some(eth(iface)), name)
    }
}

/// The PIM messages that leave, with their destinations.
pub(crate) fn sent(outputs: &[Output]) -> Vec<(Ipv4Addr, Message<'_>)> {
    let sent = outputs.iter().filter_map(|output| match output {
        Output::Transmit(packet) if packet.protocol == IpProtocol::PIM => Some(packet),
        Output::Transmit(_)
        | Output::Forward(_)
        | Output::Route(_)
        | Output::Listen { .. }
        | Output::Event(_) => None,
    });
    sent.map(|packet| (packet.dst, Message::parse(&packet.payload).unwrap()))
        .collect()
}

/// The interfaces that copies of packets leave on.
pub(crate) fn forwarded(outputs: &[Output]) -> Vec<Vec<IfIndex>> {
    let copies = outputs.iter().filter_map(|output| match output {
        Output::Forward(forward) => Some(forward.outputs.clone()),
        Output::Transmit(_) | Output::Route(_) | Output::Listen { .. } | Output::Event(_) => None,
    });
    copies.collect()
}
