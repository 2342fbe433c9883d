//! The supervisor's side of workers, against ends of the channel that the test
//! holds in the place of processes.

use std::cell::RefCell;
use std::fs::File;
use std::future::Future;
use std::io::Read;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;

use mcr_dataplane::channel::{FromWorker, PacketIo, ToWorker, WorkerEnd};
use mcr_dataplane::counters::{CounterWriter, Slot};
use mcr_dataplane::gate::{GateCell, GateFile};
use mcr_proto::fib::{FibDigest, FibEntry, FibKey, RouteEntry, RouteKey};
use mcr_proto::id::MacAddr;
use mcr_proto::interface::{Interface, InterfaceChange};
use mcr_proto::relay::{Output, Relay};
use mcr_proto::routes::Routes;
use mcr_sys::packet::Fanout;
use tokio::sync::Notify;

use super::platform::{Child, Ending, Launched};
use super::*;

mod routing;

macro_rules! tables {
    ($rig:expr) => {
        Tables::of(&$rig.relay, &$rig.routes, true)
    };
}
use tables;

#[derive(Default)]
struct Fakes {
    workers: Vec<Fake>,
    inputs_opened: usize,
    fanouts: Vec<Fanout>,
    all_multicast: Vec<(IfIndex, bool)>,
    /// The other ends of output sockets.
    peers: Vec<UnixStream>,
}

struct Fake {
    end: WorkerEnd,
    killed: Arc<Notify>,
    sets: usize,
    table: Vec<(FibKey, FibEntry)>,
    routes: Vec<(RouteKey, RouteEntry, Slot, Option<GateCell>)>,
    listening: bool,
    counters: Option<CounterWriter>,
    gates: Option<GateFile>,
    outputs: usize,
    level: Option<Level>,
}

struct FakePlatform(Rc<RefCell<Fakes>>);

struct FakeChild(Arc<Notify>);

impl Platform for FakePlatform {
    fn open_input(&self, _: IfIndex, fanout: Option<Fanout>) -> io::Result<OwnedFd> {
        let mut fakes = self.0.borrow_mut();
        fakes.inputs_opened += 1;
        fakes.fanouts.extend(fanout);
        File::open("/dev/null").map(OwnedFd::from)
    }

    fn fanout_group(&self, _: BorrowedFd<'_>) -> io::Result<u16> {
        Ok(self.0.borrow().inputs_opened as u16)
    }

    fn all_multicast(&self, _: BorrowedFd<'_>, iif: IfIndex, on: bool) -> io::Result<()> {
        self.0.borrow_mut().all_multicast.push((iif, on));
        Ok(())
    }

    fn open_output(&self, _: IfIndex) -> io::Result<OwnedFd> {
        let (socket, peer) = UnixStream::pair()?;
        peer.set_nonblocking(true)?;
        self.0.borrow_mut().peers.push(peer);
        Ok(socket.into())
    }

    fn drops(&self, _: BorrowedFd<'_>) -> io::Result<u64> {
        Ok(0)
    }

    fn launch(&self, _: &str) -> io::Result<Launched> {
        let (channel, end) = mcr_dataplane::channel::pair()?;
        let killed = Arc::new(Notify::new());
        self.0.borrow_mut().workers.push(Fake {
            end: WorkerEnd::new(end)?,
            killed: Arc::clone(&killed),
            sets: 0,
            table: Vec::new(),
            routes: Vec::new(),
            listening: false,
            counters: None,
            gates: None,
            outputs: 0,
            level: None,
        });
        Ok(Launched {
            channel,
            pid: 1,
            child: Box::new(FakeChild(killed)),
        })
    }
}

impl Child for FakeChild {
    fn ended(&mut self) -> Pin<Box<dyn Future<Output = Ending> + Send + '_>> {
        Box::pin(async {
            self.0.notified().await;
            "ended".to_owned()
        })
    }

    fn kill(&mut self) {
        self.0.notify_one();
    }
}

impl Fake {
    /// Takes all messages; answers a commit with what it holds, or with what
    /// `lie` makes of it.
    fn obey(&mut self, lie: bool) -> usize {
        let mut messages = 0;
        while let Ok(Some((message, mut fds))) = self.end.recv() {
            messages += 1;
            match message {
                ToWorker::Start(_) => {
                    self.gates = fds.pop().and_then(|fd| GateFile::open(fd).ok());
                    self.counters = fds.pop().and_then(|fd| CounterWriter::open(fd).ok());
                    self.say(&FromWorker::Ready {
                        io: PacketIo::IoUring,
                        sandbox: Vec::new(),
                    });
                }
                ToWorker::SetRoute {
                    key,
                    entry,
                    slot,
                    gate,
                } => {
                    self.sets += 1;
                    self.routes.retain(|(known, ..)| *known != key);
                    self.routes.push((key, entry, slot, gate));
                }
                ToWorker::RemoveRoute(key) => self.routes.retain(|(known, ..)| *known != key),
                ToWorker::Listen(on) => self.listening = on,
                ToWorker::Set { key, entry, .. } => {
                    self.sets += 1;
                    self.table.retain(|(known, _)| *known != key);
                    self.table.push((key, entry));
                }
                ToWorker::Remove(key) => self.table.retain(|(known, _)| *known != key),
                ToWorker::Commit(commit) => {
                    let digest = self
                        .table
                        .iter()
                        .filter(|_| !lie)
                        .fold(FibDigest::default(), |sum, (key, entry)| {
                            sum.with(key, entry)
                        });
                    let digest = self
                        .routes
                        .iter()
                        .fold(digest, |sum, (key, entry, ..)| sum.with_route(key, entry));
                    self.say(&FromWorker::Applied {
                        commit,
                        digest,
                        entries: (self.table.len() + self.routes.len()) as u64,
                    });
                }
                ToWorker::OpenOutput(_) => self.outputs += 1,
                ToWorker::CloseOutput(_) => self.outputs -= 1,
                ToWorker::Stop => self.killed.notify_one(),
                ToWorker::LogLevel(level) => self.level = Some(level),
            }
        }
        messages
    }

    fn say(&self, message: &FromWorker) {
        // One that was killed answers nobody.
        self.end.send(message).unwrap_or_default();
    }
}

struct Rig {
    relay: Relay,
    routes: Routes,
    workers: Workers,
    events: mpsc::Receiver<ProcessEvent>,
    fakes: Rc<RefCell<Fakes>>,
    now: Instant,
}

impl Rig {
    fn new(rules: u32) -> Rig {
        let fakes = Rc::new(RefCell::new(Fakes::default()));
        let (sender, events) = mpsc::channel(1024);
        let settings = Settings {
            allow_io_uring: true,
            pinning: BTreeMap::new(),
            log_level: Level::Info,
        };
        let platform = Box::new(FakePlatform(Rc::clone(&fakes)));
        let mut rig = Rig {
            relay: Relay::new(),
            routes: Routes::default(),
            workers: Workers::new(platform, sender, settings).unwrap(),
            events,
            fakes,
            now: Instant::now(),
        };
        for (index, name) in [(1, "in0"), (2, "out0")] {
            rig.relay
                .interface_changed(InterfaceChange::Present(Interface {
                    index: IfIndex::new(index).unwrap(),
                    name: name.parse().unwrap(),
                    up: true,
                    mtu: 1500,
                    mac: MacAddr([2, 0, 0, 0, 0, 1]),
                    addresses: vec!["10.0.0.1/24".parse().unwrap()],
                    multicast: true,
                }));
        }
        rig.add((0..rules).map(rule).collect());
        rig
    }

    fn add(&mut self, rules: Vec<RelayRule>) {
        for rule in &rules {
            self.workers.rule_set(rule);
        }
        self.relay.add(rules).unwrap();
    }

    fn remove(&mut self, name: &str) {
        let name = name.parse().unwrap();
        self.relay.remove(std::slice::from_ref(&name)).unwrap();
        self.workers.rule_removed(&name);
    }

    fn carry_out(&mut self) {
        while let Some(output) = self.relay.poll_output() {
            if let Output::Fib(update) = output {
                self.workers.fib_changed(self.now, tables!(self), update);
            }
        }
        self.workers.timeout(self.now, tables!(self));
        self.workers.pump(self.now, tables!(self));
    }

    /// Lets everything happen that can happen now; the last worker obeys.
    async fn settle(&mut self, lie: bool) {
        let mut quiet = 0;
        while quiet < 20 {
            self.carry_out();
            tokio::task::yield_now().await;
            let mut busy = false;
            while let Ok(event) = self.events.try_recv() {
                busy = true;
                self.workers.event(self.now, tables!(self), event);
            }
            if let Some(fake) = self.fakes.borrow_mut().workers.last_mut() {
                busy |= fake.obey(lie) > 0;
            }
            quiet = if busy { 0 } else { quiet + 1 };
        }
    }

    /// As [`Rig::settle`], with all workers.
    async fn settle_all(&mut self) {
        for _ in 0..5 {
            self.settle(false).await;
            for fake in &mut self.fakes.borrow_mut().workers {
                fake.obey(false);
            }
        }
    }

    fn launched(&self) -> usize {
        self.fakes.borrow().workers.len()
    }

    fn worker(&self) -> mcr_api::state::Worker {
        self.workers.show(self.now).remove(0)
    }

    fn last<T>(&self, get: impl Fn(&Fake) -> T) -> T {
        get(self.fakes.borrow().workers.last().unwrap())
    }
}

fn rule(number: u32) -> RelayRule {
    let rule = serde_json::json!({
        "name": format!("r{number}"),
        "input": { "interface": "in0", "group": std::net::Ipv4Addr::from(0xEF01_0000 + number) },
        "outputs": [{ "interface": "out0" }],
    });
    mcr_config::rule(&serde_json::from_value(rule).unwrap()).unwrap()
}

#[tokio::test]
async fn a_worker_is_told_what_changes_and_no_more() {
    let mut rig = Rig::new(3);
    rig.settle(false).await;
    assert_eq!((rig.launched(), rig.last(|fake| fake.sets)), (1, 3));
    assert_eq!(rig.last(|fake| fake.outputs), 1);
    let worker = rig.worker();
    assert!(worker.in_sync);
    assert_eq!((worker.entries, worker.healed, worker.restarts), (3, 0, 0));
    rig.add(vec![rule(7)]);
    rig.remove("r0");
    rig.settle(false).await;
    assert_eq!(rig.last(|fake| fake.sets), 4, "one more was sent");
    assert_eq!(rig.last(|fake| fake.table.len()), 3);
    assert!(rig.worker().in_sync);
}

#[tokio::test]
async fn drift_is_found_without_a_change_and_healed() {
    let mut rig = Rig::new(3);
    rig.settle(false).await;
    rig.fakes.borrow_mut().workers[0].table.pop();
    rig.settle(false).await;
    assert!(rig.worker().in_sync, "nobody asked yet");
    rig.now += Duration::from_secs(1);
    rig.settle(false).await;
    let worker = rig.worker();
    assert_eq!((worker.healed, worker.restarts), (1, 0));
    assert!(worker.in_sync);
    assert_eq!(rig.last(|fake| fake.table.len()), 3);
    assert_eq!(rig.last(|fake| fake.sets), 6, "all was sent again");
}

/// The moment to compare can come between a change of the relay and its being
/// told.
#[tokio::test]
async fn a_change_that_was_not_told_yet_is_no_drift() {
    let mut rig = Rig::new(3);
    rig.settle(false).await;
    for round in 1..10 {
        rig.add((round * 100..round * 100 + 50).map(rule).collect());
        rig.remove(&format!("r{}", (round - 1) * 100));
        rig.now += Duration::from_secs(1);
        rig.workers.timeout(rig.now, tables!(rig));
        rig.settle(false).await;
        assert!(rig.worker().in_sync);
        assert_eq!((rig.worker().healed, rig.worker().restarts), (0, 0));
    }
    assert_eq!(rig.last(|fake| fake.table.len()), 3 + 9 * 49);
}

#[test]
fn a_fanout_group_lives_as_long_as_its_sockets() {
    let fakes = Rc::new(RefCell::new(Fakes::default()));
    let platform = FakePlatform(Rc::clone(&fakes));
    let shared = SharedFanout::default();
    let iif = IfIndex::new(1).unwrap();
    let open = || input::Input::open(&platform, iif, Some(&shared)).unwrap();
    let first = open();
    let second = open();
    drop(first);
    drop((open(), second));
    drop(open());
    let (new, of) = (Fanout::New, Fanout::Of(1));
    assert_eq!(fakes.borrow().fanouts, [new, of, of, new]);
}

#[tokio::test]
async fn a_worker_that_differs_again_is_replaced() {
    let mut rig = Rig::new(3);
    rig.settle(false).await;
    rig.now += Duration::from_secs(1);
    rig.settle(true).await;
    let worker = rig.worker();
    assert_eq!((worker.healed, worker.restarts), (2, 1));
    let exit = worker.last_exit.unwrap();
    assert!(exit.contains("differed again"), "{exit}");
    rig.now += Duration::from_millis(20);
    rig.settle(false).await;
    assert_eq!(rig.launched(), 2);
    assert!(rig.worker().in_sync);
}

#[tokio::test]
async fn a_worker_that_says_nothing_is_replaced() {
    let mut rig = Rig::new(3);
    rig.carry_out();
    assert_eq!(rig.launched(), 1);
    rig.now += Duration::from_secs(4);
    rig.carry_out();
    assert!(rig.worker().last_exit.is_none());
    rig.now += Duration::from_secs(1);
    rig.carry_out();
    // It is looked at once more.
    rig.now += Duration::from_secs(1);
    rig.carry_out();
    let event = rig.events.recv().await.unwrap();
    let event = match event {
        ProcessEvent::Ended(..) => event,
        ProcessEvent::Said(..) | ProcessEvent::Room(..) => rig.events.recv().await.unwrap(),
    };
    rig.workers.event(rig.now, tables!(rig), event);
    let exit = rig.worker().last_exit.unwrap();
    assert!(exit.contains("not ready within 5 s"), "{exit}");
}

/// An answer that came while the daemon was stopped, or too busy to read it, is
/// an answer.
#[tokio::test]
async fn a_daemon_that_was_stopped_kills_no_worker() {
    let mut rig = Rig::new(3);
    rig.settle(false).await;
    rig.add(vec![rule(7)]);
    rig.carry_out();
    tokio::task::yield_now().await;
    rig.fakes.borrow_mut().workers[0].obey(false);
    rig.now += Duration::from_secs(40);
    rig.settle(false).await;
    let worker = rig.worker();
    assert_eq!((rig.launched(), worker.restarts), (1, 0));
    assert!(worker.in_sync);
}

/// A flood of events delays the answer, and shows that the worker lives.
#[tokio::test]
async fn a_worker_that_says_other_things_is_given_time() {
    let mut rig = Rig::new(3);
    rig.settle(false).await;
    rig.now += Duration::from_secs(1);
    let event = DataPlaneEvent::Active {
        iif: IfIndex::new(1).unwrap(),
        source: std::net::Ipv4Addr::new(10, 0, 0, 2).try_into().unwrap(),
        group: std::net::Ipv4Addr::new(239, 1, 1, 1).try_into().unwrap(),
    };
    let mut lived = 0;
    while rig.launched() == 1 && lived < 100 {
        rig.carry_out();
        rig.last(|fake| fake.say(&FromWorker::Event(event.clone())));
        tokio::task::yield_now().await;
        while let Ok(event) = rig.events.try_recv() {
            rig.workers.event(rig.now, tables!(rig), event);
        }
        rig.workers.poll_data_plane();
        rig.now += Duration::from_secs(2);
        lived += 2;
    }
    assert!((60..70).contains(&lived), "{lived} s");
}

#[tokio::test]
async fn a_worker_that_reads_nothing_holds_up_nothing() {
    let mut rig = Rig::new(2000);
    // Many turns, and it takes no message.
    for _ in 0..1000 {
        rig.carry_out();
        tokio::task::yield_now().await;
        while let Ok(event) = rig.events.try_recv() {
            rig.workers.event(rig.now, tables!(rig), event);
        }
    }
    assert_eq!(rig.worker().entries, 0);
    rig.settle(false).await;
    assert_eq!(rig.last(|fake| fake.table.len()), 2000);
    assert!(rig.worker().in_sync);
}

#[tokio::test]
async fn a_replaced_rule_keeps_the_worker_and_the_last_rule_does_not() {
    let mut rig = Rig::new(1);
    rig.settle(false).await;
    rig.remove("r0");
    rig.settle(false).await;
    assert_eq!(rig.last(|fake| fake.outputs), 0, "its sockets are closed");
    rig.add(vec![rule(5)]);
    rig.settle(false).await;
    assert_eq!(rig.launched(), 1);
    rig.remove("r5");
    rig.settle(false).await;
    rig.now += LINGER;
    rig.settle(false).await;
    assert!(rig.workers.have_stopped());
    assert_eq!(rig.workers.next_timeout(), None);
}

#[tokio::test]
async fn a_crash_after_start_gets_a_new_socket_and_a_longer_wait() {
    let mut rig = Rig::new(1);
    rig.settle(false).await;
    let mut waits = Vec::new();
    for _ in 0..4 {
        rig.fakes
            .borrow()
            .workers
            .last()
            .unwrap()
            .killed
            .notify_one();
        rig.settle(false).await;
        let wait = rig.worker().backoff_ms.unwrap();
        waits.push(wait);
        rig.now += Duration::from_millis(wait);
        rig.settle(false).await;
    }
    assert_eq!(waits, [10, 20, 40, 80]);
    assert_eq!((rig.launched(), rig.worker().restarts), (5, 4));
    assert_eq!(rig.fakes.borrow().inputs_opened, 5);
    // One that was well keeps its socket.
    rig.now += Duration::from_secs(20);
    rig.fakes
        .borrow()
        .workers
        .last()
        .unwrap()
        .killed
        .notify_one();
    rig.settle(false).await;
    assert_eq!(rig.worker().backoff_ms, Some(10));
    rig.now += Duration::from_millis(10);
    rig.settle(false).await;
    assert_eq!(rig.fakes.borrow().inputs_opened, 5);
}

#[tokio::test]
async fn cells_are_given_out_again_only_when_no_worker_writes_to_them() {
    let mut rig = Rig::new(1);
    rig.settle(false).await;
    let id = *rig.workers.pools.keys().next().unwrap();
    let slot = |rig: &Rig| {
        let placed = &rig.workers.pools[&id].table.placed;
        placed.values().map(|one| one.slot.0).collect::<Vec<_>>()
    };
    assert_eq!(slot(&rig), [0]);
    rig.remove("r0");
    rig.add(vec![rule(1)]);
    rig.carry_out();
    assert_eq!(slot(&rig), [2], "the worker may still count at 0");
    rig.settle(false).await;
    rig.add(vec![rule(2)]);
    rig.settle(false).await;
    assert_eq!(slot(&rig), [2, 0]);
}

#[tokio::test]
async fn a_log_level_is_told_once_and_to_each() {
    let mut rig = Rig::new(1);
    rig.settle(false).await;
    assert_eq!(
        rig.last(|fake| fake.level),
        None,
        "it started with its level"
    );
    let settings = Settings {
        log_level: Level::Trace,
        ..rig.workers.settings.clone()
    };
    rig.workers.configure(rig.now, tables!(rig), settings);
    rig.settle(false).await;
    assert_eq!(rig.last(|fake| fake.level), Some(Level::Trace));
    assert_eq!(rig.launched(), 1);
}

#[tokio::test]
async fn hundreds_of_restarts_leave_no_descriptor_behind() {
    let mut rig = Rig::new(1);
    rig.settle(false).await;
    let open = || std::fs::read_dir("/proc/self/fd").unwrap().count();
    let mut before = None;
    for _ in 0..300 {
        rig.fakes
            .borrow()
            .workers
            .last()
            .unwrap()
            .killed
            .notify_one();
        rig.settle(false).await;
        rig.now += Duration::from_secs(11);
        rig.settle(false).await;
        // The test's own ends of dead workers.
        let last = rig.fakes.borrow_mut().workers.pop();
        rig.fakes.borrow_mut().workers.clear();
        rig.fakes.borrow_mut().peers.clear();
        rig.fakes.borrow_mut().workers.extend(last);
        let before = *before.get_or_insert_with(open);
        // Packet sockets are closed on another thread.
        let deadline = Instant::now() + Duration::from_secs(5);
        while open() > before {
            assert!(Instant::now() < deadline, "{before} before, {} now", open());
            tokio::task::yield_now().await;
        }
    }
    assert_eq!(rig.worker().restarts, 300);
}

/// The last close of a packet socket waits ten milliseconds and more: it must
/// not be the worker's, which has packets to move.
#[tokio::test]
async fn a_worker_closes_no_output_for_good() {
    let mut rig = Rig::new(1);
    rig.settle(false).await;
    assert_eq!(rig.last(|fake| fake.outputs), 1, "it has closed it already");
    let mut peer = rig.fakes.borrow_mut().peers.remove(0);
    let error = peer.read(&mut [0]).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::WouldBlock, "it is open here");
    rig.remove("r0");
    rig.settle(false).await;
    assert_eq!(rig.last(|fake| fake.outputs), 0);
    let deadline = Instant::now() + Duration::from_secs(5);
    while peer.read(&mut [0]).is_err() {
        assert!(Instant::now() < deadline, "it is never closed");
        tokio::task::yield_now().await;
    }
}
