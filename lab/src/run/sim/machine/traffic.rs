//! Senders and receivers, and what they report.

use std::net::Ipv4Addr;
use std::time::Duration;

use ipnet::Ipv4Net;
use mcr_proto::id::{GroupAddr, UnicastAddr};
use mcr_sim::{FlowId, Stream};
use mcr_wire::igmp::Version;
use mcrgen::report::{SendReport, SentFlow};

use super::{Machine, Sender, group_of, name, nanoseconds};
use crate::run::sim::receiver::{self, Listener, Sent};
use crate::topology::model::{Hosts, NodeId, Rate, Source};

/// An emulated host and a group that it has joined.
pub(super) type Joined = (mcr_sim::NodeId, GroupAddr);

fn after(first: Ipv4Addr, number: u32) -> Ipv4Addr {
    Ipv4Addr::from(u32::from(first).saturating_add(number))
}

impl Machine {
    pub(in crate::run::sim) fn report(&mut self) {
        for source in 0..self.senders.len() {
            self.report_sender(source);
        }
        self.take_heard();
        let now = self.now_ns();
        let mut ledger = self.ledger.borrow_mut();
        for listener in self.listeners.iter_mut().flatten() {
            ledger.receiver_reported(listener.session, listener.report(now));
        }
    }

    fn report_sender(&mut self, source: usize) {
        let Some(sender) = self.senders.get(source).and_then(Option::as_ref) else {
            return;
        };
        let model = &self.topology.sources[source];
        let sent = |flow: &FlowId| u64::try_from(self.network.sent(*flow).len()).unwrap_or(0);
        let flows = sender.flows.iter().zip(&model.groups).zip(0..);
        let flows: Vec<SentFlow> = flows
            .map(|((flow, group), number)| SentFlow {
                flow: number,
                destination: *group,
                port: model.port,
                sent: sent(flow),
            })
            .collect();
        let total: u64 = flows.iter().map(|flow| flow.sent).sum();
        let report = SendReport {
            run: sender.run,
            at_ns: self.now_ns(),
            elapsed_ns: self.now_ns() - nanoseconds(sender.began),
            due: total,
            sent: total,
            bytes: total * u64::from(model.size),
            target_pps: pps(model),
            flows,
            ..SendReport::default()
        };
        let run = sender.run;
        self.ledger.borrow_mut().sender_reported(run, report);
    }

    /// Gives each receiver what came to its host.
    fn take_heard(&mut self) {
        for position in 0..self.nodes.len() {
            for heard in self.network.take_heard(self.nodes[position]) {
                let Some(flow) = self.flows.get(&heard.data.flow) else {
                    continue;
                };
                let sent = self.network.sent(heard.data.flow);
                let number = usize::try_from(heard.data.sequence).unwrap_or(usize::MAX);
                let sent_ns = sent.get(number).map_or(0, |at| nanoseconds(*at));
                for (model, listener) in self.topology.receivers.iter().zip(&mut self.listeners) {
                    if let Some(listener) = listener
                        && model.at.0 == position
                    {
                        let at_ns = nanoseconds(heard.at);
                        listener.heard(model, flow, &heard.data, sent_ns, at_ns);
                    }
                }
            }
        }
    }

    pub(in crate::run::sim) fn join(&mut self, receiver: usize) -> Result<u64, String> {
        let Some(model) = self.topology.receivers.get(receiver) else {
            return Err("there is no such receiver".to_owned());
        };
        let now = self.now_ns();
        let slot = &mut self.listeners[receiver];
        if slot.is_some() {
            return Err(format!("{} has joined already", model.name));
        }
        let session = self.ledger.borrow_mut().receiver_started(receiver);
        *slot = Some(Listener::new(session, now));
        let (at, groups, igmp) = (model.at, model.groups.clone(), model.igmp);
        if let Some(version) = igmp.and_then(version) {
            self.network.set_version(self.nodes[at.0], version);
        }
        self.memberships(at, &groups);
        self.report();
        Ok(now)
    }

    pub(in crate::run::sim) fn leave(&mut self, receiver: usize) -> Result<(), String> {
        let Some(model) = self.topology.receivers.get(receiver) else {
            return Err("there is no such receiver".to_owned());
        };
        let (at, groups) = (model.at, model.groups.clone());
        let name = model.name.clone();
        self.report();
        let Some(listener) = self.listeners[receiver].take() else {
            return Err(format!("{name} has not joined"));
        };
        let now = self.now_ns();
        let mut ledger = self.ledger.borrow_mut();
        ledger.receiver_ended(listener.session, now);
        drop(ledger);
        self.memberships(at, &groups);
        Ok(())
    }

    /// What a host wants of groups: what all its receivers together do.
    fn memberships(&mut self, at: NodeId, groups: &[Ipv4Addr]) {
        for address in groups {
            let joined = self.topology.receivers.iter().zip(&self.listeners);
            let here = joined.filter(|(model, listener)| {
                listener.is_some() && model.at == at && model.groups.contains(address)
            });
            let filter = receiver::filter(here.map(|(model, _)| model));
            if let Ok(group) = GroupAddr::try_from(*address) {
                self.network.set_filter(self.nodes[at.0], group, filter);
            }
        }
    }

    pub(in crate::run::sim) fn send(&mut self, source: usize) -> Result<(), String> {
        let Some(model) = self.topology.sources.get(source) else {
            return Ok(());
        };
        if self.senders[source].is_some() {
            return Err(format!("{} sends already", model.name));
        }
        self.runs += 1;
        let run = self.runs;
        self.ledger.borrow_mut().sender_started(source, run);
        let mut flows = Vec::new();
        for (position, group) in model.groups.iter().enumerate() {
            let group = GroupAddr::try_from(*group).map_err(|error| error.to_string())?;
            let stream = stream(model, position, group);
            let flow = self.network.send_stream(self.nodes[model.at.0], stream);
            let number = u32::try_from(position).unwrap_or(u32::MAX);
            self.flows.insert(flow, Sent::new(run, number, model));
            flows.push(flow);
        }
        let began = self.network.now();
        self.senders[source] = Some(Sender { run, began, flows });
        // The first packet goes at once.
        self.network.run_until(began);
        self.report();
        Ok(())
    }

    pub(in crate::run::sim) fn stop(&mut self, source: usize) -> Result<(), String> {
        self.report();
        let Some(sender) = self.senders.get_mut(source).and_then(Option::take) else {
            let name = self.topology.sources.get(source).map(|source| &source.name);
            return Err(format!(
                "{} does not send",
                name.map_or("?", String::as_str)
            ));
        };
        for flow in sender.flows {
            self.network.stop_flow(flow);
        }
        self.ledger.borrow_mut().sender_ended(sender.run);
        Ok(())
    }

    /// Many hosts join; they are to leave by [`Machine::hosts_leave`].
    pub(in crate::run::sim) fn hosts_join(&mut self, hosts: &Hosts) -> Result<Vec<Joined>, String> {
        let link = self.topology.nodes[hosts.at.0].interfaces[hosts.interface].link;
        let prefix_len = self.topology.links[link.0].net.prefix_len();
        let link = self.links[link.0];
        let mut placed = Vec::new();
        for number in 0..hosts.count {
            let address = after(hosts.address, number);
            let own: UnicastAddr = address
                .try_into()
                .map_err(|_| format!("{address} is no address of a host"))?;
            let speaks = version(hosts.igmp).unwrap_or(Version::V3);
            let host = self.network.place_host("emulated", own, speaks);
            let net = Ipv4Net::new(address, prefix_len).map_err(|error| error.to_string())?;
            self.network.plug(link, host, name("lan"), vec![net]);
            placed.push(host);
        }
        let mut joined = Vec::new();
        for (number, host) in (0..hosts.groups).zip(placed.iter().cycle()) {
            let group = group_of(after(hosts.group, number))?;
            self.network
                .set_filter(*host, group, receiver::filter_of(&hosts.wanted));
            joined.push((*host, group));
        }
        Ok(joined)
    }

    pub(in crate::run::sim) fn hosts_leave(&mut self, joined: Vec<Joined>) {
        for (host, group) in &joined {
            self.network.leave(*host, *group);
        }
        for (host, _) in joined {
            if let Some(link) = self.network.link_of(host) {
                self.network.unplug(link, host);
            }
        }
    }
}

fn version(number: u8) -> Option<Version> {
    match number {
        1 => Some(Version::V1),
        2 => Some(Version::V2),
        3 => Some(Version::V3),
        _ => None,
    }
}

/// Datagrams per second, all groups together.
fn pps(source: &Source) -> f64 {
    match source.rate {
        Rate::Pps(pps) => pps,
        Rate::Bps(bits) => bits / 8.0 / f64::from(source.size),
    }
}

/// The part of a source that goes to one of its groups: it sends to each in
/// turn.
fn stream(source: &Source, position: usize, group: GroupAddr) -> Stream {
    let step = Duration::from_secs_f64(1.0 / pps(source));
    let groups = u32::try_from(source.groups.len()).unwrap_or(u32::MAX);
    let turn = u32::try_from(position).unwrap_or(u32::MAX);
    let whole = |count: u64| {
        let (each, more) = (count / u64::from(groups), count % u64::from(groups));
        each + u64::from(u64::from(turn) < more)
    };
    Stream {
        group,
        interval: step * groups,
        delay: step * turn,
        ttl: source.ttl,
        limit: source.count.map(whole),
    }
}
