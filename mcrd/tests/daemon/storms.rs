//! Floods: memory stays bounded, the limits count what they refused, what was
//! there before goes on, and afterwards there is nothing to do.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use mcr_tests::eventually;
use mcr_wire::igmp::Message;

use crate::inject::{Cable, Ip};
use crate::mcrd::{Mcrd, SOON};
use crate::routing::{member, send};
use crate::traffic::{sender, take};
use crate::world::in_world;

const GROUP: Ipv4Addr = Ipv4Addr::new(239, 5, 5, 5);

/// Between two packets of the flow that is not to be disturbed.
const GAP: Duration = Duration::from_millis(2);

/// What the daemon and all of its workers may take, in MiB.
const MOST_MEMORY: u64 = 400;

/// xorshift64: the same numbers on every run.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// A group that routers route, not of the SSM range, nor [`GROUP`].
    fn group(&mut self) -> Ipv4Addr {
        let number = self.next();
        let [_, b, c, d] = u32::try_from(number >> 40).unwrap().to_be_bytes();
        Ipv4Addr::new(225 + u8::try_from(number % 6).unwrap(), b, c, d)
    }
}

fn router() -> Mcrd {
    Mcrd::with_config(
        "{ log: { level: 'info' }, pim: { interfaces: { in0: {}, out0: {} },
             rp: { static: [{ address: '10.0.0.1' }] } },
           igmp: { interfaces: { in0: {}, out0: { max_groups: 2000 } } } }",
    )
}

/// The daemon and its workers.
fn processes(mcrd: &Mcrd) -> Vec<u32> {
    let workers = mcrd.workers().into_iter().filter_map(|worker| worker.pid);
    [mcrd.pid()].into_iter().chain(workers).collect()
}

/// Resident memory, in MiB.
fn memory(mcrd: &Mcrd) -> u64 {
    let of = |pid: u32| {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:"));
        let kib = line.unwrap().split_whitespace().nth(1).unwrap();
        kib.parse::<u64>().unwrap() / 1024
    };
    processes(mcrd).into_iter().map(of).sum()
}

/// CPU time, in ticks of 10 ms.
fn ticks(pids: &[u32]) -> u64 {
    let of = |pid: &u32| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
        let fields: Vec<&str> = stat.rsplit_once(") ").unwrap().1.split(' ').collect();
        fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
    };
    pids.iter().map(of).sum()
}

/// Waits until it takes little of a CPU for a second.
fn becomes_idle(mcrd: &Mcrd) {
    let pids = processes(mcrd);
    let mut used = 0;
    let idle = eventually(SOON * 2, || {
        let (before, end) = (ticks(&pids), Instant::now() + Duration::from_secs(1));
        while let Some(rest) = end.checked_duration_since(Instant::now()) {
            std::thread::park_timeout(rest);
        }
        used = ticks(&pids) - before;
        used <= 10
    });
    assert!(idle, "{used} % of a CPU with nothing to do");
}

/// Sends a flow to [`GROUP`] while `flood` runs; none of it is lost, and the
/// daemon answers meanwhile.
fn undisturbed(mcrd: &Mcrd, receiver: &UdpSocket, flood: impl FnOnce() + Send) {
    let sender = sender();
    // The workers have the route before the flood comes.
    let routed = eventually(SOON, || {
        send(&sender, GROUP, 0);
        take(receiver, 1, SOON);
        mcrd.input("in0").matched > 0
    });
    assert!(routed, "{:?}", mcrd.input("in0"));
    let over = AtomicBool::new(false);
    let (mut sent, mut arrived) = (0, Vec::new());
    std::thread::scope(|scope| {
        scope.spawn(|| {
            flood();
            over.store(true, Relaxed);
        });
        while !over.load(Relaxed) {
            send(&sender, GROUP, sent);
            sent += 1;
            std::thread::park_timeout(GAP);
            let waiting = usize::try_from(sent).unwrap() - arrived.len();
            arrived.extend(take(receiver, waiting, Duration::from_micros(10)));
            if sent % 200 == 0 {
                mcrd.status();
            }
        }
    });
    let rest = usize::try_from(sent).unwrap() - arrived.len();
    arrived.extend(take(receiver, rest, SOON));
    let lost = Vec::from_iter((0..sent).filter(|one| !arrived.contains(one)));
    let how = (mcrd.input("in0"), mcrd.counters("out0"));
    assert!(lost.is_empty(), "lost {lost:?}: {how:?}");
    assert!(arrived.is_sorted(), "the order changed");
    assert!(sent > 200, "{sent}");
}

/// Runs `one` so often, over this time or as fast as it can be.
fn evenly(count: u32, over: Duration, mut one: impl FnMut()) {
    let start = Instant::now();
    for number in 0..count {
        let early = (over * number / count).saturating_sub(start.elapsed());
        if early > Duration::from_millis(1) {
            std::thread::park_timeout(early);
        }
        one();
    }
}

/// A datagram without a checksum.
fn udp() -> Vec<u8> {
    let mut bytes = vec![0; 64];
    bytes[..6].copy_from_slice(&[0x17, 0x70, 0x17, 0x70, 0, 64]);
    bytes
}

/// D14 wrote two lines of the log for each packet.
/// RFC 7761 §6: state that packets make is bounded.
#[test]
fn a_hundred_thousand_sources_disturb_nobody() {
    in_world("storms::a_hundred_thousand_sources_disturb_nobody", || {
        let mcrd = router();
        let receiver = member(&mcrd, GROUP, None);
        let cable = Cable::new(&mcrd, "src", "in0");
        let mut random = Random(0x9e37_79b9_7f4a_7c15);
        undisturbed(&mcrd, &receiver, || {
            evenly(100_000, Duration::from_secs(8), || {
                let host = u8::try_from(3 + random.next() % 250).unwrap();
                let mut packet = Ip::igmp([10, 0, 0, host].into(), random.group(), udp());
                (packet.protocol, packet.ttl, packet.router_alert) = (17, 9, false);
                cable.send(&packet.bytes());
            });
        });
        // What the router is not told of is counted.
        let mut told = 0;
        let all_known = eventually(SOON, || {
            let drops = mcrd.input("in0").drops;
            told = mcrd.counter("in0", "data.no-entry");
            let limited = drops["event-limit"] + drops["event-queue-full"];
            drops["no-entry"] >= 100_000 && told + limited == drops["no-entry"]
        });
        assert!(all_known, "told {told} of {:?}", mcrd.input("in0").drops);
        assert!(told < 90_000, "{told}");
        let entries = u64::try_from(mcrd.routes().len()).unwrap();
        assert!((2..=told + 2).contains(&entries), "{entries} of {told}");
        let log = mcrd.log();
        let lines = log.lines().filter(|line| !line.contains("DEBUG")).count();
        assert!(lines < 100, "{lines} lines");
        assert!(memory(&mcrd) < MOST_MEMORY, "{} MiB", memory(&mcrd));
        becomes_idle(&mcrd);
    });
}

/// RFC 9776 §9.
#[test]
fn fifty_thousand_reports_a_second_disturb_nobody() {
    in_world(
        "storms::fifty_thousand_reports_a_second_disturb_nobody",
        || {
            let mcrd = router();
            let receiver = member(&mcrd, GROUP, None);
            let cable = Cable::new(&mcrd, "dst", "out0");
            let mut random = Random(0x9e37_79b9_7f4a_7c15);
            undisturbed(&mcrd, &receiver, || {
                evenly(150_000, Duration::from_secs(3), || {
                    let group = random.group();
                    let report = Message::ReportV2(group).emit();
                    cable.send(&Ip::igmp([10, 0, 1, 9].into(), group, report).bytes());
                });
            });
            // Each is told to the router or counted as lost.
            let mut counters = mcrd.counters("out0");
            let of = |counters: &BTreeMap<String, u64>, name: &str| {
                counters.get(name).copied().unwrap_or(0)
            };
            let all_known = eventually(SOON, || {
                counters = mcrd.counters("out0");
                let lost = of(&counters, "drop.socket-overflow");
                of(&counters, "igmp.rx.report-v2") + lost >= 150_000
            });
            assert!(all_known, "{counters:?}");
            let of = |name| of(&counters, name);
            let most = 2000;
            assert!(of("igmp.rx.report-v2") > most, "{counters:?}");
            assert!(of("igmp.drop.max-groups") > 0, "{counters:?}");
            assert_eq!(
                mcrd.counter("", "refused.groups"),
                of("igmp.drop.max-groups")
            );
            assert_eq!(mcrd.groups().len(), usize::try_from(most).unwrap());
            let log = mcrd.log();
            let lines = log.lines().filter(|line| !line.contains("DEBUG")).count();
            assert!(lines < 100, "{lines} lines");
            assert!(memory(&mcrd) < MOST_MEMORY, "{} MiB", memory(&mcrd));
            becomes_idle(&mcrd);
        },
    );
}
