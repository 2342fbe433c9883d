//! A running lab that becomes what its file describes now.

use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Child, Output};
use std::time::Duration;

use mcr_tests::eventually;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use super::{DEADLINE, User};

const BEFORE: &str = "\
nodes:
  src: host
  r1:
    kind: mcrd
    config:
      rules:
        - input: { interface: src, group: 239.1.1.1 }
          outputs: [{ interface: rcv, destination: 239.2.2.2 }]
  rcv: host
  r2: mcrd
links:
  - src -- r1
  - r1 -- rcv
  - r1 -- r2
receivers:
  R: { at: rcv, group: 239.2.2.2 }
sources:
  S: { at: src, group: 239.1.1.1, rate: 200pps }
";

/// The processes of a lab's node, without the workers.
pub(super) fn daemons(user: &User, lab: &str, node: &str) -> Vec<i64> {
    let listed: Value = serde_json::from_str(&user.expect(0, &["ps", "--json"])).unwrap();
    let labs = listed.as_array().unwrap();
    let lab = labs.iter().find(|one| one["name"] == lab).unwrap();
    let nodes = lab["nodes"].as_array().unwrap().iter();
    let nodes: Vec<_> = nodes.filter(|one| one["name"] == node).collect();
    let processes = nodes.iter().flat_map(|one| one["processes"].as_array());
    let daemons = processes.flatten().filter(|process| {
        let command = process["command"].as_str().unwrap();
        command.contains("mcrd run") || command.starts_with("tail")
    });
    daemons.map(|one| one["pid"].as_i64().unwrap()).collect()
}

#[test]
fn what_did_not_change_is_not_disturbed() {
    User::each("what_did_not_change_is_not_disturbed", |user| {
        user.bring_daemon();
        let name = user.name("apply");
        let file = user.file(&name, BEFORE);
        user.expect(0, &["up", &file]);
        let text = user.expect(6, &["up", &file]);
        assert!(text.contains("change it with `lab apply FILE`"), "{text}");
        let text = user.expect(0, &["apply", &file]);
        assert!(text.contains("is as the file has it"), "{text}");
        user.expect(0, &["join", "-l", &name, "R"]);
        user.expect(0, &["send", "-l", &name, "S"]);
        let arrives = "expect: {rx: {by: R, of: S, received: {min: 20}}, within: 10s}";
        user.expect(0, &["do", "-l", &name, arrives]);
        let (relay, other) = (daemons(user, &name, "r1"), daemons(user, &name, "r2"));
        // One in front of all others moves their positions.
        let after = BEFORE
            .replace("nodes:\n", "nodes:\n  new: { cmd: IDLE, kind: custom }\n")
            .replace(
                "  r2: mcrd\n",
                "  r2: { kind: mcrd, config: { log: { level: debug } } }\n",
            )
            .replace("  - r1 -- r2\n", "  - new -- r1\n")
            .replace(
                "receivers:\n",
                "receivers:\n  New: { at: new, interface: lan, group: 239.2.2.2 }\n",
            );
        let after = format!("{after}segments:\n  lan: [r2, new]\n");
        let after = after.replace("r1 -- rcv", "r1 -- rcv: { metric: 20 }");
        user.file(&name, &after);
        let planned = user.expect(0, &["apply", "--dry-run", &file]);
        assert!(planned.contains("- link r1--r2"), "{planned}");
        assert_eq!(user.world().idle.len(), 0);
        let applied: Value =
            serde_json::from_str(&user.expect(0, &["apply", "--json", &file])).unwrap();
        assert_eq!(applied["applied"]["failed"], serde_json::json!([]));
        assert_eq!(applied["changes"], applied["applied"]["done"]);
        let text = user.expect(0, &["apply", &file]);
        assert!(text.contains("is as the file has it"), "{text}");
        assert_eq!(daemons(user, &name, "r1"), relay);
        assert_eq!(daemons(user, &name, "r2"), other);
        assert_eq!(daemons(user, &name, "new").len(), 1);
        user.expect(0, &["do", "-l", &name, arrives]);
        let once = ["watch", "-l", &name, "--once", "--json", "-i", "10ms"];
        let status: Value = serde_json::from_str(&user.expect(0, &once)).unwrap();
        let receiver = status["receivers"].as_array().unwrap().iter();
        let receiver: Vec<_> = receiver.filter(|one| one["name"] == "R").collect();
        assert_eq!(receiver[0]["lost"], 0, "{status}");
        assert_eq!(receiver[0]["duplicated"], 0, "{status}");
        // What is new is there for all other commands, and as `up` has it.
        user.expect(0, &["join", "-l", &name, "New"]);
        user.expect(
            0,
            &["exec", "-l", &name, "r2", "--", "ip", "link", "show", "lan"],
        );
        let level = ["exec", "-l", &name, "r2", "--", "mcrctl", "config", "show"];
        assert!(user.expect(0, &level).contains("debug"));
        // And back again, with a receiver on what goes.
        user.file(&name, BEFORE);
        user.expect(0, &["apply", &file]);
        assert_eq!(user.world().idle.len(), 0);
        assert_eq!(daemons(user, &name, "r1"), relay);
        user.expect(0, &["do", "-l", &name, arrives]);
        user.expect(0, &["down", &name]);
        assert!(user.world().is_empty(), "{:?}", user.world());
    });
}

#[test]
fn what_fails_is_told_and_the_next_time_finishes_it() {
    User::each("what_fails_is_told_and_the_next_time_finishes_it", |user| {
        user.bring_daemon();
        let name = user.name("unfinished");
        let file = user.file(&name, BEFORE);
        user.expect(2, &["apply", &file]);
        user.expect(0, &["up", &file]);
        // A mistake changes nothing.
        let relay = daemons(user, &name, "r1");
        user.file(&name, &BEFORE.replace("r1 -- r2", "r1 -- r3"));
        let text = user.expect(4, &["apply", &file]);
        assert!(text.contains("r3"), "{text}");
        // A command that is not there yet.
        let ready = user.home().join("ready");
        let cmd = format!("test -e {} && IDLE", ready.display());
        let bad = format!("  bad: {{ kind: custom, cmd: '{cmd}', ready: 'false' }}\n");
        let after = BEFORE
            .replace("  r2: mcrd\n", &bad)
            .replace("r1 -- r2", "r1 -- bad");
        user.file(&name, &after);
        let text = user.expect(1, &["apply", &file]);
        assert!(
            text.contains("not done:") && text.contains("! daemon bad"),
            "{text}"
        );
        assert!(text.contains("+ link r1--bad"), "{text}");
        assert!(
            text.lines().all(|line| line.chars().count() <= 80),
            "{text}"
        );
        assert!(daemons(user, &name, "r2").is_empty(), "r2 is gone");
        std::fs::write(&ready, "").unwrap();
        user.file(&name, &after.replace("ready: 'false'", "ready: 'true'"));
        let text = user.expect(0, &["apply", &file]);
        assert!(text.contains("~ daemon bad  restarted"), "{text}");
        assert_eq!(user.world().idle.len(), 1);
        let text = user.expect(0, &["apply", &file]);
        assert!(text.contains("is as the file has it"), "{text}");
        assert_eq!(daemons(user, &name, "r1"), relay);
        user.expect(0, &["down", &name]);
        assert!(user.world().is_empty(), "{:?}", user.world());
    });
}

/// One more node, whose command is ready when it is told so.
fn with_late(user: &User) -> (PathBuf, String) {
    let ready = user.home().join("ready");
    let late = format!(
        "  late: {{ kind: custom, cmd: IDLE, ready: 'test -e {}' }}\nlinks:\n",
        ready.display()
    );
    let after = BEFORE
        .replace("links:\n", &late)
        .replace("  - r1 -- r2\n", "  - r1 -- r2\n  - r1 -- late\n");
    (ready, after)
}

/// Starts `lab apply`, which begins to start a node that is not ready.
fn half_done(user: &User, file: &str) -> Child {
    let apply = user.lab(&["apply", file]).spawn().unwrap();
    let begun = eventually(DEADLINE, || user.world().idle.len() == 1);
    assert!(begun, "{:?}", user.world());
    apply
}

fn text(output: &Output) -> String {
    [&output.stdout, &output.stderr]
        .map(|bytes| String::from_utf8_lossy(bytes).into_owned())
        .concat()
}

/// Packets still arrive, and none was lost since the receiver joined.
fn nothing_was_lost(user: &User, name: &str) {
    let arrives = "expect: {rx: {by: R, of: S, received: {min: 20}}, within: 20s}";
    user.expect(0, &["do", "-l", name, arrives]);
    let once = ["watch", "-l", name, "--once", "--json", "-i", "10ms"];
    let status: Value = serde_json::from_str(&user.expect(0, &once)).unwrap();
    let receiver = &status["receivers"][0];
    assert_eq!(
        (&receiver["lost"], &receiver["duplicated"]),
        (&0.into(), &0.into())
    );
}

#[test]
fn what_a_command_began_is_finished_without_it() {
    User::each("what_a_command_began_is_finished_without_it", |user| {
        user.bring_daemon();
        let name = user.name("ended");
        let file = user.file(&name, BEFORE);
        user.expect(0, &["up", &file]);
        user.expect(0, &["join", "-l", &name, "R"]);
        user.expect(0, &["send", "-l", &name, "S"]);
        let relay = daemons(user, &name, "r1");
        let (ready, after) = with_late(user);
        for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGKILL] {
            user.file(&name, &after);
            let apply = half_done(user, &file);
            kill(Pid::from_raw(apply.id().try_into().unwrap()), signal).unwrap();
            let ended = apply.wait_with_output().unwrap();
            let told = text(&ended).contains("goes on with what was begun");
            if signal == Signal::SIGKILL {
                assert_eq!(ended.status.signal(), Some(9));
            } else {
                assert_eq!(ended.status.code(), Some(128 + signal as i32));
            }
            assert_eq!(told, signal != Signal::SIGKILL, "{}", text(&ended));
            // The next one waits until that is done.
            let next = user.lab(&["apply", &file]).spawn().unwrap();
            std::fs::write(&ready, "").unwrap();
            let next = next.wait_with_output().unwrap();
            assert_eq!(next.status.code(), Some(0), "{}", text(&next));
            assert!(
                text(&next).contains("is as the file has it"),
                "{}",
                text(&next)
            );
            std::fs::remove_file(&ready).unwrap();
            assert_eq!(daemons(user, &name, "late").len(), 1);
            user.file(&name, BEFORE);
            user.expect(0, &["apply", &file]);
            assert!(user.world().idle.is_empty());
        }
        // Killed after every few milliseconds of its way.
        std::fs::write(&ready, "").unwrap();
        for step in 0..12 {
            let text = if step % 2 == 0 { &after } else { BEFORE };
            user.file(&name, text);
            let mut apply = user.lab(&["apply", &file]).spawn().unwrap();
            let moment = Duration::from_millis(step * 8);
            let ended = eventually(moment, || apply.try_wait().unwrap().is_some());
            apply.kill().unwrap();
            apply.wait().unwrap();
            user.expect(0, &["apply", &file]);
            let idle = usize::from(step % 2 == 0);
            assert_eq!(user.world().idle.len(), idle, "{moment:?} {ended}");
        }
        assert_eq!(daemons(user, &name, "r1"), relay);
        nothing_was_lost(user, &name);
        user.expect(0, &["down", &name]);
        assert!(user.world().is_empty(), "{:?}", user.world());
    });
}

#[test]
fn a_lab_that_goes_down_in_the_middle_leaves_nothing() {
    User::each(
        "a_lab_that_goes_down_in_the_middle_leaves_nothing",
        |user| {
            user.bring_daemon();
            let name = user.name("cut");
            let (ready, after) = with_late(user);
            let file = user.file(&name, BEFORE);
            user.expect(0, &["up", &file]);
            user.expect(0, &["join", "-l", &name, "R"]);
            user.expect(0, &["send", "-l", &name, "S"]);
            user.file(&name, &after);
            let apply = half_done(user, &file);
            user.expect(0, &["down", &name]);
            let ended = apply.wait_with_output().unwrap();
            assert_eq!(ended.status.code(), Some(2), "{}", text(&ended));
            assert!(text(&ended).contains("went down"), "{}", text(&ended));
            assert!(user.world().is_empty(), "{:?}", user.world());
            // After every few milliseconds of its way.
            std::fs::write(&ready, "").unwrap();
            for moment in (0..12).map(|step| Duration::from_millis(step * 8)) {
                user.file(&name, BEFORE);
                user.expect(0, &["up", &file]);
                user.file(&name, &after);
                let mut apply = user.lab(&["apply", &file]).spawn().unwrap();
                let ended = eventually(moment, || apply.try_wait().unwrap().is_some());
                user.expect(0, &["down", &name]);
                let apply = apply.wait_with_output().unwrap();
                let known = matches!(apply.status.code(), Some(0 | 2));
                assert!(known, "{moment:?} {ended}: {}", text(&apply));
                assert!(user.world().is_empty(), "{moment:?}: {:?}", user.world());
            }
        },
    );
}

const LAN: &str = "\
nodes:
  src: host
  r1:
    kind: mcrd
    config:
      rules:
        - input: { interface: src, group: 239.1.1.1 }
          outputs: [{ interface: lan, destination: 239.2.2.2 }]
  rcv: host
  other: host
links:
  - src -- r1
segments:
  lan: [r1, rcv, other]
receivers:
  R: { at: rcv, group: 239.2.2.2 }
  O: { at: other, group: 239.2.2.2 }
sources:
  S: { at: src, group: 239.1.1.1, rate: 200pps }
";

/// A link and a member get wires, other wires, none; and what is deleted of them
/// and made again is there again, on its wire.
#[test]
fn wires_and_members_on_wires_come_change_and_go() {
    User::each("wires_and_members_on_wires_come_change_and_go", |user| {
        user.bring_daemon();
        let name = user.name("wires");
        let file = user.file(&name, LAN);
        let arrives = || {
            for one in ["R", "O"] {
                let rx = format!("{{by: {one}, of: S, received: {{min: 20}}}}");
                let expect = format!("expect: {{rx: {rx}, within: 20s}}");
                user.expect(0, &["do", "-l", &name, &expect]);
            }
        };
        let link = |change: &str, words: &[&str]| {
            user.expect(0, &[&["link", "-l", &name, change][..], words].concat());
        };
        user.expect(0, &["up", &file]);
        user.expect(0, &["join", "-l", &name, "R", "O"]);
        user.expect(0, &["send", "-l", &name, "S"]);
        arrives();
        let text = user.expect(1, &["fault", "-l", &name, "other:lan", "loss=1%"]);
        assert!(text.contains("other:lan leads over no wire"), "{text}");
        let wired = LAN
            .replace("- src -- r1", "- src -- r1: { delay: 1ms }")
            .replace("[r1, rcv, other]", "[r1, rcv, { other: { delay: 1ms } }]");
        user.file(&name, &wired);
        let text = user.expect(0, &["apply", &file]);
        assert!(text.contains("other is joined by a wire now"), "{text}");
        arrives();
        // What they do changes while they stand.
        let lost = || {
            let once = ["watch", "-l", &name, "--once", "--json", "-i", "10ms"];
            let status: Value = serde_json::from_str(&user.expect(0, &once)).unwrap();
            let receivers = status["receivers"].as_array().unwrap().iter();
            let lost = receivers.map(|one| one["lost"].as_u64().unwrap());
            lost.collect::<Vec<u64>>()
        };
        assert_eq!(lost(), [0, 0]);
        user.file(&name, &wired.replace("delay: 1ms", "delay: 4ms"));
        let text = user.expect(0, &["apply", &file]);
        assert!(
            text.contains("the wire to other:lan does something else"),
            "{text}"
        );
        arrives();
        assert_eq!(lost(), [0, 0]);
        for words in [&["lan", "--at", "other"][..], &["src--r1"]] {
            link("delete", words);
            link("create", words);
            arrives();
        }
        // They are still on their wires.
        for wire in ["other:lan", "src--r1"] {
            user.expect(0, &["fault", "-l", &name, wire, "loss=100%"]);
            let dark = "expect: {rate: {at: O, max: 0pps}, within: 20s}";
            user.expect(0, &["do", "-l", &name, dark]);
            user.expect(0, &["heal", "-l", &name, wire]);
            arrives();
        }
        user.file(&name, LAN);
        let text = user.expect(0, &["apply", &file]);
        assert!(text.contains("leads over no wire any more"), "{text}");
        arrives();
        user.expect(0, &["down", &name]);
        assert!(user.world().is_empty(), "{:?}", user.world());
    });
}
