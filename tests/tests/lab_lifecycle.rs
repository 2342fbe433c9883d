//! Labs come, stay and go: by command, after failures, signals and kill -9,
//! for root and for an ordinary user alike.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod lab_world;

use std::fs;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use lab_world::{DEADLINE, User, host_network, shows};
use mcr_tests::eventually;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

/// Two hosts, a node with a process, and a segment.
const SMALL: &str = "\
nodes:
  a: host
  r: { kind: custom, cmd: \"IDLE\" }
  b: host
links:
  - a -- r
  - r -- b
segments:
  lan: [a, b]
";

/// The daemon is never ready.
const STUCK: &str = "\
nodes:
  a: host
  r: { kind: custom, cmd: \"IDLE\", ready: \"false\" }
links:
  - a -- r
";

fn signal(child: &Child, signal: Signal) {
    kill(Pid::from_raw(child.id().try_into().unwrap()), signal).unwrap();
}

/// What a lab says of itself in its directory.
fn state(user: &User, name: &str) -> Value {
    let path = user.base().join(name).join("lab.json");
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

/// A lab is built, shows itself, runs commands, and is gone after `down`.
#[test]
fn a_lab_comes_and_goes() {
    User::each("a_lab_comes_and_goes", |user| {
        let (name, host) = (user.name("small"), host_network());
        let file = user.file(&name, SMALL);
        let text = user.expect(0, &["up", &file]);
        assert!(text.contains("3 nodes  2 links  1 segment"), "{text}");
        for part in ["namespaces", "links", "addresses", "daemons"] {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert!(text.lines().all(|line| line.len() <= 80), "{text}");
        assert_eq!(host_network(), host, "nothing of a lab shows outside");
        assert!(eventually(DEADLINE, || user.world().idle.len() == 1));
        let listed: Value = serde_json::from_str(&user.expect(0, &["ps", "--json"])).unwrap();
        let lab = listed
            .as_array()
            .unwrap()
            .iter()
            .find(|lab| lab["name"] == *name)
            .unwrap();
        assert_eq!(lab["nodes"][1]["name"], "r");
        let process = lab["nodes"][1]["processes"][0]["command"].as_str().unwrap();
        assert!(process.starts_with("tail"), "{process}");
        let addresses = user.expect(0, &["exec", "-l", &name, "a", "--", "ip", "-br", "address"]);
        assert!(
            addresses.contains("to-r") || addresses.contains("r@"),
            "{addresses}"
        );
        let namespace = [
            "exec",
            "-l",
            &name,
            "a",
            "--",
            "readlink",
            "/proc/self/ns/net",
        ];
        let namespace = user.expect(0, &namespace).trim().to_owned();
        assert!(namespace.starts_with("net:["), "{namespace}");
        assert!(shows(&namespace), "somebody has it mounted");
        // The file is not needed any more.
        fs::remove_file(file).unwrap();
        let start = Instant::now();
        user.expect(0, &["down", &name]);
        assert!(start.elapsed() < Duration::from_secs(10));
        assert!(user.world().is_empty(), "{:?}", user.world());
        // The kernel gives the number again, perhaps to another test's.
        assert!(
            eventually(DEADLINE, || !shows(&namespace)),
            "nobody has it any more"
        );
        user.expect(2, &["down", &name]);
    });
}

#[test]
fn exec_passes_status_input_and_output_on() {
    User::each("exec_passes_status_input_and_output_on", |user| {
        let name = user.name("exec");
        user.expect(0, &["up", &user.file(&name, SMALL)]);
        let start = ["exec", "-l", name.as_str(), "b", "--"];
        let exec = |words: &[&'static str]| [&start[..], words].concat();
        user.expect(9, &exec(&["sh", "-c", "exit 9"]));
        user.expect(137, &exec(&["sh", "-c", "kill -9 $$"]));
        let text = user.expect(127, &exec(&["/no/such/command"]));
        assert!(text.contains("cannot run /no/such/command"), "{text}");
        let text = user.expect(64, &["exec", "-l", &name, "nobody", "--", "true"]);
        assert!(text.contains("its nodes: a, r, b"), "{text}");
        user.expect(2, &["exec", "-l", "no-such-lab", "a", "--", "true"]);
        // What signals end: nothing of lab's own is kept from it.
        let status = user.expect(0, &exec(&["cat", "/proc/self/status"]));
        let blocked = status.lines().find(|line| line.starts_with("SigBlk:"));
        assert_eq!(blocked, Some("SigBlk:\t0000000000000000"), "{status}");
        let mut cat = user
            .lab(&exec(&["cat"]))
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        let big = vec![b'x'; 1 << 20];
        let mut stdin = cat.stdin.take().unwrap();
        let writer = std::thread::spawn(move || stdin.write_all(&big).unwrap());
        let mut back = Vec::new();
        cat.stdout.take().unwrap().read_to_end(&mut back).unwrap();
        writer.join().unwrap();
        assert_eq!(back.len(), 1 << 20);
        assert!(cat.wait().unwrap().success());
        // A signal reaches the command, and the command's end comes back.
        let mut waiting = user
            .lab(&exec(&[
                "sh",
                "-c",
                "trap 'kill $!; exit 42' TERM; tail -f /dev/null & echo up; wait",
            ]))
            .spawn()
            .unwrap();
        let mut line = [0; 3];
        waiting
            .stdout
            .as_mut()
            .unwrap()
            .read_exact(&mut line)
            .unwrap();
        signal(&waiting, Signal::SIGTERM);
        assert_eq!(waiting.wait().unwrap().code(), Some(42));
        let here = user.expect(0, &exec(&["pwd"]));
        assert!(PathBuf::from(here.trim()).is_dir());
        user.expect(0, &["down", &name]);
    });
}

/// A node with the daemon, and an environment of its own.
const DAEMON: &str = "\
nodes:
  a: { kind: host, env: { WHO: 'node a' } }
  r1:
    kind: mcrd
    env: { WHO: the relay, PATH: /nowhere }
    config:
      rules:
        - name: feed
          input: { interface: a, group: 239.1.1.1, port: 5001 }
          outputs:
            - { interface: b, destination: 239.1.1.2 }
  b: host
links:
  - a -- r1
  - r1 -- b
";

#[test]
fn a_daemon_is_reached_in_its_node() {
    User::each("a_daemon_is_reached_in_its_node", |user| {
        user.bring_daemon();
        let (one, two) = (user.name("daemon"), user.name("other"));
        let file = user.file(&one, DAEMON);
        let status = |lab: &str| -> Value {
            let asked = ["exec", "-l", lab, "r1", "--", "mcrctl", "status", "--json"];
            serde_json::from_str(&user.expect(0, &asked)).unwrap()
        };
        for name in [&one, &two] {
            user.expect(0, &["up", &file, "--name", name]);
            assert_eq!(status(name)["rules"], 1);
            let config = status(name)["config_file"].as_str().unwrap().to_owned();
            assert!(config.contains(name.as_str()), "{config}");
        }
        let say = "echo $WHO in $LAB_NAME at $LAB_NODE, ${MCR_SOCKET:-no daemon}";
        let said = |node| user.expect(0, &["exec", "-l", &one, node, "--", "sh", "-c", say]);
        assert_eq!(said("a"), format!("node a in {one} at a, no daemon\n"));
        let relay = format!("the relay in {one} at r1, ");
        assert!(said("r1").starts_with(&relay), "{}", said("r1"));
        let ps = user.expect(0, &["ps"]);
        assert!(ps.contains("mcrd worker a/0"), "{ps}");
        in_a_terminal(user, &one);
        user.expect(0, &["down", &one]);
        assert_eq!(status(&two)["rules"], 1, "the other lab stays");
        user.expect(0, &["down", &two]);
        assert!(user.world().is_empty(), "{:?}", user.world());
    });
}

/// A shell in a node has the terminal, and its end is told.
fn in_a_terminal(user: &User, lab: &str) {
    let line = user.line(&format!("sh -l {lab} r1"));
    let mut script = user.wrapped("script");
    script.args(["--quiet", "--return", "--command", &line, "/dev/null"]);
    script.env("SHELL", "/bin/bash").env("TERM", "dumb");
    script.stdin(Stdio::piped()).stdout(Stdio::piped());
    let Ok(mut script) = script.spawn() else {
        let name = "a_daemon_is_reached_in_its_node (terminal)";
        return mcr_tests::skip(name, "no script(1)", "apt-get install bsdutils");
    };
    let typed = b"test -t 0 && test -t 1 && mcrctl status && exit 7\n";
    script.stdin.take().unwrap().write_all(typed).unwrap();
    let output = script.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(7), "{text}");
    assert!(text.contains("rules    1"), "{text}");
}

#[test]
fn labs_do_not_disturb_each_other() {
    User::each("labs_do_not_disturb_each_other", |user| {
        let (one, two) = (user.name("one"), user.name("two"));
        let file = user.file(&one, SMALL);
        user.expect(0, &["up", &file]);
        let text = user.expect(6, &["up", &file]);
        assert!(
            text.contains(&format!("a lab named {one} is running")),
            "{text}"
        );
        assert!(text.contains("--name"), "{text}");
        user.expect(0, &["up", &file, "--name", &two]);
        assert!(eventually(DEADLINE, || user.world().idle.len() == 2));
        user.expect(
            0,
            &[
                "exec", "-l", &one, "a", "--", "ip", "link", "set", "lan", "down",
            ],
        );
        let text = user.expect(0, &["exec", "-l", &two, "a", "--", "ip", "-br", "link"]);
        assert!(
            text.lines()
                .any(|line| line.starts_with("lan") && line.contains("UP")),
            "{text}"
        );
        user.expect(0, &["down", &one]);
        assert_eq!(user.world().idle.len(), 1);
        user.expect(0, &["exec", "-l", &two, "a", "--", "true"]);
        user.expect(0, &["down", &two]);
        assert!(user.world().is_empty(), "{:?}", user.world());
        let text = user.expect(64, &["up", &file, "--name", "../up"]);
        assert!(text.contains("letters, digits"), "{text}");
    });
}

#[test]
fn a_failure_in_the_middle_leaves_nothing() {
    User::each("a_failure_in_the_middle_leaves_nothing", |user| {
        let ends = "nodes:\n  a: { kind: custom, cmd: \"IDLE\" }\n  \
                    r: { kind: custom, cmd: \"echo no way; exit 3\", ready: \"false\" }\n\
                    links:\n  - a -- r\n";
        let name = user.name("ends");
        let text = user.expect(6, &["up", &user.file(&name, ends)]);
        assert!(text.contains("no way"), "{text}");
        user.wait_for_no_process();
        assert!(user.world().is_empty(), "{:?}", user.world());
        let sysctl = "nodes:\n  a: { kind: host, sysctls: { net.ipv4.no_such_setting: 1 } }\n  \
                      b: host\nlinks:\n  - a -- b\n";
        let name = user.name("sysctl");
        let text = user.expect(6, &["up", &user.file(&name, sysctl)]);
        assert!(text.contains("net.ipv4.no_such_setting"), "{text}");
        user.wait_for_no_process();
        assert!(user.world().is_empty(), "{:?}", user.world());
    });
}

#[test]
fn ctrl_c_ends_what_was_begun() {
    User::each("ctrl_c_ends_what_was_begun", |user| {
        for ending in [Signal::SIGINT, Signal::SIGKILL] {
            let name = user.name("stuck");
            let mut up = user.lab(&["up", &user.file(&name, STUCK)]).spawn().unwrap();
            assert!(eventually(DEADLINE, || user.world().idle.len() == 1));
            signal(&up, ending);
            up.wait().unwrap();
            user.wait_for_no_process();
            // The directory goes with the next command at the latest.
            user.clean("nothing runs");
        }
    });
}

#[test]
fn a_killed_holder_takes_everything_with_it() {
    User::each("a_killed_holder_takes_everything_with_it", |user| {
        let name = user.name("killed");
        let file = user.file(&name, SMALL);
        for victim in ["init", "engine"] {
            user.expect(0, &["up", &file]);
            let up = || user.world().idle.len() == 1 && user.world().labs.len() == 2;
            assert!(eventually(DEADLINE, up), "{:?}", user.world());
            let world = user.world();
            let init = i32::try_from(state(user, &name)["init"].as_i64().unwrap()).unwrap();
            let engine = world.labs.iter().find(|pid| **pid != init).unwrap();
            let pid = if victim == "init" { init } else { *engine };
            kill(Pid::from_raw(pid), Signal::SIGKILL).unwrap();
            user.wait_for_no_process();
            // Another test's command may have swept the directory already.
            assert!(user.world().files.len() <= 1, "{:?}", user.world());
            let text = user.expect(0, &["ps"]);
            assert!(!text.contains(&name), "{text}");
        }
        // The next `up` of the same name sweeps, and works.
        user.expect(0, &["up", &file]);
        user.expect(0, &["down", &name]);
        assert!(user.world().is_empty(), "{:?}", user.world());
    });
}

#[test]
fn a_test_killed_or_interrupted_leaves_nothing() {
    User::each("a_test_killed_or_interrupted_leaves_nothing", |user| {
        let text = format!("{SMALL}steps:\n  - wait: 60s\n");
        let name = user.name("waits");
        let file = user.file(&name, &text);
        for (victim, ending) in [
            ("outside", Signal::SIGKILL),
            ("outside", Signal::SIGINT),
            ("inside", Signal::SIGKILL),
        ] {
            let mut test = user
                .lab(&["test", &file])
                .stdout(Stdio::null())
                .spawn()
                .unwrap();
            let built = || user.world().idle.len() == 1 && user.world().labs.len() == 3;
            assert!(eventually(DEADLINE, built), "{:?}", user.world());
            let outside = i32::try_from(test.id()).unwrap();
            let inside = *user
                .world()
                .labs
                .iter()
                .find(|pid| **pid != outside)
                .unwrap();
            let pid = if victim == "outside" { outside } else { inside };
            kill(Pid::from_raw(pid), ending).unwrap();
            let status = test.wait().unwrap();
            assert!(!status.success(), "{victim} {ending}: {status}");
            user.wait_for_no_process();
            assert!(
                user.world().is_empty(),
                "{victim} {ending}: {:?}",
                user.world()
            );
        }
    });
}

#[test]
fn bad_clients_harm_only_themselves() {
    User::each("bad_clients_harm_only_themselves", |user| {
        let name = user.name("clients");
        user.expect(0, &["up", &user.file(&name, SMALL)]);
        let socket = user.base().join(&name).join("holder.sock");
        let connect = || UnixStream::connect(&socket).unwrap();
        let silent: Vec<UnixStream> = (0..20).map(|_| connect()).collect();
        for request in [
            &b"\n"[..],
            b"\xff\xfe\n",
            b"{\"request\":\"no\"}\n",
            &[b'x'; 100_000],
        ] {
            let mut client = connect();
            client.set_read_timeout(Some(DEADLINE)).unwrap();
            // The holder may have had enough before all is written.
            client.write_all(request).ok();
            let mut reply = String::new();
            if client.read_to_string(&mut reply).is_ok() {
                assert!(reply.is_empty() || reply.contains("refused"), "{reply}");
            }
        }
        let start = Instant::now();
        let text = user.expect(0, &["ps"]);
        assert!(text.contains(&name) && text.contains("tail"), "{text}");
        assert!(
            start.elapsed() < Duration::from_secs(3),
            "{:?}",
            start.elapsed()
        );
        drop(silent);
        user.expect(0, &["down", &name]);
        assert!(user.world().is_empty(), "{:?}", user.world());
    });
}

#[test]
fn a_hundred_nodes_come_and_go() {
    User::each("a_hundred_nodes_come_and_go", |user| {
        let nodes: String = (0..100).map(|node| format!("  n{node}: host\n")).collect();
        let links: String = (0..99)
            .map(|node| format!("  - n{node} -- n{}\n", node + 1))
            .collect();
        let name = user.name("hundred");
        let file = user.file(&name, &format!("nodes:\n{nodes}links:\n{links}"));
        let text = user.expect(0, &["up", &file]);
        assert!(text.contains("100 nodes  99 links"), "{text}");
        user.expect(
            0,
            &[
                "exec", "-l", &name, "n99", "--", "ip", "link", "show", "n98",
            ],
        );
        user.expect(0, &["down", &name]);
        assert!(user.world().is_empty(), "{:?}", user.world());
    });
}
