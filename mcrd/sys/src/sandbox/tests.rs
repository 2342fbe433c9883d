//! Tests of the walls: each one is stood before in a child process.

use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitStatus, Stdio};

use super::*;

const INSIDE: &str = "MCR_TEST_SANDBOX";

/// Runs the test `name` again in a process that is to be walled in.
fn child(name: &str, what: &str) -> ExitStatus {
    Command::new(std::env::current_exe().unwrap())
        .args([name, "--exact", "--ignored", "--nocapture"])
        .env(INSIDE, what)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .unwrap()
}

#[test]
#[ignore = "not a test: what the others run in a process of its own"]
fn inside() {
    let Ok(what) = std::env::var(INSIDE) else {
        return;
    };
    let walls = enter();
    let seccomp = walls.iter().find(|(name, _)| name == "seccomp").unwrap();
    assert_eq!(seccomp.1, Ok(()));
    match what.as_str() {
        "work" => drop(vec![1u8; 1 << 22]),
        "open" => drop(std::fs::File::open("/proc/self/status")),
        "socket" => drop(std::net::UdpSocket::bind("127.0.0.1:0")),
        "spawn" => drop(std::thread::Builder::new().spawn(|| ())),
        other => panic!("{other}"),
    }
}

#[test]
fn work_goes_on_inside() {
    assert!(child("sandbox::tests::inside", "work").success());
}

#[test]
fn what_a_worker_never_does_ends_it() {
    for what in ["open", "socket", "spawn"] {
        let status = child("sandbox::tests::inside", what);
        assert_eq!(status.signal(), Some(libc::SIGSYS), "{what}: {status}");
    }
}

#[test]
fn the_filter_fits_the_kernel() {
    // BPF_MAXINSNS
    assert!(filter().unwrap().len() < 4096);
}
