//! Workers that die, hang or are to be more than one.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use mcr_api::Method;
use mcr_api::state::{Facility, LogLevel, WorkerState};
use mcr_sys::packet::{self, Fanout};
use mcr_tests::eventually;
use nix::sys::signal::Signal;

use crate::mcrd::{Mcrd, SOON, Start, is_alive, rule, rule_text, send_signal};
use crate::traffic::{receiver, send, sender, take};
use crate::world::{in_world, inside};

#[test]
fn a_killed_worker_is_back_at_once_and_nothing_is_miscounted() {
    in_world(
        "workers::a_killed_worker_is_back_at_once_and_nothing_is_miscounted",
        || {
            let mcrd = Start::new().ready();
            mcrd.add(&[rule("a", 1)]);
            let old = mcrd.wait_workers(1)[0].pid.unwrap();
            let (sender, receiver) = (sender(), receiver(1));
            send(&sender, 1, 0..100);
            assert_eq!(take(&receiver, 100, SOON).len(), 100);
            send_signal(old, Signal::SIGKILL);
            let killed = Instant::now();
            let mut worker = None;
            let back = eventually(SOON, || {
                worker = mcrd
                    .workers()
                    .pop()
                    .filter(|one| one.state == WorkerState::Running && one.pid != Some(old));
                worker.is_some()
            });
            let took = killed.elapsed();
            let worker = worker.unwrap();
            assert!(back && took < Duration::from_secs(1), "it took {took:?}");
            assert_eq!(worker.restarts, 1);
            assert_eq!(worker.last_exit.as_deref(), Some("killed by SIGKILL"));
            mcrd.wait_workers(1);
            send(&sender, 1, 100..200);
            assert_eq!(take(&receiver, 100, SOON), Vec::from_iter(100..200));
            assert_eq!(mcrd.stats("a").packets, 200);
            assert_eq!(mcrd.input("in0").received, 200);
        },
    );
}

#[test]
fn what_arrives_while_there_is_no_worker_waits_for_the_next() {
    in_world(
        "workers::what_arrives_while_there_is_no_worker_waits_for_the_next",
        || {
            let mcrd = Start::new().ready();
            mcrd.add(&[rule("a", 1)]);
            let worker = mcrd.wait_workers(1).remove(0);
            let (sender, receiver) = (sender(), receiver(1));
            // One that was well for a second keeps its socket for the next.
            let well = Instant::now() + Duration::from_millis(1100);
            assert!(eventually(SOON, || Instant::now() > well));
            let pid = worker.pid.unwrap();
            send_signal(pid, Signal::SIGKILL);
            // Until it is dead, it takes packets.
            assert!(eventually(SOON, || !is_alive(pid)));
            send(&sender, 1, 0..50);
            assert_eq!(take(&receiver, 50, SOON), Vec::from_iter(0..50));
            assert_eq!(mcrd.stats("a").packets, 50);
        },
    );
}

#[test]
fn restarts_leave_no_descriptor_behind_and_get_rarer() {
    in_world(
        "workers::restarts_leave_no_descriptor_behind_and_get_rarer",
        || {
            let mcrd = Start::new().ready();
            mcrd.add(&[rule("a", 1)]);
            mcrd.wait_workers(1);
            let before = mcrd.descriptors();
            let mut client = mcrd.client();
            let before = before + 1;
            let end = Instant::now() + Duration::from_secs(3);
            let mut last = None;
            let mut kills = 0;
            while Instant::now() < end {
                let workers: Vec<mcr_api::state::Worker> = client.call(Method::Workers {}).unwrap();
                let pid = workers.first().and_then(|worker| worker.pid);
                if let Some(pid) = pid.filter(|_| pid != last) {
                    send_signal(pid, Signal::SIGKILL);
                    last = Some(pid);
                    kills += 1;
                }
            }
            let settled = eventually(SOON, || mcrd.workers()[0].state == WorkerState::Running);
            assert!(settled, "{:?}", mcrd.workers());
            // D6: 10 ms, then twice as long each time: at most ten in 3 s.
            assert!((4..=10).contains(&kills), "{kills} kills");
            let mut now = 0;
            // D26: two were lost each time.
            let same = eventually(SOON, || {
                now = mcrd.descriptors();
                now <= before
            });
            assert!(same, "{before} descriptors before, {now} after");
        },
    );
}

#[test]
fn a_worker_that_hangs_is_replaced() {
    in_world("workers::a_worker_that_hangs_is_replaced", || {
        let mcrd = Start::new().ready();
        mcrd.add(&[rule("a", 1)]);
        let pid = mcrd.wait_workers(1)[0].pid.unwrap();
        send_signal(pid, Signal::SIGSTOP);
        let replaced = eventually(SOON * 2, || {
            let worker = mcrd.workers().remove(0);
            worker.state == WorkerState::Running && worker.pid != Some(pid)
        });
        assert!(replaced, "{:?}", mcrd.workers());
        let exit = mcrd.workers().remove(0).last_exit.unwrap();
        assert!(exit.contains("did not answer"), "{exit}");
    });
}

#[test]
fn pinning_makes_one_worker_for_each_cpu() {
    in_world("workers::pinning_makes_one_worker_for_each_cpu", || {
        let count = std::thread::available_parallelism().unwrap().get().min(2);
        let text = format!(
            "{{ pinning: {{ in0: {:?} }}, rules: [{}] }}",
            Vec::from_iter(0..count),
            rule_text("a", 1)
        );
        let mcrd = Mcrd::with_config(&text);
        let workers = mcrd.wait_workers(count);
        assert_eq!(workers.last().unwrap().cpu, u32::try_from(count - 1).ok());
        let receiver = receiver(1);
        // Many flows, so that all workers have some.
        for _ in 0..20 {
            send(&sender(), 1, 0..10);
            // Each flow keeps its order.
            assert_eq!(take(&receiver, 10, SOON), Vec::from_iter(0..10));
        }
        assert_eq!(mcrd.stats("a").packets, 200);
        assert_eq!(mcrd.input("in0").received, 200);
    });
}

#[test]
fn fanout_groups_of_other_programs_are_left_alone() {
    in_world(
        "workers::fanout_groups_of_other_programs_are_left_alone",
        || {
            let lo = inside("r", || Ok(nix::net::if_::if_nametoindex("lo")?));
            let open = |fanout| inside("r", || packet::open_input(lo, Some(fanout)));
            let taken: Vec<_> = (0..100).map(|_| open(Fanout::New)).collect();
            let ids: BTreeSet<_> = taken
                .iter()
                .map(|socket| packet::fanout_group(socket).unwrap())
                .collect();
            assert_eq!(ids.len(), taken.len());
            let id = *ids.first().unwrap();
            let in0 = inside("r", || Ok(nix::net::if_::if_nametoindex("in0")?));
            // This is what a worker got that took the number of another.
            let refused = inside("r", || {
                Ok(packet::open_input(in0, Some(Fanout::Of(id))).is_err())
            });
            assert!(refused);
            let count = std::thread::available_parallelism().unwrap().get().min(2);
            let text = format!(
                "{{ pinning: {{ in0: {:?} }}, rules: [{}] }}",
                Vec::from_iter(0..count),
                rule_text("a", 1)
            );
            let mcrd = Mcrd::with_config(&text);
            mcrd.wait_workers(count);
            let receiver = receiver(1);
            for _ in 0..20 {
                send(&sender(), 1, 0..10);
                assert_eq!(take(&receiver, 10, SOON), Vec::from_iter(0..10));
            }
            // A frame that came to both would be counted twice.
            assert_eq!(mcrd.input("in0").received, 200);
            assert!(mcrd.workers().iter().all(|worker| worker.restarts == 0));
        },
    );
}

#[test]
fn log_levels_reach_workers_that_start_later_too() {
    in_world(
        "workers::log_levels_reach_workers_that_start_later_too",
        || {
            let mcrd = Start::new().ready();
            mcrd.add(&[rule("a", 1)]);
            let pid = mcrd.wait_workers(1)[0].pid.unwrap();
            let levels: mcr_api::state::LogLevels = mcrd.call(Method::LogSet {
                facility: Some(Facility::Dataplane),
                level: Some(LogLevel::Trace),
            });
            assert_eq!(levels.facilities[&Facility::Dataplane], LogLevel::Trace);
            send_signal(pid, Signal::SIGKILL);
            assert!(eventually(SOON, || mcrd.workers()[0].restarts == 1));
            mcrd.wait_workers(1);
            let again: mcr_api::state::LogLevels = mcrd.call(Method::LogGet {});
            assert_eq!(again, levels);
            let back: mcr_api::state::LogLevels = mcrd.call(Method::LogSet {
                facility: Some(Facility::Dataplane),
                level: None,
            });
            assert!(back.facilities.is_empty());
        },
    );
}
