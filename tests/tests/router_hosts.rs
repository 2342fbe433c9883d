//! A router and thousands of groups of hosts on one network.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stderr,
    reason = "a test fails by panicking"
)]

mod mcrgen_world;

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use mcr_api::Method;
use mcr_api::client::Client;
use mcr_api::router::{IgmpGroup, IgmpInterface};
use mcr_tests::{eventually, program};
use mcrgen::report::Report;
use mcrgen_world::{DEADLINE, Running, World, mcrgen};
use nix::sys::signal::Signal;
use tempfile::TempDir;

const GROUPS: usize = 5000;

/// mcrd on `v1`, the querier; killed when dropped.
struct Daemon {
    process: Child,
    socket: PathBuf,
    folder: TempDir,
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
        if std::thread::panicking() {
            let log = fs::read_to_string(self.folder.path().join("log"));
            eprintln!("--- log of mcrd:\n{}", log.unwrap_or_default());
        }
    }
}

impl Daemon {
    fn start(world: &World) -> Daemon {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("mcrd.json5");
        let text = "{ pim: { interfaces: { v1: {} } }, igmp: { interfaces: { v1: \
                    { query_interval: 2, query_response_interval: 1 } } } }";
        fs::write(&config, text).unwrap();
        let log = fs::File::create(folder.path().join("log")).unwrap();
        let socket = folder.path().join("control.sock");
        let mcrd = program("mcrd").unwrap();
        let process = world
            .in_receiver(mcrd.to_str().unwrap())
            .args(["run", "--log-level", "warn", "--config"])
            .arg(&config)
            .arg("--socket")
            .arg(&socket)
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        let daemon = Daemon {
            process,
            socket,
            folder,
        };
        let is_querier = || {
            let Ok(mut client) = Client::connect(&daemon.socket, DEADLINE) else {
                return false;
            };
            let interfaces: Vec<IgmpInterface> = client.call(Method::IgmpInterfaces {}).unwrap();
            interfaces.iter().any(|iface| iface.is_querier)
        };
        assert!(eventually(DEADLINE, is_querier), "mcrd is not the querier");
        daemon
    }

    fn client(&self) -> Client {
        Client::connect(&self.socket, DEADLINE).unwrap()
    }

    /// How many groups have members.
    fn count(&self) -> usize {
        let interfaces: Vec<IgmpInterface> = self.client().call(Method::IgmpInterfaces {}).unwrap();
        interfaces.iter().map(|iface| iface.groups).sum()
    }

    fn groups(&self) -> Vec<IgmpGroup> {
        let page = |cursor| Method::IgmpGroups { cursor };
        self.client().pages(page).unwrap()
    }
}

/// RFC 9776 §6.2: hosts of 5000 groups are known, answer ten General Queries,
/// and none of their groups is ever taken for gone.
#[test]
fn five_thousand_groups_outlive_ten_query_intervals() {
    let Some(world) = World::new("five_thousand_groups_outlive_ten_query_intervals") else {
        return;
    };
    let daemon = Daemon::start(&world);
    let mut command = world.in_sender(mcrgen().to_str().unwrap());
    command.args([
        "hosts",
        "--json",
        "--interface",
        "v0",
        "--interval",
        "100ms",
    ]);
    command.args(["--hosts", "200", "--address", "10.9.0.20"]);
    command.args(["--group", "239.1.0.0", "--groups", &GROUPS.to_string()]);
    let mut hosts = Running::start(command);
    let mut known = 0;
    let joined = eventually(DEADLINE, || {
        known = daemon.count();
        known == GROUPS
    });
    assert!(joined, "{known} groups are known");
    let since = Instant::now();
    let asked = |report: &Report| match report {
        Report::Hosts(report) => report.general_queries,
        Report::Send(_) | Report::Recv(_) => 0,
    };
    // Three intervals outlive the Group Membership Interval, 5 s.
    let first = asked(&hosts.until(|report| asked(report) > 0));
    let slow = Duration::from_secs(60);
    let ten = eventually(slow, || {
        let answered = asked(&hosts.until(|_| true)) >= first + 10;
        assert_eq!(daemon.count(), GROUPS);
        answered
    });
    assert!(ten, "not ten queries within {slow:?}");
    let least = since.elapsed().as_secs_f64();
    let groups = daemon.groups();
    assert_eq!(groups.len(), GROUPS);
    for group in &groups {
        // One that was lost and joined again would be younger.
        assert!(group.uptime >= least, "{}: {} s", group.group, group.uptime);
    }
    hosts.signal(Signal::SIGTERM);
    let (_, status) = hosts.finish();
    assert!(status.success(), "{status}");
    assert!(
        eventually(DEADLINE, || daemon.count() == 0),
        "{} groups are left after all hosts did",
        daemon.count()
    );
}
