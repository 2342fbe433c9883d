//! D3's kind: whatever goes into the router, in whatever order, it goes on, and
//! holds nothing once the interfaces have gone.

use std::net::Ipv4Addr;
use std::time::Duration;

use mcr_proto::config::Config;
use mcr_proto::id::{IfIndex, IpProtocol, MacAddr};
use mcr_proto::interface::{Interface, InterfaceChange};
use mcr_proto::router::io::{Packet, Route, RouteChange, RouteNextHop};
use mcr_proto::router::{DataPlaneEvent, Input, Router};
use mcr_proto::time::Instant;
use mcr_wire::igmp::{self, GroupRecord, RecordType};
use mcr_wire::pim::{
    ALL_PIM_ROUTERS, Assert, AssertMetric, EncodedGroup, EncodedSource, Hello, JoinPrune,
    JoinPruneGroup, Message, Register, RegisterStop,
};

use crate::inject::{Ip, summed};
use crate::storms::Random;

const STEPS: usize = 6000;

/// Far more than any input calls for.
const MOST_OUTPUTS: usize = 20_000;

const CONFIGS: [&str; 3] = [
    "{ pim: { interfaces: { i1: {}, i2: {}, i3: {} }, rp: { static: [{ address: '10.0.1.1' }] } },
       igmp: { interfaces: { i1: {}, i2: {}, i3: {} } } }",
    "{ pim: { interfaces: { i1: { dr_priority: 0 }, i2: { hello_interval: 1 } },
         rp: { static: [{ address: '10.0.2.9', groups: ['239.0.0.0/8'] }] }, spt_switch: 'never' },
       igmp: { interfaces: { i2: { version: 2, max_groups: 3 }, i3: { immediate_leave: true } } },
       mroutes: [{ network: '10.0.0.0/8', interface: 'i2', next_hop: '10.0.2.9' }] }",
    "{}",
];

/// Makes inputs, from what can be and what cannot.
struct Maker(Random);

impl Maker {
    fn below(&mut self, limit: u64) -> u64 {
        self.0.next() % limit
    }

    fn byte(&mut self) -> u8 {
        u8::try_from(self.below(256)).unwrap()
    }

    fn one<T: Clone>(&mut self, of: &[T]) -> T {
        let index = usize::try_from(self.below(of.len() as u64)).unwrap();
        of[index].clone()
    }

    fn iface(&mut self) -> IfIndex {
        IfIndex::new(u32::try_from(1 + self.below(4)).unwrap()).unwrap()
    }

    fn host(&mut self) -> Ipv4Addr {
        let (net, host) = (self.one(&[1, 1, 2, 3, 77]), self.one(&[0, 1, 2, 9, 9, 255]));
        Ipv4Addr::new(10, 0, net, host)
    }

    fn group(&mut self) -> Ipv4Addr {
        let first = self.one(&[239, 239, 239, 232, 224, 10]);
        Ipv4Addr::new(first, 0, 0, self.one(&[1, 2, 3]))
    }

    fn pim(&mut self) -> Vec<u8> {
        let source = self.host();
        let group = EncodedGroup::host(self.group());
        let entries = [
            EncodedSource::star_g(source),
            EncodedSource::sg(source),
            EncodedSource::sg_rpt(source),
        ];
        let whole = self.datagram();
        let message = match self.below(5) {
            0 => Message::Hello(Hello {
                holdtime: self.one(&[None, Some(0), Some(1), Some(0xffff)]),
                dr_priority: self.one(&[None, Some(0), Some(9)]),
                generation_id: self.one(&[None, Some(1), Some(2)]),
                ..Hello::default()
            }),
            1 => Message::JoinPrune(JoinPrune {
                upstream_neighbor: self.host(),
                holdtime: self.one(&[0, 1, 210, 0xffff]),
                groups: vec![JoinPruneGroup {
                    group,
                    joins: vec![self.one(&entries)],
                    prunes: vec![self.one(&entries)],
                }],
            }),
            2 => Message::Assert(Assert {
                group,
                source: self.one(&[source, Ipv4Addr::UNSPECIFIED]),
                metric: AssertMetric {
                    rpt: self.below(2) == 0,
                    preference: self.one(&[0, 0x7fff_ffff]),
                    metric: self.one(&[0, 0xffff_ffff]),
                },
            }),
            3 => Message::RegisterStop(RegisterStop { group, source }),
            _ => Message::Register(Register {
                border: false,
                null: self.below(2) == 0,
                packet: &whole,
            }),
        };
        message.emit()
    }

    /// A message and where it belongs.
    fn igmp(&mut self) -> (Ipv4Addr, Vec<u8>) {
        let group = self.group();
        let types = [RecordType::IsExclude, RecordType::Allow, RecordType::Block];
        let record = GroupRecord {
            record_type: self.one(&types),
            group,
            sources: vec![self.host()],
        };
        let messages = [
            (group, igmp::Message::ReportV1(group)),
            (group, igmp::Message::ReportV2(group)),
            ([224, 0, 0, 2].into(), igmp::Message::Leave(group)),
            (
                [224, 0, 0, 22].into(),
                igmp::Message::ReportV3(vec![record]),
            ),
        ];
        let (to, message) = self.one(&messages);
        (to, message.emit())
    }

    /// A data packet.
    fn datagram(&mut self) -> Vec<u8> {
        let mut packet = Ip::pim(self.host(), self.group(), vec![0; 20]);
        (packet.protocol, packet.ttl) = (17, self.one(&[0, 1, 2, 64]));
        let mut bytes = packet.bytes();
        self.spoil(&mut bytes);
        bytes
    }

    /// Changes, cuts or leaves it.
    fn spoil(&mut self, bytes: &mut Vec<u8>) {
        for _ in 0..self.one(&[0, 0, 0, 1, 3]) {
            let at = self.below(bytes.len().max(1) as u64);
            if let Some(byte) = bytes.get_mut(usize::try_from(at).unwrap()) {
                *byte = self.byte();
            }
        }
        if self.below(8) == 0 {
            let length = self.below(bytes.len() as u64 + 1);
            bytes.truncate(usize::try_from(length).unwrap());
        }
    }

    fn packet(&mut self) -> Packet {
        let (protocol, (right, mut payload)) = match self.below(2) {
            0 => (IpProtocol::PIM, (ALL_PIM_ROUTERS, self.pim())),
            _ => (IpProtocol::IGMP, self.igmp()),
        };
        self.spoil(&mut payload);
        if self.below(4) > 0 {
            payload = summed(payload);
        }
        let anywhere = [self.host(), self.group()];
        let other = IpProtocol(self.byte());
        Packet {
            iface: self.iface(),
            src: self.host(),
            dst: self.one(&[right, right, right, anywhere[0], anywhere[1]]),
            ttl: 1,
            router_alert: self.below(8) > 0,
            protocol: self.one(&[protocol, protocol, protocol, other]),
            payload,
        }
    }

    fn interface(&mut self) -> InterfaceChange {
        let index = self.iface();
        if self.below(4) == 0 {
            return InterfaceChange::Gone(index);
        }
        let address = format!("10.0.{index}.1/24").parse().unwrap();
        InterfaceChange::Present(Interface {
            index,
            name: format!("i{index}").parse().unwrap(),
            up: self.below(4) > 0,
            mtu: self.one(&[0, 68, 1500, 1500, 1500]),
            mac: MacAddr([2, 0, 0, 0, 0, 1]),
            addresses: self.one(&[vec![], vec![address], vec![address], vec![address]]),
            multicast: true,
        })
    }

    fn route(&mut self) -> RouteChange {
        let prefix = self.one(&["0.0.0.0/0", "10.0.0.0/8", "10.0.77.0/24"]);
        let next_hop = RouteNextHop {
            iface: self.iface(),
            gateway: self.one(&[None, Some([10, 0, 1, 9].into())]),
        };
        let route = Route {
            prefix: prefix.parse().unwrap(),
            metric: self.one(&[0, u32::MAX]),
            protocol: self.byte(),
            next_hops: self.one(&[vec![], vec![next_hop], vec![next_hop; 3]]),
        };
        match self.below(3) {
            0 => RouteChange::Remove(route.prefix),
            1 => RouteChange::Set(route),
            _ => RouteChange::Replace(vec![route]),
        }
    }

    fn seen(&mut self) -> DataPlaneEvent {
        let (iif, packet) = (self.iface(), self.datagram());
        let flow = (self.host().try_into(), self.group().try_into());
        let kind = self.below(6);
        match (kind, flow) {
            (0, (Ok(source), Ok(group))) => DataPlaneEvent::WrongInterface { iif, source, group },
            (1, (Ok(source), Ok(group))) => DataPlaneEvent::Switched { iif, source, group },
            (2, (Ok(source), Ok(group))) => DataPlaneEvent::Active { iif, source, group },
            (3, _) => DataPlaneEvent::NewSource { iif, packet },
            (4, _) => DataPlaneEvent::Register {
                iif,
                packet,
                forwarded: Vec::new(),
            },
            _ => DataPlaneEvent::NoEntry { iif, packet },
        }
    }

    fn input(&mut self, configs: &[Config]) -> Input {
        // Settings and interfaces stay long enough for state to grow.
        match self.below(400) {
            0 => {
                let most = [0, 0, 0, 1, 1, 2].map(|at| configs[at].clone());
                Input::Config(Box::new(self.one(&most)))
            }
            1..5 => Input::Interface(self.interface()),
            5..15 => Input::Route(self.route()),
            15..150 => Input::DataPlane(self.seen()),
            _ => Input::Packet(self.packet()),
        }
    }
}

/// Deals with all timers until then.
fn run(router: &mut Router, until: Instant) {
    while let Some((at, _)) = router.poll_timeout().filter(|(at, _)| *at <= until) {
        router.handle_timeout(at);
        drain(router);
    }
}

fn drain(router: &mut Router) {
    let outputs = std::iter::from_fn(|| router.poll_output()).count();
    assert!(outputs < MOST_OUTPUTS, "{outputs}");
}

#[test]
fn a_router_outlives_whatever_goes_in() {
    let configs = CONFIGS.map(|text| mcr_config::parse("test", text).unwrap().router);
    for seed in [1, 0x9e37_79b9_7f4a_7c15_u64] {
        let mut maker = Maker(Random(seed));
        let mut now = Instant::ZERO;
        let mut router = Router::new(configs[0].clone(), seed, now);
        for index in 1..4 {
            let mut interface = maker.interface();
            while !matches!(&interface, InterfaceChange::Present(one)
                if one.index.get() == index && one.up && !one.addresses.is_empty())
            {
                interface = maker.interface();
            }
            router.handle(now, Input::Interface(interface));
        }
        let mut most = 0;
        for _ in 0..STEPS {
            now = now + Duration::from_millis(maker.one(&[0, 0, 1, 1, 1, 20, 20, 20, 500]));
            if maker.below(200) == 0 {
                now = now + Duration::from_secs(300);
            }
            // The clock of a machine that slept.
            if maker.below(2000) == 0 {
                now = now + Duration::from_secs(100_000);
                router.handle_timeout(now);
            }
            run(&mut router, now);
            router.handle(now, maker.input(&configs));
            drain(&mut router);
            most = most.max(router.tib().entries());
        }
        assert!(most > 2, "{most} entries: no tree was ever grown");
        for index in 1..5 {
            let gone = InterfaceChange::Gone(IfIndex::new(index).unwrap());
            router.handle(now, Input::Interface(gone));
        }
        run(&mut router, now + Duration::from_secs(3600));
        assert_eq!(router.tib().entries(), 0, "{:?}", router.tib());
    }
}
