//! Ways through a network, and what the links on them showed.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::time::Duration;

use mcrgen::payload::{Header, Template};

use super::{Datagram, Passed, Place, passed, path, seen, sentence};
use crate::run::capture::{Frame, Seen};
use crate::topology::model::{Kind, Link, LinkId, Medium, Node, NodeId, Topology, Unicast};

fn node(name: &str) -> Node {
    Node {
        name: name.to_owned(),
        groups: Vec::new(),
        kind: Kind::Kernel,
        router: None,
        loopback: Vec::new(),
        interfaces: Vec::new(),
        routes: Vec::new(),
        sysctls: Vec::new(),
        env: Vec::new(),
        wrap: None,
        own: None,
        ospf: None,
    }
}

fn link(name: &str, ends: &[usize]) -> Link {
    Link {
        name: name.to_owned(),
        medium: Medium::Veth,
        ends: ends.iter().map(|end| (NodeId(*end), 0)).collect(),
        net: "10.0.0.0/24".parse().unwrap(),
        mtu: 1500,
        metric: 10,
        checksum_offload: false,
        wire: None,
        members: Default::default(),
    }
}

/// src - r1 - r2 - rcv, and a LAN of r1 and other.
fn topology() -> Topology {
    Topology {
        name: "t".to_owned(),
        about: String::new(),
        file: PathBuf::new(),
        nodes: ["src", "r1", "r2", "rcv", "other"].map(node).to_vec(),
        links: vec![
            link("src--r1", &[0, 1]),
            link("lan", &[1, 4]),
            link("r1--r2", &[1, 2]),
            link("r2--rcv", &[2, 3]),
        ],
        receivers: Vec::new(),
        sources: Vec::new(),
        steps: Vec::new(),
        unicast: Unicast::None,
        invariants: Vec::new(),
        max_time: Duration::from_secs(1),
        ready: Duration::from_secs(60),
        alone: false,
        repeat: 1,
        artifacts: Default::default(),
        matrix: Vec::new(),
        origin: None,
    }
}

fn end(node: usize) -> (NodeId, usize) {
    (NodeId(node), 0)
}

fn to(node: usize) -> (NodeId, Option<usize>) {
    (NodeId(node), Some(0))
}

fn saw(link: usize, datagrams: u64) -> Passed {
    Passed {
        link: LinkId(link),
        name: "x".to_owned(),
        datagrams: (0..datagrams).map(|sequence| (7, 0, sequence)).collect(),
        partial: false,
    }
}

#[test]
fn the_way_is_the_shortest() {
    let way = path(&topology(), end(0), to(3), &BTreeSet::new());
    let want = [(0, 1), (2, 2), (3, 3)].map(|(link, node)| (LinkId(link), NodeId(node)));
    assert_eq!(way, want);
    assert_eq!(path(&topology(), end(0), to(0), &BTreeSet::new()), []);
}

/// src - r1 - LAN - up and low - r4 - rcv: who of both forwards is seen, and where
/// nobody does, unicast's way counts. A host with a leg on both sides is none.
#[test]
fn of_several_ways_it_is_the_one_that_was_taken() {
    let mut topology = topology();
    topology.nodes = ["src", "r1", "up", "low", "r4", "rcv", "both"]
        .map(node)
        .to_vec();
    topology.nodes[6].kind = Kind::Host;
    topology.links = vec![
        link("src--r1", &[0, 1]),
        link("lan", &[1, 2, 3, 6]),
        link("up--r4", &[2, 4]),
        link("low--r4", &[3, 4]),
        link("both--r4", &[6, 4]),
        link("r4--rcv", &[4, 5]),
    ];
    topology.links[4].metric = 1;
    let nodes = |topology: &Topology, passed: &[Passed]| {
        let way = path(topology, end(0), to(5), &seen(passed)).into_iter();
        way.map(|(_, node)| node.0).collect::<Vec<_>>()
    };
    assert_eq!(
        nodes(&topology, &[saw(0, 9), saw(1, 9), saw(3, 5)]),
        [1, 3, 4, 5]
    );
    assert_eq!(
        nodes(&topology, &[saw(0, 9), saw(1, 9), saw(2, 5)]),
        [1, 2, 4, 5]
    );
    let passed = [saw(0, 9), saw(1, 9), saw(3, 5), saw(5, 5)];
    let said = sentence(
        &topology,
        &path(&topology, end(0), to(5), &seen(&passed)),
        &passed,
        &|_| BTreeSet::new(),
    );
    let place = said.and_then(|(_, at)| at);
    assert_eq!(place, Some(Place::Node(NodeId(3))));
    topology.links[2].metric = 20;
    assert_eq!(nodes(&topology, &[saw(0, 9), saw(1, 9)]), [1, 3, 4, 5]);
    // Another link between the same hosts is not the receiver's.
    topology.links.push(link("src--rcv", &[0, 5]));
    topology.links[6].ends = vec![(NodeId(0), 1), (NodeId(5), 1)];
    assert_eq!(nodes(&topology, &[saw(6, 9)]), [1, 3, 4, 5]);
}

#[test]
fn the_loss_is_between_the_last_full_link_and_the_next() {
    let topology = topology();
    let way = path(&topology, end(0), to(3), &BTreeSet::new());
    for (counts, text, at) in [
        (
            [100, 100, 0],
            "links saw 100 on src--r1, 100 on r1--r2, 0 on r2--rcv: lost at r2, \
             first sequence 0 of flow 0",
            Some(2),
        ),
        (
            [100, 90, 90],
            "links saw 100 on src--r1, 90 on r1--r2, 90 on r2--rcv: lost at r1, \
             first sequence 90 of flow 0",
            Some(1),
        ),
        (
            [0, 0, 0],
            "links saw 0 on src--r1, 0 on r1--r2, 0 on r2--rcv: never sent into the network",
            None,
        ),
        (
            [9, 9, 9],
            "links saw 9 on src--r1, 9 on r1--r2, 9 on r2--rcv: not lost before the \
             receiver's link",
            None,
        ),
    ] {
        let passed = [saw(0, counts[0]), saw(2, counts[1]), saw(3, counts[2])];
        let said = sentence(&topology, &way, &passed, &|_| BTreeSet::new()).unwrap();
        assert_eq!(said, (text.to_owned(), at.map(NodeId).map(Place::Node)));
    }
}

/// A link is watched at one end, so its wire's losses show as the next link's.
#[test]
fn what_a_wire_took_was_lost_on_its_link() {
    let topology = topology();
    let way = path(&topology, end(0), to(3), &BTreeSet::new());
    let took = |on: usize, which: &'static [u64]| {
        move |link: LinkId| {
            let which = which.iter().filter(move |_| link == LinkId(on));
            which.map(|sequence| (7, 0, *sequence)).collect()
        }
    };
    let said = |counts: [u64; 3], taken: &dyn Fn(LinkId) -> BTreeSet<Datagram>| {
        let passed = [saw(0, counts[0]), saw(2, counts[1]), saw(3, counts[2])];
        sentence(&topology, &way, &passed, taken).unwrap()
    };
    let (text, place) = said([100, 100, 90], &took(2, &[90, 93]));
    assert_eq!(place, Some(Place::Wire(LinkId(2))));
    let end = "lost on the wire r1--r2, first sequence 90 of flow 0";
    assert!(text.ends_with(end), "{text}");
    // Of two losses the first counts, and that was none of the wire's.
    let (_, place) = said([100, 100, 90], &took(2, &[91]));
    assert_eq!(place, Some(Place::Node(NodeId(2))));
    let (_, place) = said([100, 100, 100], &took(3, &[4]));
    assert_eq!(place, Some(Place::Wire(LinkId(3))));
}

#[test]
fn only_the_datagrams_of_the_runs_and_the_span_count() {
    let frame = |run: u64, sequence: u64, sent_ns: u64| {
        let header = Header {
            run,
            sequence,
            sent_ns,
            ..Header::default()
        };
        let payload = Template::new(64).unwrap().header(&header);
        let mut bytes = vec![0; 12];
        bytes.extend([0x08, 0, 0x45, 0, 0, 92, 0, 0, 0, 0, 16, 17, 0, 0]);
        bytes.extend(Ipv4Addr::LOCALHOST.octets());
        bytes.extend(Ipv4Addr::LOCALHOST.octets());
        bytes.extend([0; 8]);
        bytes.extend(payload);
        Frame {
            at_ns: sent_ns,
            length: 106,
            bytes: bytes.into(),
        }
    };
    let frames = [
        frame(7, 0, 50),
        frame(7, 1, 100),
        frame(7, 2, 101),
        frame(7, 2, 101),
        frame(7, 4, 102),
        frame(8, 3, 101),
    ];
    let seen = Seen::of("src--r1", frames);
    let found = passed(&[(LinkId(0), &seen)], &BTreeSet::from([7]), &(100..102));
    assert_eq!(found[0].datagrams, BTreeSet::from([(7, 0, 1), (7, 0, 2)]));
    assert!(!found[0].partial);
}
