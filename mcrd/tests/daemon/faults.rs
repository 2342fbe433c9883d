//! What surrounds the daemon fails: the kernel loses messages, nobody reads
//! the log, processes are stopped or killed.

use std::io::Write;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use mcr_api::Method;
use mcr_api::state::{Interface, LogLevel, LogLevels};
use mcr_tests::eventually;
use nix::sys::signal::Signal;

use crate::mcrd::{SOON, Start, is_alive, rule, send_signal};
use crate::world::in_world;

#[test]
fn a_stopped_worker_does_not_hold_up_the_end() {
    in_world("faults::a_stopped_worker_does_not_hold_up_the_end", || {
        let mut mcrd = Start::new().ready();
        mcrd.add(&[rule("a", 1)]);
        let worker = mcrd.wait_workers(1)[0].pid.unwrap();
        send_signal(worker, Signal::SIGSTOP);
        let asked = Instant::now();
        mcrd.signal(Signal::SIGTERM);
        let status = mcrd.ended(SOON).unwrap();
        let took = asked.elapsed();
        assert_eq!(status.code(), Some(0));
        assert!(took < Duration::from_secs(2), "it took {took:?}");
        assert!(
            eventually(SOON, || !is_alive(worker)),
            "it outlives the daemon"
        );
    });
}

#[test]
fn a_killed_daemon_leaves_no_worker() {
    in_world("faults::a_killed_daemon_leaves_no_worker", || {
        let mut mcrd = Start::new().ready();
        mcrd.add(&[rule("a", 1)]);
        let worker = mcrd.wait_workers(1)[0].pid.unwrap();
        mcrd.signal(Signal::SIGKILL);
        mcrd.ended(SOON).unwrap();
        assert!(
            eventually(SOON, || !is_alive(worker)),
            "it outlives the daemon"
        );
    });
}

#[test]
fn changes_that_the_kernel_lost_are_read_again() {
    in_world(
        "faults::changes_that_the_kernel_lost_are_read_again",
        || {
            let mcrd = Start::new().ready();
            mcrd.signal(Signal::SIGSTOP);
            // Far more messages than its socket has room for.
            let mut batch = String::new();
            for _ in 0..3000 {
                batch.push_str("addr add 10.9.0.1/24 dev out0\naddr del 10.9.0.1/24 dev out0\n");
            }
            batch.push_str("addr add 10.9.0.2/24 dev out0\nlink set in0 mtu 1234\n");
            let mut ip = Command::new("ip")
                .args(["-n", "r", "-batch", "-"])
                .stdin(Stdio::piped())
                .spawn()
                .unwrap();
            ip.stdin
                .take()
                .unwrap()
                .write_all(batch.as_bytes())
                .unwrap();
            assert!(ip.wait().unwrap().success());
            mcrd.signal(Signal::SIGCONT);
            let mut seen = Vec::new();
            let caught_up = eventually(SOON * 2, || {
                seen = mcrd.call::<Vec<Interface>>(Method::Interfaces {});
                let of = |name: &str| seen.iter().find(|one| one.name == name).unwrap().clone();
                of("in0").mtu == Some(1234)
                    && of("out0").addresses == ["10.0.1.1/24", "10.9.0.2/24"]
            });
            assert!(caught_up, "{seen:?}");
            mcrd.assert_logged("changes were lost");
        },
    );
}

#[test]
fn a_log_that_nobody_reads_costs_lines_and_no_time() {
    in_world(
        "faults::a_log_that_nobody_reads_costs_lines_and_no_time",
        || {
            let (_unread, writer) = std::io::pipe().unwrap();
            let mut mcrd = Start::new()
                .args(&["--log-format", "json"])
                .spawn_logging_to(writer);
            mcrd.wait_ready();
            let lost = |notes: &[String]| {
                notes
                    .iter()
                    .any(|note| note.contains("log lines were lost"))
            };
            // Each client is a line or two of the log.
            let overrun = eventually(SOON * 3, || {
                let asked = Instant::now();
                for _ in 0..500 {
                    drop(mcrd.client());
                }
                let notes = mcrd.status().notes;
                assert!(asked.elapsed() < Duration::from_secs(5));
                lost(&notes)
            });
            assert!(overrun);
            mcrd.signal(Signal::SIGTERM);
            let status = mcrd.ended(Duration::from_secs(1)).unwrap();
            assert_eq!(status.code(), Some(0));
        },
    );
}

#[test]
fn a_full_disk_costs_log_lines_only() {
    in_world("faults::a_full_disk_costs_log_lines_only", || {
        let full = std::fs::File::options().write(true).open("/dev/full");
        let mut mcrd = Start::new().spawn_logging_to(full.unwrap());
        mcrd.wait_ready();
        mcrd.add(&[rule("a", 1)]);
        mcrd.wait_workers(1);
        let told = |notes: Vec<String>| notes.iter().any(|note| note.contains("took no more"));
        assert!(eventually(SOON, || told(mcrd.status().notes)));
        mcrd.signal(Signal::SIGTERM);
        assert_eq!(mcrd.ended(SOON).unwrap().code(), Some(0));
    });
}

#[test]
fn a_reader_that_stopped_does_not_hold_up_the_end() {
    in_world(
        "faults::a_reader_that_stopped_does_not_hold_up_the_end",
        || {
            let (_unread, mut writer) = std::io::pipe().unwrap();
            let size = nix::fcntl::fcntl(&writer, nix::fcntl::FcntlArg::F_SETPIPE_SZ(4096));
            writer
                .write_all(&vec![b'-'; usize::try_from(size.unwrap()).unwrap()])
                .unwrap();
            // From its first line on, the log's thread waits for a reader, and
            // its queue has room.
            let mut mcrd = Start::new().spawn_logging_to(writer);
            mcrd.wait_ready();
            mcrd.add(&[crate::mcrd::rule("a", 1)]);
            mcrd.wait_workers(1);
            mcrd.signal(Signal::SIGTERM);
            let status = mcrd.ended(Duration::from_secs(1)).unwrap();
            assert_eq!(status.code(), Some(0));
        },
    );
}

#[test]
fn the_level_of_the_command_line_is_not_the_configurations() {
    in_world(
        "faults::the_level_of_the_command_line_is_not_the_configurations",
        || {
            let mcrd = Start::new().ready();
            let levels = || mcrd.call::<LogLevels>(Method::LogGet {}).level;
            assert_eq!(levels(), LogLevel::Debug);
            let shown: mcr_api::config::ConfigFile = mcrd.call(Method::ConfigShow {});
            assert_eq!(shown.log.level, None);
            let _: LogLevels = mcrd.call(Method::LogSet {
                facility: None,
                level: Some(LogLevel::Warn),
            });
            assert_eq!(levels(), LogLevel::Warn);
            let shown: mcr_api::config::ConfigFile = mcrd.call(Method::ConfigShow {});
            assert_eq!(shown.log.level, Some(LogLevel::Warn));
        },
    );
}
