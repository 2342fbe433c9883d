//! The table and its digest.

use proptest::prelude::*;

use super::*;

fn key(iif: u32, port: u16) -> FibKey {
    FibKey {
        iif: IfIndex::new(iif).unwrap(),
        group: Ipv4Addr::new(239, 1, 1, 1).try_into().unwrap(),
        source: None,
        protocol: IpProtocol::UDP,
        port: Port::new(port),
    }
}

fn entry(rule: &str) -> FibEntry {
    FibEntry {
        rule: rule.parse().unwrap(),
        outputs: Vec::new(),
    }
}

#[test]
fn an_entry_replaces_and_is_removed() {
    let mut fib = Fib::new();
    assert!(fib.is_empty());
    assert_eq!(fib.apply(FibUpdate::Set(key(1, 1), entry("a"))), None);
    let with_a = fib.digest();
    let old = fib.apply(FibUpdate::Set(key(1, 1), entry("b")));
    assert_eq!(old, Some(entry("a")));
    assert_ne!(fib.digest(), with_a);
    assert_eq!((fib.len(), fib.get(&key(1, 1))), (1, Some(&entry("b"))));
    assert_eq!(fib.entries().keys().collect::<Vec<_>>(), [&key(1, 1)]);
    let old = fib.apply(FibUpdate::Remove(key(1, 1)));
    assert_eq!(old, Some(entry("b")));
    assert_eq!(fib.apply(FibUpdate::Remove(key(1, 1))), None);
    assert_eq!(fib, Fib::new());
    assert_eq!(fib.digest().get(), 0);
}

#[test]
fn every_reason_to_wait_is_a_sentence_of_its_own() {
    let all = [
        Unavailable::NoInterface,
        Unavailable::InterfaceDown,
        Unavailable::NoAddress,
        Unavailable::NoRoute,
        Unavailable::NoNeighbor,
    ];
    let sentences: std::collections::BTreeSet<String> =
        all.iter().map(Unavailable::to_string).collect();
    assert_eq!(sentences.len(), all.len());
}

proptest! {
    /// The digest depends on what is in the table, not on the way to it.
    #[test]
    fn the_digest_is_that_of_the_entries(
        changes in prop::collection::vec((1u32..3, 1u16..6, prop::option::of("[a-c]")), 0..40),
    ) {
        let mut fib = Fib::new();
        for (iif, port, rule) in changes {
            fib.apply(match rule {
                Some(rule) => FibUpdate::Set(key(iif, port), entry(&rule)),
                None => FibUpdate::Remove(key(iif, port)),
            });
        }
        let mut again = Fib::new();
        for (key, entry) in fib.entries().iter().rev() {
            again.apply(FibUpdate::Set(*key, entry.clone()));
        }
        prop_assert_eq!(&fib, &again);
        for (key, entry) in fib.entries() {
            let less = fib.digest().without(key, entry);
            prop_assert_ne!(less, fib.digest());
            prop_assert_eq!(less.with(key, entry), fib.digest());
        }
    }
}
