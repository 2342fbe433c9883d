//! The thread that carries the frames of all wires.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use mcr_sim::packet_expr::Packet;
use mcr_sim::rules::{Rule, Rules, Verdict};
use mcr_sim::wire::{Lane, Passage};
use mcr_wire::{ipv4, udp};
use mcrgen::payload;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::eventfd::{EfdFlags, EventFd};
use nix::sys::prctl;
use nix::sys::socket::{MsgFlags, recv, send};
use nix::sys::time::TimeSpec;

use super::{Carried, Gone};
use crate::topology::model::Wire;

/// The longest frame: an MTU of 65535 and an Ethernet header.
const LONGEST: usize = 65_535 + 14;
/// The Ethernet header, which stays as it is.
const HEADER: usize = 14;
/// The end of that header where IPv4 follows.
const IPV4: [u8; 2] = [0x08, 0x00];
/// The IP protocol of the lab's sources.
const UDP: u8 = 17;
/// Frames read from one socket before the next gets its turn.
const BURST: usize = 64;
/// What all frames on the way may take together.
const ON_THE_WAY: usize = 256 * 1024 * 1024;
/// What keeping a frame costs beside its bytes.
const OVERHEAD: usize = 64;

/// What the lab and the thread share. A wire has two lanes, one after the
/// other, and a lane has the socket at the end where its frames come in.
struct Shared {
    lanes: Vec<Lane>,
    overruns: Vec<u64>,
    /// By wire.
    gone: Vec<Gone>,
    /// By wire.
    rules: Vec<Rules>,
    /// Sockets that the thread takes over, with their lane; or that it closes.
    new: Vec<(usize, Option<OwnedFd>)>,
    ended: bool,
}

/// The wires' thread.
pub(super) struct Engine {
    shared: Arc<Mutex<Shared>>,
    wake: Arc<EventFd>,
    thread: Option<JoinHandle<()>>,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").finish_non_exhaustive()
    }
}

impl Engine {
    pub(super) fn start(lanes: Vec<Lane>) -> io::Result<Engine> {
        let shared = Arc::new(Mutex::new(Shared {
            overruns: vec![0; lanes.len()],
            gone: vec![Gone::default(); lanes.len() / 2],
            rules: vec![Rules::default(); lanes.len() / 2],
            lanes,
            new: Vec::new(),
            ended: false,
        }));
        let flags = EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK;
        let wake = Arc::new(EventFd::from_flags(flags)?);
        let mut carrier = Carrier {
            shared: Arc::clone(&shared),
            wake: Arc::clone(&wake),
            began: Instant::now(),
            sockets: Vec::new(),
            flying: BinaryHeap::new(),
            bytes: 0,
            number: 0,
            buffer: vec![0; LONGEST],
        };
        let thread = std::thread::Builder::new().name("wires".to_owned());
        let thread = Some(thread.spawn(move || carrier.run())?);
        Ok(Engine {
            shared,
            wake,
            thread,
        })
    }

    /// Gives a wire the sockets of its ends.
    pub(super) fn connect(&self, wire: usize, sockets: Vec<OwnedFd>) {
        let new = sockets.into_iter().enumerate();
        let mut shared = lock(&self.shared);
        shared
            .new
            .extend(new.map(|(end, socket)| (wire * 2 + end, Some(socket))));
        drop(shared);
        self.wake.write(1).ok();
    }

    /// One more wire; returns its position.
    pub(super) fn add(&self, lanes: [Lane; 2]) -> usize {
        let mut shared = lock(&self.shared);
        let wire = shared.gone.len();
        shared.lanes.extend(lanes);
        shared.overruns.extend([0, 0]);
        shared.gone.push(Gone::default());
        shared.rules.push(Rules::default());
        wire
    }

    /// A wire that carries nothing any more.
    pub(super) fn disconnect(&self, wire: usize) {
        let mut shared = lock(&self.shared);
        shared.new.extend([(wire * 2, None), (wire * 2 + 1, None)]);
        drop(shared);
        self.wake.write(1).ok();
    }

    pub(super) fn set(&self, wire: usize, does: &Wire) {
        let mut shared = lock(&self.shared);
        let lanes = shared.lanes.iter_mut().skip(wire * 2);
        for (lane, impairment) in lanes.zip(does) {
            lane.set(*impairment);
        }
    }

    pub(super) fn carried(&self, wire: usize) -> [Carried; 2] {
        let shared = lock(&self.shared);
        [wire * 2, wire * 2 + 1].map(|lane| Carried {
            counts: shared.lanes[lane].counts(),
            overrun: shared.overruns[lane],
        })
    }

    /// From now on a wire does this to messages that are named.
    pub(super) fn rule(&self, wire: usize, rules: Vec<Rule>) {
        if let Some(of_wire) = lock(&self.shared).rules.get_mut(wire) {
            *of_wire = Rules::new(rules);
        }
    }

    /// The datagrams of the lab's sources that a wire dropped or changed.
    pub(super) fn gone(&self, wire: usize) -> Gone {
        lock(&self.shared)
            .gone
            .get(wire)
            .cloned()
            .unwrap_or_default()
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        lock(&self.shared).ended = true;
        self.wake.write(1).ok();
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}

/// A panic in the other thread leaves counts that are too small, at worst.
fn lock(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A frame on the way: when it arrives, its number among those of that time,
/// its lane, its bytes.
type Flying = Reverse<(u64, u64, usize, Box<[u8]>)>;

struct Carrier {
    shared: Arc<Mutex<Shared>>,
    wake: Arc<EventFd>,
    began: Instant,
    /// By lane.
    sockets: Vec<Option<OwnedFd>>,
    flying: BinaryHeap<Flying>,
    bytes: usize,
    number: u64,
    buffer: Vec<u8>,
}

impl Carrier {
    fn run(&mut self) {
        // Timers otherwise end up to 50 us late.
        prctl::set_timerslack(1).ok();
        while self.take_over() {
            self.deliver();
            let Ok(ready) = self.wait() else {
                return;
            };
            for lane in ready {
                self.read(lane);
            }
        }
    }

    /// Takes new sockets; `false` at the end.
    fn take_over(&mut self) -> bool {
        let mut shared = lock(&self.shared);
        self.sockets.resize_with(shared.lanes.len(), || None);
        for (lane, socket) in shared.new.drain(..) {
            self.sockets[lane] = socket;
        }
        !shared.ended
    }

    fn now_ns(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    /// Waits for frames, or for one on the way to arrive. Returns the lanes
    /// that have something.
    fn wait(&self) -> Result<Vec<usize>, Errno> {
        let connected = self.sockets.iter().enumerate();
        let connected = connected.filter_map(|(lane, socket)| Some((lane, socket.as_ref()?)));
        let (lanes, mut watched): (Vec<usize>, Vec<PollFd<'_>>) = connected
            .map(|(lane, socket)| (lane, PollFd::new(socket.as_fd(), PollFlags::POLLIN)))
            .unzip();
        watched.push(PollFd::new(self.wake.as_fd(), PollFlags::POLLIN));
        let next = self.flying.peek().map(|Reverse((at_ns, ..))| {
            let time = Duration::from_nanos(at_ns.saturating_sub(self.now_ns()));
            TimeSpec::from_duration(time)
        });
        match ppoll(&mut watched, next, None) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno),
        }
        let ready = |fd: &PollFd<'_>| fd.any() == Some(true);
        if watched.last().is_some_and(ready) {
            self.wake.read().ok();
        }
        let lanes = lanes.into_iter().zip(&watched);
        Ok(lanes
            .filter(|(_, fd)| ready(fd))
            .map(|(lane, _)| lane)
            .collect())
    }

    /// Reads what came in at a lane's end.
    fn read(&mut self, lane: usize) {
        let mut overrun = 0;
        for _ in 0..BURST {
            let Some(socket) = self.sockets[lane].as_ref() else {
                break;
            };
            let received = recv(socket.as_raw_fd(), &mut self.buffer, MsgFlags::MSG_DONTWAIT);
            // Nothing is left, or the interface went down or away: the error is
            // told once and cleared by being told.
            let Ok(length) = received else {
                break;
            };
            let now_ns = self.now_ns();
            let frame = &self.buffer[..length];
            let mut shared = lock(&self.shared);
            let verdict = match shared.rules.get_mut(lane / 2) {
                Some(rules) if !rules.is_empty() => judged(rules, frame),
                Some(_) | None => Verdict::default(),
            };
            let passage = match shared.lanes.get_mut(lane) {
                Some(lane) => lane.take_by(now_ns, length, verdict),
                None => None,
            };
            if passage.is_none_or(|passage| passage.corrupted.is_some())
                && let Some(header) = of_a_source(frame)
                && let Some(gone) = shared.gone.get_mut(lane / 2)
            {
                gone.add((header.run, header.flow, header.sequence));
            }
            drop(shared);
            if let Some(passage) = passage {
                overrun += self.launch(lane, length, passage);
            }
        }
        if let Some(socket) = self.sockets[lane].as_ref() {
            let told = mcr_sys::packet::statistics(socket);
            overrun += told.map_or(0, |statistics| u64::from(statistics.drops));
        }
        if overrun > 0 {
            lock(&self.shared).overruns[lane] += overrun;
        }
        self.deliver();
    }

    /// Sends a frame on its way. Returns how many there is no room for.
    fn launch(&mut self, lane: usize, length: usize, passage: Passage) -> u64 {
        let frame = &mut self.buffer[..length];
        if let Some(bit) = passage.corrupted {
            corrupt(frame, bit);
        }
        let mut overrun = 0;
        for _ in 0..=u8::from(passage.copied) {
            if self.bytes + length + OVERHEAD > ON_THE_WAY {
                overrun += 1;
                continue;
            }
            self.bytes += length + OVERHEAD;
            let flying = (passage.at_ns, self.number, lane, Box::from(&*frame));
            self.number += 1;
            self.flying.push(Reverse(flying));
        }
        overrun
    }

    /// Sends what arrives by now.
    fn deliver(&mut self) {
        let now_ns = self.now_ns();
        while let Some(Reverse((at_ns, ..))) = self.flying.peek()
            && *at_ns <= now_ns
            && let Some(Reverse((_, _, lane, frame))) = self.flying.pop()
        {
            self.bytes -= frame.len() + OVERHEAD;
            // The two lanes of a wire are neighbours.
            let Some(socket) = self.sockets.get(lane ^ 1).and_then(Option::as_ref) else {
                continue;
            };
            let sent = send(socket.as_raw_fd(), &frame, MsgFlags::MSG_DONTWAIT);
            // Any other error is that of an end that is down: as on a cable,
            // what is sent to it is gone.
            if let Err(Errno::EAGAIN | Errno::ENOBUFS) = sent {
                lock(&self.shared).overruns[lane] += 1;
            }
        }
    }
}

/// The IP packet in a frame.
fn packet_in(frame: &[u8]) -> Option<ipv4::Packet<'_>> {
    let (ethernet, ip) = frame.split_at_checked(HEADER)?;
    (ethernet[12..] == IPV4).then_some(())?;
    ipv4::Packet::parse(ip).ok()
}

/// What rules say of a frame.
fn judged(rules: &mut Rules, frame: &[u8]) -> Verdict {
    let Some(packet) = packet_in(frame).filter(|packet| !packet.header().is_fragment()) else {
        return Verdict::default();
    };
    let header = packet.header();
    rules.judge(&Packet {
        source: header.source(),
        destination: header.destination(),
        ttl: header.ttl,
        protocol: header.protocol,
        payload: packet.payload(),
    })
}

/// What a frame says of itself that carries a datagram of the lab's sources.
fn of_a_source(frame: &[u8]) -> Option<payload::Header> {
    let packet = packet_in(frame)?;
    if packet.header().protocol != UDP || packet.header().fragment_offset() != 0 {
        return None;
    }
    payload::peek(packet.payload().get(udp::HEADER_LEN..)?)
}

/// Changes one bit behind the Ethernet header.
fn corrupt(frame: &mut [u8], bit: u64) {
    let Some(content) = frame
        .get_mut(HEADER..)
        .filter(|content| !content.is_empty())
    else {
        return;
    };
    let bits = content.len() as u64 * 8;
    let at = bit % bits;
    let (byte, mask) = (usize::try_from(at / 8), 1_u8 << (at % 8));
    if let Ok(byte) = byte {
        content[byte] ^= mask;
    }
}
