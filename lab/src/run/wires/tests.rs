//! What is told of wires.

use std::path::Path;

use mcr_sim::wire::Counts;

use super::*;
use crate::topology::model::LinkId;

fn topology() -> Topology {
    let text = "lab: 1\nname: t\nnodes: {a: host, b: host}\nlinks: [{a -- b: {loss: 1%}}]\n";
    let read = crate::topology::parse(Path::new("lab.yaml"), text, &[], &|_| None);
    read.unwrap_or_else(|problems| panic!("{problems:?}"))
}

fn carried(frames: u64, lost: u64, overrun: u64) -> Carried {
    let counts = Counts {
        frames,
        lost,
        ..Counts::default()
    };
    Carried { counts, overrun }
}

#[test]
fn a_wire_tells_what_it_did_since() {
    let before = vec![(
        WireId::of(LinkId(0)),
        [carried(100, 10, 0), carried(5, 0, 0)],
    )];
    let now = vec![(
        WireId::of(LinkId(0)),
        [carried(300, 30, 7), carried(9, 0, 0)],
    )];
    let told = findings(&topology(), &before, &now);
    assert_eq!(
        told,
        ["wire a>b: 200 frames, 20 dropped as asked, 7 lost by the lab, which was too slow"]
    );
}

#[test]
fn a_wire_that_did_nothing_is_not_told() {
    let now = vec![(
        WireId::of(LinkId(0)),
        [carried(300, 0, 0), carried(9, 0, 0)],
    )];
    assert_eq!(findings(&topology(), &Wires::new(), &now), [""; 0]);
    let all = since(&topology(), &Wires::new(), &now);
    assert_eq!((all[0].frames, all[0].passed), (300, 300));
    assert_eq!(all[1].way, "b>a");
}
