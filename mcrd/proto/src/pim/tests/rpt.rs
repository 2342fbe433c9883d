//! (S,G,rpt) downstream and upstream (RFC 7761 §4.5.3, §4.5.6).

use super::rig::*;
use crate::router::TimerId;
use crate::tib::{DownstreamRpt, UpstreamRpt};

fn pruned_below(rig: &Rig) -> Option<DownstreamRpt> {
    let entry = rig.router.tib().sg_rpt(host(S), group(G))?;
    entry.downstream.get(&index(3)).copied()
}

/// On the source's own tree, with both trees joined.
fn on_own_tree() -> (Rig, Vec<String>) {
    let mut rig = Rig::new();
    rig.below(G, &["+*", "+10.8.0.1"]);
    rig.wait(10.0);
    let said = rig.switched();
    (rig, said)
}

/// RFC 7761 §4.5.6: PruneDesired(S,G,rpt) with SPTbit and another RPF', and
/// the Prune leaves at once.
#[test]
fn the_source_is_pruned_off_the_shared_tree_at_once() {
    let (rig, said) = on_own_tree();
    assert_eq!(said, ["1 10.0.1.1 239.1.1.1 -10.8.0.1r"]);
    let entry = rig.router.tib().sg_rpt(host(S), group(G)).unwrap();
    assert_eq!(entry.upstream, UpstreamRpt::Pruned);
}

/// RFC 7761 §4.5.6: every Join(*,G) carries the Prunes, in the same block.
#[test]
fn a_shared_join_carries_its_prunes() {
    let (mut rig, _) = on_own_tree();
    let both = "1 10.0.1.1 239.1.1.1 +* -10.8.0.1r".to_owned();
    assert!(rig.wait(50.0).contains(&(50.0, both)));
    rig.route("10.9.9.9/32", 4, "10.0.4.1");
    assert_eq!(
        rig.said(),
        [
            "1 10.0.1.1 239.1.1.1 -*",
            "4 10.0.4.1 239.1.1.1 +* -10.8.0.1r"
        ]
    );
}

/// RFC 7761 §4.5.6: Pruned to NotPruned sends Join(S,G,rpt); here as both trees
/// come by the same neighbour now.
#[test]
fn the_source_is_joined_again_where_the_trees_meet() {
    let (mut rig, _) = on_own_tree();
    rig.route("10.8.0.0/16", 1, "10.0.1.1");
    assert_eq!(
        rig.said(),
        [
            "1 10.0.1.1 239.1.1.1 +10.8.0.1r +10.8.0.1",
            "2 10.0.2.1 239.1.1.1 -10.8.0.1"
        ]
    );
    assert!(rig.router.tib().sg_rpt(host(S), group(G)).is_none());
}

/// RFC 7761 §4.5.6: without RPTJoinDesired there is nothing to prune.
#[test]
fn prunes_end_with_the_shared_tree() {
    let (mut rig, _) = on_own_tree();
    let said = rig.below(G, &["-*"]);
    assert_eq!(said, ["1 10.0.1.1 239.1.1.1 -*"]);
    assert!(rig.router.tib().sg_rpt(host(S), group(G)).is_none());
}

/// RFC 7761 §4.5.3: all of the shared tree's receivers have pruned it.
#[test]
fn a_prune_from_everybody_below_goes_up() {
    let mut rig = Rig::new();
    rig.hear(4, "10.0.4.1", "10.0.4.5", &[(G, &["+*"])]);
    rig.below(G, &["+*"]);
    assert_eq!(rig.below(G, &["+*", "-10.8.0.1r"]), [""; 0]);
    assert_eq!(pruned_below(&rig), Some(DownstreamRpt::Prune));
    let said = rig.hear(4, "10.0.4.1", "10.0.4.5", &[(G, &["+*", "-10.8.0.1r"])]);
    assert_eq!(said, ["1 10.0.1.1 239.1.1.1 -10.8.0.1r"]);
    // RFC 7761 §4.5.3: a Join(*,G) without the Prune ends it.
    let said = rig.below(G, &["+*"]);
    assert_eq!(said, ["1 10.0.1.1 239.1.1.1 +10.8.0.1r"]);
    assert_eq!(pruned_below(&rig), None);
}

/// RFC 7761 §4.5.3: P' and PP' last to the end of the message.
#[test]
fn a_shared_join_with_its_prune_changes_nothing() {
    let mut rig = Rig::new();
    rig.hello(3, "10.0.3.2", 1);
    rig.below(G, &["+*", "-10.8.0.1r"]);
    assert_eq!(pruned_below(&rig), Some(DownstreamRpt::PrunePending));
    rig.wait(1.0);
    rig.below(G, &["+*", "-10.8.0.1r"]);
    let ppt = TimerId::PrunePending(sg_rpt(), index(3));
    assert_eq!(rig.left(ppt), Some(2.0));
    rig.wait(2.0);
    assert_eq!(pruned_below(&rig), Some(DownstreamRpt::Prune));
    rig.below(G, &["+*", "-10.8.0.1r"]);
    assert_eq!(pruned_below(&rig), Some(DownstreamRpt::Prune));
    // The other router's Join(S,G,rpt).
    rig.hear(3, "10.0.3.2", ME, &[(G, &["+10.8.0.1r"])]);
    assert_eq!(pruned_below(&rig), None);
}

/// RFC 7761 §4.5.3: ET.
#[test]
fn a_prune_expires() {
    let mut rig = Rig::new();
    rig.below(G, &["+*", "-10.8.0.1r"]);
    rig.wait(209.0);
    assert_eq!(pruned_below(&rig), Some(DownstreamRpt::Prune));
    rig.wait(1.0);
    assert_eq!(pruned_below(&rig), None);
    rig.assert_no_trees();
}

/// RFC 7761 §4.5.6: OT answers another router's Prune within t_override; a
/// Join(S,G,rpt) of a third makes that needless.
#[test]
fn anothers_prune_of_a_wanted_source_is_overridden() {
    for word in ["-10.8.0.1r", "-10.8.0.1"] {
        let mut rig = Rig::new();
        rig.below(G, &["+*"]);
        rig.hear(1, "10.0.1.2", "10.0.1.1", &[(G, &[word])]);
        let timer = TimerId::Override(host(S), group(G));
        assert!(rig.left(timer).unwrap() <= 2.5);
        let said: Vec<String> = rig.wait(2.5).into_iter().map(|(_, said)| said).collect();
        assert_eq!(said, ["1 10.0.1.1 239.1.1.1 +10.8.0.1r"], "{word}");
        assert!(rig.router.tib().sg_rpt(host(S), group(G)).is_none());

        rig.hear(1, "10.0.1.2", "10.0.1.1", &[(G, &[word])]);
        rig.hear(1, "10.0.1.2", "10.0.1.1", &[(G, &["+10.8.0.1r"])]);
        assert_eq!(rig.left(timer), None);
        assert!(rig.router.tib().sg_rpt(host(S), group(G)).is_none());
    }
}

/// RFC 7761 §4.5.6: who has pruned the source too, does not mind.
#[test]
fn anothers_prune_of_an_unwanted_source_is_not_overridden() {
    let (mut rig, _) = on_own_tree();
    rig.hear(1, "10.0.1.2", "10.0.1.1", &[(G, &["-10.8.0.1r"])]);
    assert_eq!(rig.left(TimerId::Override(host(S), group(G))), None);
}
