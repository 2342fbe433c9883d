//! Lets time pass: packets arrive, timers run out, routers are asked and do
//! what they answer.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::Duration;

use ipnet::Ipv4Net;
use mcr_proto::id::{IfIndex, InterfaceName, IpProtocol};
use mcr_proto::router::Input;
use mcr_proto::router::Output;
use mcr_proto::router::io::{Packet, Transmit};
use mcr_proto::time::Instant;
use mcr_wire::{igmp, ipv4, pim};

use super::carry::carried;
use super::{FlowId, LOOPBACK, Network, Node, NodeId, Role};
use crate::check;
use crate::host::{ALL_ROUTERS, ALL_V3_ROUTERS, Sent};
use crate::link::{LinkId, Medium};
use crate::packet::Data;
use crate::packet_expr;
use crate::rules::{Rules, Verdict};
use crate::unicast;

/// Something that is planned.
#[derive(Clone, Debug)]
pub(crate) enum Happening {
    Arrive {
        link: LinkId,
        node: NodeId,
        iface: IfIndex,
        frame: Frame,
    },
    Timer(NodeId),
    Send(FlowId),
    Converge,
}

/// What is on a link.
#[derive(Clone, Debug)]
pub(crate) enum Frame {
    Control(Datagram),
    Data(Data),
}

impl Frame {
    pub(super) fn judged_by(&self, rules: &mut Rules) -> Verdict {
        if rules.is_empty() {
            return Verdict::default();
        }
        match self {
            Frame::Control(datagram) => rules.judge(&packet_expr::Packet {
                source: datagram.src,
                destination: datagram.dst,
                ttl: datagram.ttl,
                protocol: datagram.protocol.0,
                payload: &datagram.payload,
            }),
            Frame::Data(data) => {
                let packet = data.emit();
                rules.judge(&packet_expr::Packet {
                    source: data.source.get(),
                    destination: data.group.get(),
                    ttl: data.ttl,
                    protocol: IpProtocol::UDP.0,
                    payload: packet.get(ipv4::MIN_HEADER_LEN..).unwrap_or_default(),
                })
            }
        }
    }
}

/// An IGMP or PIM packet.
#[derive(Clone, Debug)]
pub(crate) struct Datagram {
    pub(crate) src: Ipv4Addr,
    pub(crate) dst: Ipv4Addr,
    pub(crate) ttl: u8,
    pub(crate) router_alert: bool,
    pub(crate) protocol: IpProtocol,
    pub(crate) payload: Vec<u8>,
}

impl Network {
    /// Lets a time pass.
    pub fn run_for(&mut self, time: Duration) {
        self.run_until(self.now() + time);
    }

    /// Lets time pass up to a moment.
    pub fn run_until(&mut self, end: Instant) {
        while let Some(happening) = self.clock.advance(end) {
            match happening {
                Happening::Arrive {
                    link,
                    node,
                    iface,
                    frame,
                } => {
                    if self.links[link.0].is_up_at(node) {
                        if let Frame::Data(data) = &frame {
                            self.passes(link, node, data.flow);
                        }
                        self.arrive(node, iface, frame);
                    }
                }
                Happening::Timer(node) => self.timer(node),
                Happening::Send(flow) => self.send_next(flow),
                Happening::Converge => self.converge_all(),
            }
        }
        self.clock.pass(end);
    }

    fn arrive(&mut self, node: NodeId, iface: IfIndex, frame: Frame) {
        match (&self.nodes[node.0].role, frame) {
            (Role::Host(_), Frame::Data(data)) => self.host_got(node, data),
            (Role::Host(_), Frame::Control(datagram)) => self.host_heard(node, &datagram),
            (Role::Router(_), Frame::Data(data)) => self.data_arrived(node, iface, data),
            (Role::Router(_), Frame::Control(datagram)) => {
                self.control_arrived(node, iface, datagram);
            }
        }
    }

    fn control_arrived(&mut self, node: NodeId, iface: IfIndex, datagram: Datagram) {
        if !datagram.dst.is_multicast() && !self.owns(node, datagram.dst) {
            if datagram.ttl > 1 {
                let ttl = datagram.ttl - 1;
                self.route(node, Datagram { ttl, ..datagram });
            }
            return;
        }
        let Datagram {
            src,
            dst,
            ttl,
            router_alert,
            protocol,
            payload,
        } = datagram;
        let packet = Packet {
            iface,
            src,
            dst,
            ttl,
            router_alert,
            protocol,
            payload,
        };
        self.input(node, Input::Packet(packet));
    }

    fn owns(&self, node: NodeId, address: Ipv4Addr) -> bool {
        let mut ports = self.nodes[node.0].ports.values();
        let has = |nets: &[Ipv4Net]| nets.iter().any(|net| net.addr() == address);
        let own = match &self.nodes[node.0].role {
            Role::Router(router) => has(&router.own),
            Role::Host(host) => host.address.get() == address,
        };
        own || ports.any(|link| {
            let link = &self.links[link.0];
            let port = link.port(node).filter(|_| link.is_up_at(node));
            port.is_some_and(|port| has(&port.addresses))
        })
    }

    /// Sends a unicast packet the way that unicast routing says.
    fn route(&mut self, node: NodeId, datagram: Datagram) {
        if self.owns(node, datagram.dst) {
            return self.control_arrived(node, LOOPBACK, datagram);
        }
        let Role::Router(router) = &self.nodes[node.0].role else {
            return;
        };
        let Some(hop) = unicast::lookup(&router.routes, datagram.dst) else {
            let name = &self.nodes[node.0].name;
            let now = self.clock.now();
            let dst = datagram.dst;
            return self
                .trace
                .line(now, || format!("{name}: no route to {dst}"));
        };
        let to = hop.gateway.unwrap_or(datagram.dst);
        self.transmit(node, hop.iface, Some(to), &Frame::Control(datagram));
    }

    /// Puts a frame on a link: for one address on it, or for all.
    pub(super) fn transmit(
        &mut self,
        node: NodeId,
        iface: IfIndex,
        to: Option<Ipv4Addr>,
        frame: &Frame,
    ) {
        let Some(id) = self.nodes[node.0].ports.get(&iface).copied() else {
            return;
        };
        let now = self.clock.now();
        if !self.links[id.0].is_up_at(node) {
            return;
        }
        match frame {
            Frame::Data(data) => self.passes(id, node, data.flow),
            Frame::Control(datagram) => self.keep_control(id, node, datagram),
        }
        let link = &mut self.links[id.0];
        if let Frame::Data(data) = frame {
            let carried = link.carried.entry(data.flow).or_default();
            *carried.entry(node).or_default() += 1;
            if self.keep_heard {
                let shown = link.shown.entry(data.flow).or_default();
                shown.insert(data.sequence);
            }
        }
        let sent = now + link.options.delay;
        let keep = self.keep_heard;
        let passed = match (link.lanes.get_mut(&node), link.cables.get_mut(&node)) {
            (Some(lane), _) => carried(lane, &mut link.rules, &mut link.gone, sent, frame, keep),
            (None, Some(cable)) => cable.carry(0, sent, frame, keep),
            (None, None) => Some((sent, 1)),
        };
        let Some((at, copies)) = passed else {
            return;
        };
        if let Medium::Snooping(switch) = &mut link.medium {
            switch.note(now, node, frame);
        }
        for (receiver, iface) in link.receivers(node, to) {
            if let Medium::Snooping(switch) = &link.medium
                && !switch.passes_to(now, receiver, frame)
            {
                continue;
            }
            if link.loses(node, &mut self.rng) {
                continue;
            }
            if is_for_routers(frame) && matches!(self.nodes[receiver.0].role, Role::Host(_)) {
                continue;
            }
            let arrive = Happening::Arrive {
                link: id,
                node: receiver,
                iface,
                frame: frame.clone(),
            };
            for _ in 0..copies {
                let passed = match link.cables.get_mut(&receiver) {
                    Some(cable) => cable.carry(1, at, frame, keep),
                    None => Some((at, 1)),
                };
                let (at, copies) = passed.unwrap_or((at, 0));
                for _ in 0..copies {
                    self.clock.plan(at, arrive.clone());
                }
            }
        }
    }

    fn passes(&mut self, link: LinkId, node: NodeId, flow: FlowId) {
        if let Some(port) = self.links[link.0].port_mut(node) {
            *port.passed.entry(flow).or_default() += 1;
        }
    }

    /// Gives a router something, and does what it answers.
    pub(super) fn input(&mut self, node: NodeId, input: Input) {
        let now = self.clock.now();
        let Some(input) = self.awake(node, input) else {
            return;
        };
        let Node {
            role, name, names, ..
        } = &mut self.nodes[node.0];
        if let Role::Router(router) = role
            && let Some(router) = &mut router.router
        {
            self.trace
                .line(now, || format!("{name} < {}", shown(names, &input)));
            router.handle(now, input);
            self.drain(node);
        }
    }

    pub(super) fn timer(&mut self, node: NodeId) {
        let now = self.clock.now();
        let suspended = self.is_suspended(node);
        let Node { wake, role, .. } = &mut self.nodes[node.0];
        if wake.is_some_and(|at| at <= now) {
            *wake = None;
        }
        if suspended {
            return;
        }
        match role {
            Role::Router(router) => {
                if let Some(router) = &mut router.router {
                    router.handle_timeout(now);
                    self.drain(node);
                }
            }
            Role::Host(host) => {
                let sent = host.host.timeout(now, &mut self.rng);
                self.host_sent(node, sent);
            }
        }
    }

    /// Does what a router says, looks whether all is as it must be, and plans
    /// the next call of its timers.
    pub(super) fn drain(&mut self, node: NodeId) {
        let now = self.clock.now();
        while let Node { role, name, .. } = &mut self.nodes[node.0]
            && let Role::Router(router) = role
            && let Some(running) = &mut router.router
            && let Some(output) = running.poll_output()
        {
            match output {
                Output::Transmit(packet) => self.router_sent(node, packet),
                Output::Forward(forward) => {
                    let copies = router.plane.forward(&forward);
                    self.send_copies(node, copies);
                }
                Output::Route(update) => {
                    self.trace.line(now, || format!("{name} table {update:?}"));
                    router.plane.apply(update);
                }
                Output::Listen { iface, on } => router.plane.listen(iface, on),
                Output::Event(event) => {
                    self.trace.line(now, || format!("{name} ! {event:?}"));
                    self.keep_told(node, event);
                }
            }
        }
        self.look(node);
        self.plan_wake(node);
    }

    fn look(&mut self, node: NodeId) {
        let now = self.clock.now();
        let Node { role, name, .. } = &self.nodes[node.0];
        if let Role::Router(router) = role
            && let Some(running) = &router.router
        {
            let found = check::router(running, &router.plane, now);
            for finding in found {
                let line = format!("{now} {name}: {finding}");
                self.trace.line(now, || line.clone());
                // The first ones tell the reason.
                if self.violations.len() < 20 {
                    self.violations.push(line);
                }
            }
        }
    }

    fn plan_wake(&mut self, node: NodeId) {
        let Node { wake, role, .. } = &mut self.nodes[node.0];
        let next = match role {
            Role::Router(router) => {
                let router = router.router.as_ref();
                router.and_then(|router| router.poll_timeout().map(|(at, _)| at))
            }
            Role::Host(host) => host.host.next_timer(),
        };
        if let Some(next) = next
            && wake.is_none_or(|at| next < at)
        {
            *wake = Some(next);
            self.clock.plan(next, Happening::Timer(node));
        }
    }

    fn router_sent(&mut self, node: NodeId, packet: Transmit) {
        let now = self.clock.now();
        let Node { name, names, .. } = &self.nodes[node.0];
        let line = || {
            let iface = packet.iface.and_then(|iface| names.get(&iface));
            let iface = iface.map_or("", InterfaceName::as_str);
            let message = message(packet.protocol, &packet.payload);
            format!("{name} > {iface} {} {message}", packet.dst)
        };
        self.trace.line(now, line);
        let datagram = Datagram {
            src: packet.src,
            dst: packet.dst,
            ttl: packet.ttl,
            router_alert: packet.router_alert,
            protocol: packet.protocol,
            payload: packet.payload,
        };
        match packet.iface {
            Some(iface) => {
                let to = Some(datagram.dst).filter(|dst| !dst.is_multicast());
                self.transmit(node, iface, to, &Frame::Control(datagram));
            }
            None => self.route(node, datagram),
        }
    }

    fn host_heard(&mut self, node: NodeId, datagram: &Datagram) {
        let now = self.clock.now();
        if let Role::Host(host) = &mut self.nodes[node.0].role
            && datagram.protocol == IpProtocol::IGMP
            && let Ok(message) = igmp::Message::parse(&datagram.payload)
        {
            host.host.receive(now, &mut self.rng, &message);
            self.plan_wake(node);
        }
    }

    /// A host sends these, and its timers are other ones now.
    pub(super) fn host_sent(&mut self, node: NodeId, sent: Vec<Sent>) {
        let now = self.clock.now();
        let src = self.loopback(node);
        let iface = self.nodes[node.0].ports.keys().next().copied();
        for (dst, message) in sent {
            let name = &self.nodes[node.0].name;
            self.trace
                .line(now, || format!("{name} > {dst} {message:?}"));
            let datagram = Datagram {
                src,
                dst,
                ttl: 1,
                router_alert: true,
                protocol: IpProtocol::IGMP,
                payload: message.emit(),
            };
            if let Some(iface) = iface {
                self.transmit(node, iface, None, &Frame::Control(datagram));
            }
        }
        self.plan_wake(node);
    }
}

/// Hosts do not listen to these groups.
fn is_for_routers(frame: &Frame) -> bool {
    match frame {
        Frame::Control(datagram) => {
            [ALL_ROUTERS, ALL_V3_ROUTERS, pim::ALL_PIM_ROUTERS].contains(&datagram.dst)
        }
        Frame::Data(_) => false,
    }
}

fn shown(names: &BTreeMap<IfIndex, InterfaceName>, input: &Input) -> String {
    match input {
        Input::Packet(packet) => {
            let message = message(packet.protocol, &packet.payload);
            let iface = names.get(&packet.iface).map_or("?", InterfaceName::as_str);
            format!("{iface} {} {message}", packet.src)
        }
        Input::Interface(_) | Input::Route(_) | Input::DataPlane(_) | Input::Config(_) => {
            let mut text = format!("{input:?}");
            text.truncate(text.floor_char_boundary(300));
            text
        }
    }
}

fn message(protocol: IpProtocol, payload: &[u8]) -> String {
    match protocol {
        IpProtocol::PIM => format!("{:?}", pim::Message::parse(payload)),
        _ => format!("{:?}", igmp::Message::parse(payload)),
    }
}
