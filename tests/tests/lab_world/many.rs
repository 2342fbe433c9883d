//! Commands in many nodes, faults by hand, and what a node's processes take.

use serde_json::Value;

use super::User;

const LAB: &str = "\
nodes:
  r1: mcrd
  r2: mcrd
  h: { kind: custom, cmd: IDLE }
  a: host
  b: host
links:
  - r1 -- r2
  - r2 -- h
  - a -- b: { delay: 0ms }
receivers:
  R: { at: b, group: 239.1.1.1 }
sources:
  S: { at: a, group: 239.1.1.1, rate: 200pps }
";

#[test]
fn a_command_runs_in_many_nodes() {
    User::each("a_command_runs_in_many_nodes", |user| {
        user.bring_daemon();
        let name = user.name("many");
        user.expect(0, &["up", &user.file(&name, LAB)]);
        let exec = |status: i32, words: &[&str]| {
            let words: Vec<&str> = ["exec", "-l", &name].iter().chain(words).copied().collect();
            user.expect(status, &words)
        };
        let text = exec(0, &["r1,h", "--", "sh", "-c", "echo at $LAB_NODE"]);
        let mut lines: Vec<&str> = text.lines().collect();
        lines.sort_unstable();
        assert_eq!(lines, ["h   at h", "r1  at r1"]);
        // The highest status is that of all, and each has its own network.
        let text = exec(
            7,
            &[
                "--json",
                "*",
                "--",
                "sh",
                "-c",
                "ls /sys/class/net >&2; test $LAB_NODE = h || exit 7",
            ],
        );
        let told: Value = serde_json::from_str(&text).unwrap();
        let statuses: Vec<_> = told
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["status"].as_u64())
            .collect();
        assert_eq!(statuses[..3], [Some(7), Some(7), Some(0)], "{text}");
        let links = exec(
            0,
            &[
                "--kind", "mcrd", "--", "ip", "-br", "link", "show", "type", "veth",
            ],
        );
        assert!(
            links.contains("r1  r2@") && links.contains("r2  r1@"),
            "{links}"
        );
        assert!(!links.contains("h  "), "{links}");
        exec(0, &["--all", "--", "true"]);
        // The signals that lab itself waits for are not kept from them.
        let text = exec(0, &["--all", "--", "grep", "SigBlk", "/proc/self/status"]);
        let free = |line: &str| line.ends_with("SigBlk:\t0000000000000000");
        assert!(text.lines().all(free), "{text}");
        let text = exec(64, &["r1,nobody", "--", "true"]);
        assert!(
            text.contains("no node nobody; its nodes: r1, r2, h, a, b"),
            "{text}"
        );
        exec(64, &["--kind", "frr", "--", "true"]);
        let text = exec(64, &["r1"]);
        assert!(text.contains("a command is missing"), "{text}");
        let text = exec(127, &["r1,r2", "--", "/no/such/command"]);
        assert!(text.contains("r2  cannot run /no/such/command"), "{text}");
        user.expect(0, &["down", &name]);
        assert!(user.world().is_empty(), "{:?}", user.world());
    });
}

#[test]
fn faults_and_restarts_are_commands() {
    User::each("faults_and_restarts_are_commands", |user| {
        user.bring_daemon();
        let name = user.name("faults");
        user.expect(0, &["up", &user.file(&name, LAB)]);
        user.expect(0, &["join", "-l", &name, "R"]);
        user.expect(0, &["send", "-l", &name, "S"]);
        let arrives = |within: &str, status| {
            let rx = "rx: {by: R, of: S, received: {min: 5}}";
            let step = format!("expect: {{{rx}, within: {within}}}");
            user.expect(status, &["do", "-l", &name, &step])
        };
        arrives("10s", 0);
        let fault = ["fault", "-l", &name, "a--b", "loss=100%", "--dir", "a>b"];
        let text = user.expect(0, &fault);
        assert!(text.contains("PASS fault a--b loss=100%"), "{text}");
        arrives("300ms", 1);
        user.expect(0, &["heal", "-l", &name, "a--b"]);
        arrives("10s", 0);
        let messages = "{messages: {drop: pim.join}}";
        user.expect(0, &["fault", "-l", &name, "a--b", messages]);
        user.expect(4, &["fault", "-l", &name, "a--b", "lost=1%"]);
        user.expect(64, &["fault", "-l", &name, "a--b", "loss=1%", "nonsense"]);
        let text = user.expect(1, &["fault", "-l", &name, "r2--h", "loss=1%"]);
        assert!(
            text.contains("`wire:") && text.contains("lab apply"),
            "{text}"
        );
        // A restart is another process in the same network.
        let looks = || -> (String, i64) {
            let link = [
                "exec", "-l", &name, "r1", "--", "ip", "-o", "link", "show", "r2",
            ];
            let listed: Value = serde_json::from_str(&user.expect(0, &["ps", "--json"])).unwrap();
            let labs = listed.as_array().unwrap();
            let lab = labs.iter().find(|one| one["name"] == *name).unwrap();
            let daemon = &lab["nodes"][0]["processes"][0];
            assert!(
                daemon["memory_bytes"].as_u64().unwrap() > 1 << 20,
                "{daemon}"
            );
            assert!(daemon["cpu_seconds"].as_f64().is_some(), "{daemon}");
            let link = user.expect(0, &link);
            let index = link.split(':').next().unwrap().to_owned();
            (index, daemon["pid"].as_i64().unwrap())
        };
        let before = looks();
        user.expect(0, &["restart", "-l", &name, "r1"]);
        let after = looks();
        assert_eq!(before.0, after.0);
        assert_ne!(before.1, after.1);
        user.expect(0, &["down", &name]);
        assert!(user.world().is_empty(), "{:?}", user.world());
    });
}
