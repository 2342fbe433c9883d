//! A running lab that becomes what its file describes now.

use serde_json::Value;

use super::User;

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
fn daemons(user: &User, lab: &str, node: &str) -> Vec<i64> {
    let listed: Value = serde_json::from_str(&user.expect(0, &["ps", "--json"])).unwrap();
    let labs = listed.as_array().unwrap();
    let lab = labs.iter().find(|one| one["name"] == lab).unwrap();
    let nodes = lab["nodes"].as_array().unwrap().iter();
    let nodes: Vec<_> = nodes.filter(|one| one["name"] == node).collect();
    let processes = nodes.iter().flat_map(|one| one["processes"].as_array());
    let daemons = processes.flatten().filter(|process| {
        let command = process["command"].as_str().unwrap();
        command.contains("mcrd run") || command.starts_with("sleep")
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
            .replace("nodes:\n", "nodes:\n  new: { cmd: SLEEP, kind: custom }\n")
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
        assert_eq!(user.world().sleeps.len(), 0);
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
        assert_eq!(user.world().sleeps.len(), 0);
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
        let cmd = format!("test -e {} && SLEEP", ready.display());
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
        assert_eq!(user.world().sleeps.len(), 1);
        let text = user.expect(0, &["apply", &file]);
        assert!(text.contains("is as the file has it"), "{text}");
        assert_eq!(daemons(user, &name, "r1"), relay);
        user.expect(0, &["down", &name]);
        assert!(user.world().is_empty(), "{:?}", user.world());
    });
}
