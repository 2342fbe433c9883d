//! `mcrgen hosts` against the kernel's own idea of IGMP: a bridge that snoops
//! and queries.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

mod mcrgen_world;

use std::process::Command;

use mcr_tests::{eventually, skip};
use mcrgen::report::{HostsReport, Report};
use mcrgen_world::{DEADLINE, Running, World, mcrgen};
use nix::sys::signal::Signal;

/// A bridge over `v1` that is querier of this version, with short times; `None`,
/// and said so, where that is not possible.
fn snooping_world(test: &str, version: u8) -> Option<World> {
    let world = World::new(test)?;
    let mut bridge = world.in_receiver("ip");
    bridge.args("link add br0 type bridge mcast_snooping 1".split_whitespace());
    if !works(bridge) || !works(world.in_receiver("bridge")) {
        let enable = "install iproute2, on a kernel with CONFIG_BRIDGE_IGMP_SNOOPING";
        skip(test, "no snooping bridge can be made", enable);
        return None;
    }
    world.receiver("ip", "link set v1 master br0");
    world.receiver("ip", "addr add 10.9.0.9/24 dev br0");
    world.receiver(
        "ip",
        &format!(
            "link set br0 type bridge mcast_igmp_version {version} mcast_querier 1 \
             mcast_query_use_ifaddr 1 mcast_query_response_interval 100 \
             mcast_startup_query_interval 100 mcast_query_interval 200 \
             mcast_membership_interval 400 mcast_last_member_interval 20 mcast_hash_max 8192"
        ),
    );
    world.receiver("ip", "link set br0 up");
    Some(world)
}

fn works(mut command: Command) -> bool {
    let output = command.output();
    // `bridge` alone prints its usage and fails.
    output.is_ok_and(|output| {
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        output.status.success() || text.contains("Usage: bridge")
    })
}

fn hosts(world: &World, arguments: &str) -> Running {
    let mut command = world.in_sender(mcrgen().to_str().unwrap());
    command.args(["hosts", "--json", "--interface", "v0", "--interval", "20ms"]);
    command.args(arguments.split_whitespace());
    Running::start(command)
}

fn until(hosts: &mut Running, fits: impl Fn(&HostsReport) -> bool) -> HostsReport {
    let report = hosts.until(|report| match report {
        Report::Hosts(report) => fits(report),
        Report::Send(_) | Report::Recv(_) => false,
    });
    match report {
        Report::Hosts(report) => report,
        Report::Send(_) | Report::Recv(_) => unreachable!("asked for hosts"),
    }
}

fn end(hosts: Running) -> HostsReport {
    hosts.signal(Signal::SIGTERM);
    let (reports, status) = hosts.finish();
    assert!(status.success(), "{status}");
    match reports.into_iter().last() {
        Some(Report::Hosts(report)) if report.last => report,
        other => panic!("no last report but {other:?}"),
    }
}

/// How many groups of 239.1.0.0/16 the bridge has learned.
fn learned(world: &World) -> usize {
    let entries = world.receiver("bridge", "mdb show dev br0");
    entries.matches("grp 239.1.").count()
}

#[track_caller]
fn learns(world: &World, count: usize) {
    let mut seen = 0;
    let reached = eventually(DEADLINE, || {
        seen = learned(world);
        seen == count
    });
    assert!(reached, "{seen} groups learned, not {count}");
}

/// Joins 600 groups, answers queries, and leaves.
fn is_learned_and_forgotten(test: &str, version: u8) {
    let Some(world) = snooping_world(test, version) else {
        return;
    };
    let mut hosts = hosts(
        &world,
        &format!("--hosts 300 --address 10.9.0.20 --igmp {version} --group 239.1.0.0 --groups 600"),
    );
    let report = until(&mut hosts, |report| report.joined_ns.is_some());
    assert_eq!((report.hosts, report.memberships), (300, 600));
    learns(&world, 600);
    // The bridge forgets after 4 s: what is still there after five queries, two
    // seconds apart, was answered for.
    until(&mut hosts, |report| report.general_queries >= 5);
    learns(&world, 600);
    let last = end(hosts);
    assert_eq!((last.joins, last.leaves, last.memberships), (600, 600, 0));
    assert_eq!((last.errors, last.malformed), (0, 0));
    // Each join is told of twice, and each query answered by every host.
    assert!(last.reports >= 1200 + 4 * 300, "{last:?}");
    learns(&world, 0);
}

#[test]
fn a_snooping_bridge_learns_v2_hosts() {
    is_learned_and_forgotten("a_snooping_bridge_learns_v2_hosts", 2);
}

#[test]
fn a_snooping_bridge_learns_v3_hosts() {
    is_learned_and_forgotten("a_snooping_bridge_learns_v3_hosts", 3);
}

#[test]
fn churn_goes_on_and_is_counted() {
    let Some(world) = snooping_world("churn_goes_on_and_is_counted", 3) else {
        return;
    };
    let mut hosts = hosts(
        &world,
        "--hosts 10 --address 10.9.0.20 --group 239.1.0.0 --groups 10 --churn 500 --seed 5",
    );
    let report = until(&mut hosts, |report| report.joins + report.leaves >= 300);
    assert_eq!(report.memberships, report.joins - report.leaves);
    let last = end(hosts);
    assert_eq!(last.memberships, 0);
    learns(&world, 0);
}

#[test]
fn hosts_of_two_processes_suppress_each_other() {
    let Some(world) = snooping_world("hosts_of_two_processes_suppress_each_other", 2) else {
        return;
    };
    // A snooping bridge keeps reports from ports without a router.
    world.receiver("ip", "link set br0 type bridge mcast_snooping 0");
    let arguments = "--hosts 20 --igmp 2 --group 239.1.0.0 --address";
    let mut near = hosts(&world, &format!("{arguments} 10.9.0.20"));
    let mut command = world.in_receiver(mcrgen().to_str().unwrap());
    let far = format!("hosts --json --interface br0 --interval 20ms {arguments} 10.9.0.60");
    command.args(far.split_whitespace());
    let mut far = Running::start(command);
    until(&mut near, |report| report.foreign_reports >= 1);
    until(&mut far, |report| report.foreign_reports >= 1);
    end(near);
    end(far);
}

#[test]
fn an_interface_that_is_not_there_is_an_error() {
    let Some(world) = World::new("an_interface_that_is_not_there_is_an_error") else {
        return;
    };
    let mut command = world.in_sender(mcrgen().to_str().unwrap());
    let arguments = "hosts --interface nothing --address 10.9.0.20 --group 239.1.1.1";
    let output = command.args(arguments.split_whitespace()).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(
        text.contains("no interface has the name or address nothing"),
        "{text}"
    );
}
