//! The scenarios of `topologies/` in virtual time: what `lab test --sim` can
//! host gives the verdict that namespaces give, with every seed.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use mcr_tests::{programs, root};
use serde_json::Value;
use tempfile::TempDir;

const PASSED: i32 = 0;
const FAILED: i32 = 1;
const NOTHING_TO_RUN: i32 = 2;
const USAGE: i32 = 64;

/// A run of `lab test --sim` with a folder of its own.
struct Run {
    folder: TempDir,
    output: Output,
}

impl Run {
    fn new(file: &Path, arguments: &[&str]) -> Run {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new(programs().unwrap().lab);
        command.args(["test", "--sim", "--run-dir"]);
        command.arg(folder.path()).args(arguments).arg(file);
        command.current_dir(root()).stdin(Stdio::null());
        let output = command.output().unwrap();
        Run { folder, output }
    }

    fn code(&self) -> Option<i32> {
        self.output.status.code()
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.output.stdout).into_owned()
            + &String::from_utf8_lossy(&self.output.stderr)
    }

    fn json(&self) -> Value {
        serde_json::from_slice(&self.output.stdout).unwrap()
    }
}

fn folder(name: &str) -> PathBuf {
    root().join("topologies").join(name)
}

/// One test for each folder that must be hosted.
macro_rules! hosted {
    ($($test:ident: $name:literal,)*) => {
        const HOSTED: &[&str] = &[$($name),*];
        $(
            #[test]
            fn $test() {
                ten_seeds($name);
            }
        )*
    };
}

hosted! {
    sim_chain3: "chain3",
    sim_diamond_spt: "diamond-spt",
    sim_fhr_is_lhr: "fhr-is-lhr",
    sim_fhr_is_rp: "fhr-is-rp",
    sim_flap_storm: "flap-storm",
    sim_freeze_and_flap: "freeze-and-flap",
    sim_igmp_limits: "igmp-limits",
    sim_igmp_versions: "igmp-versions",
    sim_interop_chain3: "interop-chain3",
    sim_interop_diamond: "interop-diamond",
    sim_interop_lan: "interop-lan",
    sim_lan_assert: "lan-assert",
    sim_lan_deaf: "lan-deaf",
    sim_lan_dr: "lan-dr",
    sim_layers: "layers",
    sim_lhr_is_rp: "lhr-is-rp",
    sim_register_probe: "register-probe",
    sim_restart_each: "restart-each",
    sim_ring8: "ring8",
    sim_lossy_wire: "lossy-wire",
    sim_lost_messages: "lost-messages",
    sim_lost_way: "lost-way",
    sim_stale_routes: "stale-routes",
    sim_nevers: "nevers",
    sim_one_way_link: "one-way-link",
    sim_pim_messages: "pim-messages",
    sim_rp_unreachable_then_back: "rp-unreachable-then-back",
    sim_slow_routes: "slow-routes",
    sim_snooping_lan: "snooping-lan",
    sim_ssm_chain: "ssm-chain",
    sim_sweep_diamond: "sweep-diamond",
    sim_sweep_register: "sweep-register",
}

fn ten_seeds(name: &str) {
    let run = Run::new(&folder(name), &["--repeat", "10", "--format", "plain"]);
    let text = run.text();
    assert_eq!(run.code(), Some(PASSED), "{text}");
    assert!(text.contains("10 of 10 runs passed"), "{text}");
    for seed in 1..=10 {
        assert!(text.contains(&format!("  seed {seed}\n")), "{seed}: {text}");
    }
}

#[test]
fn sim_the_others_say_what_is_not_in_the_simulator() {
    let folders: BTreeSet<String> = fs::read_dir(root().join("topologies"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| !HOSTED.contains(&name.as_str()))
        .collect();
    assert!(!folders.is_empty());
    for name in folders {
        let run = Run::new(&folder(&name), &[]);
        let told = String::from_utf8_lossy(&run.output.stderr).into_owned();
        let code = run.code();
        assert_eq!(code, Some(NOTHING_TO_RUN), "{name} is hosted: {told}");
        let reason = told.strip_prefix(&format!("SKIP {name}: "));
        let reason = reason.unwrap_or_else(|| panic!("no reason: {told}"));
        assert!(reason.contains("simulator"), "{name}: {reason}");
        print!("{told}");
    }
}

/// What of a run must be the same with the same seed.
fn lasting(run: &Run) -> Value {
    let mut run = run.json()["runs"][0].take();
    let fields = run.as_object_mut().unwrap();
    for passing in ["run", "started", "seconds", "evidence"] {
        assert!(fields.remove(passing).is_some(), "no {passing}");
    }
    run
}

#[test]
fn sim_equal_seeds_give_equal_runs() {
    let file = folder("restart-each");
    let run = |seed: &str| {
        let run = Run::new(&file, &["--format", "json", "--seed", seed]);
        assert_eq!(run.code(), Some(PASSED), "{}", run.text());
        lasting(&run)
    };
    let (one, again, other) = (run("7"), run("7"), run("8"));
    assert_eq!(one, again);
    assert_eq!(one["seed"], 7);
    assert!(one["simulated"]["seconds"].as_f64().unwrap() > 10.0);
    // Another seed is another run, and not another label alone.
    assert_ne!(one["steps"], other["steps"]);
}

/// What the JSON report tells of the sweep that is its third step.
fn swept(run: &Run) -> (Vec<String>, Vec<String>) {
    let step = run.json()["runs"][0]["steps"][2].take();
    let points = step["sweep"]["points"].as_array().unwrap().clone();
    let word = |point: &Value, key: &str| point[key].as_str().unwrap_or_default().to_owned();
    let outcomes = points.iter().map(|point| {
        let message = word(point, "message");
        let message = message.split(" (").next().unwrap();
        format!("{message}: {}", word(point, "outcome"))
    });
    let again = points.iter().filter(|point| !point["again"].is_null());
    (
        outcomes.collect(),
        again.map(|point| word(point, "again")).collect(),
    )
}

#[test]
fn sim_a_sweep_strikes_at_each_event_and_one_can_be_done_alone() {
    let file = root().join("tests/tests/data/sweep-stops.yaml");
    let run = Run::new(&file, &["--format", "json", "--seed", "3", "--keep-going"]);
    assert_eq!(run.code(), Some(FAILED), "{}", run.text());
    // A Register-Stop that is sent already is not lost by what comes then.
    let (outcomes, again) = swept(&run);
    let want = ["r1: pim.register: fail", "r2: pim.register-stop: pass"];
    assert_eq!(outcomes, want, "{}", run.text());
    let command = format!("lab test --sim --seed 3 --sweep-at 3:1 {}", file.display());
    assert_eq!(again, [command]);
    assert_eq!(run.json()["runs"][0]["steps"][3]["outcome"], "pass");

    let alone = |at: &str| {
        Run::new(
            &file,
            &["--format", "plain", "--seed", "3", "--sweep-at", at],
        )
    };
    let failed = alone("3:1");
    let text = failed.text();
    assert_eq!(failed.code(), Some(FAILED), "{text}");
    for part in [
        "1: r1: pim.register",
        "register join, expected prune",
        "+0ns     lab  fault r1--r2: drop pim.register-stop",
        "SKIP what comes after a sweep",
    ] {
        assert!(text.contains(part), "no {part:?} in\n{text}");
    }
    let latest = failed.folder.path().join("latest");
    assert!(latest.join("step3.pcapng").is_file(), "{text}");
    let mut replay = Command::new(programs().unwrap().lab);
    replay.args(["replay", "--format", "plain", "--run-dir"]);
    replay.arg(failed.folder.path()).arg(&latest);
    let replayed = replay.stdin(Stdio::null()).output().unwrap();
    let told = String::from_utf8_lossy(&replayed.stdout).into_owned();
    assert_eq!(replayed.status.code(), Some(FAILED), "{told}");
    assert!(told.contains("1: r1: pim.register"), "{told}");

    assert_eq!(alone("2").code(), Some(PASSED));
    let none = alone("9");
    assert!(
        none.text().contains("there is no event 9: there are 2"),
        "{}",
        none.text()
    );
    let wrong = alone("2:1");
    assert_eq!(wrong.code(), Some(USAGE), "{}", wrong.text());
    assert!(
        wrong
            .text()
            .contains("step 2 of sweep-stops is no sweep; those are 3")
    );
}

#[test]
fn sim_a_long_sweep_ends_as_its_runs_alone_do() {
    let file = root().join("tests/tests/data/sweep-long.yaml");
    let run = Run::new(&file, &["--format", "json"]);
    assert_eq!(run.code(), Some(PASSED), "{}", run.text());
    let step = &run.json()["runs"][0]["steps"][1];
    let points = step["sweep"]["points"].as_array().unwrap();
    // More events are there than the file takes, and more than a runtime's
    // mutexes give turns without a rest.
    assert_eq!(points.len(), 70, "{}", run.text());
    assert!(step["sweep"]["cut_off"].as_u64().unwrap() > 0);
}

#[test]
fn sim_a_planted_fault_is_found_and_located() {
    let file = root().join("tests/tests/data/chain-broken.yaml");
    let run = Run::new(&file, &["--format", "plain"]);
    let text = run.text();
    assert_eq!(run.code(), Some(FAILED), "{text}");
    for part in [
        "PASS the receiver joins at its own router",
        "FAIL the source sends",
        "R <- S  sent ",
        "received 0",
        "0 on r2--r3",
        "SKIP never reached",
    ] {
        assert!(text.contains(part), "no {part:?} in\n{text}");
    }
    let latest = run.folder.path().join("latest");
    let state = fs::read_to_string(latest.join("state/r3.json")).unwrap();
    assert!(state.contains("239.1.1.1"), "{state}");
    let trace = fs::read_to_string(latest.join("state/trace.txt")).unwrap();
    assert!(trace.contains("r1 > r2 "), "{trace}");
}

#[test]
fn sim_a_tree_that_is_not_the_models_is_told_by_router() {
    let file = root().join("tests/tests/data/tree-differs.yaml");
    let run = Run::new(&file, &["--format", "plain"]);
    let text = run.text();
    assert_eq!(run.code(), Some(FAILED), "{text}");
    for part in [
        "FAIL the tree is the right one",
        "r2 forwards nothing; the model r1 -> r3",
        "r3 forwards nothing; the model r2 -> rcv",
        "r3--rcv does not carry it, the model does",
    ] {
        assert!(text.contains(part), "no {part:?} in\n{text}");
    }
}

#[test]
fn sim_what_is_wrong_is_noticed_by_a_good_scenario_only() {
    let run = Run::new(&folder("chain3"), &["--format", "plain", "--mutate"]);
    let text = run.text();
    assert_eq!(run.code(), Some(PASSED), "{text}");
    for part in [
        "chain3 with something wrong, 3 runs:",
        "ok  receivers-off",
        "ok  joins-lost",
        "ok  wrong-iif",
    ] {
        assert!(text.contains(part), "no {part:?} in\n{text}");
    }
    let file = root().join("tests/tests/data/blind.yaml");
    let run = Run::new(&file, &["--format", "plain", "--mutate"]);
    let text = run.text();
    assert_eq!(run.code(), Some(FAILED), "{text}");
    for part in [
        "2 passed",
        "NO  receivers-off  no step noticed it",
        "NO  joins-lost     no step noticed it",
        "line 12: \"the RP is known\" noticed nothing",
    ] {
        assert!(text.contains(part), "no {part:?} in\n{text}");
    }
}

/// The guide's design fails as it is written there, and passes with the line
/// that the guide adds.
#[test]
fn sim_the_guides_design_fails_and_then_passes() {
    let guide = fs::read_to_string(root().join("docs/guide/test-your-design.md")).unwrap();
    let mut blocks = guide.split("```yaml\n").skip(1);
    let mut block = || blocks.next().unwrap().split("```").next().unwrap();
    let (file, more) = (block(), block());
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("my-net.yaml");
    fs::write(&path, file).unwrap();
    let run = Run::new(&path, &["--format", "plain"]);
    let text = run.text();
    assert_eq!(run.code(), Some(FAILED), "{text}");
    assert!(text.contains("r3 has no other way"), "{text}");
    let last = "  - r3 -- rcv\n";
    assert_eq!(file.matches(last).count(), 1);
    fs::write(&path, file.replace(last, &format!("{more}{last}"))).unwrap();
    let run = Run::new(&path, &["--format", "plain", "--repeat", "5"]);
    assert_eq!(run.code(), Some(PASSED), "{}", run.text());
}
