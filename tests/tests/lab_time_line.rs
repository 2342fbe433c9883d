//! The time line of runs in namespaces: what kernels and daemons tell.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use mcr_tests::{programs, skip};
use serde_json::Value;

const NOTHING_TO_RUN: i32 = 2;
const UNFIT: i32 = 5;

/// A chain of two routers of a kind, whose middle link is cut at the end; the
/// last step passes when the receiver has been silent for a while.
fn scenario(kind: &str) -> String {
    format!(
        "lab: 1
name: told-{kind}
timers: fast
unicast: oracle
pim: {{ rp: \"${{r2.lo}}\" }}
nodes: {{ src: host, r1: {kind}, r2: {kind}, rcv: host }}
links: [src -- r1, r1 -- r2, r2 -- rcv]
receivers: {{ R: {{ at: rcv, group: 239.1.1.1 }} }}
sources: {{ S: {{ at: src, group: 239.1.1.1, rate: 50pps }} }}
steps:
  - {{ join: R, send: S, expect: {{ rx: {{ by: R, of: S }}, within: 20s }} }}
  - link: {{ down: r1--r2 }}
    expect: {{ rate: {{ at: r2:r1, of: 239.1.1.1, max: 0pps }}, within: 10s, holds: 1s }}
"
    )
}

/// Runs it and returns its notices in the order of time, as `node by kind
/// text`; `None` where it cannot run here, for a reason.
fn notices(folder: &Path, kind: &str) -> Result<Vec<String>, String> {
    let file = folder.join("lab.yaml");
    fs::write(&file, scenario(kind)).unwrap();
    let mut command = Command::new(programs().unwrap().lab);
    command.args(["test", "--format", "plain", "--run-dir"]);
    command.arg(folder).arg(&file).stdin(Stdio::null());
    let ended = command.output().unwrap();
    let said = String::from_utf8_lossy(&ended.stdout) + String::from_utf8_lossy(&ended.stderr);
    match ended.status.code() {
        Some(0) => {}
        Some(NOTHING_TO_RUN | UNFIT) => return Err(said.into_owned()),
        other => panic!("{other:?}: {said}"),
    }
    let events = fs::read_to_string(folder.join("latest/events.ndjson")).unwrap();
    let events = events
        .lines()
        .map(|line| serde_json::from_str(line).unwrap());
    let mut notices: Vec<Value> = events
        .filter(|event: &Value| event["event"] == "notice")
        .collect();
    notices.sort_by_key(|notice| notice["at_ns"].as_u64().unwrap());
    let words = |notice: &Value| {
        let words =
            ["node", "by", "kind", "text"].map(|key| notice[key].as_str().unwrap().to_owned());
        words.join(" ")
    };
    Ok(notices.iter().map(words).collect())
}

/// These stand among the notices in this order.
fn in_order(notices: &[String], expected: &[&str]) {
    let mut rest = notices.iter();
    for text in expected {
        let found = rest.any(|notice| notice.starts_with(text));
        assert!(found, "no `{text}` in time in {notices:#?}");
    }
}

#[test]
fn mcrd_and_its_kernel_tell_what_happens() {
    let folder = tempfile::tempdir().unwrap();
    match notices(folder.path(), "mcrd") {
        // Both tell of the link in their own time, so each by itself.
        Ok(notices) => {
            in_order(&notices, &["r2 kernel link interface r1 "]);
            let mcrd = [
                "r2 mcrd membership member of 239.1.1.1 on rcv joined",
                "r2 mcrd route route (10.0.0.1,239.1.1.1) added",
                "r2 mcrd neighbor neighbor 10.0.1.1 on r1 interface-down",
            ];
            in_order(&notices, &mcrd);
        }
        Err(why) => skip(
            "mcrd_and_its_kernel_tell_what_happens",
            &why,
            "allow user namespaces, or run as root",
        ),
    }
}

#[test]
fn the_kernel_tells_what_another_daemon_sets_in_it() {
    let folder = tempfile::tempdir().unwrap();
    match notices(folder.path(), "frr") {
        Ok(notices) => in_order(
            &notices,
            &[
                "r1 kernel mroute kernel mroute (10.0.0.1,239.1.1.1): packets come, no entry yet",
                "r1 kernel mroute kernel mroute (10.0.0.1,239.1.1.1) iif src, oif",
                "r1 kernel link interface r2 ",
            ],
        ),
        Err(why) => skip(
            "the_kernel_tells_what_another_daemon_sets_in_it",
            &why,
            "apt-get install frr, and allow user namespaces or run as root",
        ),
    }
}
