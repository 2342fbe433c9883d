//! Joins and Prunes of (*,G) and (S,G) (RFC 7761 §4.5.4, §4.5.5).

use mcr_wire::pim::{Assert, AssertMetric, EncodedGroup, Message};

use super::rig::*;
use crate::router::TimerId;
use crate::tib::Target;

fn join_timer(rig: &Rig, key: crate::tib::TreeKey) -> f64 {
    rig.left(TimerId::UpstreamJoin(key)).unwrap()
}

/// RFC 7761 §4.5.4: JT is t_periodic.
#[test]
fn joins_are_refreshed() {
    let mut rig = Rig::new();
    rig.below(G, &["+*"]);
    let join = "1 10.0.1.1 239.1.1.1 +*".to_owned();
    let said = rig.wait(200.0);
    let want = [60.0, 120.0, 180.0].map(|at| (at, join.clone()));
    assert_eq!(said, want);
}

/// RFC 7761 §4.5.4, §4.5.5: "See Join to RPF'" puts JT off to t_suppressed, a
/// Holdtime that is less to that.
#[test]
fn anothers_join_suppresses_ours() {
    let mut rig = Rig::new();
    rig.below(G, &["+*"]);
    rig.hear(1, "10.0.1.2", "10.0.1.1", &[(G, &["+*"])]);
    let left = join_timer(&rig, star_g());
    assert!((65.0..=84.0).contains(&left), "{left}");
    assert_eq!(rig.wait(64.0), []);

    let mut rig = Rig::new();
    rig.below(G, &["+10.8.0.1"]);
    let mut join = message("10.0.2.1", &[(G, &["+10.8.0.1"])]);
    join.holdtime = 62;
    rig.hear_message(2, "10.0.2.2", join);
    assert_eq!(join_timer(&rig, sg()), 62.0);
}

/// RFC 7761 §4.5.4: a Join to somebody else, of another entry, or for another
/// RP says nothing of ours; nor does one where suppression is disabled.
#[test]
fn other_joins_do_not_suppress() {
    let mut rig = Rig::new();
    rig.below(G, &["+*", "+10.8.0.1"]);
    rig.hear(1, "10.0.1.1", "10.0.1.2", &[(G, &["+*"])]);
    rig.hear(1, "10.0.1.2", "10.0.1.1", &[("239.9.9.9", &["+*"])]);
    rig.hear(1, "10.0.1.2", "10.0.1.1", &[(G, &["+10.8.0.1"])]);
    let mut other_rp = message("10.0.1.1", &[(G, &["+*"])]);
    other_rp.groups[0].joins[0].source = ip("10.9.9.8");
    rig.hear_message(1, "10.0.1.2", other_rp);
    assert_eq!(join_timer(&rig, star_g()), 60.0);
    assert_eq!(join_timer(&rig, sg()), 60.0);
}

/// RFC 7761 §4.5.4, §4.5.5: "See Prune" shortens JT to t_override.
#[test]
fn anothers_prune_is_overridden() {
    let rows = [
        (1, "-*", star_g(), "1 10.0.1.1 239.1.1.1 +*"),
        (2, "-10.8.0.1", sg(), "2 10.0.2.1 239.1.1.1 +10.8.0.1"),
        (2, "-10.8.0.1r", sg(), "2 10.0.2.1 239.1.1.1 +10.8.0.1"),
        (2, "-*", sg(), "2 10.0.2.1 239.1.1.1 +10.8.0.1"),
    ];
    for (iface, word, key, join) in rows {
        let mut rig = Rig::new();
        rig.below(G, &["+*", "+10.8.0.1"]);
        let (src, to) = (format!("10.0.{iface}.2"), format!("10.0.{iface}.1"));
        assert_eq!(rig.hear(iface, &src, &to, &[(G, &[word])]), [""; 0]);
        let left = join_timer(&rig, key);
        assert!(left <= 2.5, "{word} {left}");
        let said: Vec<String> = rig.wait(2.5).into_iter().map(|(_, said)| said).collect();
        assert_eq!(said, [join], "{word}");
        assert!(join_timer(&rig, key) > 57.0);
    }
}

/// RFC 7761 §4.5.1: the PruneEcho of the upstream router is such a Prune too.
#[test]
fn a_prune_echo_is_overridden() {
    let mut rig = Rig::new();
    rig.below(G, &["+*"]);
    rig.hear(1, "10.0.1.1", "10.0.1.1", &[(G, &["-*"])]);
    assert!(join_timer(&rig, star_g()) <= 2.5);
}

/// RFC 7761 §4.5.4: a new Generation ID of RPF' shortens JT to t_override; all
/// entries share the message.
#[test]
fn a_restarted_neighbour_gets_its_joins_again() {
    let mut rig = Rig::new();
    let more: &[(&str, &[&str])] = &[("239.1.1.2", &["+*"]), (G, &["+*", "+10.8.0.1"])];
    rig.hear(3, "10.0.3.1", ME, more);
    rig.hello(1, "10.0.1.2", 2);
    rig.hello(1, "10.0.1.1", 2);
    let said: Vec<String> = rig.wait(2.5).into_iter().map(|(_, said)| said).collect();
    assert_eq!(said, ["1 10.0.1.1 239.1.1.1 +* 239.1.1.2 +*"]);
}

/// RFC 7761 §4.5.4: "RPF' changes not due to an Assert".
#[test]
fn a_changed_way_is_followed_at_once() {
    let mut rig = Rig::new();
    rig.below(G, &["+*", "+10.8.0.1"]);
    rig.route("10.9.9.9/32", 4, "10.0.4.1");
    assert_eq!(
        rig.said(),
        ["1 10.0.1.1 239.1.1.1 -*", "4 10.0.4.1 239.1.1.1 +*"]
    );
    assert_eq!(join_timer(&rig, star_g()), 60.0);
    rig.route("10.8.0.0/16", 2, "10.0.2.2");
    assert_eq!(
        rig.said(),
        [
            "2 10.0.2.1 239.1.1.1 -10.8.0.1",
            "2 10.0.2.2 239.1.1.1 +10.8.0.1"
        ]
    );
}

/// The new next hop is no neighbour yet: the old tree is kept until it is one.
#[test]
fn the_old_way_is_kept_until_the_new_one_can_be_joined() {
    let mut rig = Rig::new();
    rig.below(SSM, &["+10.8.0.1"]);
    rig.route("10.8.0.0/16", 4, "10.0.4.9");
    assert_eq!(rig.said(), [""; 0]);
    let upstream = rig.router.tib().sg(host(S), group(SSM)).unwrap().upstream;
    let old = Target {
        iface: index(2),
        neighbor: Some(ip("10.0.2.1")),
    };
    assert_eq!(upstream.target, Some(old));
    rig.wait(2.0);
    rig.hello(4, "10.0.4.9", 1);
    assert_eq!(
        rig.said(),
        [
            "2 10.0.2.1 232.1.1.1 -10.8.0.1",
            "4 10.0.4.9 232.1.1.1 +10.8.0.1"
        ]
    );
    rig.below(SSM, &["-10.8.0.1"]);
    rig.assert_no_trees();
}

/// Not for longer than a living router can be silent, and not at all where the
/// old way is no more.
#[test]
fn the_old_way_is_not_kept_for_ever() {
    let mut rig = Rig::new();
    rig.below(SSM, &["+10.8.0.1"]);
    rig.route("10.8.0.0/16", 4, "10.0.4.9");
    rig.said();
    let prune = (35.0, "2 10.0.2.1 232.1.1.1 -10.8.0.1".to_owned());
    assert_eq!(rig.wait(300.0), [prune]);

    let mut rig = Rig::new();
    rig.below(SSM, &["+10.8.0.1"]);
    rig.route("10.8.0.0/16", 4, "10.0.4.9");
    rig.interface(2, false);
    let upstream = rig.router.tib().sg(host(S), group(SSM)).unwrap().upstream;
    assert_eq!(upstream.target.map(|target| target.iface), Some(index(4)));
}

/// RFC 7761 §4.5.4: the state stays Joined without a way, and the Join follows
/// when there is one.
#[test]
fn a_lost_way_is_joined_when_it_returns() {
    let mut rig = Rig::new();
    rig.interface(1, false);
    assert_eq!(rig.below(G, &["+*"]), [""; 0]);
    assert!(rig.router.tib().star_g(group(G)).unwrap().upstream.joined);
    rig.interface(1, true);
    assert_eq!(rig.said(), [""; 0]);
    rig.hello(1, "10.0.1.1", 3);
    assert_eq!(rig.said(), ["1 10.0.1.1 239.1.1.1 +*"]);
}

/// RFC 7761 §4.7.1: a new RP(G) is joined at once, and the old one left.
#[test]
fn a_new_rp_is_joined_at_once() {
    let mut rig = Rig::new();
    rig.below(G, &["+*"]);
    rig.route("10.9.9.8/32", 2, "10.0.2.1");
    rig.configure(|config| config.pim.static_rps[0].address = host("10.9.9.8"));
    assert_eq!(
        rig.said(),
        [
            "1 10.0.1.1 239.1.1.1 -*",
            "2 10.0.2.1 239.1.1.1 +*@10.9.9.8"
        ]
    );
    // Another one behind the same neighbour.
    rig.route("10.9.9.7/32", 2, "10.0.2.1");
    rig.configure(|config| config.pim.static_rps[0].address = host("10.9.9.7"));
    assert_eq!(rig.said(), ["2 10.0.2.1 239.1.1.1 +*@10.9.9.7"]);
}

/// The RP joins nobody, and never itself (RFC 7761 §4.5.4) (D22).
#[test]
fn the_rp_sends_no_join() {
    let mut rig = Rig::with(|config| config.pim.static_rps[0].address = host("10.0.1.5"));
    let mut join = message(ME, &[(G, &["+*"])]);
    join.groups[0].joins[0].source = ip("10.0.1.5");
    assert_eq!(rig.hear_message(3, "10.0.3.1", join), [""; 0]);
    assert!(rig.router.tib().star_g(group(G)).unwrap().upstream.joined);
    assert_eq!(rig.wait(130.0), []);
}

/// RFC 7761 §4.1.6: MRIB.next_hop of an RP on the link is the RP.
#[test]
fn an_rp_on_the_link_is_joined() {
    let mut rig = Rig::with(|config| config.pim.static_rps[0].address = host("10.0.1.1"));
    rig.give(crate::router::Input::Route(
        crate::router::io::RouteChange::Set(crate::router::io::Route {
            prefix: "10.0.1.0/24".parse().unwrap(),
            metric: 0,
            protocol: 2,
            next_hops: vec![crate::router::io::RouteNextHop {
                iface: index(1),
                gateway: None,
            }],
        }),
    ));
    let mut join = message(ME, &[(G, &["+*"])]);
    join.groups[0].joins[0].source = ip("10.0.1.1");
    let said = rig.hear_message(3, "10.0.3.1", join);
    assert_eq!(said, ["1 10.0.1.1 239.1.1.1 +*@10.0.1.1"]);
}

/// RFC 7761 §4.5.5: "RPF' changes due to an Assert" lets the next Join, to the
/// winner, leave within t_override, and prunes nobody.
#[test]
fn an_assert_winner_is_joined_soon() {
    let mut rig = Rig::new();
    rig.below(G, &["+10.8.0.1"]);
    let assert = Message::Assert(Assert {
        group: EncodedGroup {
            group: ip(G),
            mask_len: 32,
            bidirectional: false,
            scope_zone: false,
        },
        source: ip(S),
        metric: AssertMetric {
            rpt: false,
            preference: 0,
            metric: 1,
        },
    });
    rig.packet(2, "10.0.2.2", &assert);
    assert_eq!(rig.said(), [""; 0]);
    assert!(join_timer(&rig, sg()) <= 2.5);
    let said: Vec<String> = rig.wait(2.5).into_iter().map(|(_, said)| said).collect();
    assert_eq!(said, ["2 10.0.2.2 239.1.1.1 +10.8.0.1"]);
}

/// RFC 7761 §4.8.1: groups that become source-specific lose their shared tree.
/// RFC 4607 §1: the range may change.
#[test]
fn a_group_that_becomes_ssm_leaves_its_shared_tree() {
    let mut rig = Rig::new();
    rig.below(G, &["+*", "+10.8.0.1", "-10.8.0.2r"]);
    let range = "239.0.0.0/8".parse().unwrap();
    rig.configure(|config| config.pim.ssm_ranges.push(range));
    assert_eq!(rig.said(), ["1 10.0.1.1 239.1.1.1 -*"]);
    rig.below(G, &["-10.8.0.1"]);
    rig.assert_no_trees();
}
