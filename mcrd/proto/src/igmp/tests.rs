//! IGMP on one interface, driven by hand: messages in, time passing, messages
//! and events out.

use std::time::Duration;

use mcr_wire::igmp::{GroupRecord, Query, RecordType, Version};

use super::*;
use crate::config::{Config, IgmpInterfaceConfig, InterfaceConfig};
use crate::id::{IpProtocol, MacAddr};
use crate::interface::{Interface, InterfaceChange};
use crate::router::io::Transmit;
use crate::router::{Output, TimerId};

mod compat;
mod limits;
mod querier;
mod random;
mod scale;
mod v2;
mod v3;

/// The router's own address, with routers of lower and of higher addresses.
pub(super) const ME: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 5);
pub(super) const LOWER: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);
pub(super) const HIGHER: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 9);
pub(super) const HOST: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 100);
pub(super) const ALL_ROUTERS: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 2);
pub(super) const V3_ROUTERS: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 22);

pub(super) const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(super) fn group(text: &str) -> GroupAddr {
    text.parse::<Ipv4Addr>().unwrap().try_into().unwrap()
}

/// The host 192.0.2.N.
pub(super) fn source(number: u8) -> UnicastAddr {
    Ipv4Addr::new(192, 0, 2, number).try_into().unwrap()
}

pub(super) fn sources(numbers: &[u8]) -> BTreeSet<UnicastAddr> {
    numbers.iter().map(|number| source(*number)).collect()
}

pub(super) fn record(record_type: RecordType, group: GroupAddr, numbers: &[u8]) -> GroupRecord {
    GroupRecord {
        record_type,
        group: group.get(),
        sources: numbers.iter().map(|number| source(*number).get()).collect(),
    }
}

/// A query as the querier at this address would send it.
pub(super) fn query(version: Version, of: Option<GroupAddr>) -> Query {
    Query {
        version,
        group: of.map(GroupAddr::get),
        max_response_time: if of.is_some() { secs(1) } else { secs(10) },
        suppress: false,
        robustness: if version == Version::V3 { 2 } else { 0 },
        query_interval: if version == Version::V3 {
            secs(125)
        } else {
            secs(0)
        },
        sources: Vec::new(),
    }
}

pub(super) struct Rig {
    pub(super) igmp: Igmp,
    pub(super) cx: Context,
    pub(super) ifaces: Interfaces,
    pub(super) now: Instant,
    /// Queries sent, since last asked for.
    sent: Vec<(Instant, Transmit)>,
    events: Vec<Event>,
    config: Config,
}

pub(super) fn iface() -> IfIndex {
    IfIndex::new(3).unwrap()
}

impl Rig {
    pub(super) fn new(igmp: IgmpInterfaceConfig) -> Rig {
        let mut rig = Rig {
            igmp: Igmp::default(),
            cx: Context::new(1),
            ifaces: Interfaces::default(),
            now: Instant::ZERO,
            sent: Vec::new(),
            events: Vec::new(),
            config: Config::default(),
        };
        rig.present(true);
        rig.configure(|config| *config = Some(igmp));
        rig
    }

    /// The interface with the RFC's settings, past its start.
    pub(super) fn settled() -> Rig {
        Rig::settled_with(IgmpInterfaceConfig::default())
    }

    pub(super) fn settled_with(igmp: IgmpInterfaceConfig) -> Rig {
        let mut rig = Rig::new(igmp);
        rig.pass(secs(40));
        rig.queries();
        rig.events();
        rig
    }

    pub(super) fn present(&mut self, up: bool) {
        self.present_as(up, ME);
    }

    pub(super) fn present_as(&mut self, up: bool, address: Ipv4Addr) {
        let interface = Interface {
            index: iface(),
            name: "lan".parse().unwrap(),
            up,
            mtu: 1500,
            mac: MacAddr([2, 0, 0, 0, 0, 5]),
            addresses: vec![format!("{address}/24").parse().unwrap()],
            multicast: true,
        };
        let change = InterfaceChange::Present(interface);
        for index in self.ifaces.apply(change, &self.config) {
            self.differs(index);
        }
    }

    pub(super) fn gone(&mut self) {
        let change = InterfaceChange::Gone(iface());
        for index in self.ifaces.apply(change, &self.config) {
            self.differs(index);
        }
    }

    pub(super) fn configure(&mut self, edit: impl FnOnce(&mut Option<IgmpInterfaceConfig>)) {
        let mut on_lan = InterfaceConfig::default();
        if let Some(old) = self.config.interfaces.get(&"lan".parse().unwrap()) {
            on_lan = old.clone();
        }
        edit(&mut on_lan.igmp);
        self.config
            .interfaces
            .insert("lan".parse().unwrap(), on_lan);
        self.reconfigured();
    }

    pub(super) fn configure_pim(&mut self, edit: impl FnOnce(&mut PimConfig)) {
        edit(&mut self.config.pim);
        self.reconfigured();
    }

    fn reconfigured(&mut self) {
        let differ = self.ifaces.configure(&self.config);
        let pim = &self.config.pim;
        self.igmp
            .configure(self.now, &mut self.cx, &self.ifaces, pim);
        for index in differ {
            self.differs(index);
        }
        self.drain();
    }

    fn differs(&mut self, index: IfIndex) {
        let iface = self.ifaces.get(index);
        self.igmp
            .interface_changed(self.now, &mut self.cx, index, iface);
        self.drain();
    }

    pub(super) fn receive(&mut self, src: Ipv4Addr, dst: Ipv4Addr, message: Message) {
        self.receive_packet(src, dst, true, message);
    }

    pub(super) fn receive_packet(
        &mut self,
        src: Ipv4Addr,
        dst: Ipv4Addr,
        router_alert: bool,
        message: Message,
    ) {
        let packet = Packet {
            iface: iface(),
            src,
            dst,
            ttl: 1,
            router_alert,
            protocol: IpProtocol::IGMP,
            payload: Vec::new(),
        };
        let on = self.ifaces.get(iface()).unwrap();
        self.igmp
            .receive(self.now, &mut self.cx, on, &packet, message);
        self.drain();
    }

    pub(super) fn query_from(&mut self, src: Ipv4Addr, query: Query) {
        let dst = query.group.unwrap_or(Ipv4Addr::new(224, 0, 0, 1));
        self.receive(src, dst, Message::Query(query));
    }

    pub(super) fn report_v1(&mut self, group: GroupAddr) {
        self.receive(HOST, group.get(), Message::ReportV1(group.get()));
    }

    pub(super) fn report_v2(&mut self, group: GroupAddr) {
        self.receive(HOST, group.get(), Message::ReportV2(group.get()));
    }

    pub(super) fn leave(&mut self, group: GroupAddr) {
        self.receive(HOST, ALL_ROUTERS, Message::Leave(group.get()));
    }

    pub(super) fn report_v3(&mut self, kind: RecordType, group: GroupAddr, numbers: &[u8]) {
        let records = vec![record(kind, group, numbers)];
        self.receive(HOST, V3_ROUTERS, Message::ReportV3(records));
    }

    /// Lets time pass, and every timer run out that is due meanwhile.
    pub(super) fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some((at, _)) = self.cx.timers.next().filter(|(at, _)| *at <= end) {
            self.now = self.now.max(at);
            if let Some(TimerId::Igmp(timer)) = self.cx.timers.pop_expired(self.now) {
                self.igmp
                    .timeout(self.now, &mut self.cx, &self.ifaces, timer);
            }
            self.drain();
        }
        self.now = end;
    }

    fn drain(&mut self) {
        while let Some(output) = self.cx.pop_output() {
            match output {
                Output::Transmit(packet) => self.sent.push((self.now, packet)),
                Output::Event(event) => self.events.push(event),
                Output::Forward(_) | Output::Route(_) | Output::Listen { .. } => {
                    panic!("IGMP does not say {output:?}")
                }
            }
        }
    }

    pub(super) fn sent(&mut self) -> Vec<(Instant, Transmit)> {
        std::mem::take(&mut self.sent)
    }

    /// The queries sent since last asked, and when.
    pub(super) fn queries(&mut self) -> Vec<(Instant, Query)> {
        let parse = |(at, packet): (Instant, Transmit)| {
            let message = Message::parse(&packet.payload).unwrap();
            let Message::Query(query) = message else {
                panic!("a router sends queries only, not {message:?}");
            };
            (at, query)
        };
        self.sent().into_iter().map(parse).collect()
    }

    /// What was asked of groups since last asked: sources and the S flag.
    pub(super) fn specific(&mut self) -> Vec<(BTreeSet<UnicastAddr>, bool)> {
        let all = self.queries().into_iter();
        all.filter(|(_, query)| query.group.is_some())
            .map(|(_, query)| {
                let sources = query.sources.iter().map(|s| (*s).try_into().unwrap());
                (sources.collect(), query.suppress)
            })
            .collect()
    }

    pub(super) fn events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }

    /// The changes of memberships among the events since last asked.
    pub(super) fn changes(&mut self) -> Vec<(GroupAddr, Option<UnicastAddr>, MembershipChange)> {
        let membership = |event| match event {
            Event::Membership {
                group,
                source,
                change,
                ..
            } => Some((group, source, change)),
            Event::Neighbor { .. }
            | Event::Dr { .. }
            | Event::Querier { .. }
            | Event::OlderQuerier { .. }
            | Event::Route { .. }
            | Event::Rp { .. }
            | Event::Register { .. }
            | Event::Assert { .. }
            | Event::Refused { .. } => None,
        };
        self.events().into_iter().filter_map(membership).collect()
    }

    pub(super) fn membership(&self, group: GroupAddr) -> Option<&Membership> {
        self.igmp.membership(iface(), group)
    }

    pub(super) fn group(&self, group: GroupAddr) -> &Group {
        let lan = self.igmp.interface(iface()).unwrap();
        lan.group(group).unwrap()
    }

    pub(super) fn count(&self, name: &'static str) -> u64 {
        self.cx.counters.get(Some(iface()), name)
    }

    pub(super) fn remaining(&self, timer: IgmpTimer) -> Option<Duration> {
        let deadline = self.cx.timers.deadline(TimerId::Igmp(timer));
        deadline.map(|at| at - self.now)
    }

    pub(super) fn group_timer(&self, group: GroupAddr) -> Option<Duration> {
        self.remaining(IgmpTimer::GroupMembership(iface(), group))
    }

    pub(super) fn source_timer(&self, group: GroupAddr, number: u8) -> Option<Duration> {
        self.remaining(IgmpTimer::Source(iface(), group, source(number)))
    }
}

/// Everybody, without naming sources.
pub(super) fn everybody() -> Option<Membership> {
    Some(Membership::Exclude(BTreeSet::new()))
}
