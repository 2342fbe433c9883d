//! What the command line means, and what is wrong with it.

use clap::Parser;

use super::*;
use crate::error::Error;
use crate::hosts::{Filter, HostsPlan};
use crate::pacer::Limit;
use crate::receiver::RecvPlan;
use crate::sender::SendPlan;

fn send(text: &str) -> Result<SendPlan, Error> {
    let words = ["mcrgen", "send", "--port", "5000"].into_iter();
    let cli = Cli::try_parse_from(words.chain(text.split_whitespace())).unwrap();
    match cli.command {
        Command::Send(args) => args.plan(),
        Command::Recv(_) | Command::Hosts(_) => panic!("send became another"),
    }
}

fn recv(text: &str) -> Result<RecvPlan, Error> {
    let words = ["mcrgen", "recv", "--port", "5000", "--interface", "lo"].into_iter();
    let cli = Cli::try_parse_from(words.chain(text.split_whitespace())).unwrap();
    match cli.command {
        Command::Recv(args) => args.plan(),
        Command::Send(_) | Command::Hosts(_) => panic!("recv became another"),
    }
}

fn hosts(text: &str) -> Result<HostsPlan, Error> {
    let words = ["mcrgen", "hosts", "--interface", "lo"].into_iter();
    let cli = Cli::try_parse_from(words.chain(text.split_whitespace())).unwrap();
    match cli.command {
        Command::Hosts(args) => args.plan(),
        Command::Send(_) | Command::Recv(_) => panic!("hosts became another"),
    }
}

#[test]
fn hosts_share_out_all_groups() {
    let plan = hosts("--address 10.0.0.10 --hosts 3 --group 239.1.0.0 --groups 7").unwrap();
    assert_eq!((plan.hosts, plan.script.per_host), (3, 3));
    assert_eq!(plan.script.groups.len(), 7);
    assert_eq!(plan.filter, Filter::any());
    assert!(plan.leave);
    let plan = hosts("--address 10.0.0.10 --group 232.1.0.0 --source 10.9.9.9").unwrap();
    assert!(!plan.filter.exclude && plan.filter.sources.len() == 1);
}

#[test]
fn impossible_hosts_are_refused() {
    for (text, says) in [
        ("--address 10.0.0.1 --group 10.0.0.2", "no multicast group"),
        ("--address 10.0.0.1 --group 239.1.1.1 --hosts 0", "--hosts"),
        (
            "--address 223.255.255.255 --group 239.1.1.1 --hosts 2",
            "--address",
        ),
        (
            "--address 10.0.0.1 --group 239.1.1.1 --per-host 2",
            "--per-host",
        ),
        (
            "--address 10.0.0.1 --group 239.1.1.1 --igmp 2 --source 10.0.0.2",
            "--source",
        ),
        (
            "--address 10.0.0.1 --group 239.1.1.1 --join-rate 0",
            "--join-rate",
        ),
    ] {
        let error = hosts(text).unwrap_err().to_string();
        assert!(error.contains(says), "{text}: {error}");
    }
}

#[test]
fn groups_and_flows_are_listed() {
    let plan =
        send("--interface lo --group 239.1.1.255 --groups 2 --flows 2 --flow-base 10").unwrap();
    let flows: Vec<(u32, String, usize)> = plan
        .sender
        .flows
        .iter()
        .map(|flow| (flow.flow, flow.destination.to_string(), flow.source))
        .collect();
    let (a, b) = ("239.1.1.255".to_owned(), "239.1.2.0".to_owned());
    assert_eq!(
        flows,
        [
            (10, a.clone(), 0),
            (11, a, 1),
            (12, b.clone(), 0),
            (13, b, 1)
        ]
    );
    assert_eq!(plan.sender.source_ports, [0, 0]);
}

#[test]
fn separate_groups_are_listed() {
    let plan = recv("--group 239.1.1.1 --group 232.0.0.5 --source 10.0.0.1").unwrap();
    let groups: Vec<String> = plan
        .receiver
        .groups
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(groups, ["239.1.1.1", "232.0.0.5"]);
    assert_eq!(plan.receiver.sources, [Ipv4Addr::new(10, 0, 0, 1)]);
    assert!(!plan.receiver.exclude);
}

#[test]
fn sources_are_wanted_or_not() {
    let plan = recv("--group 239.1.1.1 --source 10.0.0.1 --source 10.0.0.2 --exclude").unwrap();
    assert_eq!(plan.receiver.sources.len(), 2);
    assert!(plan.receiver.exclude);
    assert!(recv("--group 239.1.1.1 --source 239.0.0.1").is_err());
}

#[test]
fn source_ports_follow_one_another() {
    let plan = send("--group 10.0.0.1 --flows 3 --source-port 4000").unwrap();
    assert_eq!(plan.sender.source_ports, [4000, 4001, 4002]);
    let plan = send("--group 10.0.0.1 --flows 70").unwrap();
    assert_eq!(plan.sender.source_ports.len(), 64);
    assert_eq!(plan.sender.flows[64].source, 0);
}

#[test]
fn the_rate_may_be_bits() {
    let plan = send("--group 10.0.0.1 --rate 8Mbit/s --size 1000").unwrap();
    assert_eq!(plan.pps, 1000.0);
    assert!(!plan.sender.segmentation);
    let plan = send("--group 10.0.0.1 --rate 500kpps").unwrap();
    assert!(plan.sender.segmentation);
    let plan = send("--group 10.0.0.1 --rate 500kpps --no-gso").unwrap();
    assert!(!plan.sender.segmentation);
}

#[test]
fn the_end_is_a_time_a_count_or_a_signal() {
    for (text, limit) in [
        ("", Limit::None),
        ("--count 5", Limit::Count(5)),
        ("--duration 500ms", Limit::Duration(500_000_000)),
    ] {
        let plan = send(&format!("--group 10.0.0.1 {text}")).unwrap();
        assert_eq!(plan.limit, limit);
    }
}

#[test]
fn an_address_names_the_interface_and_the_source() {
    let plan = send("--interface 127.0.0.1 --group 239.1.1.1").unwrap();
    assert_eq!(
        plan.sender.interface.as_ref().map(|i| i.name.as_str()),
        Some("lo")
    );
    assert_eq!(plan.sender.source, Ipv4Addr::LOCALHOST);
    let plan = send("--interface lo --group 239.1.1.1").unwrap();
    assert_eq!(plan.sender.source, Ipv4Addr::UNSPECIFIED);
}

#[test]
fn runs_differ_and_fit_a_double() {
    let run = || send("--group 10.0.0.1").unwrap().sender.run;
    let (a, b) = (run(), run());
    assert_ne!(a, b);
    assert!(a < 1 << 53 && b < 1 << 53);
    assert_eq!(
        send("--group 10.0.0.1 --run 18446744073709551615")
            .unwrap()
            .sender
            .run,
        u64::MAX
    );
}

#[test]
fn impossible_sends_are_refused_with_the_reason() {
    for (text, reason) in [
        ("--group 239.1.1.1", "by which --interface"),
        ("--group 0.0.0.0", "neither a group nor a host"),
        (
            "--group 10.0.0.1 --size 43",
            "--size 43 is not possible: the UDP payload is 44 to 65507",
        ),
        ("--group 10.0.0.1 --size 65508", "44 to 65507"),
        ("--group 10.0.0.1 --groups 0", "--groups must be at least 1"),
        ("--group 10.0.0.1 --flows 0", "--flows must be at least 1"),
        ("--group 10.0.0.1 --groups 70000", "more than 65536 groups"),
        (
            "--group 10.0.0.1 --groups 1000 --flows 1000",
            "more than 65536 flows",
        ),
        (
            "--group 10.0.0.1 --flow-base 4294967295 --flows 2",
            "flow numbers would pass",
        ),
        (
            "--group 239.255.255.255 --groups 2 --interface lo",
            "leave the range of groups",
        ),
        (
            "--group 223.255.255.255 --groups 2",
            "leave the range of groups",
        ),
        (
            "--group 10.0.0.1 --group 10.0.0.1",
            "10.0.0.1 is given twice",
        ),
        (
            "--group 10.0.0.1 --groups 3 --group 10.0.0.2",
            "10.0.0.2 is given twice",
        ),
        (
            "--group 10.0.0.1 --source-port 65535 --flows 2",
            "ports would pass 65535",
        ),
        (
            "--group 10.0.0.1 --source 239.1.1.1",
            "--source must not be a group",
        ),
    ] {
        let error = send(text).unwrap_err();
        assert!(matches!(error, Error::Usage(_)), "{text}: {error:?}");
        assert!(error.to_string().contains(reason), "{text}: {error}");
    }
    let error = send("--group 239.1.1.1 --interface absent0").unwrap_err();
    assert!(
        error.to_string().contains("absent0; there are: "),
        "{error}"
    );
}

#[test]
fn impossible_receives_are_refused_with_the_reason() {
    for (text, reason) in [
        ("--group 10.0.0.1 --source 10.0.0.2", "10.0.0.1 is a host"),
        (
            "--group 239.1.1.1 --groups 0",
            "--groups must be at least 1",
        ),
        (
            "--group 239.1.1.1 --buffer 2147483648",
            "more than a socket can have",
        ),
    ] {
        let error = recv(text).unwrap_err();
        assert!(error.to_string().contains(reason), "{text}: {error}");
    }
}

#[test]
fn the_parser_refuses_values_out_of_range() {
    for (text, reason) in [
        ("send --group 10.0.0.1", "--port"),
        ("send --group 10.0.0.1 --port 0", "--port"),
        ("send --group 10.0.0.1 --port 1 --ttl 0", "--ttl"),
        ("send --group 10.0.0.1 --port 1 --dscp 64", "--dscp"),
        (
            "send --group 10.0.0.1 --port 1 --rate 10",
            "1000pps or 10Mbit/s",
        ),
        (
            "send --group 10.0.0.1 --port 1 --count 1 --duration 1s",
            "cannot be used with",
        ),
        ("send --group here --port 1", "--group"),
        ("recv --group 239.1.1.1 --port 1", "--interface"),
        (
            "recv --interface lo --group 239.1.1.1 --port 1 --igmp 4",
            "--igmp",
        ),
        (
            "recv --interface lo --group 239.1.1.1 --port 1 --duration soon",
            "--duration",
        ),
    ] {
        let words = std::iter::once("mcrgen").chain(text.split_whitespace());
        let error = Cli::try_parse_from(words).unwrap_err();
        assert_eq!(error.exit_code(), 2, "{text}");
        assert!(error.to_string().contains(reason), "{text}: {error}");
    }
}
