//! Large files: an answer comes soon, and takes bounded memory.

use std::time::Instant;

use super::{good, read};

/// Several times what a quiet machine takes for a build without optimisation.
const SOON: f64 = 20.0;

fn timed<T>(work: impl FnOnce() -> T) -> T {
    let began = Instant::now();
    let done = work();
    let took = began.elapsed().as_secs_f64();
    assert!(took < SOON, "it took {took} s");
    done
}

#[test]
fn five_thousand_nodes_written_out() {
    let mut text = "lab: 1\npim: {rp: '${r1.lo}'}\nnodes:\n".to_owned();
    for node in 1..=5000 {
        text.push_str(&format!("  r{node}: {{kind: mcrd}}\n"));
    }
    text.push_str("links:\n");
    for node in 1..5000 {
        text.push_str(&format!("  - r{node} -- r{}\n", node + 1));
    }
    let topology = timed(|| good(&text));
    assert_eq!(topology.nodes.len(), 5000);
    let last = &topology.nodes[4999];
    assert_eq!(
        last.interfaces[0].addresses[0].to_string(),
        "10.19.134.2/24"
    );
    assert!(last.router.is_some());
}

#[test]
fn five_thousand_nodes_made() {
    let topology = timed(|| {
        good(
            "lab: 1\ngenerate: {tree: 2500, node: mcrd}\n\
             nodes: {'h${i}': {foreach: {i: 1..2500}}}\n\
             links: ['r${i} -- h${i}': {foreach: {i: 1..2500}}]\n\
             receivers: {'R${i}': {foreach: {i: 1..2500}, at: 'h${i}', group: 239.1.1.1}}\n\
             steps: [{join: [{foreach: {i: 1..2500}, each: 'R${i}'}]}]\n",
        )
    });
    assert_eq!((topology.nodes.len(), topology.links.len()), (5000, 4999));
    assert_eq!(topology.receivers.len(), 2500);
}

#[test]
fn too_many_nodes_are_refused() {
    let text = "lab: 1\nnodes: {'r${i}': {foreach: {i: 1..5001}}}\n";
    let mistakes = timed(|| read(text)).expect_err("accepted");
    assert_eq!(mistakes.list[0].message, "a lab has at most 5000 nodes");
}

/// The first thousand are enough to begin with.
#[test]
fn thousands_of_mistakes_are_told() {
    let mut text = "lab: 1\nlinks:\n".to_owned();
    for link in 0..5000 {
        text.push_str(&format!("  - a{link} -- b{link}\n"));
    }
    let mistakes = timed(|| read(&text)).expect_err("accepted");
    assert_eq!(mistakes.list.len(), 1_000);
    let shown = mistakes.to_string();
    assert!(
        shown.lines().count() < 400,
        "{} lines",
        shown.lines().count()
    );
}
