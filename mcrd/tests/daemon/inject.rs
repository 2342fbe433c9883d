//! Packets put on a cable as they are, from whomever, and what the daemon made
//! of them.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::os::fd::OwnedFd;

use mcr_api::Method;
use mcr_api::router::{IgmpGroup, IgmpInterface, Mroute, Neighbor, PimInterface, ProtocolCounters};
use mcr_api::state::Interface;
use mcr_sys::packet::Sender;
use mcr_sys::router::{Listen, listen};
use mcr_tests::eventually;
use mcr_wire::ipv4::{self, Outgoing};
use mcr_wire::{checksum, igmp, pim};

use crate::mcrd::{Mcrd, SOON};
use crate::world::inside;

/// One end of a cable to the daemon.
pub(crate) struct Cable {
    sender: Sender,
    index: u32,
    router: [u8; 6],
}

/// An IPv4 packet to be sent.
#[derive(Clone)]
pub(crate) struct Ip {
    pub(crate) src: Ipv4Addr,
    pub(crate) dst: Ipv4Addr,
    pub(crate) ttl: u8,
    pub(crate) router_alert: bool,
    pub(crate) protocol: u8,
    pub(crate) payload: Vec<u8>,
}

impl Ip {
    /// A PIM message.
    pub(crate) fn pim(src: Ipv4Addr, dst: Ipv4Addr, payload: Vec<u8>) -> Ip {
        Ip {
            src,
            dst,
            ttl: 1,
            router_alert: false,
            protocol: pim::PROTOCOL,
            payload,
        }
    }

    /// An IGMP message.
    pub(crate) fn igmp(src: Ipv4Addr, dst: Ipv4Addr, payload: Vec<u8>) -> Ip {
        Ip {
            src,
            dst,
            ttl: 1,
            router_alert: true,
            protocol: igmp::PROTOCOL,
            payload,
        }
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let packet = Outgoing {
            source: self.src,
            destination: self.dst,
            protocol: self.protocol,
            ttl: self.ttl,
            tos: 0xc0,
            router_alert: self.router_alert,
            payload: &self.payload,
        };
        packet.emit().unwrap()
    }
}

impl Cable {
    /// From the host in `network`, whose interface is `e0`, to the daemon's
    /// `interface`.
    pub(crate) fn new(mcrd: &Mcrd, network: &str, interface: &str) -> Cable {
        let known: Vec<Interface> = mcrd.call(Method::Interfaces {});
        let known = known.iter().find(|one| one.name == interface).unwrap();
        let mac = known.mac.as_ref().unwrap().split(':');
        let mac: Vec<u8> = mac.map(|n| u8::from_str_radix(n, 16).unwrap()).collect();
        let (sender, index) = inside(network, || {
            Ok((Sender::open()?, nix::net::if_::if_nametoindex("e0")?))
        });
        Cable {
            sender,
            index,
            router: mac.try_into().unwrap(),
        }
    }

    /// Sends the packet; one that the queue has no room for is sent again.
    pub(crate) fn send(&self, packet: &[u8]) {
        let [a, b, c, d] = packet[16..20].try_into().unwrap();
        let mac = if Ipv4Addr::new(a, b, c, d).is_multicast() {
            [1, 0, 0x5e, b & 0x7f, c, d]
        } else {
            self.router
        };
        let sent = eventually(SOON, || self.sender.send(self.index, mac, packet).is_ok());
        assert!(sent, "the cable takes nothing");
    }
}

/// The message with the checksum that it must have; of a Register over its
/// headers only.
pub(crate) fn summed(mut message: Vec<u8>) -> Vec<u8> {
    if message.len() >= 4 {
        message[2..4].fill(0);
        let covered = match message[0] {
            0x21 => message.len().min(8),
            _ => message.len(),
        };
        let sum = checksum::internet(&message[..covered]).to_be_bytes();
        message[2..4].copy_from_slice(&sum);
    }
    message
}

/// What the router knows, without times and counts.
#[derive(Debug, PartialEq)]
pub(crate) struct Known {
    pim: Vec<PimInterface>,
    neighbors: Vec<Neighbor>,
    igmp: Vec<IgmpInterface>,
    groups: Vec<IgmpGroup>,
    routes: Vec<Mroute>,
}

impl Mcrd {
    pub(crate) fn known(&self) -> Known {
        let mut known = Known {
            pim: self.call(Method::PimInterfaces {}),
            neighbors: self.call(Method::PimNeighbors {}),
            igmp: self.call(Method::IgmpInterfaces {}),
            groups: self.groups(),
            routes: self.routes(),
        };
        for one in &mut known.pim {
            one.next_hello = None;
        }
        for one in &mut known.neighbors {
            (one.uptime, one.expires) = (0.0, None);
        }
        for one in &mut known.igmp {
            (one.next_query, one.other_querier_expires) = (None, None);
        }
        for one in &mut known.groups {
            (one.uptime, one.expires) = (0.0, None);
            for source in &mut one.sources {
                source.expires = None;
            }
        }
        for one in &mut known.routes {
            (one.join_timer, one.keepalive, one.register_timer) = (None, None, None);
            (one.packets, one.bytes) = (None, None);
            for interface in &mut one.interfaces {
                (interface.expires, interface.assert_timer) = (None, None);
            }
        }
        known
    }

    pub(crate) fn groups(&self) -> Vec<IgmpGroup> {
        self.client()
            .pages(|cursor| Method::IgmpGroups { cursor })
            .unwrap()
    }

    pub(crate) fn routes(&self) -> Vec<Mroute> {
        let all = |cursor| Method::Mroute {
            group: None,
            cursor,
        };
        self.client().pages(all).unwrap()
    }

    pub(crate) fn neighbors(&self) -> Vec<Neighbor> {
        self.call(Method::PimNeighbors {})
    }

    /// The counters of an interface, `""` having those of none.
    pub(crate) fn counters(&self, interface: &str) -> BTreeMap<String, u64> {
        let all: Vec<ProtocolCounters> = self.call(Method::StatsProtocols {});
        let mut of = all
            .into_iter()
            .filter(|one| one.interface.as_deref().unwrap_or("") == interface);
        of.next().map(|one| one.counters).unwrap_or_default()
    }

    pub(crate) fn counter(&self, interface: &str, name: &str) -> u64 {
        self.counters(interface).get(name).copied().unwrap_or(0)
    }
}

/// What the daemon sends on a cable, of one protocol.
pub(crate) struct Ear {
    socket: OwnedFd,
}

impl Ear {
    /// In `network`, on its `e0`.
    pub(crate) fn new(network: &str, what: Listen) -> Ear {
        let socket = inside(network, || {
            listen(nix::net::if_::if_nametoindex("e0")?, what)
        });
        Ear { socket }
    }

    /// The payload of the next packet, where there is one.
    pub(crate) fn next(&self) -> Option<Vec<u8>> {
        let mut buffer = [0; 65_535];
        match mcr_sys::router::receive(&self.socket, &mut buffer) {
            Ok(length) => {
                let packet = ipv4::Packet::parse(&buffer[..length]).unwrap();
                Some(packet.payload().to_vec())
            }
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => None,
            Err(error) => panic!("{error}"),
        }
    }

    /// Waits for a PIM message like this.
    pub(crate) fn hears_pim(&self, like: impl Fn(&pim::Message<'_>) -> bool) -> bool {
        eventually(SOON, || {
            std::iter::from_fn(|| self.next())
                .any(|payload| like(&pim::Message::parse(&payload).unwrap()))
        })
    }

    /// Waits for an IGMP message like this.
    pub(crate) fn hears_igmp(&self, like: impl Fn(&igmp::Message) -> bool) -> bool {
        eventually(SOON, || {
            std::iter::from_fn(|| self.next())
                .any(|payload| like(&igmp::Message::parse(&payload).unwrap()))
        })
    }
}
