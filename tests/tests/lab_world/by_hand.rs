//! Steps by hand in a lab that runs: the same words as in a file, the same
//! verdicts.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::process::Stdio;

use serde_json::{Value, json};

use super::{DEADLINE, User};

/// A relay between a source and a receiver, and a way to change its rules.
const RELAY: &str = "\
nodes:
  src: host
  r1:
    kind: mcrd
    config:
      rules:
        - input: { interface: src, group: 239.1.1.1 }
          outputs: [{ interface: rcv, destination: 239.2.2.2 }]
  rcv: host
links:
  - src -- r1
  - r1 -- rcv
receivers:
  R: { at: rcv, group: 239.2.2.2 }
sources:
  S: { at: src, group: 239.1.1.1, rate: 200pps }
steps:
  - join: R
";

const ARRIVES: &str = "expect: {rx: {by: R, of: S, received: {min: 20}}, within: 5s}";

#[test]
fn what_a_file_says_is_done_by_hand_too() {
    User::each("what_a_file_says_is_done_by_hand_too", |user| {
        user.bring_daemon();
        let name = user.name("hand");
        user.expect(0, &["up", &user.file(&name, RELAY)]);
        let text = user.expect(0, &["join", "-l", &name, "R"]);
        assert!(text.contains("PASS join R"), "{text}");
        let text = user.expect(0, &["send", "-l", &name, "S", "--json"]);
        let step: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(step["outcome"], "pass");
        assert_eq!(step["title"], "send S");
        let text = user.expect(0, &["do", "-l", &name, ARRIVES]);
        assert!(text.contains("R <- S  sent"), "{text}");
        assert!(text.lines().all(|line| line.len() <= 80), "{text}");
        user.expect(0, &["link", "-l", &name, "down", "r1--rcv"]);
        let late = "expect: {rx: {by: R, of: S}, within: 200ms}";
        let text = user.expect(1, &["do", "-l", &name, late]);
        assert!(
            text.contains("FAIL") && text.contains("lost at r1"),
            "{text}"
        );
        user.expect(0, &["link", "-l", &name, "up", "r1--rcv"]);
        let kill = ["daemon", "-l", &name, "kill", "r1", "--signal", "TERM"];
        // The lab sets no routes here.
        user.expect(4, &[&kill[..], &["--withdraw", "10.1.0.0/24"]].concat());
        let text = user.expect(0, &kill);
        assert!(text.contains("daemon kill r1 by TERM"), "{text}");
        user.expect(0, &["daemon", "-l", &name, "start", "r1"]);
        // A title and standard input, as a script would write it.
        let mut asked = user
            .lab(&["do", "-l", &name, "-"])
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        let step = format!("'it is back':\n  {ARRIVES}\n");
        asked
            .stdin
            .take()
            .unwrap()
            .write_all(step.as_bytes())
            .unwrap();
        let asked = asked.wait_with_output().unwrap();
        let text = String::from_utf8_lossy(&asked.stdout);
        assert!(
            asked.status.success() && text.contains("PASS it is back"),
            "{text}"
        );
        let text = user.expect(1, &["join", "-l", &name, "R"]);
        assert!(text.contains("R has joined already"), "{text}");
        user.expect(0, &["leave", "-l", &name, "R"]);
        user.expect(0, &["stop", "-l", &name, "S"]);
        let log = user.expect(0, &["logs", "-l", &name, "r1"]);
        assert!(log.contains("supervisor"), "{log}");
        user.expect(0, &["down", &name]);
        assert!(user.world().is_empty(), "{:?}", user.world());
    });
}

/// Any node joins and sends, without a word of it in the file.
#[test]
fn any_node_joins_and_sends_by_hand() {
    User::each("any_node_joins_and_sends_by_hand", |user| {
        user.bring_daemon();
        let name = user.name("any");
        let file = user.file(&name, RELAY);
        user.expect(0, &["up", &file]);
        let group = "239.2.2.2,239.2.2.3";
        let text = user.expect(0, &["join", "-l", &name, "rcv", group, "--igmp", "2"]);
        assert!(
            text.contains("PASS join rcv:239.2.2.2 rcv:239.2.2.3"),
            "{text}"
        );
        let send = ["send", "-l", &name, "src", "239.1.1.1", "--size", "300"];
        user.expect(0, &[&send[..], &["--rate", "200pps"]].concat());
        let arrives = "expect: {rx: {by: 'rcv:239.2.2.2', of: 'src:239.1.1.1', \
                       received: {min: 20}}, within: 5s}";
        let text = user.expect(0, &["do", "-l", &name, arrives]);
        assert!(text.contains("rcv:239.2.2.2 <- src:239.1.1.1"), "{text}");
        // The relay gives it another group.
        let told = user.expect(1, &["explain", &name, "rcv:239.2.2.2", "src:239.1.1.1"]);
        assert!(told.contains("rcv:239.2.2.2 wants 239.2.2.2"), "{told}");
        let once = ["watch", "-l", &name, "--once", "--json", "-i", "10ms"];
        let status: Value = serde_json::from_str(&user.expect(0, &once)).unwrap();
        assert_eq!(status["receivers"][1]["name"], "rcv:239.2.2.2");
        assert_eq!(status["receivers"][1]["joined"], true);
        assert_eq!(status["sources"][1]["sending"], true);
        let text = user.expect(0, &["watch", "-l", &name, "--once"]);
        let narrow = |line: &str| line.chars().count() <= 80;
        assert!(text.lines().all(narrow), "{text}");
        let text = user.expect(0, &["ps"]);
        assert!(text.contains("mcrgen recv"), "{text}");
        // What was done to the file's own, and what runs, stays.
        user.expect(0, &["join", "-l", &name, "R"]);
        let text = user.expect(1, &["join", "-l", &name, "rcv", "239.2.2.2", "--igmp", "3"]);
        assert!(text.contains("rcv:239.2.2.2 has joined already"), "{text}");
        user.file(&name, &RELAY.replace("rate: 200pps", "rate: 300pps"));
        let text = user.expect(0, &["apply", "-l", &name, &file]);
        assert!(
            text.contains("1 change") && !text.contains("rcv:"),
            "{text}"
        );
        user.expect(0, &["leave", "-l", &name, "rcv", "239.2.2.2"]);
        user.expect(0, &["stop", "-l", &name, "src", "239.1.1.1"]);
        // Another time otherwise, and to an end of its own.
        let source = ["--source", "10.9.9.9"];
        let join = ["join", "-l", &name, "rcv", "239.2.2.2"];
        user.expect(0, &[&join[..], &source].concat());
        user.expect(0, &[&send[..], &["--for", "100ms"]].concat());
        let silent = "expect: {rate: {at: 'rcv:239.2.2.2', max: 0pps}, within: 5s, holds: 200ms}";
        user.expect(0, &["do", "-l", &name, silent]);
        user.expect(0, &["down", &name]);
        assert!(user.world().is_empty(), "{:?}", user.world());
    });
}

#[test]
fn what_is_no_receiver_and_no_node_is_told() {
    User::each("what_is_no_receiver_and_no_node_is_told", |user| {
        user.bring_daemon();
        let name = user.name("nobody");
        user.expect(0, &["up", &user.file(&name, RELAY)]);
        for (words, status, told) in [
            (
                &["join", "-l", &name, "nobody", "239.1.1.1"][..],
                4,
                "known: src, r1, rcv",
            ),
            (
                &["join", "-l", &name, "r1", "239.1.1.1"],
                4,
                "has several interfaces: src, rcv",
            ),
            (&["join", "-l", &name, "src"], 4, "lab join src GROUP"),
            (
                &["send", "-l", &name, "S", "--ttl", "3"],
                64,
                "--ttl is for a node",
            ),
            (
                &["join", "-l", &name, "rcv", "10.0.0.1"],
                64,
                "10.0.0.1 is no group",
            ),
            (
                &["leave", "-l", &name, "rcv", "239.9.9.9"],
                4,
                "no receiver `rcv:239.9.9.9`",
            ),
        ] {
            let text = user.expect(status, words);
            assert!(text.contains(told), "{words:?}: {text}");
        }
        user.expect(0, &["down", &name]);
    });
}

/// What a step configures, the next one changes further.
#[test]
fn configurations_by_hand_add_up() {
    User::each("configurations_by_hand_add_up", |user| {
        user.bring_daemon();
        let name = user.name("config");
        user.expect(0, &["up", &user.file(&name, RELAY)]);
        let set = |change: &str| {
            let step = format!("config: {{at: r1, set: {{log: {{{change}}}}}}}");
            user.expect(0, &["do", "-l", &name, &step]);
        };
        set("level: debug");
        set("facilities: {relay: trace}");
        let shown = ["exec", "-l", &name, "r1", "--", "mcrctl", "config", "show"];
        let shown = user.expect(0, &shown);
        for part in ["debug", "trace", "239.2.2.2"] {
            assert!(shown.contains(part), "{part}: {shown}");
        }
        user.expect(0, &["down", &name]);
    });
}

#[test]
fn a_running_lab_is_watched() {
    User::each("a_running_lab_is_watched", |user| {
        user.bring_daemon();
        let name = user.name("watch");
        user.expect(0, &["up", &user.file(&name, RELAY)]);
        user.expect(0, &["join", "-l", &name, "R"]);
        user.expect(0, &["send", "-l", &name, "S"]);
        user.expect(0, &["do", "-l", &name, ARRIVES]);
        let text = user.expect(0, &["watch", "-l", &name, "--once"]);
        assert!(
            text.lines().all(|line| line.chars().count() <= 80),
            "{text}"
        );
        for part in ["src--r1", "r1--rcv", "joined", "sends", "PASS  join R"] {
            assert!(text.contains(part), "{part}: {text}");
        }
        user.expect(0, &["link", "-l", &name, "down", "r1--rcv"]);
        let once = ["watch", "-l", &name, "--once", "--json", "-i", "10ms"];
        let status: Value = serde_json::from_str(&user.expect(0, &once)).unwrap();
        assert_eq!(status["links"][0]["up"], true);
        assert_eq!(status["links"][1]["up"], false);
        assert!(status["receivers"][0]["received"].as_u64().unwrap() >= 20);
        assert_eq!(status["steps"].as_array().unwrap().len(), 4);
        // The looks end with the lab.
        let mut watch = user
            .lab(&["watch", "-l", &name, "--json", "-i", "10ms"])
            .spawn()
            .unwrap();
        let mut first = [0; 1];
        let stdout = watch.stdout.as_mut().unwrap();
        stdout.read_exact(&mut first).unwrap();
        user.expect(0, &["down", &name]);
        let ended = watch.wait_with_output().unwrap();
        assert_eq!(ended.status.code(), Some(2));
        assert!(user.world().is_empty(), "{:?}", user.world());
    });
}

/// What a step lays upon a wire, the next one changes further; a link that was
/// made without one says so.
#[test]
fn faults_by_hand_add_up() {
    User::each("faults_by_hand_add_up", |user| {
        user.bring_daemon();
        let name = user.name("fault");
        let file = "nodes: {a: host, b: host, c: host}\n\
                    links: [{a -- b: {wire: always}}, b -- c]\n";
        user.expect(0, &["up", &user.file(&name, file)]);
        let fault = |code, step: &str| user.expect(code, &["do", "-l", &name, step]);
        fault(0, "fault: {a--b: {delay: 20ms}}");
        // More than a delay of 0 could have.
        fault(
            0,
            "fault: {a--b: {jitter: 5ms, messages: {drop: igmp.leave}}}",
        );
        fault(0, "heal: a--b");
        let text = fault(1, "fault: {b--c: {loss: 5%}}");
        assert!(text.contains("b--c leads over no wire"), "{text}");
        assert!(text.contains("give it `wire:"), "{text}");
        let flap = ["--mode", "carrier", "--count", "2", "--period", "200ms"];
        user.expect(
            0,
            &[&["link", "-l", &name, "flap", "a--b"][..], &flap].concat(),
        );
        let text = user.expect(
            1,
            &["link", "-l", &name, "down", "b--c", "--mode", "carrier"],
        );
        assert!(text.contains("b--c leads over no wire"), "{text}");
        let text = user.expect(4, &["link", "-l", &name, "down", "b--c", "--count", "2"]);
        assert!(text.contains("`count`"), "{text}");
        user.expect(0, &["down", &name]);
    });
}

/// As lines, by what they say, and as a file.
#[test]
fn packets_are_shown_and_written() {
    User::each("packets_are_shown_and_written", |user| {
        user.bring_daemon();
        let name = user.name("capture");
        user.expect(0, &["up", &user.file(&name, RELAY)]);
        // What is not meant passes all the time.
        user.expect(0, &["send", "-l", &name, "S"]);
        // The router joins too, on its other link.
        let joins = "igmp.report(239.2.2.2)";
        let reports = ["capture", "-l", &name, "--match", joins, "-c", "1"];
        let mut reports = user.lab(&reports).spawn().unwrap();
        let seen = mcr_tests::eventually(DEADLINE, || {
            user.expect(0, &["join", "-l", &name, "R"]);
            user.expect(0, &["leave", "-l", &name, "R"]);
            reports.try_wait().unwrap().is_some()
        });
        assert!(seen);
        let text = reports.wait_with_output().unwrap().stdout;
        let text = String::from_utf8_lossy(&text);
        assert!(
            text.contains("r1--rcv") && text.contains("239.2.2.2"),
            "{text}"
        );
        let lines = ["capture", "-l", &name, "src--r1", "-c", "5"];
        let text = user.expect(0, &lines);
        // A report of the router's may come between them.
        let told = text.lines().filter(|line| line.contains("  src--r1  "));
        assert_eq!(told.count(), 5, "{text}");
        assert!(
            text.contains("src--r1  10.0.0.1 > 239.1.1.1  udp"),
            "{text}"
        );
        assert!(text.contains("5 packets"), "{text}");
        let file = "packets.pcapng";
        user.expect(0, &["capture", "-l", &name, "-d", "200ms", "-w", file]);
        let written = std::fs::read(user.home().join(file)).unwrap();
        assert_eq!(written[..4], [0x0a, 0x0d, 0x0d, 0x0a], "a pcapng file");
        let names = |name: &[u8]| written.windows(name.len()).any(|part| part == name);
        assert!(
            names(b"src--r1") && names(b"r1--rcv"),
            "each link has its name"
        );
        assert!(written.len() > 5 * 200, "{} bytes", written.len());
        let text = user.expect(64, &["capture", "-l", &name, "src--r9"]);
        assert!(text.contains("its links: r1--rcv, src--r1"), "{text}");
        let text = user.expect(64, &["capture", "-l", &name, "--match", "pim.helo"]);
        assert!(text.contains("did you mean `pim.hello`?"), "{text}");
        user.expect(0, &["down", &name]);
        assert!(user.world().is_empty(), "{:?}", user.world());
    });
}

#[test]
fn mistakes_by_hand_are_told_and_change_nothing() {
    User::each("mistakes_by_hand_are_told_and_change_nothing", |user| {
        user.bring_daemon();
        let name = user.name("wrong");
        user.expect(0, &["up", &user.file(&name, RELAY)]);
        for (step, told) in [
            ("link: {down: r1--rvc}", "did you mean `r1--rcv`?"),
            ("joyn: R", "did you mean `join`?"),
            ("join: [R, X]", "there is no receiver `X`"),
            ("{", "the step"),
            ("", "found nothing"),
            ("12", "the step"),
        ] {
            let text = user.expect(4, &["do", "-l", &name, step]);
            assert!(text.contains(told), "{step}: {text}");
        }
        user.expect(2, &["join", "-l", "no-such-lab", "R"]);
        let text = user.expect(64, &["logs", "-l", &name, "../holder"]);
        assert!(text.contains("there is one of: r1"), "{text}");
        // Whoever orders a step and leaves gets it done, and harms nobody.
        let socket = user.base().join(&name).join("holder.sock");
        let order = json!({ "request": "step", "text": "join: R", "colour": false });
        let mut client = UnixStream::connect(&socket).unwrap();
        writeln!(client, "{order}").unwrap();
        drop(client);
        let text = user.expect(1, &["join", "-l", &name, "R"]);
        assert!(text.contains("R has joined already"), "{text}");
        // Steps wait for each other, and the end of the lab for none of them.
        let slow = json!({ "request": "step", "text": "wait: 1h", "colour": false });
        let mut waiting = UnixStream::connect(&socket).unwrap();
        waiting.set_read_timeout(Some(DEADLINE)).unwrap();
        writeln!(waiting, "{slow}").unwrap();
        let mut others: Vec<UnixStream> = (0..40)
            .map(|_| {
                let mut other = UnixStream::connect(&socket).unwrap();
                other.set_read_timeout(Some(DEADLINE)).unwrap();
                writeln!(other, "{slow}").unwrap();
                other
            })
            .collect();
        let mut refused = String::new();
        let last = others.last_mut().unwrap();
        last.read_to_string(&mut refused).unwrap();
        assert!(refused.contains("too many steps are waiting"), "{refused}");
        user.expect(0, &["down", &name]);
        let mut reply = String::new();
        waiting.read_to_string(&mut reply).unwrap();
        assert_eq!(reply, "");
        assert!(user.world().is_empty(), "{:?}", user.world());
    });
}

const ROUTERS: &str = "\
timers: fast
unicast: oracle
pim: { rp: \"${r2.lo}\" }
nodes: { r1: mcrd, r2: mcrd, r3: mcrd }
links: [r1 -- r2, r2 -- r3]
";

#[test]
fn what_routers_know_is_kept_and_compared() {
    User::each("what_routers_know_is_kept_and_compared", |user| {
        user.bring_daemon();
        let name = user.name("snap");
        user.expect(0, &["up", &user.file(&name, ROUTERS)]);
        let found = "expect: {neighbors: [r1/r2, r2/r3], within: 10s}";
        user.expect(0, &["do", "-l", &name, found]);
        let text = user.expect(1, &["diff", "-l", &name, "before"]);
        let words: Vec<&str> = text.split_whitespace().collect();
        let told = words.join(" ");
        assert!(told.contains("there is no snap `before`"), "{text}");
        user.expect(0, &["snap", "-l", &name, "before"]);
        user.expect(0, &["diff", "-l", &name, "before"]);
        user.expect(0, &["link", "-l", &name, "down", "r1--r2"]);
        let text = user.expect(1, &["diff", "-l", &name, "before"]);
        for part in ["r1 neighbor ", " on r2 was there; is no more"] {
            assert!(text.contains(part), "no {part:?} in {text}");
        }
        user.expect(0, &["link", "-l", &name, "up", "r1--r2"]);
        let healed = "expect: {state: {same_as: before}, within: 15s}";
        user.expect(0, &["do", "-l", &name, healed]);
        user.expect(0, &["down", &name]);
    });
}
