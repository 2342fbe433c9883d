//! Loops and generated networks.

use super::mistakes::{Case, judge};
use super::{good, read};
use crate::topology::model::{Action, Topology};

fn nodes(topology: &Topology) -> Vec<&str> {
    let nodes = topology.nodes.iter();
    nodes.map(|node| node.name.as_str()).collect()
}

fn links(topology: &Topology) -> Vec<&str> {
    let links = topology.links.iter();
    links.map(|link| link.name.as_str()).collect()
}

#[test]
fn a_ring_by_hand() {
    let topology = good(
        "lab: 1\nvars: {n: 4}\nnodes:\n  r${i}: {foreach: {i: '1..${n}'}, kind: mcrd}\n\
         \x20 h${i}: {foreach: {i: [1, 3]}, env: {SEES: '${r${i}.h${i}.ip} ${n} $${i}'}}\n\
         links:\n  - r${i} -- r${i % n + 1}: {foreach: {i: '1..${n}'}, metric: '${i * 10}'}\n\
         \x20 - foreach: {i: [1, 3]}\n    each: ['r${i} -- h${i}']\n",
    );
    assert_eq!(nodes(&topology), ["r1", "r2", "r3", "r4", "h1", "h3"]);
    let ring = ["r1--r2", "r2--r3", "r3--r4", "r4--r1", "r1--h1", "r3--h3"];
    assert_eq!(links(&topology), ring);
    assert_eq!(topology.links[3].metric, 40);
    let sees = ("SEES".to_owned(), "10.0.4.1 4 ${i}".to_owned());
    assert_eq!(topology.nodes[4].env, [sees]);
}

#[test]
fn on_everything_that_has_entries() {
    let topology = good(
        "lab: 1\nnodes: {src: host, 'h${i}': {foreach: {i: 1..3}}}\n\
         segments: {lan: [src, {foreach: {i: 1..3}, each: 'h${i}'}]}\n\
         groups: {all: {members: [{foreach: {i: 1..3}, each: 'h${i}'}], env: {A: 1}}}\n\
         receivers: {'R${i}': {foreach: {i: 1..3}, at: 'h${i}', group: '239.1.1.${i}'}}\n\
         sources: {'S${i}': {foreach: {i: 1..3}, at: src, group: '239.1.1.${i}'}}\n\
         steps:\n  - receiver ${i}: {foreach: {i: 1..3}, join: 'R${i}'}\n\
         \x20 - foreach: {i: 1..2, j: '${i}..2'}\n    each:\n      - send: S${i}\n\
         \x20     - stop: S${j}\n  - {foreach: {i: 1..2}, leave: 'R${i}'}\n\
         \x20 - join: [{foreach: {i: 1..3}, each: 'R${i}'}]\n",
    );
    assert_eq!(topology.links[0].ends.len(), 4);
    assert!(topology.nodes[1..].iter().all(|node| node.env.len() == 1));
    let groups = topology
        .receivers
        .iter()
        .map(|one| one.groups[0].octets()[3]);
    assert_eq!(groups.collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(topology.sources.len(), 3);
    assert_eq!(topology.steps[1].title, "receiver 2");
    let done: Vec<String> = topology
        .steps
        .iter()
        .map(|step| match step.actions.as_slice() {
            [Action::Join(who)] => format!("join {who:?}"),
            [Action::Leave(who)] => format!("leave {who:?}"),
            [Action::Send(who)] => format!("send {who:?}"),
            [Action::Stop(who)] => format!("stop {who:?}"),
            other => panic!("{other:?}"),
        })
        .collect();
    let want = "join [0], join [1], join [2], send [0], stop [0], send [0], stop [1], \
                send [1], stop [1], leave [0], leave [1], join [0, 1, 2]";
    assert_eq!(done.join(", "), want);
}

#[test]
fn every_shape() {
    let cases: [(&str, &[&str], &[&str]); 9] = [
        ("chain: 3", &["r1", "r2", "r3"], &["r1--r2", "r2--r3"]),
        (
            "ring: 3",
            &["r1", "r2", "r3"],
            &["r1--r2", "r2--r3", "r3--r1"],
        ),
        ("star: 3", &["r1", "r2", "r3"], &["r1--r2", "r1--r3"]),
        (
            "mesh: 3",
            &["r1", "r2", "r3"],
            &["r1--r2", "r1--r3", "r2--r3"],
        ),
        (
            "tree: 5, names: t",
            &["t1", "t2", "t3", "t4", "t5"],
            &["t1--t2", "t1--t3", "t2--t4", "t2--t5"],
        ),
        (
            "tree: 4, fanout: 3",
            &["r1", "r2", "r3", "r4"],
            &["r1--r2", "r1--r3", "r1--r4"],
        ),
        (
            "grid: 2x2",
            &["r1-1", "r1-2", "r2-1", "r2-2"],
            &["r1-1--r1-2", "r1-1--r2-1", "r2-1--r2-2", "r1-2--r2-2"],
        ),
        (
            "clos: 1x2, names: a-",
            &["a-spine1", "a-leaf1", "a-leaf2"],
            &["a-spine1--a-leaf1", "a-spine1--a-leaf2"],
        ),
        ("chain: 1", &["r1"], &[]),
    ];
    for (written, want_nodes, want_links) in cases {
        let topology = good(&format!("lab: 1\ngenerate: {{{written}}}\n"));
        assert_eq!(nodes(&topology), want_nodes, "{written}");
        let mut links = links(&topology);
        let mut want = want_links.to_vec();
        links.sort_unstable();
        want.sort_unstable();
        assert_eq!(links, want, "{written}");
    }
}

#[test]
fn random_networks_are_connected_and_repeat() {
    let network = |text: &str| {
        let topology = good(&format!("lab: 1\ngenerate: {{random: 40, {text}}}\n"));
        let ends = topology.links.iter().map(|link| {
            let [(a, _), (b, _)] = link.ends[..] else {
                panic!("two ends");
            };
            (a.0, b.0)
        });
        ends.collect::<Vec<_>>()
    };
    let links = network("seed: 3, degree: 4");
    assert_eq!(links.len(), 80);
    assert_eq!(network("seed: 3, degree: 4"), links);
    assert_ne!(network("seed: 4, degree: 4"), links);
    let mut reached = vec![true];
    reached.resize(40, false);
    for _ in 0..40 {
        for (a, b) in &links {
            let either = reached[*a] || reached[*b];
            (reached[*a], reached[*b]) = (either, either);
        }
    }
    assert!(reached.iter().all(|reached| *reached));
    assert_eq!(network("degree: 100").len(), 40 * 39 / 2);
}

#[test]
fn the_file_lies_over_what_is_generated() {
    let topology = good(
        "lab: 1\nvars: {kind: mcrd}\ngenerate:\n\
         \x20 - chain: 3\n    node: {kind: '${kind}', env: {LO: '${self.lo}'}, lo: auto}\n\
         \x20   link: {metric: 7}\n  - {foreach: {s: [a, b]}, chain: 2, names: '${s}'}\n\
         nodes: {r2: host, r3:, x: {env: {A: 1}}}\nlinks: [r3 -- a1, a2 -- x, b1 -- x]\n",
    );
    let want = ["r1", "r2", "r3", "a1", "a2", "b1", "b2", "x"];
    assert_eq!(nodes(&topology), want);
    let kinds = topology.nodes.iter().map(|node| node.kind.word());
    let kinds: Vec<&str> = kinds.take(3).collect();
    assert_eq!(kinds, ["mcrd", "host", "mcrd"]);
    assert_eq!(topology.nodes[1].env[0].1, "10.255.0.2");
    assert_eq!(topology.links[0].metric, 7);
    assert_eq!(topology.links.len(), 2 + 1 + 1 + 3);
}

const MISTAKES: &[Case] = &[
    (
        "nodes: {'r${i}': {foreach: {i: 1..1000000000}}}\n",
        1,
        "`1..1000000000` is 1000000000 rounds; the loops of a file make 50000 entries at most",
        "",
    ),
    (
        "nodes: {'r${i}': {foreach: {i: 1..50000, j: 1..50000, k: 1..50000}}}\n",
        1,
        "the loops of this file make more than 50000 entries",
        "",
    ),
    (
        "nodes: {'r${i}': {foreach: {i: 8..1}}}\n",
        1,
        "the range `8..1` goes down",
        "",
    ),
    (
        "nodes: {'r${i}': {foreach: {i: many}}}\n",
        1,
        "expected a range such as `1..8`, found `many`",
        "",
    ),
    (
        "nodes: {'r${i}': {foreach: {i: 8}}}\n",
        1,
        "expected a range such as `1..8` or a list of texts, found the number 8",
        "",
    ),
    (
        "nodes: {'r${i}': {foreach: 1..8}}\n",
        1,
        "expected names and their values, found `1..8`",
        "write `foreach: {i: 1..8}`",
    ),
    (
        "nodes: {r: {foreach: {i: 1..2}}}\n",
        1,
        "`r` is made twice",
        "a name in a loop has the loop's variable in it: `r${i}`",
    ),
    (
        "nodes: {'r${i}': {foreach: {i-1: 1..2}}}\n",
        1,
        "`i-1` cannot be a loop's variable",
        "letters, digits and `_`, and not the name of a variable of the file",
    ),
    (
        "vars: {i: 1}\nnodes: {'r${i}': {foreach: {i: 1..2}}}\n",
        2,
        "`i` stands for something else already",
        "letters, digits and `_`, and not the name of a variable of the file",
    ),
    (
        "nodes: {'r${i}': {foreach: {i: 1..2}, each: host, kind: host}}\n",
        1,
        "`each` stands beside `foreach` alone",
        "it is the whole of what is made; put the other keys into it",
    ),
    (
        "nodes: {'r${i}': {foreach: {i: 1..2}, knd: host}}\n",
        1,
        "the key `knd` is not known here",
        "did you mean `kind`?",
    ),
    (
        "nodes: {'r${i / 0}': {foreach: {i: 1..2}}}\n",
        1,
        "`i / 0`: nothing can be divided by 0",
        "",
    ),
    (
        "nodes: {'r${s + 1}': {foreach: {s: [a, b]}}}\n",
        1,
        "`s` is `a`, not a number",
        "",
    ),
    (
        "nodes: {a: {env: {X: '${i-1}'}}}\nvars: {i: 1}\n",
        1,
        "there is no variable `i-1`",
        "to subtract, write `${i - 1}`",
    ),
    (
        "matrix: {rp: mcrd}\n",
        1,
        "expected 1 to 32 values, found `mcrd`",
        "write `rp: [mcrd, frr]`",
    ),
    ("repeat: 0\n", 1, "`repeat` is 1 to 100000", ""),
    (
        "vars: {t: {mcrd: 1s}}\nnodes: {a: {env: {A: '${t.frr}'}}}\n",
        2,
        "`t` has no `frr`",
        "known: mcrd",
    ),
    (
        "nodes: {a: {env: {A: '${vras.g}'}}}\n",
        1,
        "there is no node `vras`",
        "did you mean `vars`?",
    ),
    (
        "nodes: {a: {env: {A: '${a}'}}}\n",
        1,
        "there is no variable `a`",
        "`a` is a node: it has `a.ip`, `a.lo` and `a.PEER.ip`",
    ),
    (
        "generate: {chain: 2, ring: 3}\n",
        1,
        "one shape is made at a time",
        "write one of chain, ring, star, mesh, tree, random, grid and clos",
    ),
    (
        "generate: {ring: 2}\n",
        1,
        "a ring has 3 to 5000 nodes, not 2",
        "",
    ),
    (
        "generate: {mesh: 4000}\n",
        1,
        "that is more than 20000 links",
        "",
    ),
    (
        "generate: {grid: 4}\n",
        1,
        "expected two numbers such as `4x3`, found `4`",
        "",
    ),
    (
        "generate: {clos: 9999999999999x9999999999999}\n",
        1,
        "`9999999999999x9999999999999` is more than 5000",
        "",
    ),
    (
        "generate: {rnig: 4}\n",
        1,
        "the key `rnig` is not known here",
        "did you mean `ring`?",
    ),
];

#[test]
fn mistakes() {
    judge("lab: 1\n", MISTAKES);
}

/// A loop that multiplies a large entry is stopped by its size.
#[test]
fn large_entries_are_stopped() {
    let text = "x".repeat(1_000_000);
    let text =
        format!("lab: 1\nnodes: {{'r${{i}}': {{foreach: {{i: 1..40000}}, env: {{A: {text}}}}}}}");
    let mistakes = read(&text).expect_err("accepted");
    let told = mistakes.list.iter().map(|mistake| mistake.message.as_str());
    let want = ["the loops of this file make too much text"];
    assert_eq!(told.collect::<Vec<_>>(), want);
}
