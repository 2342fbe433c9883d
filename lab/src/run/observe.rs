//! One look at a condition.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::net::Ipv4Addr;
use std::ops::Range;
use std::time::Duration;

use super::capture::Count;
use super::datagrams::{Asked, Cursor};
use super::ledger::{Ledger, RateSeen, SendRun};
use super::stage::Stage;
use super::{likeness, model, question, snapshot, tables};
use crate::assertion::bound::number;
use crate::assertion::counters::{self, Counters};
use crate::assertion::state::{self, State};
use crate::assertion::{Observed, log, packets, router, rx};
use crate::backend::netns::Gone;
use crate::reference::Situation;
use crate::topology::messages::MessagesCheck;
use crate::topology::model::{
    Bound, Check, CounterOf, Exec, Expectation, LinkId, ModelPart, NodeId, RatePoint, RxCheck,
    StateIs, Topology, TreeIs,
};
use crate::topology::question::Interfaces;

/// The shortest time over which a rate at an interface is told.
const RATE_WINDOW_NS: u64 = 400_000_000;

/// How often routers are asked for a comparison with the model: FRR is asked by
/// a program of its own each time.
const MODEL_EVERY_NS: u64 = 200_000_000;

/// Why a look at the start does not tell which links carry something.
const WATCHED: &str = "the links are watched for a moment";

/// What the looks of one step have in common.
pub(super) struct Scene<'a, S> {
    /// Where the run is.
    pub stage: &'a S,
    /// What the steps have changed so far.
    pub situation: &'a Situation,
    /// The snaps taken so far.
    pub snaps: &'a BTreeMap<String, State>,
    /// When the step began.
    pub began_ns: u64,
    /// When the receivers joined that did in the step.
    pub joined: &'a BTreeMap<usize, u64>,
    /// The number of the step's first message.
    pub first_message: u64,
    /// How long the logs were when the step began.
    pub logs: BTreeMap<NodeId, u64>,
    /// The span that a `measure` set; until now where there is none.
    pub measured: Option<Measured>,
}

/// A measured span.
#[derive(Clone, Debug, Default)]
pub(super) struct Measured {
    /// Its start.
    pub from_ns: u64,
    /// Its end.
    pub to_ns: u64,
    /// What passed the interfaces in it, by expectation.
    pub passed: Vec<(Count, Count)>,
    /// The counters at its start, by expectation.
    pub counters: Vec<Counters>,
}

/// Counts of datagrams by link, with their times.
type Samples = Vec<(u64, BTreeMap<LinkId, u64>)>;

/// What one expectation remembers between looks.
#[derive(Default)]
pub(super) struct Memory {
    /// When the looks began, after the step's actions.
    began_ns: u64,
    samples: RefCell<Vec<(u64, Count)>>,
    carried: RefCell<BTreeMap<Ipv4Addr, Samples>>,
    /// The messages looked at, and where the next look begins.
    messages: RefCell<(u64, packets::Seen)>,
    datagrams: RefCell<Cursor>,
    compared: RefCell<Option<(u64, Observed)>>,
    /// Packets of a forwarding entry at the first look.
    pub(super) packets: RefCell<Option<u64>>,
    /// Where the next look at a log begins, and what was seen of it.
    pub(super) log: RefCell<Option<(u64, log::Seen)>>,
}

impl Memory {
    /// Nothing seen yet, of what is looked at from `began_ns` on.
    pub(super) fn since(began_ns: u64) -> Memory {
        Memory {
            began_ns,
            ..Memory::default()
        }
    }
}

impl<S: Stage> Scene<'_, S> {
    /// Looks at the condition of the step's expectation at `position`.
    pub(super) async fn look(
        &self,
        position: usize,
        expectation: &Expectation,
        memory: &Memory,
    ) -> Observed {
        match &expectation.check {
            Check::Rx(check) => self.rx(check),
            Check::Rate { at, of, pps, bps } => match self.rate(position, *at, *of, memory) {
                Some(rate) => rx::judge_rate(pps, bps, &rate),
                None => Observed::not_yet("no rate yet"),
            },
            Check::Counters { at, of, bounds } => {
                match self.counters(position, *at, of, bounds).await {
                    Ok(seen) => counters::judge(bounds, &seen),
                    Err(reason) => Observed::not_yet(reason),
                }
            }
            Check::Router(asked) => question::look(self.stage, asked, expectation.never).await,
            Check::Packets(check) => self.packets(check, memory),
            Check::State(StateIs::Snap(name)) => self.state(name, memory).await,
            Check::State(StateIs::Model(parts)) => self.likeness(parts, memory).await,
            Check::Mfc(asked) => tables::mfc(self.stage, asked, memory, expectation.never).await,
            Check::Mdb(asked) => tables::mdb(self.stage, asked, expectation.never).await,
            Check::Log(asked) => {
                let from = self.logs.get(&asked.at).copied().unwrap_or(0);
                tables::log(self.stage, asked, from, memory)
            }
            Check::Tree { group, is } => match (is, self.carriers(*group, memory)) {
                (_, None) => Observed::not_yet(WATCHED),
                (TreeIs::Links(links), Some(found)) => self.tree(links, &found),
                (TreeIs::Model, Some(found)) => self.model(*group, &found, memory).await,
            },
            Check::Exec {
                exec,
                status,
                contains,
            } => {
                let limit = expectation.within * 2 + Duration::from_secs(10);
                self.exec(exec, *status, contains.as_deref(), limit).await
            }
        }
    }

    fn rx(&self, check: &RxCheck) -> Observed {
        let ledger = self.stage.ledger().borrow();
        let counts = |sender: &SendRun| check.of.is_empty() || check.of.contains(&sender.source);
        let owed = |sender: &SendRun, to| owes(self.stage.topology(), check, sender.source, to);
        let now = self.measured.as_ref().map(|measured| measured.to_ns);
        let now = now.unwrap_or_else(|| self.stage.now_ns());
        let mut seen = ledger.rx(check.by, now.max(self.began_ns), counts, owed);
        if let Some(wire) = check.loss_on {
            let gone = self.stage.gone(wire);
            seen.on_wire = (!gone.partial).then(|| taken(&gone, &seen.owed));
        }
        let times = rx::Times {
            since_ns: self.could_come(&ledger, check.by, counts),
            late: self.stage.late(self.began_ns),
        };
        rx::judge(check, &seen, times)
    }

    /// When the receiver could have its first datagram of the step: from when it
    /// joined and one of the sources sent, where that was in the step.
    fn could_come(
        &self,
        ledger: &Ledger,
        receiver: usize,
        counts: impl Fn(&SendRun) -> bool,
    ) -> u64 {
        let joined = self.joined.get(&receiver).copied().unwrap_or_default();
        let senders = ledger.runs().filter(|sender| counts(sender));
        let sent = senders.map(SendRun::began_ns).min().unwrap_or_default();
        self.began_ns.max(joined).max(sent)
    }

    fn rate(
        &self,
        position: usize,
        at: RatePoint,
        of: Option<Ipv4Addr>,
        memory: &Memory,
    ) -> Option<RateSeen> {
        let (node, interface) = match at {
            RatePoint::Receiver(receiver) => {
                let ledger = self.stage.ledger().borrow();
                return ledger.rx_rate(receiver, of, memory.began_ns);
            }
            RatePoint::Interface(node, interface) => (node, interface),
        };
        let (from, to, before, after) = match &self.measured {
            Some(measured) => {
                let (before, after) = measured.passed.get(position).copied()?;
                (measured.from_ns, measured.to_ns, before, after)
            }
            None => {
                let count = self.stage.count(node, interface, of);
                let now = self.stage.now_ns();
                let mut samples = memory.samples.borrow_mut();
                samples.push((now, count));
                let old = now.saturating_sub(RATE_WINDOW_NS);
                let keep = samples.iter().rposition(|(at, _)| *at <= old)?;
                samples.drain(..keep);
                let &(from, before) = samples.first()?;
                (from, now, before, count)
            }
        };
        Some(RateSeen::over(
            after.datagrams.saturating_sub(before.datagrams),
            after.bytes.saturating_sub(before.bytes),
            to.saturating_sub(from),
        ))
    }

    /// The links that carried the group for a while; `None` before that.
    fn carriers(&self, group: Ipv4Addr, memory: &Memory) -> Option<BTreeSet<LinkId>> {
        let now = self.stage.now_ns();
        let counts = self.stage.by_link(group);
        let mut samples = memory.carried.borrow_mut();
        let samples = samples.entry(group).or_default();
        samples.push((now, counts.clone()));
        let old = now.saturating_sub(RATE_WINDOW_NS);
        let keep = samples.iter().rposition(|(at, _)| *at <= old)?;
        samples.drain(..keep);
        let (_, before) = samples.first()?;
        let more = |(link, count): (LinkId, u64)| {
            let then = before.get(&link).copied().unwrap_or(0);
            (count > then).then_some(link)
        };
        Some(counts.into_iter().filter_map(more).collect())
    }

    /// All that the routers know.
    async fn state(&self, same_as: &str, memory: &Memory) -> Observed {
        let Some(before) = self.snaps.get(same_as) else {
            let known: Vec<&str> = self.snaps.keys().map(String::as_str).collect();
            let known = known.join(", ");
            return Observed::not_yet(format!("there is no snap `{same_as}`; snaps: {known}"));
        };
        let looked = async {
            match snapshot::take(self.stage, self.situation).await {
                Ok(state) => state::judge(same_as, before, &state),
                Err(reason) => Observed::not_yet(reason),
            }
        };
        self.seldom(memory, looked).await
    }

    /// All that the model knows.
    async fn likeness(&self, parts: &BTreeSet<ModelPart>, memory: &Memory) -> Observed {
        let groups = snapshot::groups(self.stage.topology()).into_iter();
        let all = groups.map(|group| Some((group, self.carriers(group, memory)?)));
        // Each of them is watched from the first look on.
        let all: Vec<Option<(Ipv4Addr, BTreeSet<LinkId>)>> = all.collect();
        let Some(carried) = all.into_iter().collect::<Option<likeness::Carried>>() else {
            return Observed::not_yet(WATCHED);
        };
        let looked = likeness::look(self, parts, &carried);
        self.seldom(memory, looked).await
    }

    async fn model(&self, group: Ipv4Addr, found: &BTreeSet<LinkId>, memory: &Memory) -> Observed {
        self.seldom(memory, model::look(self, group, found)).await
    }

    /// Asks all routers, but not at every look.
    async fn seldom(&self, memory: &Memory, looked: impl Future<Output = Observed>) -> Observed {
        let now = self.stage.now_ns();
        if let Some((at, told)) = &*memory.compared.borrow()
            && now.saturating_sub(*at) < MODEL_EVERY_NS
        {
            return told.clone();
        }
        let told = looked.await;
        memory.compared.replace(Some((now, told.clone())));
        told
    }

    fn tree(&self, asked: &Interfaces, found: &BTreeSet<LinkId>) -> Observed {
        let links = found
            .iter()
            .filter_map(|link| self.stage.topology().links.get(link.0));
        let found: BTreeSet<String> = links.map(|link| link.name.clone()).collect();
        let names: Vec<&str> = found.iter().map(String::as_str).collect();
        let measured = if names.is_empty() {
            "no link carries it".to_owned()
        } else {
            format!("carried by {}", names.join(" "))
        };
        Observed::judged(measured, router::carriers(asked, &found))
    }

    /// The messages on the links.
    fn packets(&self, check: &MessagesCheck, memory: &Memory) -> Observed {
        let (from_ns, to_ns) = match &self.measured {
            Some(measured) => (measured.from_ns, measured.to_ns),
            None => (self.began_ns, self.stage.now_ns()),
        };
        let after = u64::try_from(check.after.as_nanos()).unwrap_or(u64::MAX);
        let span = packets::Span {
            from_ns: from_ns.saturating_add(after),
            to_ns,
            // Latencies of messages are counted from the step's last join.
            zero_ns: self.joined.values().copied().max().unwrap_or(self.began_ns),
        };
        let mut messages = memory.messages.borrow_mut();
        let (next, seen) = &mut *messages;
        let told = self.stage.messages((*next).max(self.first_message));
        *next = told.next;
        seen.missed(told.missed);
        for message in &told.messages {
            if message.at_ns >= span.from_ns && check.links.contains(&message.link) {
                seen.add(&check.asked, message);
            }
        }
        if check.asked.names_data() {
            let told = self.stage.datagrams(
                &mut memory.datagrams.borrow_mut(),
                &Asked {
                    links: &check.links,
                    since_ns: span.from_ns,
                    meant: &|packet| check.asked.means(packet),
                },
            );
            seen.missed(told.missed);
            for datagram in &told.datagrams {
                seen.add(&check.asked, datagram);
            }
        }
        packets::judge(&check.asked, seen, span, &check.place)
    }

    async fn counters(
        &self,
        position: usize,
        at: NodeId,
        of: &CounterOf,
        bounds: &[(String, Bound)],
    ) -> Result<Counters, String> {
        let mut now = self.stage.counters(at, of).await?;
        if matches!(of, CounterOf::Protocols(_)) {
            // Those that are 0 are not told.
            for (name, _) in bounds {
                now.entry(name.clone()).or_default();
            }
        }
        match &self.measured {
            Some(measured) => {
                let before = measured.counters.get(position);
                Ok(counters::since(before.unwrap_or(&BTreeMap::new()), now))
            }
            None => Ok(now),
        }
    }

    async fn exec(
        &self,
        exec: &Exec,
        status: i32,
        contains: Option<&str>,
        limit: Duration,
    ) -> Observed {
        let finished = match self.stage.exec(exec, limit).await {
            Ok(finished) => finished,
            Err(reason) => return Observed::not_yet(reason),
        };
        let mut missed = Vec::new();
        if finished.status != status {
            missed.push(format!(
                "status {}, expected {status}: {}",
                finished.status,
                finished.last_line()
            ));
        }
        if let Some(text) = contains
            && !finished.output.contains(text)
        {
            missed.push(format!(
                "the output has no `{text}`; its last line: {}",
                finished.last_line()
            ));
        }
        Observed::judged(
            format!("status {}", number(f64::from(finished.status))),
            missed,
        )
    }
}

/// How many of the datagrams that are owed a wire took.
fn taken(gone: &Gone, owed: &[(u64, u32, Range<u64>)]) -> u64 {
    let of = |(run, flow, sent): &(u64, u32, Range<u64>)| {
        let range = (*run, *flow, sent.start)..(*run, *flow, sent.end);
        gone.datagrams.range(range).copied()
    };
    let all: BTreeSet<_> = owed.iter().flat_map(of).collect();
    all.len() as u64
}

/// A flow of `source` to `to` should reach the receiver: it joined that group,
/// or has no group in common with the source, so that a relay must change them.
#[must_use]
pub(super) fn owes(topology: &Topology, check: &RxCheck, source: usize, to: Ipv4Addr) -> bool {
    let (Some(receiver), Some(source)) = (
        topology.receivers.get(check.by),
        topology.sources.get(source),
    ) else {
        return false;
    };
    let node = topology.nodes.get(source.at.0);
    let interface = node.and_then(|node| node.interfaces.get(source.interface));
    let address = interface.and_then(|interface| interface.addresses.first());
    let unwanted = address.is_some_and(|address| !receiver.wanted.takes(address.addr()));
    let shared = |group: &Ipv4Addr| receiver.groups.contains(group);
    if source.groups.iter().any(shared) {
        return shared(&to) && !unwanted;
    }
    !check.of.is_empty()
}

/// What an expectation is about, in few words.
#[must_use]
pub(super) fn about(topology: &Topology, expectation: &Expectation) -> String {
    let node = |at: &NodeId| topology.nodes.get(at.0).map_or("?", |node| &node.name);
    let receiver = |at: usize| topology.receivers.get(at).map_or("?", |r| &r.name);
    match &expectation.check {
        Check::Rx(check) => {
            let sources = check.of.iter().filter_map(|of| topology.sources.get(*of));
            let names: Vec<&str> = sources.map(|source| source.name.as_str()).collect();
            let names = if names.is_empty() {
                "all".to_owned()
            } else {
                names.join(", ")
            };
            let outage = if expectation.throughout {
                "outage "
            } else {
                ""
            };
            format!("{outage}{} <- {names}", receiver(check.by))
        }
        Check::Rate { at, of, .. } => {
            let place = match at {
                RatePoint::Receiver(at) => receiver(*at).to_owned(),
                RatePoint::Interface(at, interface) => {
                    let all = topology.nodes.get(at.0).map(|node| &node.interfaces);
                    let interface = all.and_then(|all| all.get(*interface));
                    format!("{}:{}", node(at), interface.map_or("?", |i| &i.name))
                }
            };
            match of {
                Some(group) => format!("rate of {group} at {place}"),
                None => format!("rate at {place}"),
            }
        }
        Check::Counters { at, of, .. } => match of {
            CounterOf::Rule(name) => format!("{} rule {name}", node(at)),
            CounterOf::Input(name) => format!("{} input {name}", node(at)),
            CounterOf::Protocols(name) => format!("{}:{name} counters", node(at)),
        },
        Check::Router(asked) => question::about(topology, asked),
        Check::Tree { group, .. } => format!("tree of {group}"),
        Check::State(StateIs::Snap(name)) => format!("state as in {name}"),
        Check::State(StateIs::Model(_)) => "state as in the model".to_owned(),
        Check::Mfc(asked) => {
            let entry = router::entry(asked.source, asked.group);
            format!("{} forwarding of {entry}", node(&asked.at))
        }
        Check::Mdb(asked) => {
            let link = topology.links.get(asked.at.0);
            let link = link.map_or("?", |link| &link.name);
            match asked.group {
                Some(group) => format!("{link} switch's ports of {group}"),
                None => format!("{link} switch's ports of routers"),
            }
        }
        Check::Log(asked) => format!("logs/{}.log /{}/", node(&asked.at), asked.pattern),
        Check::Packets(check) => packets::about(&check.asked, &check.place),
        Check::Exec { exec, .. } => {
            let mut lines = exec.run.lines();
            let first = lines.next().unwrap_or_default();
            let more = if lines.next().is_some() { " ..." } else { "" };
            format!("{}: `{first}`{more}", node(&exec.at))
        }
    }
}
