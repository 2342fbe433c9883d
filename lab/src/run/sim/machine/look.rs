//! What can be seen of the network.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::ops::Range;

use mcr_api::Method;
use mcr_api::router::Mroute;
use mcr_api::state::Page;
use mcr_proto::router::Counters;
use mcr_sim::wire::Counts;
use mcr_sim::{ControlSent, FlowId};
use mcr_view::{View, igmp, mroute, pim};
use mcr_wire::ipv4::Outgoing;
use serde::Serialize;
use serde_json::Value;

use super::{Machine, group_of, nanoseconds};
use crate::assertion::router::Rpf;
use crate::assertion::tables::Database;
use crate::backend::netns::{Carried, Gone};
use crate::node::Life;
use crate::run::capture::{Count, Frame};
use crate::run::chosen::Chosen;
use crate::run::locate::Passed;
use crate::run::messages::{Source, Told};
use crate::run::notices::{Notice, What};
use crate::topology::model::{LinkId, Medium, NodeId, WireId};

impl Machine {
    /// What a node's mcrd would answer.
    pub(in crate::run::sim) fn answer(&self, at: NodeId, method: &Method) -> Result<Value, String> {
        let view = self.view(at)?;
        if self.network.is_suspended(self.nodes[at.0]) {
            return Err("the daemon is frozen".to_owned());
        }
        match method {
            Method::PimInterfaces {} => told(&pim::interfaces(view)),
            Method::PimNeighbors {} => told(&pim::neighbors(view)),
            Method::PimRps {} => told(&pim::rps(view)),
            Method::PimRp { group } => told(&pim::rp_of(view, group_of(*group)?)),
            Method::Rpf { address, group } => {
                let group = group.map(group_of).transpose()?;
                told(&pim::rpf(view, *address, group))
            }
            Method::IgmpInterfaces {} => told(&igmp::interfaces(view)),
            Method::IgmpGroups { .. } => {
                let keys = igmp::keys(view, None);
                page(keys.map(|key| igmp::group(view, key)))
            }
            Method::Mroute { group, .. } => {
                let group = group.map(group_of).transpose()?;
                let keys = mroute::keys(view, group, None);
                page(keys.map(|key| self.counted_entry(at, mroute::entry(view, key))))
            }
            Method::StatsProtocols {} => told(&mcr_view::counters(view, &Counters::default())),
            Method::Version {}
            | Method::Status {}
            | Method::RulesList { .. }
            | Method::RulesShow { .. }
            | Method::RulesAdd { .. }
            | Method::RulesRemove { .. }
            | Method::StatsRules { .. }
            | Method::StatsInputs {}
            | Method::Workers {}
            | Method::Interfaces {}
            | Method::Watch { .. }
            | Method::ConfigShow { .. }
            | Method::ConfigBegin { .. }
            | Method::ConfigPut { .. }
            | Method::ConfigCheck { .. }
            | Method::ConfigLoad { .. }
            | Method::ConfigReload { .. }
            | Method::ConfigDiff { .. }
            | Method::ConfigSave { .. }
            | Method::LogGet { .. }
            | Method::LogSet { .. } => Err("a simulated daemon does not tell this".to_owned()),
        }
    }

    fn view(&self, at: NodeId) -> Result<View<'_>, String> {
        let router = self.nodes.get(at.0).map(|node| self.network.running(*node));
        let Some(router) = router.flatten() else {
            return Err("no daemon runs there".to_owned());
        };
        Ok(View {
            router,
            now: self.network.now(),
        })
    }

    /// How a node's mcrd is.
    pub(in crate::run::sim) fn life(&self, at: NodeId) -> Life {
        let Some(node) = self.nodes.get(at.0) else {
            return Life::Runs;
        };
        match self.network.running(*node) {
            _ if !self.topology.nodes[at.0].kind.is_router() => Life::Runs,
            None => Life::Ended,
            Some(_) if self.network.is_suspended(*node) => Life::Frozen,
            Some(_) => Life::Runs,
        }
    }

    /// The way to an address by the routes that a node has, frozen or not.
    pub(in crate::run::sim) fn way(&self, at: NodeId, to: Ipv4Addr) -> Result<Rpf, String> {
        let told = pim::rpf(self.view(at)?, to, None);
        Ok(Rpf {
            interface: told.interface,
            neighbor: told.next_hop,
        })
    }

    /// The entry, with the packets that the data plane took for it.
    fn counted_entry(&self, at: NodeId, mut entry: Mroute) -> Mroute {
        let plane = self.network.plane(self.nodes[at.0]);
        let taken = plane.and_then(|plane| plane.taken(entry.group, entry.source));
        (entry.packets, entry.bytes) = (taken, None);
        entry
    }

    /// What the switch of a link has learned.
    pub(in crate::run::sim) fn database(&self, link: LinkId) -> Result<Database, String> {
        let state = self.network.link_state(self.links[link.0]);
        let mcr_sim::Medium::Snooping(switch) = &state.medium else {
            return Err("no switch snoops there".to_owned());
        };
        let now = self.network.now();
        let name = |node: mcr_sim::NodeId| self.network.name(node).to_owned();
        let groups = switch.groups(now);
        let groups = groups.map(|(group, ports)| (group, ports.into_iter().map(name).collect()));
        Ok(Database {
            groups: groups.collect(),
            routers: switch.routers(now).map(name).collect(),
        })
    }

    /// What passed an interface: what passed its link, where that has two ends.
    pub(in crate::run::sim) fn count(
        &self,
        at: NodeId,
        interface: usize,
        of: Option<Ipv4Addr>,
    ) -> Count {
        let node = self.nodes[at.0];
        let link = self.topology.nodes[at.0].interfaces[interface].link;
        let id = self.links[link.0];
        let wire = self.topology.links[link.0].medium == Medium::Veth;
        self.counted(of, |flow| {
            if wire {
                self.network.carried_on(flow, id)
            } else {
                self.network.passed(id, node, flow)
            }
        })
    }

    pub(in crate::run::sim) fn by_link(&self, group: Ipv4Addr) -> BTreeMap<LinkId, u64> {
        let links = self.links.iter().enumerate();
        links
            .map(|(position, id)| {
                let count = self.counted(Some(group), |flow| self.network.carried_on(flow, *id));
                (LinkId(position), count.datagrams)
            })
            .collect()
    }

    fn counted(&self, of: Option<Ipv4Addr>, count: impl Fn(FlowId) -> u64) -> Count {
        let mut sum = Count::default();
        for (flow, sent) in &self.flows {
            if of.is_none_or(|of| of == sent.group) {
                let datagrams = count(*flow);
                sum.datagrams += datagrams;
                sum.bytes += datagrams * sent.size;
            }
        }
        sum
    }

    /// What each link showed of the datagrams of these runs.
    pub(in crate::run::sim) fn passed(
        &self,
        runs: &BTreeSet<u64>,
        sent_ns: &Range<u64>,
    ) -> Vec<Passed> {
        let links = self.links.iter().zip(&self.topology.links).enumerate();
        links
            .map(|(position, (id, model))| {
                let mut datagrams = BTreeSet::new();
                for (flow, sent) in &self.flows {
                    if !runs.contains(&sent.run) {
                        continue;
                    }
                    let times = self.network.sent(*flow);
                    let shown = self.network.shown_on(*flow, *id);
                    datagrams.extend(shown.filter_map(|sequence| {
                        let at = times.get(usize::try_from(sequence).ok()?)?;
                        let meant = sent_ns.contains(&nanoseconds(*at));
                        meant.then_some((sent.run, sent.number, sequence))
                    }));
                }
                Passed {
                    link: LinkId(position),
                    name: model.name.clone(),
                    datagrams,
                    partial: false,
                }
            })
            .collect()
    }

    /// When the last datagram to a group was sent that a link showed: almost
    /// when it was there.
    pub(in crate::run::sim) fn last_on(&self, link: LinkId, group: Ipv4Addr) -> Option<u64> {
        let id = *self.links.get(link.0)?;
        let flows = self.flows.iter().filter(|(_, sent)| sent.group == group);
        let last = flows.filter_map(|(flow, _)| {
            let sequence = self.network.shown_on(*flow, id).max()?;
            let at = self
                .network
                .sent(*flow)
                .get(usize::try_from(sequence).ok()?)?;
            Some(nanoseconds(*at))
        });
        last.max()
    }

    /// Puts the messages that were sent since into the ring.
    pub(super) fn gather(&mut self) {
        for sent in self.network.take_control() {
            let link = self.links.iter().position(|link| *link == sent.link);
            if let (Some(link), Some(frame)) = (link, frame(&sent)) {
                self.messages.push(link, frame);
            }
        }
        let told: Vec<_> = self.network.take_told().collect();
        for one in told {
            let node = self.nodes.iter().position(|node| *node == one.node);
            let name = |iface| {
                let name = self.network.name_of(one.node, iface);
                name.map_or_else(|| format!("#{iface}"), str::to_owned)
            };
            let what = What::Router(mcr_view::event::told(&one.event, name));
            if let Some(node) = node.map(NodeId) {
                let at_ns = nanoseconds(one.at);
                self.notices.push(Notice { at_ns, node, what });
            }
        }
    }

    /// What routers told since the last call, and how much more there was.
    pub(in crate::run::sim) fn notices(&mut self) -> (Vec<Notice>, u64) {
        self.gather();
        self.notices.take()
    }

    /// The messages with this number or a later one.
    pub(in crate::run::sim) fn messages(&mut self, from: u64) -> Told {
        self.gather();
        let links = (0..self.links.len()).map(|link| Source {
            link: LinkId(link),
            repeats: false,
            held: false,
        });
        self.messages.told(from, &links.collect::<Vec<_>>())
    }

    /// The links' names, and those messages as frames that are chosen.
    pub(in crate::run::sim) fn frames(
        &mut self,
        chosen: &Chosen,
    ) -> (Vec<String>, Vec<(usize, Frame)>) {
        self.gather();
        let names = self.topology.links.iter().map(|link| link.name.clone());
        let kept = self.messages.frames();
        let kept = kept.filter(|(_, frame)| chosen.has(frame));
        let frames = kept.map(|(link, frame)| (link, frame.clone()));
        (names.collect(), frames.collect())
    }

    pub(in crate::run::sim) fn carried(&self) -> Vec<(WireId, [Carried; 2])> {
        let carried = |counts: Option<Counts>| Carried {
            counts: counts.unwrap_or_default(),
            overrun: 0,
        };
        let wires = self.topology.wires();
        wires
            .filter_map(|(at, _)| {
                let id = self.links[at.link.0];
                if let Some((node, _)) = at.member {
                    let counts = self.network.member_counts(id, self.nodes[node.0])?;
                    return Some((at, counts.map(|counts| carried(Some(counts)))));
                }
                let [a, b] = self.topology.links[at.link.0].ends[..] else {
                    return None;
                };
                let lane = |(node, _): (NodeId, usize)| {
                    carried(self.network.lane_counts(id, self.nodes[node.0]))
                };
                Some((at, [lane(a), lane(b)]))
            })
            .collect()
    }

    pub(in crate::run::sim) fn gone(&self, at: WireId) -> Gone {
        let member = at.member.map(|(node, _)| self.nodes[node.0]);
        let mut gone = Gone::default();
        for (flow, sent) in &self.flows {
            for sequence in self.network.gone_on(self.links[at.link.0], member, *flow) {
                gone.add((sent.run, sent.number, sequence));
            }
        }
        gone
    }

    /// What the checks after every event found since the last call.
    pub(in crate::run::sim) fn broken(&mut self) -> Vec<String> {
        let found = self.network.violations();
        let new = found.get(self.broken..).unwrap_or_default().to_vec();
        self.broken += new.len();
        new
    }

    /// Datagrams that went in circles since the last call.
    pub(in crate::run::sim) fn circles(&mut self) -> u64 {
        let new = self.network.circles - self.circles;
        self.circles += new;
        new
    }

    pub(in crate::run::sim) fn trace(&self) -> String {
        self.network.trace.to_string()
    }
}

/// The frame that would have been seen of a message.
fn frame(sent: &ControlSent) -> Option<Frame> {
    let packet = Outgoing {
        source: sent.source,
        destination: sent.destination,
        protocol: sent.protocol.0,
        ttl: sent.ttl,
        tos: 0,
        router_alert: sent.router_alert,
        payload: &sent.payload,
    };
    let [_, b, c, d] = sent.destination.octets();
    // RFC 1112 §6.4; what has one receiver goes to an address made up.
    let to = match sent.destination.is_multicast() {
        true => [0x01, 0x00, 0x5e, b & 0x7f, c, d],
        false => [0x02, 0, 0, b, c, d],
    };
    let [_, b, c, d] = sent.source.octets();
    let mut bytes = Vec::from(to);
    bytes.extend([0x02, 0, 0, b, c, d, 0x08, 0x00]);
    bytes.extend(packet.emit()?);
    Some(Frame {
        at_ns: nanoseconds(sent.at),
        length: u32::try_from(bytes.len()).ok()?,
        bytes: bytes.into(),
    })
}

fn told(what: &impl Serialize) -> Result<Value, String> {
    serde_json::to_value(what).map_err(|error| error.to_string())
}

fn page<T: Serialize>(items: impl Iterator<Item = T>) -> Result<Value, String> {
    told(&Page {
        items: items.collect(),
        next: None,
    })
}
