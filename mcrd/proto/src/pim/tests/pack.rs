//! Packing, splitting and sharing of messages (RFC 7761 §4.9.5.1).

use super::rig::*;

/// How many words of a message begin like this.
fn count(said: &str, sign: &str) -> usize {
    said.split(' ')
        .filter(|word| word.starts_with(sign))
        .count()
}

/// Whole group blocks, none twice, and no packet above the MTU.
#[test]
fn many_groups_split_at_the_mtu() {
    let mut rig = Rig::new();
    let names: Vec<String> = (0..250).map(|n| format!("232.1.1.{n}")).collect();
    let words: &[&str] = &["+10.8.0.1", "+10.8.0.2"];
    let blocks: Vec<(&str, &[&str])> = names.iter().map(|name| (name.as_str(), words)).collect();
    let said = rig.hear(3, "10.0.3.1", ME, &blocks);
    // 28 bytes a block, of 1466: 52 blocks a message.
    let joins: Vec<usize> = said.iter().map(|said| count(said, "+")).collect();
    assert_eq!(joins, [104, 104, 104, 104, 84]);
    let groups: Vec<usize> = said.iter().map(|said| count(said, "232")).collect();
    assert_eq!(groups, [52, 52, 52, 52, 42]);
    assert_eq!(rig.largest, 20 + 14 + 52 * 28);
}

/// A block that fits no message alone is split by its sources.
#[test]
fn many_sources_of_a_group_split() {
    let mut rig = Rig::new();
    let words: Vec<String> = (0..400)
        .map(|n| format!("+10.8.{}.{}", n / 250, n % 250))
        .collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let said = rig.below(SSM, &words);
    let sizes: Vec<usize> = said.iter().map(|said| count(said, "+")).collect();
    assert_eq!(sizes, [181, 181, 38]);
    assert!(rig.largest <= 1500);
}

/// RFC 7761 §4.9.5.1: of the Prunes that do not fit beside their Join(*,G)
/// those of the smallest sources are sent, and the rest not at all.
#[test]
fn too_many_prunes_beside_a_shared_join_are_left_out() {
    let mut rig = Rig::new();
    let words: Vec<String> = (0..300)
        .map(|n| format!("-10.8.{}.{}r", n / 250, n % 250))
        .collect();
    let mut all: Vec<&str> = vec!["+*"];
    all.extend(words.iter().map(String::as_str));
    let said = rig.below(G, &all);
    assert_eq!(said.len(), 1, "{said:?}");
    assert_eq!((count(&said[0], "+*"), count(&said[0], "-")), (1, 180));
    assert_eq!(count(&said[0], "-10.8.0.0r"), 1);
    assert_eq!(count(&said[0], "-10.8.0.179r"), 1);
    assert_eq!(rig.router.tib().entries(), 301);
}

/// All that is to be said in one turn to one neighbour shares a message, Joins
/// and Prunes of one group a block.
#[test]
fn one_turn_is_one_message() {
    let mut rig = Rig::new();
    rig.below(SSM, &["+10.8.0.1"]);
    let said = rig.below(SSM, &["+10.8.0.2", "-10.8.0.1"]);
    assert_eq!(said, ["2 10.0.2.1 232.1.1.1 +10.8.0.2 -10.8.0.1"]);
}

/// Entries that were joined at different times are refreshed in few messages,
/// and none later than t_periodic.
#[test]
fn refreshes_share_messages() {
    let mut rig = Rig::new();
    for n in 0..1000 {
        let group = format!("232.2.{}.{}", n / 250, n % 250);
        let mut join = message(ME, &[(group.as_str(), &["+10.8.0.1"])]);
        join.holdtime = 0xffff;
        rig.hear_message(3, "10.0.3.1", join);
        rig.wait(0.06);
    }
    let said = rig.wait(60.0);
    assert_eq!(
        said.iter().map(|(_, said)| count(said, "+")).sum::<usize>(),
        1000
    );
    assert!(said.len() <= 66, "{} messages", said.len());
}
