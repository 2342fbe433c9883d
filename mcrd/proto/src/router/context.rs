//! What every state machine of the router may do to the world: set timers,
//! send, tell, count, and say what has to be looked at again.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use ipnet::Ipv4Net;
use mcr_wire::pim::ALL_PIM_ROUTERS;

use super::event::{Event, Table};
use super::io::{Forward, Output, Transmit};
use super::timer::TimerId;
use super::touched::Touched;
use crate::id::{GroupAddr, IfIndex, UnicastAddr};
use crate::pim::pack::JoinPruneQueue;
use crate::pim::register::limit::RateLimit;
use crate::rng::Rng;
use crate::routes::unwanted::Unwanted;
use crate::tib::TreeKey;
use crate::time::Instant;
use crate::timers::Timers;

/// The effects of one input.
#[derive(Debug)]
pub struct Context {
    /// The timers.
    pub timers: Timers<TimerId>,
    /// Randomness.
    pub rng: Rng,
    /// What Join/Prune messages have to say; they are packed and sent when the
    /// input was dealt with.
    pub join_prune: JoinPruneQueue,
    /// What happened, by interface and name.
    pub counters: Counters,
    /// Data packets that nobody wants.
    pub unwanted: Unwanted,
    /// Register-Stops that were sent lately.
    pub register_stops: RateLimit,
    /// The answers to packets that do not fit a Register.
    pub too_big: RateLimit,
    outputs: VecDeque<Output>,
    changes: VecDeque<Change>,
    dirty: BTreeMap<GroupAddr, Touched>,
    refusals: BTreeMap<Table, Instant>,
}

/// Something that other machines of the router have to follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    /// Neighbours of the interface came, went, or changed their addresses or
    /// options.
    Neighbors(IfIndex),
    /// A neighbour restarted.
    GenerationId(IfIndex, std::net::Ipv4Addr),
    /// The DR of the interface is another one.
    Dr(IfIndex),
    /// Ways to sources or RPs of this network changed.
    Rpf(Ipv4Net),
    /// RPs changed.
    Rp,
    /// An interface came, went, or changed its addresses.
    Interface(IfIndex),
}

impl Context {
    /// Without anything to do.
    pub fn new(seed: u64) -> Context {
        Context {
            timers: Timers::default(),
            rng: Rng::new(seed),
            join_prune: JoinPruneQueue::default(),
            counters: Counters::default(),
            unwanted: Unwanted::default(),
            register_stops: RateLimit::default(),
            too_big: RateLimit::default(),
            outputs: VecDeque::new(),
            changes: VecDeque::new(),
            dirty: BTreeMap::new(),
            refusals: BTreeMap::new(),
        }
    }

    /// Sends a packet.
    pub fn transmit(&mut self, packet: Transmit) {
        self.outputs.push_back(Output::Transmit(packet));
    }

    /// Sends a packet before all others of this turn.
    pub fn transmit_first(&mut self, packet: Transmit) {
        self.outputs.push_front(Output::Transmit(packet));
    }

    /// The interfaces to whose neighbours this turn sends something.
    pub fn pim_speaks(&self) -> BTreeSet<IfIndex> {
        let packets = self.outputs.iter().filter_map(|output| match output {
            Output::Transmit(packet) if packet.dst == ALL_PIM_ROUTERS => packet.iface,
            Output::Transmit(_)
            | Output::Forward(_)
            | Output::Route(_)
            | Output::Listen { .. }
            | Output::Event(_) => None,
        });
        packets.collect()
    }

    /// Sends copies of a data packet; before table changes of the same input,
    /// so that it is not overtaken by packets after it.
    pub fn forward(&mut self, packet: Forward) {
        self.outputs.push_back(Output::Forward(packet));
    }

    /// Tells an event.
    pub fn event(&mut self, event: Event) {
        self.outputs.push_back(Output::Event(event));
    }

    /// A table is full and something was not taken in: counts it, and tells so
    /// at most once a second.
    pub fn refused(&mut self, now: Instant, table: Table) {
        self.counters.add_global(table.refused());
        let told = self.refusals.get(&table);
        if told.is_none_or(|at| now - *at >= Duration::from_secs(1)) {
            self.refusals.insert(table, now);
            self.event(Event::Refused { table });
        }
    }

    /// Anything else for the driver.
    pub fn output(&mut self, output: Output) {
        self.outputs.push_back(output);
    }

    /// All trees of the group have to be looked at again: something that the
    /// macros of RFC 7761 §4.1.6 are made of has changed.
    pub fn changed(&mut self, group: GroupAddr) {
        self.dirty.insert(group, Touched::All);
    }

    /// As [`Context::changed`], where no other source's trees depend on it.
    pub fn changed_source(&mut self, source: UnicastAddr, group: GroupAddr) {
        match self.dirty.entry(group).or_default() {
            Touched::All => {}
            Touched::Sources(sources) => {
                sources.insert(source);
            }
        }
    }

    /// As [`Context::changed`], for what depends on this entry.
    pub fn changed_entry(&mut self, key: TreeKey) {
        match key {
            TreeKey::StarG(group) => self.changed(group),
            TreeKey::Sg(source, group) | TreeKey::SgRpt(source, group) => {
                self.changed_source(source, group);
            }
        }
    }

    /// Something that concerns more than one group has changed.
    pub fn change(&mut self, change: Change) {
        if self.changes.back() != Some(&change) {
            self.changes.push_back(change);
        }
    }

    /// Whether no change of the forwarding table waits to be told.
    pub(crate) fn routes_are_told(&self) -> bool {
        let route = |output: &Output| matches!(output, Output::Route(_));
        !self.outputs.iter().any(route)
    }

    pub(crate) fn pop_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    pub(crate) fn pop_change(&mut self) -> Option<Change> {
        self.changes.pop_front()
    }

    /// What was touched in the group meanwhile.
    pub(crate) fn take_dirty(&mut self, group: GroupAddr) -> Touched {
        self.dirty.remove(&group).unwrap_or_default()
    }

    pub(crate) fn pop_dirty(&mut self) -> Option<(GroupAddr, Touched)> {
        self.dirty.pop_first()
    }
}

/// Counters by interface and name; names are `igmp.rx.query-v3`,
/// `pim.drop.not-a-neighbor` and the like.
#[derive(Clone, Debug, Default)]
pub struct Counters {
    counts: BTreeMap<(Option<IfIndex>, &'static str), u64>,
}

impl Counters {
    /// One more.
    pub fn add(&mut self, iface: IfIndex, name: &'static str) {
        self.add_many(iface, name, 1);
    }

    /// So many more.
    pub fn add_many(&mut self, iface: IfIndex, name: &'static str, count: u64) {
        *self.counts.entry((Some(iface), name)).or_default() += count;
    }

    /// One more of what belongs to no interface.
    pub fn add_global(&mut self, name: &'static str) {
        *self.counts.entry((None, name)).or_default() += 1;
    }

    /// How many.
    pub fn get(&self, iface: Option<IfIndex>, name: &'static str) -> u64 {
        self.counts.get(&(iface, name)).copied().unwrap_or(0)
    }

    /// All that are not 0.
    pub fn iter(&self) -> impl Iterator<Item = (Option<IfIndex>, &'static str, u64)> {
        self.counts
            .iter()
            .map(|((iface, name), count)| (*iface, *name, *count))
    }

    /// The interface has gone, and its counters with it.
    pub fn forget(&mut self, iface: IfIndex) {
        self.counts.retain(|(of, _), _| *of != Some(iface));
    }
}
