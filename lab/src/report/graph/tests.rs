//! Drawings.

use std::path::Path;

use super::{WIDTH, draw};
use crate::args::GraphFormat;
use crate::report::live::Live;
use crate::topology;
use crate::topology::model::Topology;

const RING: &str = "lab: 1\nname: ring\n\
    nodes: {src: host, r1: mcrd, r2: mcrd, a: host, b: host}\n\
    links: [src -- r1, r1 -- r2: {net: 172.16.0.0/16}, r2 -- r1]\n\
    segments: {lan: [r2, a, b]}\n\
    receivers: {A: {at: a, group: 239.1.1.1}}\n\
    sources: {S: {at: src, group: 239.1.1.1}}\n";

fn read(text: &str) -> Topology {
    topology::parse(Path::new("lab.yaml"), text, &[], &|_| None)
        .unwrap_or_else(|mistakes| panic!("{mistakes}"))
}

#[test]
fn text_shows_each_node_once_and_every_link() {
    let want = "\
src (host)  sends S
└─ .1 10.0.0.0/24 .2 r1 (mcrd)
   ├─ 172.16.0.1 172.16.0.0/16 172.16.0.2 r2 (mcrd)
   │  └─ .1 10.128.0.0/24 = lan
   │     ├─ .2 a (host)  receives A
   │     └─ .3 b (host)
   └─ .2 10.0.2.0/24 .1 r2 (see above)
";
    assert_eq!(draw(&read(RING), GraphFormat::Text, &Live::default()), want);
}

#[test]
fn a_long_chain_stays_within_80_columns() {
    let names: Vec<String> = (0..60).map(|n| format!("router-number-{n}")).collect();
    let nodes: String = names
        .iter()
        .map(|name| format!("  {name}: host\n"))
        .collect();
    let pairs = names.windows(2);
    let links: String = pairs
        .map(|pair| format!("  - {} -- {}\n", pair[0], pair[1]))
        .collect();
    let text = format!("lab: 1\nname: chain\nnodes:\n{nodes}links:\n{links}");
    let drawn = draw(&read(&text), GraphFormat::Text, &Live::default());
    for line in drawn.lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
    for name in &names {
        assert!(
            drawn.contains(&format!("{name} (host)")),
            "{name} is missing"
        );
    }
    // 59 links: every one is there, and the first node has none above it.
    let networks = drawn.lines().filter(|line| line.contains("/24")).count();
    assert_eq!(networks, 59);
}

#[test]
fn mermaid_and_dot_name_every_node_and_link() {
    let mermaid = draw(&read(RING), GraphFormat::Mermaid, &Live::default());
    assert!(
        mermaid.contains("  n0 ---|\"10.0.0.0/24\"| n1\n"),
        "{mermaid}"
    );
    assert!(mermaid.contains("  n3 --- l3\n"), "{mermaid}");
    let dot = draw(&read(RING), GraphFormat::Dot, &Live::default());
    assert!(
        dot.contains("  n0 -- n1 [label=\"10.0.0.0/24\"];\n"),
        "{dot}"
    );
    assert!(dot.ends_with("}\n"), "{dot}");
}

const WIRES: &str = "lab: 1\nname: wires\n\
    nodes: {a: host, b: host, c: host}\n\
    links: [a -- b: {delay: 5ms, dir: {a>b: {loss: 2%}}}, b -- c: {delay: 0ms}]\n\
    segments: {lan: [a, {c: {loss: 1%}}]}\n";

/// A link and a member tell theirs, a wire that does nothing tells nothing.
#[test]
fn wires_of_the_file_are_told() {
    let topology = read(WIRES);
    let live = Live::at_first(&topology);
    let link = "a>b loss 2%, delay 5ms; b>a delay 5ms";
    let member = "c: loss 1%";
    for format in [
        GraphFormat::Text,
        GraphFormat::Mermaid,
        GraphFormat::Dot,
        GraphFormat::Json,
        GraphFormat::Svg,
    ] {
        let drawn = draw(&topology, format, &live);
        for words in [link, member] {
            let words = match format {
                GraphFormat::Svg => words.replace('>', "&gt;"),
                GraphFormat::Text | GraphFormat::Mermaid | GraphFormat::Dot | GraphFormat::Json => {
                    words.to_owned()
                }
            };
            assert_eq!(drawn.matches(&words).count(), 1, "{words} in\n{drawn}");
        }
    }
    let json = draw(&topology, GraphFormat::Json, &live);
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(json["links"][1]["wire"], serde_json::Value::Null);
}

/// What a wire does takes no node's name off the screen.
#[test]
fn long_words_are_cut() {
    let does = "{delay: 25ms, jitter: 12ms, loss: 2%, dup: 1%, reorder: 3%, corrupt: 0.5%}";
    let text =
        format!("lab: 1\nname: x\nnodes: {{a: host, far: host}}\nlinks: [a -- far: {does}]\n");
    let topology = read(&text);
    let drawn = draw(&topology, GraphFormat::Text, &Live::at_first(&topology));
    assert!(drawn.contains("…] far (host)"), "{drawn}");
    assert!(
        drawn.lines().all(|line| line.chars().count() <= WIDTH),
        "{drawn}"
    );
}
