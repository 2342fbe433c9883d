//! Every scenario of `topologies/`, run by the `lab` program as a user runs
//! it, and what `lab test` does when a scenario fails, is interrupted or is
//! killed.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use mcr_tests::{eventually, programs, root, skip};
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, geteuid};
use serde_json::Value;
use tempfile::TempDir;

/// The exit statuses that the tests meet.
const FAILED: i32 = 1;
const NOTHING_TO_RUN: i32 = 2;
const UNFIT: i32 = 5;
const INTERRUPTED: i32 = 6;

/// A run of `lab test` with a folder of its own.
struct Run {
    folder: TempDir,
    output: Output,
}

impl Run {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.output.stdout).into_owned()
            + &String::from_utf8_lossy(&self.output.stderr)
    }

    fn code(&self) -> Option<i32> {
        self.output.status.code()
    }

    fn latest(&self) -> PathBuf {
        self.folder.path().join("latest")
    }
}

fn command(folder: &Path, file: &Path) -> Command {
    let mut command = Command::new(programs().unwrap().lab);
    command.args(["test", "--format", "plain", "--run-dir"]);
    command.arg(folder).arg(file).current_dir(root());
    command.stdin(Stdio::null());
    command
}

/// Runs a file; `None` where this machine cannot, which is recorded.
fn lab_test(test: &str, file: &Path) -> Option<Run> {
    let folder = tempfile::tempdir().unwrap();
    let output = command(folder.path(), file).output().unwrap();
    let run = Run { folder, output };
    if run.code() == Some(UNFIT) {
        skip(
            test,
            "lab test says this machine is unfit",
            &first_line(&run.text()),
        );
        return None;
    }
    Some(run)
}

/// Runs a folder with other software in some of its roles, as the variables say.
fn with_others(test: &str, folder: &str, variables: &[&str]) {
    let runs = tempfile::tempdir().unwrap();
    let mut command = command(runs.path(), &root().join("topologies").join(folder));
    command.args(variables.iter().flat_map(|variable| ["--var", variable]));
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    let enable = match output.status.code() {
        Some(NOTHING_TO_RUN | UNFIT) => first_line(&text),
        code => return assert_eq!(code, Some(0), "{text}"),
    };
    skip(test, "lab test cannot run all of it here", &enable);
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}

fn passes(test: &str, folder: &str) {
    let file = root().join("topologies").join(folder);
    if let Some(run) = lab_test(test, &file) {
        assert_eq!(run.code(), Some(0), "{}", run.text());
    }
}

/// What has nodes of software that may be missing here.
fn passes_with_others(test: &str, folder: &str) {
    with_others(test, folder, &[]);
}

/// Real time does not stop for an event.
fn skips_its_sweeps(test: &str, folder: &str) {
    let file = root().join("topologies").join(folder);
    if let Some(run) = lab_test(test, &file) {
        let text = run.text();
        assert_eq!(run.code(), Some(0), "{text}");
        let skipped = text.matches("a sweep is for virtual time: `lab test --sim`");
        assert_eq!(skipped.count(), 3, "{text}");
        assert!(text.contains("2 passed, 3 skipped"), "{text}");
    }
}

fn data(name: &str) -> PathBuf {
    root().join("tests/tests/data").join(name)
}

fn the_quickstart(test: &str, folder: &str) {
    let file = root().join("topologies").join(folder);
    let Some(run) = lab_test(test, &file) else {
        return;
    };
    let text = run.text();
    assert_eq!(run.code(), Some(0), "{text}");
    for receiver in ["R1", "R2"] {
        let line = format!("{receiver} <- S  sent 2000  received 2000  lost 0  dup 0  p50 ");
        assert!(text.contains(&line), "no {line:?} in\n{text}");
    }
    assert!(
        text.lines().all(|line| line.chars().count() <= 80),
        "{text}"
    );
    let result = fs::read_to_string(run.latest().join("result.json")).unwrap();
    let result: Value = serde_json::from_str(&result).unwrap();
    assert_eq!(result["outcome"], "pass");
    assert_eq!(result["counts"]["passed"], 3);
    for kept in [
        "result.txt",
        "junit.xml",
        "events.ndjson",
        "configs/r1.json5",
        "logs/r1.log",
    ] {
        assert!(run.latest().join(kept).is_file(), "no {kept}");
    }
}

/// One test for each folder; one that is missing here is an error.
macro_rules! in_namespaces {
    ($($test:ident: $name:literal by $run:ident,)*) => {
        const FOLDERS: &[&str] = &[$($name),*];
        $(
            #[test]
            fn $test() {
                $run(stringify!($test), $name);
            }
        )*
    };
}

in_namespaces! {
    netns_chain3: "chain3" by passes,
    netns_diamond_spt: "diamond-spt" by passes,
    netns_fhr_is_lhr: "fhr-is-lhr" by passes,
    netns_fhr_is_rp: "fhr-is-rp" by passes,
    netns_flap_storm: "flap-storm" by passes,
    netns_freeze_and_flap: "freeze-and-flap" by passes,
    netns_igmp_limits: "igmp-limits" by passes,
    netns_igmp_versions: "igmp-versions" by passes,
    netns_interop_chain3: "interop-chain3" by passes,
    netns_interop_diamond: "interop-diamond" by passes,
    netns_interop_lan: "interop-lan" by passes,
    netns_lan_assert: "lan-assert" by passes,
    netns_lan_deaf: "lan-deaf" by passes,
    netns_lan_dr: "lan-dr" by passes,
    netns_layers: "layers" by passes,
    netns_lhr_is_rp: "lhr-is-rp" by passes,
    netns_lossy_wire: "lossy-wire" by passes,
    netns_lost_messages: "lost-messages" by passes,
    netns_lost_way: "lost-way" by passes,
    netns_stale_routes: "stale-routes" by passes,
    netns_membership_churn: "membership-churn" by passes,
    netns_nevers: "nevers" by passes,
    netns_one_way_link: "one-way-link" by passes,
    netns_pim_messages: "pim-messages" by passes,
    netns_processes: "processes" by passes,
    netns_quickstart: "quickstart" by the_quickstart,
    netns_register_probe: "register-probe" by passes,
    netns_relay_fanout_20: "relay-fanout-20" by passes,
    netns_relay_interface_flap: "relay-interface-flap" by passes,
    netns_relay_jumbo: "relay-jumbo" by passes,
    netns_relay_rules_under_traffic: "relay-rules-under-traffic" by passes,
    netns_relay_throughput: "relay-throughput" by passes,
    netns_relay_unicast_out: "relay-unicast-out" by passes,
    netns_relay_worker_kill: "relay-worker-kill" by passes,
    netns_restart_each: "restart-each" by passes,
    netns_ring8: "ring8" by passes,
    netns_rp_unreachable_then_back: "rp-unreachable-then-back" by passes,
    netns_slow_routes: "slow-routes" by passes,
    netns_slow_wire: "slow-wire" by passes,
    netns_snooping_lan: "snooping-lan" by passes,
    netns_ssm_chain: "ssm-chain" by passes,
    netns_interop_pimd: "interop-pimd" by passes_with_others,
    netns_ospf_ring4: "ospf-ring4" by passes_with_others,
    netns_static_mroutes: "static-mroutes" by passes_with_others,
    netns_sweep_diamond: "sweep-diamond" by skips_its_sweeps,
    netns_sweep_register: "sweep-register" by skips_its_sweeps,
}

#[test]
fn netns_interop_chain3_frr_is_the_rp() {
    let test = "netns_interop_chain3_frr_is_the_rp";
    with_others(test, "interop-chain3", &["rp=frr"]);
}

#[test]
fn netns_interop_chain3_frr_is_both_ends() {
    let test = "netns_interop_chain3_frr_is_both_ends";
    with_others(test, "interop-chain3", &["fhr=frr", "lhr=frr"]);
}

#[test]
fn netns_interop_diamond_frr_is_in_the_middle() {
    let test = "netns_interop_diamond_frr_is_in_the_middle";
    with_others(test, "interop-diamond", &["rp=frr", "mid=frr"]);
}

#[test]
fn netns_interop_diamond_frr_is_both_ends() {
    let test = "netns_interop_diamond_frr_is_both_ends";
    with_others(test, "interop-diamond", &["fhr=frr", "lhr=frr"]);
}

#[test]
fn netns_interop_lan_frr_is_downstream() {
    let test = "netns_interop_lan_frr_is_downstream";
    with_others(test, "interop-lan", &["up=frr", "down=frr"]);
}

#[test]
fn netns_interop_lan_frr_is_the_dr() {
    let test = "netns_interop_lan_frr_is_the_dr";
    with_others(test, "interop-lan", &["dr=frr"]);
}

#[test]
fn every_folder_has_a_test() {
    let folders: BTreeSet<String> = fs::read_dir(root().join("topologies"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    let named = FOLDERS.iter().copied().map(str::to_owned);
    assert_eq!(folders, named.collect());
}

#[test]
fn netns_a_missing_rule_is_found_and_located() {
    let name = "netns_a_missing_rule_is_found_and_located";
    let Some(run) = lab_test(name, &data("quickstart-broken.yaml")) else {
        return;
    };
    let text = run.text();
    assert_eq!(run.code(), Some(FAILED), "{text}");
    let packets = run.latest().join("step1.pcapng");
    for part in [
        "FAIL two receivers, and a rule for one of them",
        "R1 <- S  sent 500  received 500  lost 0",
        "R2 <- S  sent 500  received 0  lost 500",
        "500 on src--r1, 0 on r1--rcv2: lost at r1",
        "r1 dropped 100 from src: no-rule",
        "SKIP never reached",
        "evidence in ",
        "step1.pcapng",
    ] {
        assert!(text.contains(part), "no {part:?} in\n{text}");
    }
    assert!(
        fs::metadata(packets).unwrap().len() > 100_000,
        "packets of 500 datagrams"
    );
    let junit = fs::read_to_string(run.latest().join("junit.xml")).unwrap();
    assert!(junit.contains("failures=\"1\""), "{junit}");
    let state = fs::read_to_string(run.latest().join("state/r1.json")).unwrap();
    assert!(state.contains("no-rule"), "{state}");
}

#[test]
fn netns_a_wrong_rp_is_found() {
    let name = "netns_a_wrong_rp_is_found";
    let Some(run) = lab_test(name, &data("chain-broken.yaml")) else {
        return;
    };
    let text = run.text();
    assert_eq!(run.code(), Some(FAILED), "{text}");
    for part in ["FAIL the source sends", "received 0", "SKIP never reached"] {
        assert!(text.contains(part), "no {part:?} in\n{text}");
    }
}

#[test]
fn netns_a_tree_that_is_not_the_models_is_told_by_router() {
    let name = "netns_a_tree_that_is_not_the_models_is_told_by_router";
    let Some(run) = lab_test(name, &data("tree-differs.yaml")) else {
        return;
    };
    let text = run.text();
    assert_eq!(run.code(), Some(FAILED), "{text}");
    for part in [
        "FAIL the tree is the right one",
        "r2 forwards nothing; the model r1 -> r3",
        "r3--rcv does not carry it, the model does",
    ] {
        assert!(text.contains(part), "no {part:?} in\n{text}");
    }
}

#[test]
fn netns_killed_daemon_comes_back_with_its_rules() {
    let name = "netns_killed_daemon_comes_back_with_its_rules";
    if let Some(run) = lab_test(name, &data("daemon-kill.yaml")) {
        assert_eq!(run.code(), Some(0), "{}", run.text());
    }
}

#[test]
fn netns_each_signal_ends_a_daemon_and_one_that_is_deaf_is_told() {
    let name = "netns_each_signal_ends_a_daemon_and_one_that_is_deaf_is_told";
    let Some(run) = lab_test(name, &data("daemon-signals.yaml")) else {
        return;
    };
    let text = run.text();
    assert_eq!(run.code(), Some(FAILED), "{text}");
    assert!(text.contains("14 passed, 1 failed"), "{text}");
    assert!(
        text.contains("deaf: SIGTERM does not end the daemon within 10s"),
        "{text}"
    );
}

#[test]
fn netns_labs_side_by_side_do_not_meet() {
    let file = root().join("topologies/quickstart");
    let folders: [TempDir; 3] = std::array::from_fn(|_| tempfile::tempdir().unwrap());
    let children: Vec<Child> = folders
        .iter()
        .map(|folder| {
            let mut command = command(folder.path(), &file);
            command.stdout(Stdio::piped()).stderr(Stdio::piped());
            command.spawn().unwrap()
        })
        .collect();
    for child in children {
        let output = child.wait_with_output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned()
            + &String::from_utf8_lossy(&output.stderr);
        if output.status.code() == Some(UNFIT) {
            let name = "netns_labs_side_by_side_do_not_meet";
            skip(
                name,
                "lab test says this machine is unfit",
                &first_line(&text),
            );
            return;
        }
        assert_eq!(output.status.code(), Some(0), "{text}");
    }
}

#[test]
fn netns_run_as_another_user() {
    let name = "netns_run_as_another_user";
    if !geteuid().is_root() {
        skip(
            name,
            "the other tests run without root already",
            "run it as root",
        );
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).unwrap();
    let mut command = command(folder.path(), &root().join("topologies/quickstart"));
    // The user `nobody`, who must be able to read the programs.
    command.uid(65534).gid(65534).current_dir("/");
    let output = match command.output() {
        Ok(output) => output,
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            let enable = "put the repository where every user can read it";
            skip(name, "the user nobody cannot read the programs", enable);
            return;
        }
        Err(error) => panic!("{error}"),
    };
    let text = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    if output.status.code() == Some(UNFIT) {
        skip(
            name,
            "no user namespaces for ordinary users",
            &first_line(&text),
        );
        return;
    }
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(text.contains("rootless"), "{text}");
}

/// A lab in the middle of a run that would take minutes.
struct Endless {
    folder: TempDir,
    child: Child,
    mark: String,
}

impl Endless {
    /// `None` where this machine cannot run it, which is recorded.
    fn start(test: &str) -> Option<Endless> {
        let folder = tempfile::tempdir().unwrap();
        let mark = format!("LAB_TEST_MARK={}", folder.path().display());
        let (key, value) = mark.split_once('=').unwrap();
        let mut command = command(folder.path(), &data("endless.yaml"));
        command.env(key, value);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = command.spawn().unwrap();
        let mut endless = Endless {
            folder,
            child,
            mark,
        };
        let events = endless.folder.path().join("latest/events.ndjson");
        let mut unfit = false;
        let in_the_middle = eventually(Duration::from_secs(60), || {
            unfit = endless.child.try_wait().unwrap().is_some();
            let events = fs::read_to_string(&events).unwrap_or_default();
            unfit || events.contains("\"action\":\"wait ")
        });
        if unfit {
            let output = endless.child.wait_with_output().unwrap();
            let text = String::from_utf8_lossy(&output.stderr).into_owned();
            assert_eq!(output.status.code(), Some(UNFIT), "{text}");
            skip(
                test,
                "lab test says this machine is unfit",
                &first_line(&text),
            );
            return None;
        }
        assert!(in_the_middle, "the run did not get to its second step");
        Some(endless)
    }

    fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id()).unwrap();
        kill(Pid::from_raw(pid), signal).unwrap();
    }

    /// Processes that were started by this lab, by their environment.
    fn processes(&self) -> Vec<String> {
        let mut found = Vec::new();
        for entry in fs::read_dir("/proc").unwrap() {
            let path = entry.unwrap().path();
            let environment = fs::read(path.join("environ")).unwrap_or_default();
            let mut variables = environment.split(|byte| *byte == 0);
            if variables.any(|variable| variable == self.mark.as_bytes()) {
                found.push(fs::read_to_string(path.join("cmdline")).unwrap_or_default());
            }
        }
        found
    }

    fn is_gone(&self) -> bool {
        eventually(Duration::from_secs(10), || self.processes().is_empty())
    }
}

#[test]
fn netns_interrupted_run_ends_in_order() {
    let Some(mut endless) = Endless::start("netns_interrupted_run_ends_in_order") else {
        return;
    };
    endless.signal(Signal::SIGINT);
    let ended = eventually(Duration::from_secs(20), || {
        endless.child.try_wait().unwrap().is_some()
    });
    assert!(ended, "it goes on: {:?}", endless.processes());
    assert!(endless.is_gone(), "{:?}", endless.processes());
    let output = endless.child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(INTERRUPTED));
    let result = endless.folder.path().join("latest/result.txt");
    let result = fs::read_to_string(result).unwrap();
    for part in [
        "PASS the stream is relayed",
        "interrupted by Ctrl-C",
        "SKIP never reached",
    ] {
        assert!(result.contains(part), "no {part:?} in\n{result}");
    }
}

#[test]
fn netns_killed_lab_leaves_nothing_behind() {
    let Some(mut endless) = Endless::start("netns_killed_lab_leaves_nothing_behind") else {
        return;
    };
    let running = endless.processes();
    for program in ["lab", "mcrd", "mcrgen"] {
        let runs = running.iter().any(|line| {
            line.split('\0')
                .next()
                .is_some_and(|first| first.ends_with(program))
        });
        assert!(runs, "no {program} among {running:?}");
    }
    endless.signal(Signal::SIGKILL);
    endless.child.wait().unwrap();
    assert!(endless.is_gone(), "left behind: {:?}", endless.processes());
}
