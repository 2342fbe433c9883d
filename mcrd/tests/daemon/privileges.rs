//! Each way to start the daemon, and what it has left then.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::process::Command;

use crate::mcrd::{Mcrd, SOON, Start, binary, rule};
use crate::traffic::{receiver, send, sender, take};
use crate::world::{in_user_world, in_world_of_root, path};

/// NET_ADMIN and NET_RAW.
const KEPT: &str = "0000000000003000";
const NONE: &str = "0000000000000000";

fn status_of(pid: u32, field: &str) -> String {
    fs::read_to_string(format!("/proc/{pid}/status"))
        .unwrap()
        .lines()
        .find_map(|line| line.strip_prefix(field))
        .unwrap()
        .trim_start_matches(':')
        .trim()
        .to_owned()
}

/// It relays, and supervisor and worker hold what they should and no more.
fn assert_confined(mcrd: &Mcrd, uid: u32) {
    mcrd.add(&[rule("a", 1)]);
    let worker = mcrd.wait_workers(1).remove(0);
    let (sender, receiver) = (sender(), receiver(1));
    send(&sender, 1, 0..100);
    assert_eq!(take(&receiver, 100, SOON).len(), 100);
    let worker = worker.pid.unwrap();
    for (pid, capabilities) in [(mcrd.pid(), KEPT), (worker, NONE)] {
        assert_eq!(status_of(pid, "CapEff"), capabilities, "{pid}");
        assert_eq!(status_of(pid, "CapPrm"), capabilities, "{pid}");
        assert_eq!(status_of(pid, "CapInh"), NONE, "{pid}");
        assert_eq!(status_of(pid, "CapAmb"), NONE, "{pid}");
        assert_eq!(status_of(pid, "NoNewPrivs"), "1", "{pid}");
        let uids = status_of(pid, "Uid");
        assert!(
            uids.split_whitespace().all(|one| one == uid.to_string()),
            "{uids}"
        );
    }
    assert_eq!(status_of(worker, "Seccomp"), "2");
    let status = mcrd.status();
    assert_eq!((status.uid, status.workers_running), (uid, 1));
    assert_eq!(status.capabilities, ["CAP_NET_ADMIN", "CAP_NET_RAW"]);
}

const NOBODY: u32 = 65534;

/// A program that starts another as user nobody, with the two capabilities as
/// ambient ones and no others in reach: what the unit in packaging/ asks of
/// systemd.
fn as_nobody(capabilities: &str) -> Command {
    let mut command = Command::new("setpriv");
    command.args([
        "--reuid=65534",
        "--regid=65534",
        "--clear-groups",
        &format!("--inh-caps={capabilities}"),
        &format!("--ambient-caps={capabilities}"),
        &format!("--bounding-set={capabilities}"),
        "--no-new-privs",
    ]);
    command
}

/// A run directory of the user's own, as RuntimeDirectory= makes one.
fn own_run_directory() {
    let directory = path("mcrd");
    fs::create_dir_all(&directory).unwrap();
    chown(&directory, Some(NOBODY), Some(NOBODY)).unwrap();
}

#[test]
fn root_leaves_uid_0() {
    in_world_of_root("privileges::root_leaves_uid_0", || {
        let mcrd = Start::new().ready();
        assert_confined(&mcrd, mcrd.status().uid);
        assert_ne!(mcrd.status().uid, 0);
    });
}

#[test]
fn ambient_capabilities_are_enough() {
    in_world_of_root("privileges::ambient_capabilities_are_enough", || {
        own_run_directory();
        // D7: every worker died for want of SETPCAP. To enter a namespace by
        // name takes SYS_ADMIN, so this one is entered from outside.
        let mut command = Command::new("nsenter");
        command.arg("--net=/run/netns/r");
        let inner = as_nobody("-all,+net_admin,+net_raw");
        command.arg(inner.get_program()).args(inner.get_args());
        command.arg(binary());
        assert_confined(&Start::in_place(command).ready(), NOBODY);
    });
}

#[test]
fn file_capabilities_are_enough() {
    in_world_of_root("privileges::file_capabilities_are_enough", || {
        own_run_directory();
        let copy = path("mcrd-with-capabilities");
        fs::copy(binary(), &copy).unwrap();
        fs::set_permissions(&copy, fs::Permissions::from_mode(0o755)).unwrap();
        let set = Command::new("setcap")
            .arg("cap_net_admin,cap_net_raw+p")
            .arg(&copy)
            .output();
        if !set.is_ok_and(|output| output.status.success()) {
            mcr_tests::skip(
                "privileges::file_capabilities_are_enough",
                "setcap is missing, or the file system keeps no capabilities",
                "apt install libcap2-bin",
            );
            return;
        }
        let mut command = Command::new("nsenter");
        command.args(["--net=/run/netns/r", "setpriv"]);
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]);
        command.arg(&copy);
        assert_confined(&Start::in_place(command).ready(), NOBODY);
    });
}

#[test]
fn a_user_namespace_with_one_user_is_enough() {
    in_user_world(
        "privileges::a_user_namespace_with_one_user_is_enough",
        || {
            let mcrd = Start::new().ready();
            assert_confined(&mcrd, 0);
            let notes = mcrd.status().notes;
            let told = notes.iter().filter(|note| note.contains("no other user"));
            assert_eq!(told.count(), 1, "{notes:?}");
            assert_eq!(mcrd.log().matches("no other user").count(), 1);
        },
    );
}

#[test]
fn without_the_capabilities_the_start_says_what_to_do() {
    in_world_of_root(
        "privileges::without_the_capabilities_the_start_says_what_to_do",
        || {
            own_run_directory();
            let mut command = as_nobody("-all");
            command.arg(binary());
            let mut mcrd = Start::in_place(command).spawn();
            assert_eq!(mcrd.ended(SOON).unwrap().code(), Some(3));
            let log = mcrd.log();
            assert!(
                log.contains("CAP_NET_ADMIN and CAP_NET_RAW missing"),
                "{log}"
            );
            assert!(log.contains("setcap"), "{log}");
        },
    );
}
