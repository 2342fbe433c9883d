//! A router without sockets, and words for what its neighbours and hosts say.
//! `up` leads to the sources, interfaces `d1` and on to routers and hosts, with
//! one PIM neighbour on each.

use std::net::Ipv4Addr;
use std::time::Duration;

use anyhow::Context as _;
use mcr_proto::config::{Config, IgmpInterfaceConfig, InterfaceConfig, PimInterfaceConfig};
use mcr_proto::id::{IfIndex, IpProtocol, MacAddr};
use mcr_proto::interface::{Interface, InterfaceChange};
use mcr_proto::router::io::{Packet, Route, RouteChange, RouteNextHop};
use mcr_proto::router::{Input, Output, Router};
use mcr_proto::time::Instant;
use mcr_wire::igmp::{self, GroupRecord, RecordType};
use mcr_wire::pim::{self, EncodedGroup, EncodedSource, Hello, JoinPrune, JoinPruneGroup};

/// The neighbours of `up`: the first is the way to the sources.
pub const UPSTREAM: [Ipv4Addr; 2] = [Ipv4Addr::new(10, 0, 0, 2), Ipv4Addr::new(10, 0, 0, 3)];
/// The first source.
pub const SOURCE: Ipv4Addr = Ipv4Addr::new(10, 9, 0, 1);
/// The first group, of the SSM range.
pub const GROUP: Ipv4Addr = Ipv4Addr::new(232, 1, 0, 0);

/// An address, counted on from another.
#[must_use]
pub fn nth(first: Ipv4Addr, number: u32) -> Ipv4Addr {
    Ipv4Addr::from_bits(first.to_bits() + number)
}

/// The router's address on an interface, `up` being 0.
#[must_use]
pub fn address(iface: u8) -> Ipv4Addr {
    Ipv4Addr::new(10, 0, iface, 1)
}

/// The neighbour on an interface.
#[must_use]
pub fn neighbor(iface: u8) -> Ipv4Addr {
    Ipv4Addr::new(10, 0, iface, 2)
}

/// What there is to be joined or pruned: so many groups with so many sources
/// each.
#[derive(Clone, Copy, Debug)]
pub struct Channels {
    /// Groups.
    pub groups: u32,
    /// Sources of each.
    pub sources: u32,
}

/// Join or Prune.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sign {
    /// Join.
    Join,
    /// Prune.
    Prune,
}

/// The payloads of Join/Prune messages of at most 1500 bytes with their IP
/// header, to the router's address on the interface.
#[must_use]
pub fn join_prunes(iface: u8, channels: Channels, sign: Sign) -> Vec<Vec<u8>> {
    const MOST: u32 = 150;
    let block = |group: u32, first: u32, count: u32| {
        let sources = (first..first + count).map(|number| EncodedSource {
            source: nth(SOURCE, number),
            mask_len: 32,
            sparse: true,
            wildcard: false,
            rpt: false,
        });
        let (mut joins, mut prunes) = (sources.collect(), Vec::new());
        if sign == Sign::Prune {
            std::mem::swap(&mut joins, &mut prunes);
        }
        JoinPruneGroup {
            group: EncodedGroup {
                group: nth(GROUP, group),
                mask_len: 32,
                bidirectional: false,
                scope_zone: false,
            },
            joins,
            prunes,
        }
    };
    let mut blocks = Vec::new();
    for group in 0..channels.groups {
        let parts = (0..channels.sources).step_by(MOST as usize);
        blocks.extend(parts.map(|first| block(group, first, MOST.min(channels.sources - first))));
    }
    let length = 12 + 8 * usize::try_from(channels.sources.min(MOST)).unwrap_or(1);
    let of_message = (1440 / length).clamp(1, 255);
    let message = |groups: &[JoinPruneGroup]| {
        let message = JoinPrune {
            upstream_neighbor: address(iface),
            holdtime: 210,
            groups: groups.to_vec(),
        };
        pim::Message::JoinPrune(message).emit()
    };
    blocks.chunks(of_message).map(message).collect()
}

/// The payload of a Hello that lasts for ever, of a neighbour that leaves it to
/// this router to be the DR.
#[must_use]
pub fn hello() -> Vec<u8> {
    let hello = Hello {
        holdtime: Some(0xffff),
        dr_priority: Some(0),
        generation_id: Some(7),
        ..Hello::default()
    };
    pim::Message::Hello(hello).emit()
}

/// An IGMPv3 report about one source of one group.
#[must_use]
pub fn report(group: u32, record_type: RecordType) -> Vec<u8> {
    let record = GroupRecord {
        record_type,
        group: nth(GROUP, group),
        sources: vec![SOURCE],
    };
    igmp::Message::ReportV3(vec![record]).emit()
}

/// A router.
#[derive(Debug)]
pub struct Rig {
    /// It.
    pub router: Router,
    now: Instant,
    /// What it has sent, and what it has told the data plane.
    pub sent: u64,
    /// See `sent`.
    pub routes: u64,
}

impl Rig {
    /// With so many interfaces beside `up`.
    ///
    /// # Errors
    /// A name or address of the rig's own is wrong.
    pub fn new(downstream: u8) -> anyhow::Result<Rig> {
        let on = InterfaceConfig {
            pim: Some(PimInterfaceConfig::default()),
            igmp: Some(IgmpInterfaceConfig::default()),
        };
        let name = |iface: u8| match iface {
            0 => "up".to_owned(),
            iface => format!("d{iface}"),
        };
        let mut config = Config::default();
        for iface in 0..=downstream {
            config.interfaces.insert(name(iface).parse()?, on.clone());
        }
        let now = Instant::ZERO;
        let mut rig = Rig {
            router: Router::new(config, 1, now),
            now,
            sent: 0,
            routes: 0,
        };
        for iface in 0..=downstream {
            rig.input(Input::Interface(InterfaceChange::Present(Interface {
                index: index(iface)?,
                name: name(iface).parse()?,
                up: true,
                mtu: 1500,
                mac: MacAddr([2, 0, 0, 0, 0, iface]),
                addresses: vec![format!("{}/24", address(iface)).parse()?],
                multicast: true,
            })));
            rig.pim(iface, neighbor(iface), hello())?;
        }
        rig.pim(0, UPSTREAM[1], hello())?;
        rig.way(UPSTREAM[0])?;
        Ok(rig)
    }

    /// The sources are behind this neighbour.
    ///
    /// # Errors
    /// As [`Rig::new`].
    pub fn way(&mut self, neighbor: Ipv4Addr) -> anyhow::Result<()> {
        self.input(Input::Route(RouteChange::Set(Route {
            prefix: "10.9.0.0/16".parse()?,
            metric: 0,
            protocol: 4,
            next_hops: vec![RouteNextHop {
                iface: index(0)?,
                gateway: Some(neighbor),
            }],
        })));
        Ok(())
    }

    /// A neighbour's message arrives.
    ///
    /// # Errors
    /// As [`Rig::new`].
    pub fn pim(&mut self, iface: u8, src: Ipv4Addr, payload: Vec<u8>) -> anyhow::Result<()> {
        self.input(Input::Packet(Packet {
            iface: index(iface)?,
            src,
            dst: pim::ALL_PIM_ROUTERS,
            ttl: 1,
            router_alert: false,
            protocol: IpProtocol::PIM,
            payload,
        }));
        Ok(())
    }

    /// A host's IGMPv3 report arrives.
    ///
    /// # Errors
    /// As [`Rig::new`].
    pub fn igmp(&mut self, iface: u8, payload: Vec<u8>) -> anyhow::Result<()> {
        self.input(Input::Packet(Packet {
            iface: index(iface)?,
            src: Ipv4Addr::new(10, 0, iface, 99),
            dst: Ipv4Addr::new(224, 0, 0, 22),
            ttl: 1,
            router_alert: true,
            protocol: IpProtocol::IGMP,
            payload,
        }));
        Ok(())
    }

    /// All these messages arrive from the neighbour of the interface.
    ///
    /// # Errors
    /// As [`Rig::new`].
    pub fn hear(&mut self, iface: u8, messages: Vec<Vec<u8>>) -> anyhow::Result<()> {
        for message in messages {
            self.pim(iface, neighbor(iface), message)?;
        }
        Ok(())
    }

    /// Lets so much time pass, timer by timer.
    pub fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some((at, _)) = self.router.poll_timeout().filter(|(at, _)| *at <= end) {
            self.now = at;
            self.router.handle_timeout(at);
            self.drain();
        }
        self.now = end;
    }

    fn input(&mut self, input: Input) {
        self.now = self.now + Duration::from_micros(10);
        self.router.handle(self.now, input);
        self.drain();
    }

    fn drain(&mut self) {
        while let Some(output) = self.router.poll_output() {
            match output {
                Output::Transmit(_) => self.sent += 1,
                Output::Route(_) => self.routes += 1,
                Output::Forward(_) | Output::Listen { .. } | Output::Event(_) => {}
            }
        }
    }
}

fn index(iface: u8) -> anyhow::Result<IfIndex> {
    IfIndex::new(u32::from(iface) + 1).context("an index is never 0")
}

#[cfg(test)]
mod tests;
