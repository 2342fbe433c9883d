//! Entries and ports, as asked and otherwise.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use super::{Database, Forwarding, mdb, mfc};
use crate::topology::model::{Bound, LinkId, NodeId};
use crate::topology::question::{Interfaces, MdbQuestion, MfcQuestion};

const G: Ipv4Addr = Ipv4Addr::new(239, 1, 1, 1);
const S: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);

fn names(all: &[&str]) -> BTreeSet<String> {
    all.iter().map(|name| (*name).to_owned()).collect()
}

fn exactly(all: &[&str]) -> Interfaces {
    Interfaces {
        exact: Some(names(all)),
        ..Interfaces::default()
    }
}

fn asked() -> MfcQuestion {
    MfcQuestion {
        at: NodeId(0),
        group: G,
        source: Some(S),
        absent: false,
        iif: Some("r2".to_owned()),
        oif: exactly(&["a"]),
        packets: None,
    }
}

fn table() -> Vec<Forwarding> {
    vec![Forwarding {
        source: Some(S),
        group: G,
        iif: Some("r2".to_owned()),
        oif: names(&["a"]),
        packets: 9,
    }]
}

#[test]
fn an_entry_is_as_asked_or_told_why_not() {
    let judged = mfc(&asked(), &table(), 4);
    assert_eq!(judged.missed, Vec::<String>::new());
    assert_eq!(judged.measured, "iif r2  oif a  packets 4");
    let other = MfcQuestion {
        iif: Some("r1".to_owned()),
        oif: exactly(&["a", "b"]),
        packets: Some(Bound {
            min: Some(5.0),
            max: None,
        }),
        ..asked()
    };
    let missed = [
        "iif r2, expected r1",
        "oif a, expected a b",
        "packets 4, expected at least 5",
    ];
    assert_eq!(mfc(&other, &table(), 4).missed, missed);
}

#[test]
fn an_entry_is_missing_or_must_be() {
    let star = MfcQuestion {
        source: None,
        ..asked()
    };
    let none = "no entry; of this group: (10.0.0.1,239.1.1.1)";
    assert_eq!(mfc(&star, &table(), 0).missed, [none]);
    let absent = |question: MfcQuestion| MfcQuestion {
        absent: true,
        ..question
    };
    assert!(mfc(&absent(star), &table(), 0).missed.is_empty());
    let there = mfc(&absent(asked()), &table(), 0);
    assert_eq!(there.missed, ["the entry is there"]);
}

#[test]
fn ports_are_those_of_the_group_or_of_routers() {
    let seen = Database {
        groups: BTreeMap::from([(G, names(&["h1", "h2"]))]),
        routers: names(&["r1"]),
    };
    let asked = |group, ports| MdbQuestion {
        at: LinkId(0),
        group,
        ports,
    };
    let good = mdb(&asked(Some(G), exactly(&["h2", "h1"])), &seen);
    assert!(good.missed.is_empty(), "{good:?}");
    let some = mdb(&asked(Some(G), Interfaces::default()), &seen);
    assert!(some.missed.is_empty(), "{some:?}");
    let wrong = mdb(&asked(Some(G), exactly(&["h1"])), &seen);
    assert_eq!(wrong.missed, ["members h1 h2, expected h1"]);
    let other = mdb(
        &asked(Some(Ipv4Addr::new(239, 9, 9, 9)), exactly(&[])),
        &seen,
    );
    assert_eq!(other.missed, ["none; there are members of 239.1.1.1"]);
    let routers = mdb(&asked(None, exactly(&["r2"])), &seen);
    assert_eq!(routers.missed, ["routers r1, expected r2"]);
}
