//! Messages for this router (RFC 7761 §4.5.1 to §4.5.3) and what is refused.

use super::rig::*;
use crate::router::TimerId;
use crate::tib::Downstream;

/// RFC 7761 §4.5.1, §4.5.4: with one neighbour on the link a Prune works at
/// once, and leaves nothing behind (D21).
#[test]
fn a_shared_tree_is_joined_and_left_hop_by_hop() {
    let mut rig = Rig::new();
    assert_eq!(rig.below(G, &["+*"]), ["1 10.0.1.1 239.1.1.1 +*"]);
    assert_eq!(rig.below(G, &["+*"]), [""; 0]);
    assert_eq!(rig.below(G, &["-*"]), ["1 10.0.1.1 239.1.1.1 -*"]);
    rig.assert_no_trees();
}

/// RFC 7761 §4.5.2, §4.5.5, RFC 4607 §4.
#[test]
fn a_source_tree_is_joined_and_left_hop_by_hop() {
    let mut rig = Rig::new();
    let join = ["2 10.0.2.1 232.1.1.1 +10.8.0.1"];
    assert_eq!(rig.below(SSM, &["+10.8.0.1"]), join);
    let prune = ["2 10.0.2.1 232.1.1.1 -10.8.0.1"];
    assert_eq!(rig.below(SSM, &["-10.8.0.1"]), prune);
    rig.assert_no_trees();
}

/// RFC 7761 §4.5.1: PPT is J/P_Override_Interval with a second neighbour, and
/// a PruneEcho ends it.
#[test]
fn a_prune_on_a_lan_waits_for_an_override_and_is_echoed() {
    let mut rig = Rig::new();
    rig.hello(3, "10.0.3.2", 1);
    rig.below(G, &["+*"]);
    assert_eq!(rig.below(G, &["-*"]), [""; 0]);
    let downstream = &rig.router.tib().star_g(group(G)).unwrap().downstream;
    assert_eq!(downstream[&index(3)], Downstream::PrunePending);
    let echo = (3.0, "3 10.0.3.5 239.1.1.1 -*".to_owned());
    let prune = (3.0, "1 10.0.1.1 239.1.1.1 -*".to_owned());
    assert_eq!(rig.wait(3.0), [prune, echo]);
    rig.assert_no_trees();
}

/// RFC 7761 §4.5.1, §4.5.4: the other router's Join within the interval.
#[test]
fn an_override_keeps_the_tree() {
    let mut rig = Rig::new();
    rig.hello(3, "10.0.3.2", 1);
    for (key, words) in [(star_g(), ["+*", "-*"]), (sg(), ["+10.8.0.1", "-10.8.0.1"])] {
        rig.below(G, &words[..1]);
        rig.below(G, &words[1..]);
        rig.wait(2.9);
        rig.hear(3, "10.0.3.2", ME, &[(G, &words[..1])]);
        assert_eq!(rig.left(TimerId::PrunePending(key, index(3))), None);
        assert_eq!(rig.wait(10.0), []);
    }
}

/// RFC 7761 §4.5.1: ET is the Holdtime; §4.9.5: 0 and 0xffff.
#[test]
fn state_lasts_as_long_as_the_message_says() {
    let mut rig = Rig::new();
    rig.below(G, &["+*"]);
    let said = rig.wait(211.0);
    let last = said.last().unwrap();
    assert_eq!(*last, (210.0, "1 10.0.1.1 239.1.1.1 -*".to_owned()));
    rig.assert_no_trees();

    let mut message = message(ME, &[(G, &["+*"])]);
    message.holdtime = 0xffff;
    rig.hear_message(3, "10.0.3.1", message.clone());
    rig.wait(3600.0);
    assert!(rig.router.tib().star_g(group(G)).is_some());
    message.holdtime = 0;
    let said = rig.hear_message(3, "10.0.3.1", message);
    assert_eq!(said, ["1 10.0.1.1 239.1.1.1 -*"]);
    rig.assert_no_trees();
}

/// RFC 7761 §4.5.1: only a message for one of our addresses on the interface.
/// D21.
#[test]
fn a_join_for_another_router_makes_no_state() {
    let mut rig = Rig::new();
    rig.hello(3, "10.0.3.2", 1);
    let all: &[(&str, &[&str])] = &[(G, &["+*", "+10.8.0.1", "-10.8.0.2r"])];
    for to in ["10.0.3.2", "10.0.1.5", "10.0.3.77"] {
        assert_eq!(rig.hear(3, "10.0.3.1", to, all), [""; 0]);
        rig.assert_no_trees();
    }
    assert_eq!(rig.count(3, "pim.ignored.unknown-upstream"), 2);
}

/// RFC 7761 §4.3.1: a router that has said no Hello is not believed.
#[test]
fn a_join_of_a_stranger_makes_no_state() {
    let mut rig = Rig::new();
    assert_eq!(rig.hear(3, "10.0.3.3", ME, &[(G, &["+*"])]), [""; 0]);
    rig.assert_no_trees();
    assert_eq!(rig.count(3, "pim.drop.not-a-neighbor"), 1);
}

/// RFC 7761 §4.5.1, §4.8.1, §4.9.1: each entry for itself, and the others of
/// the message count.
#[test]
fn what_cannot_be_is_dropped_and_counted() {
    let edit = |change: &dyn Fn(&mut mcr_wire::pim::JoinPruneGroup)| {
        let mut message = message(ME, &[(G, &["+*"]), (SSM, &["+10.8.0.1"])]);
        change(&mut message.groups[0]);
        message
    };
    let rows = [
        (
            "pim.drop.wrong-rp",
            edit(&|g| g.joins[0].source = ip("10.9.9.8")),
        ),
        ("pim.drop.bad-mask", edit(&|g| g.joins[0].mask_len = 24)),
        ("pim.drop.bad-mask", edit(&|g| g.group.mask_len = 8)),
        (
            "pim.drop.bad-source",
            edit(&|g| g.joins[0].source = ip("224.1.1.1")),
        ),
        (
            "pim.drop.bad-source-flags",
            edit(&|g| g.joins[0].rpt = false),
        ),
        (
            "pim.drop.bad-group",
            edit(&|g| g.group.group = ip("224.0.0.5")),
        ),
        (
            "pim.drop.ssm-range",
            edit(&|g| g.group.group = ip("232.9.9.9")),
        ),
    ];
    for (counter, message) in rows {
        let mut rig = Rig::new();
        let said = rig.hear_message(3, "10.0.3.1", message);
        assert_eq!(said, ["2 10.0.2.1 232.1.1.1 +10.8.0.1"], "{counter}");
        assert_eq!(rig.count(3, counter), 1, "{counter}");
    }
}

/// RFC 7761 §4.5.1: "Received Prune(*,G) messages are processed even if the RP
/// in the message does not match RP(G)."
#[test]
fn a_prune_may_name_an_old_rp() {
    let mut rig = Rig::new();
    rig.below(G, &["+*"]);
    let mut prune = message(ME, &[(G, &["-*"])]);
    prune.groups[0].prunes[0].source = ip("10.9.9.8");
    rig.hear_message(3, "10.0.3.1", prune);
    rig.assert_no_trees();
}

/// A full table refuses new entries, keeps the old ones, and tells once a
/// second.
#[test]
fn the_table_is_bounded() {
    let mut rig = Rig::with(|config| config.limits.entries = 10);
    for number in 0..30 {
        let source = format!("+10.8.1.{number}");
        rig.below(SSM, &[&source]);
    }
    assert_eq!(rig.router.tib().entries(), 10);
    assert_eq!(rig.refused, 1);
    assert_eq!(rig.router.counters().get(None, "refused.entries"), 20);
    rig.wait(1.0);
    rig.below(G, &["+*"]);
    assert_eq!(rig.refused, 2);
    assert_eq!(rig.below(SSM, &["+10.8.1.9"]), [""; 0]);
    rig.below(SSM, &["-10.8.1.9"]);
    assert_eq!(rig.below(G, &["+*"]), ["1 10.0.1.1 239.1.1.1 +*"]);
}

/// State of an interface goes with it.
#[test]
fn an_interface_takes_its_state_along() {
    let mut rig = Rig::new();
    rig.below(G, &["+*", "+10.8.0.1", "-10.8.0.2r"]);
    rig.interface(3, false);
    let said = rig.said();
    assert_eq!(
        said,
        ["1 10.0.1.1 239.1.1.1 -*", "2 10.0.2.1 239.1.1.1 -10.8.0.1"]
    );
    rig.assert_no_trees();
}
