//! Static relay rules, and the forwarding table that is computed from them.
//!
//! [`Relay`] is told of rules, interfaces and next hops, and says what the data
//! plane and the kernel must do about it. Each change costs as much as the
//! rules that it touches, not as much as the rules there are.

mod change;
mod interfaces;
mod membership;
mod next_hop;
mod rule;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::fib::{
    Egress, Fib, FibEntry, FibKey, FibOutput, FibUpdate, Rewrite, TtlRewrite, Unavailable,
};
use crate::id::{Destination, GroupAddr, IfIndex, InterfaceName, MacAddr, RuleName};
use crate::interface::{Interface, InterfaceChange};

pub use change::{MAX_RULES, MAX_RULES_PER_INTERFACE, Refusal, RuleChanges};
pub use membership::Membership;
pub use next_hop::{NextHop, NextHopKey};
pub use rule::{
    MAX_OUTPUTS, OutputFacts, RelayInput, RelayOutput, RelayRule, RuleError, RuleFacts,
    SourceAddress,
};

use interfaces::Interfaces;
use membership::Memberships;
use next_hop::{NextHops, Watch};

/// What the driver must do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Tell the workers of the key's input interface.
    Fib(FibUpdate),
    /// Join. All joins come before the leaves that they make possible, so a
    /// group can for a moment be joined for a source and for any source.
    Join(Membership),
    /// Leave.
    Leave(Membership),
    /// Ask the kernel for the next hop, and report each change.
    WatchNextHop(NextHopKey),
    /// Stop that.
    UnwatchNextHop(NextHopKey),
}

/// What a rule waits for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Waiting {
    /// Its input interface.
    Input {
        /// The interface.
        interface: InterfaceName,
        /// `false` where it exists and is down.
        missing: bool,
    },
    /// One of its outputs.
    Output {
        /// Its place in the rule, from 0.
        position: usize,
        /// Its interface.
        interface: InterfaceName,
        /// Where it sends.
        destination: Destination,
        /// Why it cannot.
        reason: Unavailable,
    },
}

impl fmt::Display for Waiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Waiting::Input { interface, missing } => {
                let state = if *missing {
                    "does not exist"
                } else {
                    "is down or has no carrier"
                };
                write!(f, "input interface {interface} {state}")
            }
            Waiting::Output {
                position,
                interface,
                destination,
                reason,
            } => {
                let to = destination.address();
                write!(f, "output {position} to {to} on {interface}: {reason}")
            }
        }
    }
}

/// How rules use an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct InterfaceUse {
    /// Rules that receive on it.
    pub input_rules: usize,
    /// Outputs that send on it.
    pub outputs: usize,
}

#[derive(Debug, Default)]
struct Users {
    inputs: BTreeSet<RuleName>,
    /// Rules with the number of their outputs here.
    outputs: BTreeMap<RuleName, usize>,
    output_count: usize,
}

/// The relay.
#[derive(Debug, Default)]
pub struct Relay {
    rules: BTreeMap<RuleName, RelayRule>,
    names: BTreeMap<RelayInput, RuleName>,
    users: BTreeMap<InterfaceName, Users>,
    interfaces: Interfaces,
    next_hops: NextHops,
    memberships: Memberships,
    fibs: BTreeMap<IfIndex, Fib>,
    /// Keys whose entry changed since it was last told, with what was told.
    untold: BTreeMap<FibKey, Option<FibEntry>>,
}

static EMPTY: Fib = Fib::new();

impl Relay {
    /// A relay without rules that knows no interface.
    pub fn new() -> Relay {
        Relay::default()
    }

    /// An interface appeared, changed or vanished. The rules that name it
    /// follow.
    pub fn interface_changed(&mut self, change: InterfaceChange) {
        let touched = self.interfaces.touched_by(&change);
        if touched.names.is_empty() {
            return;
        }
        let affected = self.rules_naming(&touched.names);
        for rule in &affected {
            self.unbind(rule);
        }
        self.interfaces.apply(change, &touched);
        for index in &touched.gone {
            self.memberships.forget(*index);
            self.next_hops.forget(*index);
        }
        for rule in &affected {
            self.bind(rule);
        }
    }

    /// The kernel's answer to [`Output::WatchNextHop`], or a change of it.
    pub fn next_hop_changed(&mut self, key: &NextHopKey, state: NextHop) {
        for rule in self.next_hops.changed(key, state) {
            self.refresh(&rule);
        }
    }

    /// What to do next; to be called until there is nothing more.
    pub fn poll_output(&mut self) -> Option<Output> {
        if let Some(watch) = self.next_hops.poll() {
            return Some(match watch {
                Watch::Start(key) => Output::WatchNextHop(key),
                Watch::Stop(key) => Output::UnwatchNextHop(key),
            });
        }
        if let Some(membership) = self.memberships.poll_join() {
            return Some(Output::Join(membership));
        }
        while let Some((key, told)) = self.untold.pop_first() {
            let now = self.fib(key.iif).get(&key);
            if now == told.as_ref() {
                continue;
            }
            return Some(Output::Fib(match now {
                Some(entry) => FibUpdate::Set(key, entry.clone()),
                None => FibUpdate::Remove(key),
            }));
        }
        self.memberships.poll_leave().map(Output::Leave)
    }

    /// Whether every change of the forwarding tables was taken from
    /// [`Relay::poll_output`]: else they are ahead of what was told of them.
    pub fn tables_are_told(&self) -> bool {
        self.untold.is_empty()
    }

    /// All rules, by name.
    pub fn rules(&self) -> impl Iterator<Item = &RelayRule> {
        self.rules.values()
    }

    /// All rules whose name comes after `name`.
    pub fn rules_after(&self, name: &RuleName) -> impl Iterator<Item = &RelayRule> {
        use std::ops::Bound::{Excluded, Unbounded};
        self.rules
            .range((Excluded(name), Unbounded))
            .map(|(_, rule)| rule)
    }

    /// The rule of this name.
    pub fn rule(&self, name: &RuleName) -> Option<&RelayRule> {
        self.rules.get(name)
    }

    /// How many rules there are.
    pub fn len(&self) -> usize {
        self.rules.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// What keeps the rule from forwarding, wholly or in part; nothing for a
    /// rule that forwards, and for a name without a rule.
    pub fn waiting(&self, name: &RuleName) -> Vec<Waiting> {
        let Some(rule) = self.rules.get(name) else {
            return Vec::new();
        };
        let input = match self.interfaces.by_name(&rule.input.interface) {
            Some(interface) if interface.up => None,
            found => Some(Waiting::Input {
                interface: rule.input.interface.clone(),
                missing: found.is_none(),
            }),
        };
        let outputs = rule.outputs.iter().enumerate().filter_map(|(position, o)| {
            match self.egress(o, rule.input.group) {
                Egress::Ready { .. } => None,
                Egress::Unavailable(reason) => Some(Waiting::Output {
                    position,
                    interface: o.interface.clone(),
                    destination: o.destination_of(rule.input.group),
                    reason,
                }),
            }
        });
        input.into_iter().chain(outputs).collect()
    }

    /// The table of an input interface; empty for an interface that no rule
    /// receives on.
    pub fn fib(&self, iif: IfIndex) -> &Fib {
        self.fibs.get(&iif).unwrap_or(&EMPTY)
    }

    /// The interfaces that exist, by number.
    pub fn interfaces(&self) -> impl Iterator<Item = &Interface> {
        self.interfaces.all()
    }

    /// The interface that has this name now.
    pub fn interface_by_name(&self, name: &InterfaceName) -> Option<&Interface> {
        self.interfaces.by_name(name)
    }

    /// The names that rules use, whether or not such an interface exists.
    pub fn named_interfaces(&self) -> impl Iterator<Item = (&InterfaceName, InterfaceUse)> {
        self.users.iter().map(|(name, users)| {
            let uses = InterfaceUse {
                input_rules: users.inputs.len(),
                outputs: users.output_count,
            };
            (name, uses)
        })
    }

    fn rules_naming(&self, names: &BTreeSet<InterfaceName>) -> BTreeSet<RuleName> {
        names
            .iter()
            .filter_map(|name| self.users.get(name))
            .flat_map(|users| users.inputs.iter().chain(users.outputs.keys()))
            .cloned()
            .collect()
    }

    /// Ties the rule to the numbers that its interfaces have now.
    fn bind(&mut self, name: &RuleName) {
        let Some(rule) = self.rules.get(name) else {
            return;
        };
        if let Some(membership) = self.membership(rule) {
            self.memberships.add(membership);
        }
        for output in &rule.outputs {
            if let Some(key) = self.next_hop(output) {
                self.next_hops.add(key, name);
            }
        }
        self.refresh(name);
    }

    /// Undoes [`Relay::bind`], with the same numbers.
    fn unbind(&mut self, name: &RuleName) {
        let Some(rule) = self.rules.get(name) else {
            return;
        };
        let key = self.key(rule);
        if let Some(membership) = self.membership(rule) {
            self.memberships.remove(membership);
        }
        for output in &rule.outputs {
            if let Some(key) = self.next_hop(output) {
                self.next_hops.remove(key, name);
            }
        }
        if let Some(key) = key {
            self.set(key, None);
        }
    }

    /// Computes the rule's entry anew.
    fn refresh(&mut self, name: &RuleName) {
        let Some(rule) = self.rules.get(name) else {
            return;
        };
        let Some(key) = self.key(rule) else {
            return;
        };
        let entry = FibEntry {
            rule: rule.name.clone(),
            outputs: rule
                .outputs
                .iter()
                .map(|output| self.fib_output(output, rule.input.group))
                .collect(),
        };
        self.set(key, Some(entry));
    }

    fn set(&mut self, key: FibKey, entry: Option<FibEntry>) {
        let fib = self.fibs.entry(key.iif).or_default();
        let old = fib.apply(match entry {
            Some(entry) => FibUpdate::Set(key, entry),
            None => FibUpdate::Remove(key),
        });
        if fib.is_empty() {
            self.fibs.remove(&key.iif);
        }
        self.untold.entry(key).or_insert(old);
    }

    fn key(&self, rule: &RelayRule) -> Option<FibKey> {
        let iif = self.interfaces.index(&rule.input.interface)?;
        Some(rule.input.key(iif))
    }

    fn membership(&self, rule: &RelayRule) -> Option<Membership> {
        Some(Membership {
            interface: self.interfaces.index(&rule.input.interface)?,
            group: rule.input.group,
            source: rule.input.source,
        })
    }

    fn next_hop(&self, output: &RelayOutput) -> Option<NextHopKey> {
        match output.destination {
            Some(Destination::Unicast(destination)) => Some(NextHopKey {
                oif: self.interfaces.index(&output.interface)?,
                destination,
            }),
            Some(Destination::Group(_)) | None => None,
        }
    }

    fn fib_output(&self, output: &RelayOutput, group: GroupAddr) -> FibOutput {
        let source = match output.source {
            SourceAddress::Keep => None,
            SourceAddress::Address(address) => Some(address.get()),
            SourceAddress::Interface => self
                .interfaces
                .by_name(&output.interface)
                .and_then(Interface::primary_address),
        };
        FibOutput {
            egress: self.egress(output, group),
            rewrite: Rewrite {
                source,
                source_port: output.source_port,
                destination: output.destination.map(Destination::address),
                port: output.port,
                ttl: TtlRewrite::Set(output.ttl),
                dscp: output.dscp,
            },
        }
    }

    fn egress(&self, output: &RelayOutput, group: GroupAddr) -> Egress {
        let ready = || {
            let interface = self
                .interfaces
                .by_name(&output.interface)
                .ok_or(Unavailable::NoInterface)?;
            if !interface.up {
                return Err(Unavailable::InterfaceDown);
            }
            if output.source == SourceAddress::Interface && interface.primary_address().is_none() {
                return Err(Unavailable::NoAddress);
            }
            let destination_mac = match output.destination_of(group) {
                Destination::Group(group) => MacAddr::of_group(group.get()),
                Destination::Unicast(destination) => {
                    let oif = interface.index;
                    let key = NextHopKey { oif, destination };
                    self.next_hops.state(&key).mac()?
                }
            };
            Ok(Egress::Ready {
                oif: interface.index,
                source_mac: interface.mac,
                destination_mac,
                mtu: interface.mtu,
            })
        };
        ready().unwrap_or_else(Egress::Unavailable)
    }
}

#[cfg(test)]
mod tests;
