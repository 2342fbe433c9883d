//! What each command prints, beside a daemon whose state is written here.
//! UPDATE_TRANSCRIPTS=1 writes the files anew; read the difference.

use std::fs;
use std::path::Path;

use crate::fake::{Answer, Fake};
use crate::router;
use mcr_api::{ErrorCode, Failure, Method};
use serde_json::{Value, json};

fn rule(name: &str) -> Value {
    json!({
        "name": name,
        "input": {"interface": "eth0", "group": "239.1.1.1", "port": 5000,
                  "source": "10.0.0.7"},
        "outputs": [
            {"interface": "eth1", "destination": "239.2.2.2", "port": 6000, "ttl": 8,
             "source": "keep", "source_port": 7000, "dscp": 46},
            {"interface": "eth2", "port": 7000},
            {"interface": "eth3"},
        ],
    })
}

fn esp_rule() -> Value {
    json!({
        "name": "a-name-of-the-greatest-length-that-is-allowed-with-63-characters",
        "input": {"interface": "enp129s0f1np1", "group": "232.100.100.100",
                  "protocol": "esp"},
        "outputs": [{"interface": "enp129s0f0np0.1234", "destination": "198.51.100.200"}],
    })
}

fn worker(position: u32, state: &str) -> Value {
    json!({
        "interface": "eth0", "position": position, "pid": 4242, "cpu": position,
        "state": state, "io": "io_uring", "restarts": 0, "backoff_ms": null,
        "last_exit": null, "entries": 2, "in_sync": true, "healed": 0,
        "sandbox": {"seccomp": "on", "landlock": "on", "capabilities": "on"},
    })
}

fn stats(packets: u64) -> Value {
    json!({"items": [{
        "name": "cam1", "packets": packets, "bytes": packets * 1000,
        "outputs": [
            {"interface": "eth1", "destination": "239.2.2.2", "port": 6000,
             "packets": packets, "bytes": packets * 1000, "dropped": 0},
            {"interface": "eth3", "destination": "239.1.1.1", "port": null,
             "packets": packets - 3, "bytes": (packets - 3) * 1000, "dropped": 3},
        ],
    }]})
}

fn status() -> Value {
    json!({
        "version": "0.1.0", "pid": 4711, "uptime_seconds": 11525,
        "config_file": "/etc/mcrd/mcrd.json5", "uid": 998,
        "capabilities": ["net_admin", "net_raw"], "rules": 2, "rules_waiting": 1,
        "workers_running": 1, "workers_failing": 1,
        "notes": ["This user namespace has one uid only, so the workers run as the \
                   same user as whoever started the daemon."],
    })
}

fn workers() -> Value {
    let mut failing = worker(1, "backoff");
    failing["pid"] = json!(null);
    failing["backoff_ms"] = json!(400);
    failing["restarts"] = json!(3);
    failing["last_exit"] = json!("signal 9 (SIGKILL) after 12 s");
    failing["sandbox"]["landlock"] = json!("the kernel has none");
    failing["io"] = json!("mmsg: io_uring is forbidden here (kernel.io_uring_disabled is 2)");
    json!([worker(0, "running"), failing])
}

fn interfaces() -> Value {
    json!([
        {"name": "eth0", "index": 2, "up": true, "mtu": 1500, "mac": "02:00:00:00:00:01",
         "addresses": ["10.0.0.1/24", "10.0.9.1/24"], "input_rules": 1, "outputs": 0,
         "groups": 1},
        {"name": "eth1", "index": 3, "up": false, "mtu": 9000, "mac": null,
         "addresses": [], "input_rules": 0, "outputs": 1, "groups": 0},
        {"name": "eth9", "index": null, "up": false, "mtu": null, "mac": null,
         "addresses": [], "input_rules": 1, "outputs": 0, "groups": 0},
    ])
}

fn config_change() -> Value {
    json!({
        "rules": {"added": ["cam2"], "removed": ["cam1"], "changed": ["cam3"]},
        "added": 1, "removed": 1, "changed": 1,
        "settings": ["log.level: info -> debug"],
        "at_restart": ["control.socket: /run/mcrd/control.sock -> /tmp/x.sock"],
    })
}

fn rule_status(rule: Value, state: &str, waiting: &[&str]) -> Value {
    json!({"rule": rule, "state": state, "waiting": waiting})
}

fn answer(looks: &mut u64, method: Method) -> Answer {
    let waits = "interface enp129s0f1np1 does not exist";
    Ok(match method {
        Method::Version {} => json!({"version": "0.1.0", "protocol": 1}),
        Method::Status {} => status(),
        Method::RulesList { .. } => json!({"items": [
            rule_status(esp_rule(), "waiting", &[waits]),
            rule_status(rule("cam1"), "active", &[]),
        ]}),
        Method::RulesShow { name } if name == "cam1" => {
            rule_status(rule("cam1"), "partial", &["interface eth3 does not exist"])
        }
        Method::RulesShow { name } => {
            return Err(Failure {
                code: ErrorCode::NotFound,
                message: format!("there is no rule {name}"),
                problems: vec![],
            });
        }
        Method::RulesAdd { rules } => {
            let names: Vec<_> = rules.into_iter().map(|rule| rule.name).collect();
            json!({"added": names, "removed": [], "changed": []})
        }
        Method::RulesRemove { names } => json!({"added": [], "removed": names, "changed": []}),
        Method::StatsRules { .. } => {
            *looks += 1;
            stats(1000 * *looks)
        }
        Method::StatsInputs {} => json!([{
            "interface": "eth0", "received": 1200, "matched": 1000, "kernel_drops": 7,
            "drops": {"no-rule": 190, "looped": 10, "truncated": 0},
        }]),
        Method::Workers {} => workers(),
        Method::Interfaces {} => interfaces(),
        Method::ConfigShow {} => json!({"log": {"level": "debug"}, "pinning": {"eth0": [0, 1]}}),
        Method::ConfigBegin { .. } | Method::ConfigPut { .. } => json!({}),
        Method::ConfigCheck { .. }
        | Method::ConfigLoad { .. }
        | Method::ConfigReload {}
        | Method::ConfigDiff {} => config_change(),
        Method::ConfigSave { path } => {
            json!({"path": path.unwrap_or("/etc/mcrd/mcrd.json5".to_owned()), "rules": 2})
        }
        method @ (Method::PimInterfaces {}
        | Method::PimNeighbors {}
        | Method::PimRps {}
        | Method::PimRp { .. }
        | Method::Rpf { .. }
        | Method::IgmpInterfaces {}
        | Method::IgmpGroups { .. }
        | Method::Mroute { .. }
        | Method::StatsProtocols {}
        | Method::Watch {}) => return router::answer(method),
        Method::LogGet {} | Method::LogSet { .. } => {
            json!({"level": "info", "facilities": {"workers": "debug"}})
        }
    })
}

/// The commands of each transcript.
const TRANSCRIPTS: &[(&str, &[&[&str]])] = &[
    ("status", &[&["status"], &["--json", "status"]]),
    (
        "rules",
        &[
            &["rules", "list"],
            &["rules", "show", "cam1"],
            &["rules", "show", "cam9"],
            &["rules", "show", "cam1", "--json"],
            &[
                "rules",
                "add",
                "--name",
                "cam2",
                "--input",
                "eth0:239.1.1.1:5000",
                "--output",
                "eth1:239.2.2.2:6000,ttl=8",
            ],
            &["rules", "remove", "cam1", "cam2"],
        ],
    ),
    (
        "stats",
        &[&["stats"], &["stats", "cam1", "--json"], &["stats", "cam9"]],
    ),
    ("workers", &[&["workers"], &["workers", "--json"]]),
    ("interfaces", &[&["interfaces"], &["interfaces", "--json"]]),
    (
        "config",
        &[
            &["config", "show"],
            &["config", "check", "/dev/null"],
            &["config", "load", "/dev/null"],
            &["config", "diff"],
            &["config", "diff", "/dev/null", "--json"],
            &["config", "save"],
            &["config", "save", "/tmp/saved.json5"],
            &["config", "reload"],
        ],
    ),
    (
        "log",
        &[
            &["log", "get"],
            &["log", "set", "info", "workers=debug"],
            &["log", "get", "--json"],
        ],
    ),
    ("version", &[&["version"], &["version", "--json"]]),
    ("pim", router::PIM),
    ("igmp", router::IGMP),
    ("mroute", router::MROUTE),
];

/// Runs the commands and writes down what they print.
fn transcript(commands: &[&[&str]]) -> String {
    let mut looks = 0;
    let fake = Fake::start(move |method| answer(&mut looks, method));
    let mut text = String::new();
    for args in commands {
        let output = fake.run(args);
        text.push_str(&format!("$ mcrctl {}\n", args.join(" ")));
        text.push_str(&String::from_utf8(output.stdout).unwrap());
        text.push_str(&String::from_utf8(output.stderr).unwrap());
        match output.status.code().unwrap() {
            0 => text.push('\n'),
            code => text.push_str(&format!("[exit {code}]\n\n")),
        }
    }
    text
}

#[test]
fn commands_print_what_their_transcripts_say() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cli/expected");
    for (name, commands) in TRANSCRIPTS {
        let path = folder.join(format!("{name}.txt"));
        let printed = transcript(commands);
        if std::env::var_os("UPDATE_TRANSCRIPTS").is_some() {
            fs::write(&path, &printed).unwrap();
        }
        let expected = fs::read_to_string(&path).unwrap_or_default();
        assert!(
            printed == expected,
            "{name}: expected\n{expected}\nand it printed\n{printed}"
        );
    }
}

#[test]
fn text_fits_80_columns() {
    for (name, commands) in TRANSCRIPTS {
        let commands: Vec<_> = commands
            .iter()
            .copied()
            .filter(|args| !args.contains(&"--json") && args != &["config", "show"])
            .collect();
        for line in transcript(&commands).lines() {
            let long = line.chars().count() > 80 && !line.starts_with("$ ");
            assert!(!long, "{name}: {line}");
        }
    }
}

#[test]
fn help_fits_80_columns() {
    let parts: &[&[&str]] = &[
        &["--help"],
        &["rules", "add", "--help"],
        &["stats", "--help"],
        &["config", "load", "--help"],
        &["log", "set", "--help"],
        &["show", "--help"],
        &["show", "mroute", "--help"],
        &["watch", "--help"],
    ];
    for args in parts {
        let output = crate::fake::mcrctl(args).output().unwrap();
        assert_eq!(output.status.code(), Some(0));
        for line in String::from_utf8(output.stdout).unwrap().lines() {
            assert!(line.chars().count() <= 80, "{args:?}: {line}");
        }
    }
}

#[test]
fn watch_shows_rates_from_the_second_look_on() {
    let mut looks = 0;
    let fake = Fake::start(move |method| answer(&mut looks, method));
    let output = fake.run(&["stats", "--watch", "--interval", "10ms", "--count", "2"]);
    let text = String::from_utf8(output.stdout).unwrap();
    let headers: Vec<_> = text
        .lines()
        .filter(|line| line.contains("PACKETS"))
        .collect();
    assert_eq!(headers.len(), 2, "{text}");
    assert!(!headers[0].contains("PACKETS/S"), "{text}");
    assert!(headers[1].contains("PACKETS/S"), "{text}");
    assert!(
        !text.contains('\x1b'),
        "no terminal, no escape codes: {text:?}"
    );

    let args = [
        "stats",
        "--watch",
        "--json",
        "--interval",
        "10ms",
        "--count",
        "3",
    ];
    let output = fake.run(&args);
    let lines: Vec<Value> = String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 3);
    assert!(lines[2]["seconds"].as_f64() > lines[1]["seconds"].as_f64());
}

#[test]
fn completion_is_written_for_each_shell() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let output = crate::fake::mcrctl(&["completion", shell])
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(0));
        let script = String::from_utf8(output.stdout).unwrap();
        assert!(script.contains("interfaces"), "{shell}");
    }
}
