//! The drawing of a small network.

use super::draw;
use crate::topology;

#[test]
fn every_node_and_link_is_drawn_and_sources_are_left() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("lab.yaml");
    let text = "lab: 1\nname: drawn\n\
        nodes: {rcv: host, r1: mcrd, r2: mcrd, src: host, h: host}\n\
        links: [rcv -- r1, r2 -- src]\nsegments: {lan: [r1, r2, h]}\n\
        pim: {rp: \"${r1.lo}\"}\n\
        receivers: {R: {at: rcv, group: 239.1.1.1}}\n\
        sources: {S: {at: src, group: 239.1.1.1, rate: 10pps}}\n";
    std::fs::write(&file, text).unwrap();
    let topology = topology::load(&file, &[]).unwrap();
    let svg = draw(&topology, &super::Live::default());
    for node in 0..5 {
        assert!(svg.contains(&format!("data-node=\"{node}\"")), "{svg}");
    }
    assert_eq!(svg.matches("<line ").count(), 5, "{svg}");
    assert_eq!(svg.matches("class=\"segment\"").count(), 1, "{svg}");
    let live = super::Live::default();
    let drawing = super::Drawing::of(&topology, &live);
    assert!(drawing.nodes[3].x < drawing.nodes[0].x);
}
