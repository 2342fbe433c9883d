//! What a worker can still do.

#![allow(clippy::unwrap_used, reason = "a test program")]

mod worker_rig;

use std::fs;

use mcr_dataplane::channel::{PacketIo, ToWorker};
use worker_rig::{Options, Rig, isolated};

fn rig(io_uring: bool) -> Rig {
    Rig::new(Options {
        outputs: 1,
        mtu: 1500,
        io_uring,
    })
}

/// The status of the worker. Its walls are those of a thread, so it must have
/// just one.
fn status(rig: &Rig) -> String {
    fs::read_to_string(format!("/proc/{}/status", rig.pid())).unwrap()
}

fn walled_in(io_uring: bool) {
    let rig = rig(io_uring);
    let status = status(&rig);
    for line in [
        "Threads:\t1",
        "Seccomp:\t2",
        "NoNewPrivs:\t1",
        "CapInh:\t0000000000000000",
        "CapPrm:\t0000000000000000",
        "CapEff:\t0000000000000000",
        "CapBnd:\t0000000000000000",
        "CapAmb:\t0000000000000000",
    ] {
        assert!(status.contains(line), "{line} is not in\n{status}");
    }
    for (wall, outcome) in &rig.sandbox {
        // A kernel may lack landlock; the worker must say so, and has.
        assert!(outcome.is_ok() || wall == "landlock", "{wall}: {outcome:?}");
    }
    let restricted = rig
        .sandbox
        .iter()
        .any(|(w, _)| w == "io-uring-restrictions");
    assert_eq!(restricted, rig.io == PacketIo::IoUring);
}

#[test]
fn a_worker_holds_no_privilege() {
    isolated("a_worker_holds_no_privilege", || walled_in(true));
}

#[test]
fn a_worker_with_system_calls_holds_no_privilege() {
    let name = "a_worker_with_system_calls_holds_no_privilege";
    isolated(name, || walled_in(false));
}

#[test]
fn a_worker_ends_when_told() {
    isolated("a_worker_ends_when_told", || {
        let mut rig = rig(true);
        rig.tell(&ToWorker::Stop);
        assert!(rig.ended());
    });
}

#[test]
fn a_worker_ends_with_its_supervisor() {
    isolated("a_worker_ends_with_its_supervisor", || {
        for io_uring in [true, false] {
            let mut rig = rig(io_uring);
            rig.hang_up();
            assert!(rig.ended());
            worker_rig::ip("link del in0");
            worker_rig::ip("link del out0");
        }
    });
}

#[test]
fn bytes_that_are_no_message_end_a_worker() {
    isolated("bytes_that_are_no_message_end_a_worker", || {
        let mut rig = rig(true);
        rig.tell_nonsense(&[0xff; 40]);
        assert!(!rig.ended());
    });
}
