//! What is drawn of a status, at the width of a terminal.

use std::net::Ipv4Addr;

use super::screen::View;
use super::*;
use crate::holder::protocol::Process;
use crate::run::status::{Entry, LinkStatus, ReceiverStatus, RouterStatus, SourceStatus, StepDone};

const GROUP: Ipv4Addr = Ipv4Addr::new(239, 1, 1, 1);
const OTHER: Ipv4Addr = Ipv4Addr::new(239, 1, 1, 2);

/// A lab after so many half seconds with a source of 200 a second.
fn status(halves: u64) -> Status {
    let source = Ipv4Addr::new(10, 0, 0, 1);
    let link = |name: &str, up| LinkStatus {
        name: name.to_owned(),
        up,
        wire: None,
        datagrams: if up { halves * 100 } else { 0 },
        bytes: if up { halves * 20_000 } else { 0 },
    };
    let process = |(node, pid): (&str, i32)| Process {
        node: node.to_owned(),
        pid,
        command: "mcrd run".to_owned(),
        cpu_seconds: halves as f64 * 0.05,
        memory_bytes: 3 << 20,
        ended: None,
    };
    let entry = |group, oif: &[&str]| Entry {
        group,
        source: Some(source),
        iif: Some("src".to_owned()),
        oif: oif.iter().map(|name| (*name).to_owned()).collect(),
    };
    Status {
        at_ns: 1_790_000_000_000_000_000 + halves * 500_000_000,
        steps: vec![StepDone {
            at_ns: 1_790_000_000_000_000_000,
            title: "join R".to_owned(),
            outcome: "PASS".to_owned(),
        }],
        links: vec![link("src--r1", true), link("r1--rcv", false)],
        receivers: vec![ReceiverStatus {
            name: "R".to_owned(),
            node: "rcv".to_owned(),
            groups: vec![GROUP],
            joined: true,
            received: halves * 50,
            lost: 7,
            duplicated: 0,
        }],
        sources: vec![SourceStatus {
            name: "S".to_owned(),
            node: "src".to_owned(),
            groups: vec![GROUP, OTHER],
            sending: true,
            sent: halves * 100,
        }],
        network: "src (host)\n└─ .1 10.0.0.0/24 .2 r1 (mcrd)\n".to_owned(),
        processes: [("r1", 7), ("r1", 8), ("src", 9)].map(process).into(),
        routers: vec![
            RouterStatus {
                node: "r1".to_owned(),
                kind: "mcrd".to_owned(),
                neighbors: vec!["r2".to_owned(), "10.9.9.9".to_owned()],
                groups: 1,
                entries: 2,
                trees: vec![entry(GROUP, &["rcv"]), entry(OTHER, &[])],
                ..RouterStatus::default()
            },
            RouterStatus {
                node: "r2".to_owned(),
                kind: "frr".to_owned(),
                problem: Some("it is stopped".to_owned()),
                ..RouterStatus::default()
            },
        ],
    }
}

#[test]
fn rates_are_those_between_two_looks() {
    let view = View::of("first").with(status(1));
    let text = lines(&view).unwrap();
    assert!(text.contains("src--r1"), "{text}");
    assert!(!text.contains("200"), "one look has no rate: {text}");
    let text = lines(&view.with(status(2))).unwrap();
    let row = |name: &str| {
        let mut rows = text.lines().filter(|row| row.starts_with(name));
        rows.next().unwrap().split_whitespace().collect::<Vec<_>>()
    };
    assert_eq!(row("src--r1"), ["src--r1", "up", "200", "0.32", "200"]);
    assert_eq!(row("r1--rcv"), ["r1--rcv", "down", "0", "0.00", "0"]);
    assert_eq!(row("S  ")[4..], ["sends", "200", "200"]);
    assert_eq!(row("R  ")[3..], ["joined", "100", "100", "7", "0"]);
    let rows = |name: &str| -> Vec<Vec<&str>> {
        let rows = text.lines().filter(|row| row.starts_with(name));
        rows.map(|row| row.split_whitespace().collect()).collect()
    };
    assert!(
        rows("r1 ").contains(&vec!["r1", "2", "20%", "0.2s", "6.0M"]),
        "{text}"
    );
    assert!(
        rows("src ").contains(&vec!["src", "1", "10%", "0.1s", "3.0M"]),
        "{text}"
    );
    assert!(text.contains("it is stopped"), "{text}");
    let router = vec!["r1", "mcrd", "1", "2", "r2", "10.9.9.9"];
    assert!(rows("r1 ").contains(&router), "{text}");
    assert!(text.contains("1s ago PASS  join R"), "{text}");
    assert!(text.lines().all(|line| line.len() <= 3 * 80), "{text}");
    assert!(
        text.lines().all(|line| line.chars().count() <= 80),
        "{text}"
    );
}

#[test]
fn the_network_is_drawn_where_it_is_wanted() {
    let mut view = View::of("first").with(status(1));
    assert_eq!(view.wants(), None);
    assert!(!lines(&view).unwrap().contains("└─"));
    view.turn();
    assert_eq!(view.wants(), Some(Some(GROUP)));
    let text = lines(&view).unwrap();
    assert!(text.contains("network, and the way of 239.1.1.1"), "{text}");
    assert!(text.contains("└─ .1 10.0.0.0/24 .2 r1 (mcrd)"), "{text}");
    assert!(!text.contains("MBIT/S"), "{text}");
    view.turn();
    assert!(lines(&view).unwrap().contains("MBIT/S"));
}

#[test]
fn daemons_that_ended_by_themselves_are_told() {
    let mut status = status(1);
    let ended = status.processes.iter_mut().find(|one| one.node == "src");
    ended.unwrap().ended = Some("exit status: 1".to_owned());
    let text = lines(&View::of("first").with(status)).unwrap();
    let row = text.lines().find(|row| row.starts_with("src   "));
    let told = "mcrd run: exit status: 1";
    assert!(row.is_some_and(|row| row.contains(told)), "{text}");
}

#[test]
fn each_group_has_its_tree() {
    let mut view = View::of("first").with(status(1));
    let tree = |view: &View| {
        let text = lines(view).unwrap();
        let from = text.find("trees of ").unwrap();
        text[from..].to_owned()
    };
    assert!(tree(&view).starts_with("trees of 239.1.1.1"));
    assert!(
        tree(&view).contains("src             rcv"),
        "{}",
        tree(&view)
    );
    view.next_group(1);
    assert!(tree(&view).starts_with("trees of 239.1.1.2"));
    assert!(tree(&view).contains("nothing"));
    view.next_group(1);
    assert!(tree(&view).starts_with("trees of 239.1.1.1"));
    view.next_group(-1);
    assert!(tree(&view).starts_with("trees of 239.1.1.2"));
    // Groups may go while their tree is shown.
    let text = lines(&view.with(Status::default())).unwrap();
    assert!(text.contains("links"), "{text}");
}

#[test]
fn what_is_by_hand_is_told_whole_where_there_is_room() {
    let row = |node: &str, group: Ipv4Addr| {
        let mut status = status(1);
        let receiver = &mut status.receivers[0];
        receiver.name = format!("{node}:{group}");
        (receiver.node, receiver.groups) = (node.to_owned(), vec![group]);
        let text = lines(&View::of("first").with(status)).unwrap();
        let mut rows = text.lines().filter(|row| row.starts_with(&node[..3]));
        rows.next().unwrap().trim_end().to_owned()
    };
    let told = row("rcv", Ipv4Addr::new(239, 255, 255, 255));
    assert!(told.starts_with("rcv:239.255.255.255 "), "{told}");
    let told = row("receiver", GROUP);
    assert!(told.starts_with("receiver:239.1.1.1 "), "{told}");
    let told = row("receiver-of-all", Ipv4Addr::new(239, 255, 255, 255));
    assert!(told.starts_with("receiver-of-all:2"), "{told}");
    assert!(told.contains("… receive… 239.255.255.255"), "{told}");
    assert!(told.chars().count() <= 80, "{told}");
}
