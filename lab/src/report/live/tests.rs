//! What is told of links, made of a status.

use super::*;
use crate::run::status::{Entry, LinkStatus, RouterStatus, SourceStatus};
use crate::topology;

const FILE: &str = "lab: 1\nname: live\n\
    nodes: {src: host, r1: mcrd, r2: mcrd, rcv: host}\n\
    links: [src -- r1, r2 -- r1, r2 -- rcv]\n\
    sources: {S: {at: src, group: 239.1.1.1}}\n";

const GROUP: Ipv4Addr = Ipv4Addr::new(239, 1, 1, 1);

fn lab() -> (Topology, Status) {
    let topology = topology::parse(std::path::Path::new("lab.yaml"), FILE, &[], &|_| None);
    let topology = topology.unwrap_or_else(|mistakes| panic!("{mistakes}"));
    let link = |name: &str, up| LinkStatus {
        name: name.to_owned(),
        up,
        wire: up
            .then(|| "loss 5%".to_owned())
            .filter(|_| name == "r2--r1"),
        ..LinkStatus::default()
    };
    let router = |node: &str, group, oif: &str| RouterStatus {
        node: node.to_owned(),
        trees: vec![Entry {
            group,
            source: None,
            iif: None,
            oif: vec![oif.to_owned()],
        }],
        ..RouterStatus::default()
    };
    let status = Status {
        links: vec![
            link("src--r1", true),
            link("r2--r1", true),
            link("r2--rcv", false),
        ],
        sources: vec![SourceStatus {
            sending: true,
            ..SourceStatus::default()
        }],
        routers: vec![
            router("r1", GROUP, "r2"),
            router("r2", Ipv4Addr::new(239, 9, 9, 9), "rcv"),
        ],
        ..Status::default()
    };
    (topology, status)
}

#[test]
fn links_tell_what_is_not_as_in_the_file_and_the_way_of_the_group() {
    let (topology, status) = lab();
    let live = Live::of(&topology, &status, Some(GROUP));
    let words = |link| live.link(LinkId(link)).words(&topology);
    assert_eq!(words(0), "from src");
    assert_eq!(words(1), "loss 5%, from r1");
    assert_eq!(words(2), "down");
    let told = live.link(LinkId(1));
    let (r1, r2) = (NodeId(1), NodeId(2));
    assert_eq!(told.way(r1, r2), Way::There);
    assert_eq!(told.way(r2, r1), Way::Back);
    let live = Live::of(&topology, &status, None);
    assert_eq!(live.link(LinkId(0)), Told::default());
    assert_eq!(live.link(LinkId(1)).from, []);
}

#[test]
fn each_form_draws_it() {
    use crate::args::GraphFormat;
    use crate::report::graph::draw;
    let (topology, status) = lab();
    let live = Live::of(&topology, &status, Some(GROUP));
    let drawn = |format| draw(&topology, format, &live);
    let text = drawn(GraphFormat::Text);
    assert!(text.contains("[loss 5%, from r1]"), "{text}");
    let mermaid = drawn(GraphFormat::Mermaid);
    assert!(
        mermaid.contains("  n0 ==>|\"10.0.0.0/24<br/>from src\"| n1"),
        "{mermaid}"
    );
    assert!(
        mermaid.contains("  n1 ==>|") && mermaid.contains("  n2 -.-|"),
        "{mermaid}"
    );
    let dot = drawn(GraphFormat::Dot);
    assert!(
        dot.contains("n2 -- n1 [") && dot.contains("dir=back color=orangered"),
        "{dot}"
    );
    assert!(dot.contains("style=dashed color=red"), "{dot}");
    let svg = drawn(GraphFormat::Svg);
    assert!(
        svg.contains("stroke-dasharray") && svg.contains(">loss 5%, from r1<"),
        "{svg}"
    );
    let json: serde_json::Value = serde_json::from_str(&drawn(GraphFormat::Json)).unwrap();
    assert_eq!(json["links"][2]["up"], false);
    assert_eq!(json["links"][1]["wire"], "loss 5%");
    assert_eq!(json["links"][1]["from"], serde_json::json!([1]));
}
