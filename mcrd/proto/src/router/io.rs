//! What goes into a router, and what comes out.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};

use super::event::Event;
use crate::config::Config;
use crate::fib::RouteUpdate;
use crate::id::{GroupAddr, IfIndex, IpProtocol, UnicastAddr};
use crate::interface::InterfaceChange;

/// Something that happened outside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Input {
    /// An IGMP or PIM packet arrived.
    Packet(Packet),
    /// The kernel's interfaces changed.
    Interface(InterfaceChange),
    /// The kernel's routes changed.
    Route(RouteChange),
    /// The data plane saw something.
    DataPlane(DataPlaneEvent),
    /// The whole configuration, as it is to be from now on.
    Config(Box<Config>),
}

/// Something to be done outside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Output {
    /// Send a packet.
    Transmit(Transmit),
    /// Send copies of a data packet that the data plane could not forward: the
    /// first of a flow, or one out of a Register. Each copy's TTL is one less
    /// than the packet's.
    Forward(Forward),
    /// Change the forwarding table.
    Route(RouteUpdate),
    /// Take multicast packets from this interface, and hand up those that no
    /// entry matches; or take none any more.
    Listen {
        /// The interface.
        iface: IfIndex,
        /// Whether it takes part.
        on: bool,
    },
    /// Something that an operator or a program wants to know.
    Event(Event),
}

/// A packet as it arrived.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Packet {
    /// The interface.
    pub iface: IfIndex,
    /// The IP source.
    pub src: Ipv4Addr,
    /// The IP destination.
    pub dst: Ipv4Addr,
    /// The time to live.
    pub ttl: u8,
    /// It has the Router Alert option (RFC 2113).
    pub router_alert: bool,
    /// IGMP or PIM.
    pub protocol: IpProtocol,
    /// What follows the IP header.
    #[serde(with = "crate::hex")]
    pub payload: Vec<u8>,
}

/// A packet to be sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transmit {
    /// The interface; the kernel's route decides where it is left out.
    pub iface: Option<IfIndex>,
    /// The IP source.
    pub src: Ipv4Addr,
    /// The IP destination.
    pub dst: Ipv4Addr,
    /// The time to live.
    pub ttl: u8,
    /// With the Router Alert option.
    pub router_alert: bool,
    /// DiffServ code point and ECN bits.
    pub tos: u8,
    /// IGMP or PIM.
    pub protocol: IpProtocol,
    /// What follows the IP header.
    #[serde(with = "crate::hex")]
    pub payload: Vec<u8>,
}

/// Copies of a data packet to be sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Forward {
    /// The IPv4 packet as it arrived, from its header on.
    #[serde(with = "crate::hex")]
    pub packet: Vec<u8>,
    /// The interfaces to send it on.
    pub outputs: Vec<IfIndex>,
    /// It came down the RP tree: where the data plane has switched the source
    /// to its own tree meanwhile, it is not to be sent.
    pub until_switch: bool,
}

/// A change of the kernel's unicast routes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RouteChange {
    /// The prefix has this best route now.
    Set(Route),
    /// The prefix has no route now.
    Remove(Ipv4Net),
    /// These are all routes there are.
    Replace(Vec<Route>),
}

/// The kernel's best route to a prefix.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    /// The prefix.
    pub prefix: Ipv4Net,
    /// The kernel's metric.
    pub metric: u32,
    /// Which protocol put it there (rtm_protocol).
    pub protocol: u8,
    /// Where it leads; several where the kernel balances, none where it refuses
    /// packets (blackhole, unreachable, prohibit).
    pub next_hops: Vec<RouteNextHop>,
}

/// One way of a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RouteNextHop {
    /// The interface.
    pub iface: IfIndex,
    /// The next router; the prefix is connected where there is none.
    pub gateway: Option<Ipv4Addr>,
}

/// What the data plane saw. A packet is a whole IPv4 packet from its header on,
/// with TTL above 1, to a [`GroupAddr`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DataPlaneEvent {
    /// The packet matched no entry and was not forwarded.
    NoEntry {
        /// Where it arrived.
        iif: IfIndex,
        /// It.
        #[serde(with = "crate::hex")]
        packet: Vec<u8>,
    },
    /// The packet matched a (*,G) entry that asks for new sources, and was
    /// forwarded by it; raised for the first packets of a source.
    NewSource {
        /// Where it arrived.
        iif: IfIndex,
        /// It.
        #[serde(with = "crate::hex")]
        packet: Vec<u8>,
    },
    /// The packet matched an entry that registers, and was forwarded by it.
    Register {
        /// Where it arrived.
        iif: IfIndex,
        /// The entry's outputs then.
        forwarded: Vec<IfIndex>,
        /// It.
        #[serde(with = "crate::hex")]
        packet: Vec<u8>,
    },
    /// A packet arrived where its (S,G) entry does not take it from, and was
    /// dropped; at most once a second for each (S,G) and interface.
    WrongInterface {
        /// Where it arrived.
        iif: IfIndex,
        /// Its source.
        source: UnicastAddr,
        /// Its group.
        group: GroupAddr,
    },
    /// The first packet arrived on the source's own tree, and the data plane
    /// has switched to that.
    Switched {
        /// Where it arrived.
        iif: IfIndex,
        /// Its source.
        source: UnicastAddr,
        /// Its group.
        group: GroupAddr,
    },
    /// Packets were forwarded by this (S,G) entry since this was last told; at
    /// most once in 10 s, or a tenth of the Keepalive_Period where that is
    /// less.
    Active {
        /// The entry's input interface.
        iif: IfIndex,
        /// Its source.
        source: UnicastAddr,
        /// Its group.
        group: GroupAddr,
    },
}
