//! Tests of the text of `lab ps`.

use super::*;

fn lab(command: &str) -> LabInfo {
    let process = Process {
        node: "r1".to_owned(),
        pid: 7,
        command: command.to_owned(),
        cpu_seconds: 1.26,
        memory_bytes: 5 << 19,
        ended: None,
    };
    let node = |name: &str, kind: &str, processes| NodeInfo {
        name: name.to_owned(),
        kind: kind.to_owned(),
        socket: None,
        processes,
    };
    LabInfo {
        name: "quick".to_owned(),
        file: PathBuf::from("lab.yaml"),
        directory: PathBuf::from("/run/mcr-lab/quick"),
        rootless: true,
        uptime_seconds: 3661,
        nodes: vec![
            node("r1", "mcrd", vec![process]),
            node("rcv", "host", Vec::new()),
        ],
        problem: None,
    }
}

#[test]
fn every_node_has_a_line() {
    let expected = "\
quick  up 1h 1m 1s  rootless  lab.yaml
 NODE  KIND  PID  CPU   MEMORY  PROCESS
 r1    mcrd  7    1.3s  2.5M    mcrd run
 rcv   host  -    -     -       -
";
    assert_eq!(text(&lab("mcrd run")), expected);
}

#[test]
fn long_commands_fit_the_terminal() {
    let text = text(&lab(&"word ".repeat(100)));
    assert!(
        text.lines().all(|line| line.chars().count() <= 80),
        "{text}"
    );
    assert!(text.contains("..."), "{text}");
}

#[test]
fn a_daemon_that_ended_by_itself_is_told() {
    let mut lab = lab("mcrd");
    for process in lab.nodes.iter_mut().flat_map(|node| &mut node.processes) {
        process.ended = Some("signal: 9 (SIGKILL)".to_owned());
    }
    let line = " r1    mcrd  7    -    -       mcrd ended (signal: 9 (SIGKILL))";
    assert!(text(&lab).lines().any(|one| one == line), "{}", text(&lab));
}
