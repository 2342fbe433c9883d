//! `mcrgen recv` and datagrams that a sender would not send, and what it says
//! itself on the wire.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

mod mcrgen_world;

use mcrgen::report::{RecvReport, Report};
use mcrgen_world::{DEADLINE, Running, World, received};

/// Starts the tests' own program in the sender's namespace.
fn helper(world: &World, arguments: &str) -> Running {
    let mut command = world.in_sender(env!("CARGO_BIN_EXE_mcr-test-helper"));
    command.args(arguments.split_whitespace());
    Running::start(command)
}

/// Sends the script, waits for `count` datagrams and one marked as the end.
fn report_of(world: &World, script: &str, count: u64) -> RecvReport {
    let mut receiver = world.recv("--group 239.1.1.1 --port 5000");
    let (_, status) = injected(world, script);
    assert!(status.success());
    receiver.until(|report| received(report) >= count);
    receiver.last_recv()
}

fn injected(world: &World, script: &str) -> (Vec<String>, std::process::ExitStatus) {
    helper(world, &format!("inject {script}")).finish_text()
}

#[test]
fn duplicates_and_disorder_are_told_apart() {
    let Some(world) = World::new("duplicates_and_disorder_are_told_apart") else {
        return;
    };
    let report = report_of(&world, "100 101 102 102 105 104 107 101 110", 7);
    let flow = &report.flows[0];
    assert_eq!((flow.run, flow.flow, report.flows.len()), (1, 1, 1));
    assert_eq!((flow.received, flow.duplicated, flow.reordered), (7, 2, 1));
    assert_eq!((flow.first_sequence, flow.highest_sequence), (100, 110));
    // 103, 106, 108 and 109.
    assert_eq!((flow.lost, flow.own_drops, report.socket_drops), (4, 0, 0));
    assert_eq!(flow.bytes, 700);
    // The crafted datagrams do not say whose clock theirs is.
    assert_eq!(flow.latency, None);
}

#[test]
fn foreign_and_corrupted_datagrams_are_counted() {
    let Some(world) = World::new("foreign_and_corrupted_datagrams_are_counted") else {
        return;
    };
    let report = report_of(&world, "0 foreign corrupt-1 foreign cut-2 3 foreign 4", 3);
    assert_eq!((report.foreign, report.corrupted), (3, 2));
    let flow = &report.flows[0];
    assert_eq!((flow.received, flow.lost), (3, 2));
}

#[test]
fn a_wrong_udp_checksum_is_loss_and_no_own_drop() {
    let Some(world) = World::new("a_wrong_udp_checksum_is_loss_and_no_own_drop") else {
        return;
    };
    let report = report_of(&world, "0 1 badsum-2 badsum-3 4 badsum-5 6", 4);
    assert_eq!(
        (report.checksum_errors, report.socket_drops),
        (3, 0),
        "{report:?}"
    );
    let flow = &report.flows[0];
    assert_eq!(
        (flow.received, flow.lost, flow.own_drops),
        (4, 3, 0),
        "{report:?}"
    );
}

#[test]
fn the_igmp_version_is_seen_on_the_wire() {
    let Some(world) = World::new("the_igmp_version_is_seen_on_the_wire") else {
        return;
    };
    let version_file = "cat /proc/sys/net/ipv4/conf/v1/force_igmp_version";
    for (version, report) in [(1, "igmp 0x12"), (2, "igmp 0x16"), (3, "igmp 0x22")] {
        let mut watcher = helper(&world, "watch-igmp");
        watcher.until_text("watching");
        let receiver = world.recv(&format!("--group 239.1.1.1 --port 5000 --igmp {version}"));
        watcher.until_text(report);
        assert_eq!(
            world.receiver("sh", version_file).trim(),
            version.to_string()
        );
        receiver.last_recv();
        if version == 2 {
            // The leave is in the same version.
            watcher.until_text("igmp 0x17");
        }
        assert_eq!(world.receiver("sh", version_file).trim(), "0");
    }
}

#[test]
fn an_igmp_version_that_cannot_be_set_is_named() {
    let Some(world) = World::new("an_igmp_version_that_cannot_be_set_is_named") else {
        return;
    };
    world.receiver(
        "sh",
        "echo 2 >/proc/sys/net/ipv4/conf/all/force_igmp_version",
    );
    let mut command = world.in_receiver(mcrgen_world::mcrgen().to_str().unwrap());
    command.args("recv --interface v1 --group 239.1.1.1 --port 5000 --igmp 3".split_whitespace());
    let output = command.output().unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{error}");
    for part in ["IGMPv3 on v1", "net.ipv4.conf.all.force_igmp_version is 2"] {
        assert!(error.contains(part), "{error}");
    }
}

#[test]
fn a_reader_that_is_slow_costs_lines_and_no_datagrams() {
    let Some(world) = World::new("a_reader_that_is_slow_costs_lines_and_no_datagrams") else {
        return;
    };
    let mut command = world.in_receiver(mcrgen_world::mcrgen().to_str().unwrap());
    command.args(
        "recv --json --interface v1 --group 239.1.1.1 --groups 20 --port 5000 --interval 1ms \
         --count 6000"
            .split_whitespace(),
    );
    // Nobody reads this pipe, which holds 64 KiB, until all is sent.
    command.stdout(std::process::Stdio::piped());
    let mut child = command.spawn().unwrap();
    let joined = || {
        world
            .receiver("cat", "/proc/net/igmp")
            .matches("0101EF")
            .count()
            >= 20
    };
    assert!(mcr_tests::eventually(DEADLINE, joined));
    let sent = world
        .send("--interface v0 --group 239.1.1.1 --groups 20 --port 5000 --rate 10kpps --count 6000")
        .last_send();
    assert_eq!(sent.sent, 6000);
    let mut text = String::new();
    std::io::Read::read_to_string(&mut child.stdout.take().unwrap(), &mut text).unwrap();
    assert!(child.wait().unwrap().success());
    let last: Report = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    assert_eq!(received(&last), 6000, "{last:?}");
}
