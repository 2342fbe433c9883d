//! `mcrgen` between two network namespaces: what it says against what happened.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

mod mcrgen_world;

use std::net::Ipv4Addr;
use std::process::Command;

use mcrgen::report::Report;
use mcrgen_world::{DEADLINE, Running, World, mcrgen, received};
use nix::sys::signal::Signal;

/// Ends a receiver when it has so many datagrams.
fn last_when(mut receiver: Running, count: u64) -> mcrgen::report::RecvReport {
    receiver.until(|report| received(report) >= count);
    receiver.last_recv()
}

#[test]
fn a_moderate_rate_arrives_whole_and_as_asked() {
    let Some(world) = World::new("a_moderate_rate_arrives_whole_and_as_asked") else {
        return;
    };
    let receiver = world.recv("--group 239.1.1.1 --port 5000");
    let sender = world.send(
        "--interface v0 --group 239.1.1.1 --port 5000 --rate 5000pps --count 5000 \
         --size 300 --ttl 7 --dscp 46 --source-port 4321 --run 77",
    );
    let sent = sender.last_send();
    assert_eq!((sent.due, sent.sent, sent.errors), (5000, 5000, 0));
    assert_eq!((sent.run, sent.bytes), (77, 1_500_000));
    let report = last_when(receiver, 5000);
    assert_eq!(
        (report.socket_drops, report.foreign, report.corrupted),
        (0, 0, 0)
    );
    assert_eq!(report.flows.len(), 1);
    let flow = &report.flows[0];
    assert_eq!((flow.received, flow.bytes, flow.lost), (5000, 1_500_000, 0));
    assert_eq!((flow.duplicated, flow.reordered, flow.too_old), (0, 0, 0));
    assert_eq!((flow.first_sequence, flow.highest_sequence), (0, 4999));
    assert_eq!(flow.source, Some(Ipv4Addr::new(10, 9, 0, 1)));
    assert_eq!(flow.group, Some(Ipv4Addr::new(239, 1, 1, 1)));
    assert_eq!(
        (flow.port, flow.source_port, flow.run, flow.flow),
        (5000, 4321, 77, 0)
    );
    assert_eq!((flow.ttl, flow.dscp), (Some(7), Some(46)));
    assert!(flow.join_to_first_ns > 0 && flow.first_ns > report.joined_ns);
    let latency = flow.latency.expect("sender and receiver share the clock");
    assert!(
        latency.min_ns > 0 && latency.p50_ns <= latency.p999_ns,
        "{latency:?}"
    );
}

#[test]
fn a_duration_is_an_open_loop() {
    let Some(world) = World::new("a_duration_is_an_open_loop") else {
        return;
    };
    // Nobody receives: what is due does not depend on it.
    let sender = world.send(
        "--interface v0 --group 239.1.1.1 --port 5000 --rate 100pps --duration 500ms --interval 20ms",
    );
    let (reports, status) = sender.finish();
    assert!(status.success());
    let sends: Vec<_> = reports
        .iter()
        .map(|report| match report {
            Report::Send(report) => report,
            Report::Recv(_) | Report::Hosts(_) => panic!("another's report"),
        })
        .collect();
    for report in &sends {
        // 100 pps: one every 10 ms, the first at once, 50 in all.
        let due = (report.elapsed_ns / 10_000_000 + 1).min(50);
        assert_eq!(report.due, due, "{report:?}");
        assert!(report.sent <= due, "{report:?}");
    }
    let last = sends.last().unwrap();
    assert_eq!((last.sent, last.errors, last.last), (50, 0, true));
    // Not before the last one was due.
    assert!(last.elapsed_ns >= 490_000_000, "{last:?}");
}

#[test]
fn the_first_datagram_is_reported_at_once() {
    let Some(world) = World::new("the_first_datagram_is_reported_at_once") else {
        return;
    };
    let mut command = world.in_receiver(mcrgen().to_str().unwrap());
    command.args("recv --json --interface v1 --group 239.1.1.1 --port 5000".split_whitespace());
    let mut receiver = Running::start(command);
    // Without --interval nothing tells when it has joined, so this goes on.
    let sender = world.send("--interface v0 --group 239.1.1.1 --port 5000 --rate 100pps");
    let report = receiver.until(|_| true);
    assert!(received(&report) >= 1, "{report:?}");
    assert!(matches!(report, Report::Recv(report) if !report.last));
    sender.signal(Signal::SIGINT);
    let sent = sender.last_send();
    assert!(sent.sent > 0);
    receiver.last_recv();
}

#[test]
fn a_high_rate_is_sent_whole_and_no_drop_is_taken_for_loss() {
    let Some(world) = World::new("a_high_rate_is_sent_whole_and_no_drop_is_taken_for_loss") else {
        return;
    };
    for options in ["", "--no-gso", "--flows 4"] {
        let mut receiver = world.recv("--group 239.1.1.1 --port 5000");
        let count = 60_000;
        let sender = world.send(&format!(
            "--interface v0 --group 239.1.1.1 --port 5000 --rate 300kpps --size 100 \
             --count {count} {options}"
        ));
        let sent = sender.last_send();
        assert_eq!((sent.sent, sent.errors), (count, 0), "{options}");
        receiver.until(|report| match report {
            Report::Recv(recv) => received(report) + recv.socket_drops >= count,
            Report::Send(_) | Report::Hosts(_) => false,
        });
        let report = receiver.last_recv();
        let got: u64 = report.flows.iter().map(|flow| flow.received).sum();
        let lost: u64 = report.flows.iter().map(|flow| flow.lost).sum();
        assert_eq!((got + report.socket_drops, lost), (count, 0), "{options}");
        assert!(got > 0, "{options}");
        assert_eq!((report.corrupted, report.foreign), (0, 0), "{options}");
    }
}

#[test]
fn own_drops_are_not_loss() {
    let Some(world) = World::new("own_drops_are_not_loss") else {
        return;
    };
    let mut receiver = world.recv("--group 239.1.1.1 --port 5000 --buffer 4096");
    let mut sender =
        world.send("--interface v0 --group 239.1.1.1 --port 5000 --rate 2000pps --interval 20ms");
    let sent = |report: &Report| match report {
        Report::Send(report) => report.sent,
        Report::Recv(_) | Report::Hosts(_) => 0,
    };
    receiver.until(|report| received(report) > 0);
    receiver.signal(Signal::SIGSTOP);
    let at_stop = sent(&sender.until(|_| true));
    sender.until(|report| sent(report) > at_stop + 500);
    receiver.signal(Signal::SIGCONT);
    let at_continue = sent(&sender.until(|_| true));
    sender.until(|report| sent(report) > at_continue + 100);
    sender.signal(Signal::SIGTERM);
    let sent = sender.last_send().sent;
    let report = receiver.last_recv();
    assert_eq!(report.flows.len(), 1);
    let flow = &report.flows[0];
    assert!(flow.own_drops > 100, "{report:?}");
    assert_eq!(flow.lost, 0, "{report:?}");
    let seen = flow.highest_sequence + 1;
    assert_eq!(flow.received + flow.own_drops, seen, "{report:?}");
    // What was dropped after the last datagram is in no flow.
    assert_eq!(flow.received + report.socket_drops, sent, "{report:?}");
}

#[test]
fn a_source_specific_join_hears_no_other_source() {
    let Some(world) = World::new("a_source_specific_join_hears_no_other_source") else {
        return;
    };
    let chosen = world.recv("--group 232.1.1.1 --port 5000 --source 10.9.0.3");
    let any = world.recv("--group 232.1.1.1 --port 5000");
    for source in ["10.9.0.1", "10.9.0.3"] {
        let sent = world
            .send(&format!(
                "--interface {source} --group 232.1.1.1 --port 5000 --count 20"
            ))
            .last_send();
        assert_eq!(sent.sent, 20);
    }
    let report = last_when(any, 40);
    assert_eq!(report.flows.len(), 2);
    let report = last_when(chosen, 20);
    let sources: Vec<_> = report.flows.iter().map(|flow| flow.source).collect();
    assert_eq!(sources, [Some(Ipv4Addr::new(10, 9, 0, 3))]);
    assert_eq!((report.flows[0].received, report.foreign), (20, 0));
}

#[test]
fn other_groups_ports_and_interfaces_are_not_heard() {
    let Some(world) = World::new("other_groups_ports_and_interfaces_are_not_heard") else {
        return;
    };
    let receiver = world.recv("--group 239.1.1.1 --port 5000");
    // Somebody else on the host has joined this one, at the same port.
    let other = world.recv("--group 239.1.1.2 --port 5000");
    for target in [
        "239.1.1.2 --port 5000",
        "239.1.1.1 --port 5001",
        "239.1.1.1 --port 5000",
    ] {
        world
            .send(&format!("--interface v0 --group {target} --count 5"))
            .last_send();
    }
    assert_eq!(received(&Report::Recv(last_when(other, 5))), 5);
    let report = last_when(receiver, 5);
    assert_eq!(report.flows.len(), 1, "{report:?}");
    assert_eq!((report.flows[0].received, report.foreign), (5, 0));
}

#[test]
fn more_groups_than_a_socket_may_join() {
    let Some(world) = World::new("more_groups_than_a_socket_may_join") else {
        return;
    };
    let receiver = world.recv("--group 239.1.0.200 --groups 150 --port 5000");
    let sender = world.send(
        "--interface v0 --group 239.1.0.200 --groups 150 --port 5000 --rate 5000pps \
         --count 1500 --flow-base 1000 --size 64",
    );
    let sent = sender.last_send();
    assert!(sent.flows.iter().all(|flow| flow.sent == 10));
    let report = last_when(receiver, 1500);
    assert_eq!(report.flows.len(), 150);
    assert!(
        report
            .flows
            .iter()
            .all(|flow| flow.received == 10 && flow.lost == 0)
    );
    assert_eq!(report.flows.iter().map(|flow| flow.flow).max(), Some(1149));
}

#[test]
fn flows_of_a_group_have_ports_of_their_own() {
    let Some(world) = World::new("flows_of_a_group_have_ports_of_their_own") else {
        return;
    };
    let receiver = world.recv("--group 239.1.1.1 --port 5000");
    world
        .send(
            "--interface v0 --group 239.1.1.1 --port 5000 --flows 3 --source-port 4000 --count 30",
        )
        .last_send();
    let report = last_when(receiver, 30);
    let ports: Vec<_> = report
        .flows
        .iter()
        .map(|flow| (flow.flow, flow.source_port))
        .collect();
    assert_eq!(ports, [(0, 4000), (1, 4001), (2, 4002)]);
}

#[test]
fn hosts_can_be_sent_to() {
    let Some(world) = World::new("hosts_can_be_sent_to") else {
        return;
    };
    let receiver = world.recv("--group 10.9.0.2 --port 5000");
    // Nobody listens at 5001: what ICMP says of it must not stop the sender.
    let refused = world.send("--group 10.9.0.2 --port 5001 --rate 100pps --count 20");
    let sent = refused.last_send();
    assert_eq!((sent.sent, sent.errors), (20, 0), "{sent:?}");
    world
        .send("--group 10.9.0.2 --port 5000 --count 50 --ttl 3")
        .last_send();
    let report = last_when(receiver, 50);
    assert_eq!(report.flows[0].group, Some(Ipv4Addr::new(10, 9, 0, 2)));
    assert_eq!((report.flows[0].lost, report.flows[0].ttl), (0, Some(3)));
}

#[test]
fn a_source_address_of_nobody_can_be_used() {
    let Some(world) = World::new("a_source_address_of_nobody_can_be_used") else {
        return;
    };
    let receiver = world.recv("--group 239.1.1.1 --port 5000");
    world
        .send("--interface v0 --group 239.1.1.1 --port 5000 --source 192.0.2.9 --count 10")
        .last_send();
    let report = last_when(receiver, 10);
    assert_eq!(report.flows[0].source, Some(Ipv4Addr::new(192, 0, 2, 9)));
}

#[test]
fn only_the_run_asked_for_is_counted() {
    let Some(world) = World::new("only_the_run_asked_for_is_counted") else {
        return;
    };
    let receiver = world.recv("--group 239.1.1.1 --port 5000 --run 5");
    for run in [4, 5] {
        world
            .send(&format!(
                "--interface v0 --group 239.1.1.1 --port 5000 --count 10 --run {run}"
            ))
            .last_send();
    }
    let report = last_when(receiver, 10);
    assert_eq!((report.flows.len(), report.other_runs), (1, 10));
}

#[test]
fn both_follow_an_interface_that_is_made_again() {
    let Some(world) = World::new("both_follow_an_interface_that_is_made_again") else {
        return;
    };
    let mut receiver = world.recv("--group 239.1.1.1 --port 5000 --igmp 2");
    // A host's socket has nothing to join again.
    let mut host = world.recv("--group 10.9.0.2 --port 5000");
    let mut sender =
        world.send("--interface v0 --group 239.1.1.1 --port 5000 --rate 500pps --interval 20ms");
    receiver.until(|report| received(report) > 20);
    world.sender("ip", "link del v0");
    let errors = |report: &Report| matches!(report, Report::Send(report) if report.errors > 10);
    sender.until(errors);
    world.connect();
    let before = received(&receiver.until(|_| true));
    receiver.until(|report| received(report) > before + 100);
    let version = "cat /proc/sys/net/ipv4/conf/v1/force_igmp_version";
    assert_eq!(world.receiver("sh", version).trim(), "2");
    world
        .send("--group 10.9.0.2 --port 5000 --count 10")
        .last_send();
    host.until(|report| received(report) == 10);
    sender.signal(Signal::SIGTERM);
    let sent = sender.last_send();
    assert!(sent.last_error.is_some());
    let report = receiver.last_recv();
    // Sequence numbers are used up by what the kernel took, so what it refused
    // is not loss; what went out before the new join is.
    let flow = &report.flows[0];
    assert_eq!((report.flows.len(), flow.duplicated), (1, 0), "{report:?}");
    assert!(
        flow.received + flow.lost <= sent.sent,
        "{report:?} {sent:?}"
    );
}

#[test]
fn refused_datagrams_use_no_sequence_number() {
    let Some(world) = World::new("refused_datagrams_use_no_sequence_number") else {
        return;
    };
    let mut receiver = world.recv("--group 239.1.1.1 --port 5000");
    let mut sender =
        world.send("--interface v0 --group 239.1.1.1 --port 5000 --rate 500pps --interval 20ms");
    receiver.until(|report| received(report) > 20);
    world.sender("ip", "link set v0 down");
    sender.until(|report| matches!(report, Report::Send(report) if report.errors > 10));
    world.sender("ip", "link set v0 up");
    let before = received(&receiver.until(|_| true));
    receiver.until(|report| received(report) > before + 100);
    sender.signal(Signal::SIGTERM);
    let sent = sender.last_send();
    let report = receiver.last_recv();
    let flow = &report.flows[0];
    assert_eq!(flow.received + flow.lost, flow.highest_sequence + 1);
    assert!(flow.highest_sequence < sent.sent, "{report:?} {sent:?}");
    assert!(flow.longest_gap_ns > 20_000_000, "{report:?}");
}

#[test]
fn exit_statuses() {
    let run = |arguments: &str| {
        let output = Command::new(mcrgen())
            .args(arguments.split_whitespace())
            .output()
            .unwrap();
        let error = String::from_utf8(output.stderr).unwrap();
        (output.status.code().unwrap(), error)
    };
    for (arguments, status, reason) in [
        ("send", 2, "--group"),
        (
            "send --group 239.1.1.1 --port 5000",
            2,
            "by which --interface",
        ),
        (
            "send --group 127.0.0.1 --port 5000 --size 10",
            2,
            "44 to 65507",
        ),
        (
            "send --group 127.0.0.1 --port 5000 --rate fast",
            2,
            "1000pps or 10Mbit/s",
        ),
        (
            "send --interface absent0 --group 239.1.1.1 --port 5000",
            2,
            "absent0",
        ),
        (
            "recv --interface absent0 --group 239.1.1.1 --port 5000",
            2,
            "absent0",
        ),
        (
            "recv --interface lo --group 127.0.0.1 --port 5999 --duration 10ms",
            1,
            "",
        ),
        (
            "recv --interface lo --group 192.0.2.7 --port 5999 --duration 10ms",
            1,
            "192.0.2.7",
        ),
        ("send --group 127.0.0.1 --port 5999 --count 1", 0, ""),
        ("--help", 0, ""),
    ] {
        let (code, error) = run(arguments);
        assert_eq!(code, status, "{arguments}: {error}");
        assert!(error.contains(reason), "{arguments}: {error}");
        assert!(status == 0 || !error.contains("panicked"), "{error}");
    }
}

#[test]
fn a_reader_that_is_gone_ends_it() {
    let mut command = Command::new(mcrgen());
    command.args(
        "send --json --group 127.0.0.1 --port 5998 --rate 100pps --interval 10ms"
            .split_whitespace(),
    );
    command.stdout(std::process::Stdio::piped());
    command.stderr(std::process::Stdio::piped());
    let mut child = command.spawn().unwrap();
    drop(child.stdout.take());
    let mut status = None;
    let ended = mcr_tests::eventually(DEADLINE, || {
        status = child.try_wait().unwrap();
        status.is_some()
    });
    if !ended {
        child.kill().unwrap();
        panic!("it goes on without a reader");
    }
    assert_eq!(status.and_then(|status| status.code()), Some(1));
}
