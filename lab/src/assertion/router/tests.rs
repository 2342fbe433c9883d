//! What is said of routers that are not as asked.

use super::*;
use crate::assertion::Truth;

fn ip(text: &str) -> Ipv4Addr {
    text.parse().unwrap()
}

fn names(all: &[&str]) -> BTreeSet<String> {
    all.iter().map(|name| (*name).to_owned()).collect()
}

fn asked() -> MrouteQuestion {
    MrouteQuestion {
        at: NodeId(0),
        group: ip("239.1.1.1"),
        source: None,
        absent: false,
        iif: Some("r2".to_owned()),
        oif: Interfaces {
            exact: Some(names(&["rcv"])),
            ..Interfaces::default()
        },
        joined: Some(true),
        spt: None,
        register: None,
        winner: BTreeSet::new(),
        loser: BTreeSet::new(),
    }
}

fn entry_of(oif: &[&str]) -> Mroute {
    Mroute {
        asserts: None,
        source: None,
        group: Some(ip("239.1.1.1")),
        iif: Some("r2".to_owned()),
        oif: names(oif),
        joined: Some(true),
        spt: Some(false),
        register: Some(RegisterState::Prune),
    }
}

#[test]
fn an_entry_is_as_asked_or_said_how_not() {
    let good = mroute(&asked(), &[entry_of(&["rcv"])]);
    assert_eq!(good.truth, Truth::True);
    assert_eq!(
        good.measured,
        "iif r2  oif rcv  joined  not spt  register prune"
    );
    let mut wrong = entry_of(&["lan", "rcv"]);
    wrong.iif = None;
    wrong.joined = Some(false);
    let missed = mroute(&asked(), &[wrong]).missed;
    assert_eq!(
        missed,
        [
            "iif none, expected r2",
            "oif lan rcv, expected rcv",
            "joined false, expected true",
        ]
    );
    let other = Mroute {
        source: Some(ip("10.0.0.1")),
        ..entry_of(&["rcv"])
    };
    let none = mroute(&asked(), &[other]);
    assert_eq!(none.truth, Truth::False);
    assert_eq!(
        none.measured,
        "no entry; of this group: (10.0.0.1,239.1.1.1)"
    );
}

#[test]
fn absence_is_a_condition_of_its_own() {
    let absent = MrouteQuestion {
        absent: true,
        ..asked()
    };
    assert_eq!(mroute(&absent, &[]).truth, Truth::True);
    assert_eq!(mroute(&absent, &[entry_of(&[])]).truth, Truth::False);
}

#[test]
fn what_a_kind_does_not_tell_is_no_pass() {
    let untold = Mroute {
        joined: None,
        ..entry_of(&["rcv"])
    };
    let missed = mroute(&asked(), &[untold]).missed;
    assert_eq!(missed, ["this kind of router does not tell `joined`"]);
    let join = MrouteQuestion {
        register: Some(RegisterState::Join),
        ..asked()
    };
    let missed = mroute(&join, &[entry_of(&["rcv"])]).missed;
    assert_eq!(missed, ["register prune, expected join"]);
}

#[test]
fn patterns_have_and_have_not() {
    let pattern = Interfaces {
        exact: None,
        has: names(&["a", "b"]),
        not: names(&["c"]),
    };
    assert!(interfaces("oif", &pattern, &names(&["a", "b", "d"])).is_empty());
    let missed = interfaces("oif", &pattern, &names(&["a", "c"]));
    assert_eq!(missed, ["oif lacks b", "oif has c"]);
}

#[test]
fn neighbors_are_wanted_or_not() {
    let sight = |wanted| Sight {
        at: NodeId(0),
        interface: "lan".to_owned(),
        address: ip("10.0.0.2"),
        name: "r2".to_owned(),
        wanted,
    };
    let name = |_: NodeId| "r1".to_owned();
    let seen = BTreeMap::from([(
        NodeId(0),
        Neighbors::from([("lan".to_owned(), ip("10.0.0.2"))]),
    )]);
    let nobody = BTreeMap::new();
    assert_eq!(neighbors(&[sight(true)], &seen, &name).truth, Truth::True);
    assert_eq!(
        neighbors(&[sight(true)], &nobody, &name).missed,
        ["r1 does not see r2 on lan"]
    );
    assert_eq!(
        neighbors(&[sight(false)], &seen, &name).missed,
        ["r1 still sees r2 on lan"]
    );
}

#[test]
fn all_must_agree() {
    let seen = [
        ("r1".to_owned(), Some(ip("10.0.0.1"))),
        ("r2".to_owned(), None),
    ];
    let told = elected(Office::Dr, "r1", ip("10.0.0.1"), &seen);
    assert_eq!(told.measured, "r1: 10.0.0.1  r2: none");
    assert_eq!(told.missed, ["r2 has DR none, expected r1 (10.0.0.1)"]);
    assert_eq!(rp(None, &seen[1..]).truth, Truth::True);
}

#[test]
fn members_have_a_mode_and_sources() {
    let asked = IgmpQuestion {
        at: NodeId(0),
        interface: "lan".to_owned(),
        group: ip("232.1.1.1"),
        absent: false,
        sources: Some(BTreeSet::from([ip("10.0.0.1")])),
        exclude: Some(false),
        version: Some(3),
    };
    let group = Group {
        interface: "lan".to_owned(),
        group: ip("232.1.1.1"),
        exclude: false,
        sources: BTreeSet::from([ip("10.0.0.1")]),
        version: Some(3),
    };
    assert_eq!(
        igmp(&asked, std::slice::from_ref(&group)).truth,
        Truth::True
    );
    let other = Group {
        exclude: true,
        sources: BTreeSet::new(),
        version: Some(2),
        ..group.clone()
    };
    assert_eq!(
        igmp(&asked, &[other]).missed,
        [
            "version 2, expected 3",
            "mode exclude, expected include",
            "sources nothing, expected 10.0.0.1",
        ]
    );
    let absent = IgmpQuestion {
        absent: true,
        ..asked
    };
    assert_eq!(igmp(&absent, &[]).truth, Truth::True);
    assert_eq!(igmp(&absent, &[group]).missed, ["there are members"]);
}

#[test]
fn a_way_has_an_interface_and_perhaps_a_neighbor() {
    let seen = Rpf {
        interface: Some("src".to_owned()),
        neighbor: None,
    };
    assert_eq!(rpf(Some(Some("src")), Some(None), &seen).truth, Truth::True);
    assert_eq!(
        rpf(Some(Some("r2")), Some(Some(ip("10.0.0.2"))), &seen).missed,
        [
            "interface src, expected r2",
            "neighbor none, expected 10.0.0.2",
        ]
    );
}

#[test]
fn no_way_may_be_asked_for() {
    let none = Rpf::default();
    assert_eq!(rpf(Some(None), None, &none).truth, Truth::True);
    let some = Rpf {
        interface: Some("r2".to_owned()),
        neighbor: None,
    };
    assert_eq!(
        rpf(Some(None), None, &some).missed,
        ["interface r2, expected none"]
    );
}

#[test]
fn asserts_are_won_or_lost() {
    let mut won = entry_of(&["rcv"]);
    let assert = Assert {
        state: AssertState::Winner,
        winner: None,
    };
    won.asserts = Some(BTreeMap::from([("lan".to_owned(), assert)]));
    let winner = MrouteQuestion {
        winner: names(&["lan"]),
        ..asked()
    };
    let good = mroute(&winner, std::slice::from_ref(&won));
    assert_eq!(good.truth, Truth::True, "{good:?}");
    assert!(good.measured.contains("  assert winner on lan"), "{good:?}");
    let loser = MrouteQuestion {
        loser: names(&["lan", "rcv"]),
        ..asked()
    };
    assert_eq!(
        mroute(&loser, &[won]).missed,
        [
            "Assert on lan winner, expected loser",
            "Assert on rcv no-info, expected loser"
        ]
    );
    // Who does not tell it is no winner.
    let untold = mroute(&winner, &[entry_of(&["rcv"])]);
    assert_eq!(untold.truth, Truth::False, "{untold:?}");
}

#[test]
fn groups_on_an_interface_are_counted() {
    let group = |interface: &str| Group {
        interface: interface.to_owned(),
        group: ip("239.1.1.1"),
        exclude: true,
        sources: BTreeSet::new(),
        version: None,
    };
    let seen = [group("lan"), group("rcv"), group("lan")];
    assert_eq!(groups("lan", 2, &seen).truth, Truth::True);
    assert_eq!(groups("rcv", 2, &seen).missed, ["groups 1, expected 2"]);
}
