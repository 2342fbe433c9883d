//! Random changes, compared after each with a computation from scratch.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

const INTERFACES: [&str; 4] = ["a", "b", "c", "d"];

#[derive(Clone, Debug)]
enum Step {
    Add(Vec<RelayRule>),
    Remove(RuleName),
    Replace(Vec<RelayRule>, bool),
    Present(Interface),
    Gone(IfIndex),
    NextHop(NextHopKey, NextHop),
    Drain,
}

fn rules() -> impl Strategy<Value = RelayRule> {
    let source = prop_oneof![
        3 => Just(None),
        1 => Just(Some(host("10.9.0.1"))),
        1 => Just(Some(host("10.9.0.2"))),
    ];
    let port = prop_oneof![Just(None), Just(Port::new(1)), Just(Port::new(2))];
    let drawn = (
        0..4usize,
        prop_oneof![Just(None), (1..4u8).prop_map(Some)],
        any::<bool>(),
    );
    (
        0..6u8,
        0..4usize,
        1..4u8,
        source,
        port,
        prop::collection::vec(drawn, 1..4),
    )
        .prop_filter_map(
            "not a rule",
            |(number, iif, group, source, port, outputs)| {
                let input = RelayInput {
                    source,
                    port,
                    ..input(INTERFACES[iif], &format!("239.1.1.{group}"))
                };
                let outputs = outputs.into_iter().map(|(oif, unicast, keep)| RelayOutput {
                    destination: unicast
                        .map(|last| Destination::Unicast(host(&format!("10.8.0.{last}")))),
                    source: if keep {
                        SourceAddress::Keep
                    } else {
                        SourceAddress::Interface
                    },
                    ..output(INTERFACES[oif])
                });
                RelayRule::new(name(&format!("r{number}")), input, outputs.collect()).ok()
            },
        )
}

fn steps() -> impl Strategy<Value = Step> {
    let drawn = (1..7u32, 0..4usize, any::<bool>(), any::<bool>(), 0..2u32);
    let interface = drawn.prop_map(|(number, name, up, addressed, size)| {
        let mut interface = interface(number, INTERFACES[name]);
        interface.up = up;
        interface.mtu += size;
        if !addressed {
            interface.addresses.clear();
        }
        Step::Present(interface)
    });
    let state = prop_oneof![
        Just(NextHop::Unknown),
        Just(NextHop::NoRoute),
        Just(NextHop::NoNeighbor),
        Just(NextHop::Resolved(MacAddr([2, 1, 1, 1, 1, 1]))),
    ];
    let next_hop = (1..7u32, 1..4u8, state).prop_map(|(oif, last, state)| {
        let destination = host(&format!("10.8.0.{last}"));
        Step::NextHop(
            NextHopKey {
                oif: index(oif),
                destination,
            },
            state,
        )
    });
    prop_oneof![
        4 => prop::collection::vec(rules(), 1..3).prop_map(Step::Add),
        2 => (0..6u8).prop_map(|number| Step::Remove(name(&format!("r{number}")))),
        1 => (prop::collection::vec(rules(), 0..4), any::<bool>())
            .prop_map(|(rules, merge)| Step::Replace(rules, merge)),
        4 => interface,
        2 => (1..7u32).prop_map(|number| Step::Gone(index(number))),
        3 => next_hop,
        4 => Just(Step::Drain),
    ]
}

/// What a driver and the kernel behind it would hold.
#[derive(Default)]
struct Driver {
    fibs: BTreeMap<IfIndex, Fib>,
    joined: BTreeSet<Membership>,
    watched: BTreeSet<NextHopKey>,
}

impl Driver {
    fn obey(&mut self, output: Output) {
        match output {
            Output::Fib(update) => {
                let (FibUpdate::Set(key, _) | FibUpdate::Remove(key)) = &update;
                let iif = key.iif;
                let removal = matches!(update, FibUpdate::Remove(_));
                let old = self.fibs.entry(iif).or_default().apply(update);
                assert!(old.is_some() || !removal, "removal of what was never told");
            }
            Output::Join(membership) => assert!(self.joined.insert(membership)),
            Output::Leave(membership) => assert!(self.joined.remove(&membership)),
            Output::WatchNextHop(key) => assert!(self.watched.insert(key)),
            Output::UnwatchNextHop(key) => assert!(self.watched.remove(&key)),
        }
    }
}

/// The facts, kept in the plainest way.
#[derive(Default)]
struct Model {
    rules: Vec<RelayRule>,
    interfaces: Vec<Interface>,
    next_hops: BTreeMap<NextHopKey, NextHop>,
}

impl Model {
    fn find(&self, name: &InterfaceName) -> Option<&Interface> {
        self.interfaces.iter().find(|i| i.name == *name)
    }

    fn accepts(&self, rules: &[RelayRule]) -> bool {
        let all: Vec<&RelayRule> = self.rules.iter().chain(rules).collect();
        let names: BTreeSet<_> = all.iter().map(|rule| &rule.name).collect();
        let inputs: BTreeSet<_> = all.iter().map(|rule| &rule.input).collect();
        names.len() == all.len() && inputs.len() == all.len()
    }

    fn present(&mut self, new: Interface) {
        let replaced: Vec<IfIndex> = self
            .interfaces
            .iter()
            .filter(|old| old.name == new.name && old.index != new.index)
            .map(|old| old.index)
            .collect();
        for index in replaced {
            self.gone(index);
        }
        self.interfaces.retain(|old| old.index != new.index);
        self.interfaces.push(new);
        self.forget_unused_hops();
    }

    fn gone(&mut self, index: IfIndex) {
        self.interfaces.retain(|old| old.index != index);
        self.next_hops.retain(|key, _| key.oif != index);
    }

    fn watched(&self) -> BTreeSet<NextHopKey> {
        let outputs = self.rules.iter().flat_map(|rule| &rule.outputs);
        outputs
            .filter_map(|output| match output.destination {
                Some(Destination::Unicast(destination)) => Some(NextHopKey {
                    oif: self.find(&output.interface)?.index,
                    destination,
                }),
                _ => None,
            })
            .collect()
    }

    fn forget_unused_hops(&mut self) {
        let watched = self.watched();
        self.next_hops.retain(|key, _| watched.contains(key));
    }

    fn joined(&self) -> BTreeSet<Membership> {
        let all: Vec<Membership> = self
            .rules
            .iter()
            .filter_map(|rule| {
                Some(Membership {
                    interface: self.find(&rule.input.interface)?.index,
                    group: rule.input.group,
                    source: rule.input.source,
                })
            })
            .collect();
        let any = |m: &Membership| Membership { source: None, ..*m };
        all.iter()
            .filter(|m| m.source.is_none() || !all.contains(&any(m)))
            .copied()
            .collect()
    }

    fn egress(&self, output: &RelayOutput, group: GroupAddr) -> Egress {
        let Some(interface) = self.find(&output.interface) else {
            return Egress::Unavailable(Unavailable::NoInterface);
        };
        if !interface.up {
            return Egress::Unavailable(Unavailable::InterfaceDown);
        }
        if output.source == SourceAddress::Interface && interface.addresses.is_empty() {
            return Egress::Unavailable(Unavailable::NoAddress);
        }
        let destination_mac = match output.destination {
            Some(Destination::Unicast(destination)) => {
                let oif = interface.index;
                match self.next_hops.get(&NextHopKey { oif, destination }) {
                    Some(NextHop::Resolved(mac)) => *mac,
                    Some(NextHop::NoRoute) => {
                        return Egress::Unavailable(Unavailable::NoRoute);
                    }
                    _ => return Egress::Unavailable(Unavailable::NoNeighbor),
                }
            }
            _ => MacAddr::of_group(group.get()),
        };
        Egress::Ready {
            oif: interface.index,
            source_mac: interface.mac,
            destination_mac,
            mtu: interface.mtu,
        }
    }

    fn fibs(&self) -> BTreeMap<IfIndex, BTreeMap<FibKey, Vec<Egress>>> {
        let mut fibs: BTreeMap<IfIndex, BTreeMap<FibKey, Vec<Egress>>> = BTreeMap::new();
        for rule in &self.rules {
            let Some(iif) = self.find(&rule.input.interface) else {
                continue;
            };
            let outputs = rule.outputs.iter();
            let egress = outputs.map(|output| self.egress(output, rule.input.group));
            fibs.entry(iif.index)
                .or_default()
                .insert(rule.input.key(iif.index), egress.collect());
        }
        fibs
    }
}

fn step(relay: &mut Relay, model: &mut Model, driver: &mut Driver, step: Step) {
    match step {
        Step::Add(rules) => {
            let accepted = model.accepts(&rules);
            assert_eq!(relay.add(rules.clone()).is_ok(), accepted);
            if accepted {
                model.rules.extend(rules);
            }
        }
        Step::Remove(name) => {
            let known = model.rules.iter().any(|rule| rule.name == name);
            assert_eq!(relay.remove(std::slice::from_ref(&name)).is_ok(), known);
            model.rules.retain(|rule| rule.name != name);
        }
        Step::Replace(rules, merge) => {
            let named = |name: &RuleName| rules.iter().any(|rule| rule.name == *name);
            let before = model.rules.clone();
            model.rules.retain(|rule| merge && !named(&rule.name));
            let accepted = model.accepts(&rules);
            match relay.plan(rules.clone(), merge) {
                Ok(changes) => {
                    assert!(accepted);
                    relay.apply(changes);
                    model.rules.extend(rules);
                }
                Err(_) => {
                    assert!(!accepted);
                    model.rules = before;
                }
            }
        }
        Step::Present(new) => {
            relay.interface_changed(InterfaceChange::Present(new.clone()));
            let gone = |old: &Interface| old.name == new.name && old.index != new.index;
            for old in model.interfaces.iter().filter(|old| gone(old)) {
                driver.joined.retain(|m| m.interface != old.index);
            }
            model.present(new);
        }
        Step::Gone(index) => {
            relay.interface_changed(InterfaceChange::Gone(index));
            driver.joined.retain(|m| m.interface != index);
            model.gone(index);
        }
        Step::NextHop(key, state) => {
            relay.next_hop_changed(&key, state);
            model.next_hops.insert(key, state);
        }
        Step::Drain => drain(relay).into_iter().for_each(|o| driver.obey(o)),
    }
    // Whether an answer outlives a moment without users depends on when the
    // driver is told, so the model looks when nothing is left to tell.
    drain(relay).into_iter().for_each(|o| driver.obey(o));
    model.forget_unused_hops();
}

fn compare(relay: &Relay, model: &Model, driver: &Driver) {
    let expected = model.fibs();
    for number in 1..7 {
        let fib = relay.fib(index(number));
        let told = driver.fibs.get(&index(number)).unwrap_or(&EMPTY);
        assert_eq!(fib, told, "entries and digest");
        let egress: BTreeMap<FibKey, Vec<Egress>> = fib
            .entries()
            .iter()
            .map(|(key, entry)| (*key, entry.outputs.iter().map(|o| o.egress).collect()))
            .collect();
        let none = BTreeMap::new();
        assert_eq!(&egress, expected.get(&index(number)).unwrap_or(&none));
    }
    assert_eq!(driver.joined, model.joined());
    assert_eq!(driver.watched, model.watched());
}

proptest! {
    #[test]
    fn incremental_is_from_scratch(steps in prop::collection::vec(steps(), 1..40)) {
        let (mut relay, mut model, mut driver) =
            (Relay::new(), Model::default(), Driver::default());
        for one in steps {
            step(&mut relay, &mut model, &mut driver, one);
            compare(&relay, &model, &driver);
        }
    }

    /// As above, but the driver listens only now and then.
    #[test]
    fn what_is_told_late_is_told_right(
        rules in prop::collection::vec(prop::collection::vec(rules(), 0..4), 1..20),
        ends in prop::collection::vec((1..7u32, 0..4usize, any::<bool>()), 20),
    ) {
        let (mut relay, mut driver) = (Relay::new(), Driver::default());
        let mut model = Model::default();
        for (number, (rules, (at, name, up))) in rules.into_iter().zip(ends).enumerate() {
            let mut new = interface(at, INTERFACES[name]);
            new.up = up;
            let gone = |old: &&Interface| old.name == new.name && old.index != new.index;
            for old in model.interfaces.iter().filter(gone) {
                driver.joined.retain(|m| m.interface != old.index);
            }
            relay.interface_changed(InterfaceChange::Present(new.clone()));
            model.present(new);
            if let Ok(changes) = relay.plan(rules.clone(), false) {
                relay.apply(changes);
                model.rules = rules;
            }
            if number % 3 == 2 {
                drain(&mut relay).into_iter().for_each(|o| driver.obey(o));
                compare(&relay, &model, &driver);
            }
        }
    }
}
