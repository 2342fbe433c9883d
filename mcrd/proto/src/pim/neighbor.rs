//! Neighbours, Hello and the Designated Router (RFC 7761 §4.3).

use std::net::Ipv4Addr;
use std::time::Duration;

use mcr_wire::pim::Hello;

use crate::config::Limits;
use crate::id::IfIndex;
use crate::router::io::Packet;
use crate::router::{Context, Interfaces, RouterInterface};
use crate::time::Instant;

/// PIM's interfaces with their neighbours.
#[derive(Debug, Default)]
pub struct Neighbors {}

impl Neighbors {
    /// The interface came, went, or changed its addresses or settings; `None`
    /// where it has gone. A Hello leaves at once where PIM starts, and one with
    /// holdtime 0 where it ends and still can be sent.
    pub fn interface_changed(
        &mut self,
        now: Instant,
        cx: &mut Context,
        index: IfIndex,
        iface: Option<&RouterInterface>,
    ) {
        let _unused = (now, cx, index, iface);
    }

    /// A Hello arrived on an interface where PIM runs.
    pub fn receive_hello(
        &mut self,
        now: Instant,
        cx: &mut Context,
        iface: &RouterInterface,
        limits: &Limits,
        packet: &Packet,
        hello: &Hello,
    ) {
        let _unused = (now, cx, iface, limits, packet, hello);
    }

    /// HT ran out.
    pub fn hello_due(&mut self, now: Instant, cx: &mut Context, iface: &RouterInterface) {
        let _unused = (now, cx, iface);
    }

    /// NLT ran out.
    pub fn expired(&mut self, now: Instant, cx: &mut Context, iface: IfIndex, address: Ipv4Addr) {
        let _unused = (now, cx, iface, address);
    }

    /// The last Hello of each interface, with holdtime 0 (RFC 7761 §4.3.1).
    pub fn stop(&mut self, now: Instant, cx: &mut Context, interfaces: &Interfaces) {
        let _unused = (now, cx, interfaces);
    }

    /// Before a Join/Prune or Assert leaves: sends a Hello where none was sent
    /// yet (RFC 7761 §4.3.1).
    pub fn ensure_hello(&mut self, now: Instant, cx: &mut Context, iface: &RouterInterface) {
        let _unused = (now, cx, iface);
    }

    /// NBR(I, A): the primary address of the neighbour that has this primary or
    /// secondary address.
    pub fn neighbor(&self, iface: IfIndex, address: Ipv4Addr) -> Option<Ipv4Addr> {
        let _unused = (iface, address);
        None
    }

    /// How many neighbours the interface has.
    pub fn count(&self, iface: IfIndex) -> usize {
        let _unused = iface;
        0
    }

    /// DR(I); `None` where PIM does not run.
    pub fn dr(&self, iface: IfIndex) -> Option<Ipv4Addr> {
        let _unused = iface;
        None
    }

    /// I_am_DR(I): also where IGMP runs without PIM, as nobody else could be.
    pub fn i_am_dr(&self, iface: IfIndex) -> bool {
        let _unused = iface;
        false
    }

    /// J/P_Override_Interval(I): Effective_Propagation_Delay and
    /// Effective_Override_Interval together; zero with one neighbour or none.
    pub fn join_prune_override_interval(&self, iface: IfIndex) -> Duration {
        let _unused = iface;
        Duration::ZERO
    }

    /// Effective_Override_Interval(I), of which t_override is a part.
    pub fn override_interval(&self, iface: IfIndex) -> Duration {
        let _unused = iface;
        Duration::ZERO
    }

    /// Suppression_Enabled(I).
    pub fn suppression_enabled(&self, iface: IfIndex) -> bool {
        let _unused = iface;
        true
    }
}
