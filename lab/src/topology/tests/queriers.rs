//! The member of a segment that is to be its IGMP querier.

use super::good;
use super::mistakes::{Case, judge};

const BEFORE: &str = "lab: 1\nname: q\npim: {}\n\
    nodes: {h: host, r1: mcrd, r2: {kind: frr}, r3: mcrd, k: kernel}\n";

fn addresses(segments: &str) -> Vec<String> {
    let topology = good(&format!("{BEFORE}{segments}"));
    let link = &topology.links[0];
    let ends = link.ends.iter().map(|(at, interface)| {
        let node = &topology.nodes[at.0];
        let address = node.interfaces[*interface].addresses[0].addr();
        format!("{} {address}", node.name)
    });
    ends.collect()
}

#[test]
fn it_has_the_lowest_address_and_the_others_those_after_it() {
    let members = "members: [h, r1, r2, r3]";
    let told = addresses(&format!("segments: {{lan: {{{members}, querier: r2}}}}\n"));
    let want = [
        "h 10.128.0.2",
        "r1 10.128.0.3",
        "r2 10.128.0.1",
        "r3 10.128.0.4",
    ];
    assert_eq!(told, want);
    for bridge in ["true", "false"] {
        let told = addresses(&format!(
            "segments: {{lan: {{{members}, querier: {bridge}}}}}\n"
        ));
        assert_eq!(told[0], "h 10.128.0.1");
    }
}

#[test]
fn addresses_of_hosts_and_higher_ones_of_routers_do_not_matter() {
    let told = addresses(
        "segments: {lan: {members: [\"h@10.7.0.1/24\", r1, \"r2@10.7.0.9/24\"], querier: r1}}\n",
    );
    assert_eq!(told, ["h 10.7.0.1", "r1 10.7.0.2", "r2 10.7.0.9"]);
}

const MISTAKES: &[Case] = &[
    (
        "segments: {lan: {members: [h, r1], querier: r2}}\n",
        1,
        "there is no member of `lan` `r2`",
        "did you mean `r1`?",
    ),
    (
        "segments: {lan: {members: [h, r1], querier: 7}}\n",
        1,
        "the number 7 is no querier",
        "write `true` for the bridge itself, or the name of a member",
    ),
    (
        "segments: {lan: {members: [h, r1], querier: h}}\n",
        1,
        "`h` runs no IGMP on lan",
        "name a member that is a router with IGMP",
    ),
    (
        "segments: {lan: {members: [h, r1, k], querier: k}}\n",
        1,
        "`k` runs no IGMP on lan",
        "name a member that is a router with IGMP",
    ),
    (
        "segments: {lan: {members: [r1, r3], querier: r1}}\n",
        1,
        "`r1` runs no IGMP on lan",
        "a router runs it where there is a host; else write \
         `igmp: {interfaces: {lan: {enabled: true}}}` in `r1`",
    ),
    (
        "segments: {lan: {members: [h, \"r1@10.7.0.5/24\", \"r3@10.7.0.4/24\"], querier: r1}}\n",
        1,
        "`r1` does not become querier of lan: it has 10.7.0.5, and `r3` 10.7.0.4",
        "the router with the lowest address is querier; give no addresses, or the lowest to this \
         one",
    ),
    (
        "segments: {lan: {members: [h, r1, \"r2@10.7.0.1/24\"], querier: r1}}\n",
        1,
        "`r1` does not become querier of lan: it has 10.7.0.2, and `r2` 10.7.0.1",
        "the router with the lowest address is querier; give no addresses, or the lowest to this \
         one",
    ),
];

#[test]
fn what_cannot_be_is_told() {
    judge(BEFORE, MISTAKES);
}
