//! What a failed run leaves, from the program's side.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "helpers of tests are tests"
)]

use std::path::{Path, PathBuf};
use std::process::Command;

use pcap_file::pcapng::blocks::enhanced_packet::EnhancedPacketOption;
use pcap_file::pcapng::blocks::interface_description::InterfaceDescriptionOption;
use pcap_file::pcapng::blocks::opt_common::CommonOption;
use pcap_file::pcapng::{Block, PcapNgReader};

const LAB: &str = "lab: 1
name: cut
timers: fast
unicast: oracle
pim: {}
nodes: { r1: mcrd, r2: mcrd }
links: [r1 -- r2]
steps:
  - \"a long time ago\": { expect: { neighbors: r1/r2, holds: 10s } }
  - \"they stay neighbours\":
      link: { down: r1--r2 }
      expect: { neighbors: r1/r2, within: 1s }
  - \"nothing is expected\": { wait: 1s }
";

/// Runs the lab in virtual time and returns the folder of the run.
fn run(folder: &Path, more: &[&str], status: i32) -> PathBuf {
    run_text(LAB, folder, more, status)
}

fn run_text(text: &str, folder: &Path, more: &[&str], status: i32) -> PathBuf {
    let file = folder.join("lab.yaml");
    std::fs::write(&file, text).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_lab"));
    command.args(["test", "--sim", "--run-dir"]).arg(folder);
    let ended = command.args(more).arg(file).output().expect("lab runs");
    let said = String::from_utf8_lossy(&ended.stdout).into_owned();
    assert_eq!(ended.status.code(), Some(status), "{said}");
    folder.join("latest").canonicalize().unwrap()
}

/// Interface names, times in nanoseconds, and comments.
fn read(path: &Path) -> (Vec<String>, Vec<u64>, Vec<String>) {
    let bytes = std::fs::read(path).expect("packets");
    let mut reader = PcapNgReader::new(bytes.as_slice()).unwrap();
    let (mut names, mut times, mut comments) = (Vec::new(), Vec::new(), Vec::new());
    while let Some(block) = reader.next_block() {
        let (block, _) = block.unwrap();
        if let Block::InterfaceDescription(interface) = &block {
            for option in &interface.options {
                if let InterfaceDescriptionOption::IfName(name) = option {
                    names.push(name.to_string());
                }
            }
        }
        if let Block::EnhancedPacket(packet) = &block {
            times.push(u64::try_from(packet.timestamp.as_nanos()).unwrap());
            for option in &packet.options {
                if let EnhancedPacketOption::Common(CommonOption::Comment(text)) = option {
                    comments.push(text.to_string());
                }
            }
        }
    }
    (names, times, comments)
}

#[test]
fn a_failed_step_leaves_the_messages_around_it_with_what_was_done() {
    let folder = tempfile::tempdir().unwrap();
    let run = run(folder.path(), &[], 1);
    let (names, times, comments) = read(&run.join("step2.pcapng"));
    assert_eq!(names, ["r1--r2"]);
    // Two seconds before the step and the second that it took, not the ten
    // seconds before: hellos come once a second.
    let span = times.last().unwrap() - times.first().unwrap();
    assert!((1_000_000_000..4_000_000_000).contains(&span), "{span}");
    let done = [
        "step: they stay neighbours",
        "action: link down r1--r2",
        "step ended: FAIL",
    ];
    for text in done {
        let said = comments.iter().any(|comment| comment.ends_with(text));
        assert!(said, "{text}: {comments:?}");
    }
    assert!(!comments.iter().any(|text| text.contains("a long time ago")));
}

#[test]
fn packets_are_kept_always_or_never_where_that_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let never = run(folder.path(), &["--capture", "never"], 1);
    assert!(!never.join("step2.pcapng").exists());
    let always = run(folder.path(), &["--capture", "always"], 1);
    assert!(always.join("step2.pcapng").exists());
    let (_, times, comments) = read(&always.join("packets.pcapng"));
    assert!(times.last().unwrap() - times.first().unwrap() > 9_000_000_000);
    assert!(comments[0].contains("a long time ago"), "{comments:?}");
}

#[test]
fn a_file_says_what_its_runs_leave() {
    let folder = tempfile::tempdir().unwrap();
    let left = |keep: &str, good: bool| {
        let steps = if good { LAB.find("  - \"they") } else { None };
        let text = &LAB[..steps.unwrap_or(LAB.len())];
        let text = format!("{text}artifacts: {{ keep: {keep} }}\n");
        let run = run_text(&text, folder.path(), &[], i32::from(!good));
        ["packets.pcapng", "step2.pcapng", "index.html"].map(|name| run.join(name).exists())
    };
    assert_eq!(left("on-failure", true), [false, false, false]);
    assert_eq!(left("always", true), [true, false, true]);
    assert_eq!(left("on-failure", false), [false, true, true]);
    assert_eq!(left("never", false), [false, false, true]);
}

#[test]
fn a_file_says_which_packets_its_runs_leave() {
    let folder = tempfile::tempdir().unwrap();
    let seconds = |control: &str, file: &str| {
        let kept = format!("keep: always, capture: {{ control: {control} }}");
        let text = format!("{LAB}artifacts: {{ {kept} }}\n");
        let (_, times, comments) = read(&run_text(&text, folder.path(), &[], 1).join(file));
        assert!(!comments.is_empty(), "{control} {file}");
        let span = times.last().unwrap() - times.first().unwrap();
        span / 1_000_000_000
    };
    assert!(seconds("all", "step2.pcapng") >= 9);
    assert!(seconds("all", "packets.pcapng") >= 9);
    assert!((4..9).contains(&seconds("{ around: 5s }", "step2.pcapng")));
}

/// What routers, links and the lab did in a failed step stands together.
#[test]
fn a_failed_step_tells_what_happened_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let run = run(folder.path(), &[], 1);
    let result = std::fs::read_to_string(run.join("result.json")).unwrap();
    let result: serde_json::Value = serde_json::from_str(&result).unwrap();
    assert!(result["steps"][0].get("timeline").is_none(), "it passed");
    let moments = result["steps"][1]["timeline"]["moments"].clone();
    let told: Vec<String> = moments
        .as_array()
        .unwrap()
        .iter()
        .map(|one| format!("{} {}", one["node"], one["text"]).replace('"', ""))
        .collect();
    let expected = [
        "lab link down r1--r2",
        "r1 interface r2 down",
        "r2 interface r1 down",
        "lab unicast routes follow",
        "r1 neighbor 10.0.0.2 on r2 interface-down",
    ];
    for text in expected {
        assert!(told.iter().any(|one| one == text), "{text}: {told:#?}");
    }
    let events = std::fs::read_to_string(run.join("events.ndjson")).unwrap();
    let up = events
        .lines()
        .find(|line| line.contains("neighbor 10.0.0.2 on r2 up"));
    let up: serde_json::Value = serde_json::from_str(up.unwrap()).unwrap();
    assert_eq!(up["event"], "notice");
    assert_eq!((&up["node"], &up["by"]), (&"r1".into(), &"mcrd".into()));
    assert_eq!(up["detail"]["address"], "10.0.0.2");
}
