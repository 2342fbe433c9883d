//! A recording of a real run is the same run again; and what becomes of
//! recordings that cannot be written or read.

use std::fs;
use std::net::Ipv4Addr;
use std::process::{Command, Output};

use mcr_tests::eventually;
use nix::sys::signal::Signal;

use crate::configuration::load;
use crate::inject::Cable;
use crate::mcrd::{Mcrd, SOON, Start, binary, config};
use crate::reconfigure::{hello, members};
use crate::routing::{member, send};
use crate::traffic::{sender, take};
use crate::world::{in_world, ip};

const GROUP: Ipv4Addr = Ipv4Addr::new(239, 5, 5, 5);
const RECORDING: &str = "/run/recording";

fn recording_to(path: &str) -> Start {
    let text = "{ pim: { interfaces: { in0: {}, out0: {} },
          rp: { static: [{ address: '10.0.0.1' }] } }, igmp: { interfaces: { out0: {} } } }";
    Start::new().config(&config(text)).args(&["--record", path])
}

/// A neighbour, members, packets, and changes of routes, addresses, settings.
fn busy(mcrd: &Mcrd) {
    let receiver = member(mcrd, GROUP, None);
    let sender = sender();
    for number in 0..20 {
        send(&sender, GROUP, number);
        assert_eq!(take(&receiver, 1, SOON), [number]);
    }
    hello(&Cable::new(mcrd, "src", "in0"), [10, 0, 0, 9].into());
    assert!(eventually(SOON, || mcrd.neighbors().len() == 1));
    ip("-n r route add 10.7.0.0/16 via 10.0.0.9");
    ip("-n r addr add 10.8.0.1/24 dev out0");
    // Many at once, so that one turn of the daemon has several.
    let cable = Cable::new(mcrd, "dst", "out0");
    for number in 0..40 {
        members(&cable, &[[239, 6, 0, number].into()]);
    }
    assert!(eventually(SOON, || mcrd.groups().len() == 41));
    load(
        mcrd,
        "{ pim: { interfaces: { in0: { dr_priority: 3 } } } }",
        true,
    );
}

fn replay(more: &[&str]) -> Output {
    let mut command = Command::new(binary());
    command.args(["replay", RECORDING]).args(more);
    command.output().unwrap()
}

/// The end of a replay: its exit code and what it complains of.
fn end() -> (Option<i32>, String) {
    let output = replay(&[]);
    (
        output.status.code(),
        String::from_utf8(output.stderr).unwrap(),
    )
}

#[test]
fn a_real_run_is_had_again() {
    in_world("recording::a_real_run_is_had_again", || {
        let mut mcrd = recording_to(RECORDING).ready();
        busy(&mcrd);
        mcrd.signal(Signal::SIGTERM);
        assert_eq!(mcrd.ended(SOON).unwrap().code(), Some(0));
        let recorded = fs::read_to_string(RECORDING).unwrap();
        for what in ["Packet", "DataPlane", "Route", "Interface", "Config"] {
            let line = format!("\"input\":{{\"{what}\":");
            assert!(recorded.contains(&line), "no {what}");
        }
        let output = replay(&["--json"]);
        let complaint = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), complaint.as_str()), (Some(0), ""));
        let outputs = recorded.lines().filter(|line| line.contains("\"output\""));
        let printed = String::from_utf8(output.stdout).unwrap();
        assert!(outputs.eq(printed.lines()));
        assert!(printed.lines().count() > 100);
        // One that was cut off is replayed as far as it goes.
        let mut length = recorded.len() * 2 / 3;
        while recorded.as_bytes()[length - 1] == b'\n' {
            length -= 1;
        }
        fs::write(RECORDING, &recorded[..length]).unwrap();
        let (code, complaint) = end();
        assert_eq!(code, Some(0), "{complaint}");
        assert!(
            complaint.contains("ends in the middle of line"),
            "{complaint}"
        );
        // One with a line that is none is refused there.
        let mut lines: Vec<&str> = recorded.lines().collect();
        let middle = lines.len() / 2;
        lines[middle] = &lines[middle][..lines[middle].len() / 2];
        fs::write(RECORDING, lines.join("\n") + "\n").unwrap();
        let (code, complaint) = end();
        assert_eq!(code, Some(3), "{complaint}");
        let place = format!("{RECORDING}: line {}:", middle + 1);
        assert!(complaint.contains(&place), "{complaint}");
        // Another seed makes other Generation IDs.
        let head: serde_json::Value = serde_json::from_str(lines[0]).unwrap();
        let seed = format!("\"seed\":{}", head["seed"]);
        fs::write(RECORDING, recorded.replacen(&seed, "\"seed\":1", 1)).unwrap();
        let (code, complaint) = end();
        assert_eq!(code, Some(1), "{complaint}");
        assert!(complaint.contains("not as recorded: line "), "{complaint}");
    });
}

#[test]
fn a_full_disk_ends_the_recording_and_nothing_else() {
    in_world(
        "recording::a_full_disk_ends_the_recording_and_nothing_else",
        || {
            let mut mcrd = recording_to("/dev/full").ready();
            mcrd.assert_logged("the recording ends here");
            busy(&mcrd);
            mcrd.signal(Signal::SIGTERM);
            assert_eq!(mcrd.ended(SOON).unwrap().code(), Some(0));
        },
    );
}

#[test]
fn a_recording_that_cannot_be_made_is_told_at_the_start() {
    in_world(
        "recording::a_recording_that_cannot_be_made_is_told_at_the_start",
        || {
            let mut mcrd = recording_to("/nowhere/recording").spawn();
            assert_eq!(mcrd.ended(SOON).unwrap().code(), Some(3));
            mcrd.assert_logged("cannot write /nowhere/recording: No such file");
        },
    );
}
