//! The walls around a worker: each one is stood before in a process of its own.

#![allow(clippy::unwrap_used, reason = "a test program")]

use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitStatus, Stdio};

/// Does this behind the walls.
fn walled_in(what: &str) -> ExitStatus {
    Command::new(env!("CARGO_BIN_EXE_mcr-test-helper"))
        .args(["walled-in", what])
        .stdout(Stdio::null())
        .status()
        .unwrap()
}

#[test]
fn work_goes_on_behind_the_walls() {
    let status = walled_in("work");
    assert!(status.success(), "{status}");
}

#[test]
fn what_a_worker_never_does_ends_it() {
    for what in ["open", "socket", "spawn"] {
        let status = walled_in(what);
        assert_eq!(status.signal(), Some(libc::SIGSYS), "{what}: {status}");
    }
}
