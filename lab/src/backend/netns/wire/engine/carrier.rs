//! The thread that takes frames at one end of a wire and sends them on at the
//! other. It sleeps where nothing happens. While frames follow each other
//! closely it waits without sleeping, because to be woken on a CPU that halted
//! takes longer than all that a wire does; the CPU goes to whoever wants it.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::Arc;
use std::thread::yield_now;
use std::time::{Duration, Instant};

use mcr_sim::rules::Verdict;
use mcr_sim::wire::Passage;
use mcr_sys::process::take_short_turns;
use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use nix::sys::socket::{MsgFlags, send, setsockopt, sockopt};
use nix::sys::time::TimeSpec;
use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};

use super::frames::{corrupt, judged, of_a_source, receive};
use super::{Shared, lock};

/// The longest frame: an MTU of 65535 and an Ethernet header.
const LONGEST: usize = 65_535 + 14;
/// Frames read from one socket before the next gets its turn.
const BURST: usize = 64;
/// Descriptors that one wait tells of.
const EVENTS: usize = 64;
/// What all frames on the way may take together.
const ON_THE_WAY: usize = 256 * 1024 * 1024;
/// What keeping a frame costs beside its bytes.
const OVERHEAD: usize = 64;
/// Where two frames came within this time, a third is waited for as long
/// without sleeping.
const CLOSE: Duration = Duration::from_micros(1_500);
/// Who has had the CPU for so long has work to do, and shall have it.
const WORK: Duration = Duration::from_micros(200);
/// So long then nothing is waited for without sleeping.
const WAY_GIVEN: Duration = Duration::from_millis(20);
/// The most that the thread wakes before a frame is due.
const MOST_EARLY: u64 = 300_000;
/// The number of the descriptor that tells of new sockets, or of the end.
const WAKE: u64 = u64::MAX;
/// That of the timer.
const TIMER: u64 = u64::MAX - 1;

/// A frame on the way: when it arrives, its number among those of that time,
/// its lane, its bytes.
type Flying = Reverse<(u64, u64, usize, Box<[u8]>)>;

pub(super) struct Carrier {
    shared: Arc<Shared>,
    epoll: Epoll,
    timer: TimerFd,
    /// When the timer ends; none where it does not run.
    timed: Option<u64>,
    /// How much before a frame is due the timer is to end: about as much as it
    /// was late.
    early: u64,
    began: Instant,
    /// By lane.
    sockets: Vec<Option<OwnedFd>>,
    flying: BinaryHeap<Flying>,
    bytes: usize,
    number: u64,
    buffer: Vec<u8>,
    ancillary: Vec<u8>,
    /// When the latest frame came.
    latest: Option<Instant>,
    /// Until then frames are waited for without sleeping.
    awake_until: Option<Instant>,
    /// Until then others need the CPU.
    gave_way: Option<Instant>,
}

impl Carrier {
    pub(super) fn new(shared: Arc<Shared>) -> io::Result<Carrier> {
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
        let flags = TimerFlags::TFD_CLOEXEC | TimerFlags::TFD_NONBLOCK;
        let timer = TimerFd::new(ClockId::CLOCK_MONOTONIC, flags)?;
        let event = |number| EpollEvent::new(EpollFlags::EPOLLIN, number);
        epoll.add(&shared.wake, event(WAKE))?;
        epoll.add(&timer, event(TIMER))?;
        Ok(Carrier {
            shared,
            epoll,
            timer,
            timed: None,
            early: 0,
            began: Instant::now(),
            sockets: Vec::new(),
            flying: BinaryHeap::new(),
            bytes: 0,
            number: 0,
            buffer: vec![0; LONGEST],
            ancillary: nix::cmsg_space!(TimeSpec),
            latest: None,
            awake_until: None,
            gave_way: None,
        })
    }

    pub(super) fn run(&mut self) {
        // Where it cannot be had, frames wait longer on a busy machine.
        take_short_turns().ok();
        let mut events = [EpollEvent::empty(); EVENTS];
        let mut new = true;
        loop {
            if new && !self.take_over() {
                return;
            }
            self.deliver();
            let timeout = match self.sleeps() {
                true => EpollTimeout::NONE,
                false => EpollTimeout::ZERO,
            };
            let count = match self.epoll.wait(&mut events, timeout) {
                Ok(count) => count,
                Err(Errno::EINTR) => 0,
                Err(_) => return,
            };
            new = false;
            for event in &events[..count] {
                match event.data() {
                    WAKE => {
                        self.shared.wake.read().ok();
                        new = true;
                    }
                    TIMER => self.rang(),
                    lane => self.read(usize::try_from(lane).unwrap_or(usize::MAX)),
                }
            }
        }
    }

    /// Takes new sockets; `false` at the end.
    fn take_over(&mut self) -> bool {
        let mut state = lock(&self.shared.state);
        self.sockets.resize_with(state.lanes.len(), || None);
        for (lane, socket) in state.new.drain(..) {
            if let Some(socket) = &socket {
                // Without it the time of reading is taken.
                setsockopt(socket, sockopt::ReceiveTimestampns, &true).ok();
                let event = EpollEvent::new(EpollFlags::EPOLLIN, lane as u64);
                self.epoll.add(socket, event).ok();
            }
            // Closing the old one ends that it is waited for.
            self.sockets[lane] = socket;
        }
        !state.ended
    }

    fn now_ns(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    /// Whether the thread may sleep until something happens, for which the timer
    /// is set.
    fn sleeps(&mut self) -> bool {
        let now = Instant::now();
        if self.awake_until.is_some_and(|until| now < until) {
            yield_now();
            let others = now.elapsed();
            if others < WORK {
                return false;
            }
            self.awake_until = None;
            self.gave_way = Some(now + others + WAY_GIVEN);
        }
        let Some(Reverse((at_ns, ..))) = self.flying.peek() else {
            return true;
        };
        let wanted = at_ns.saturating_sub(self.early);
        let now_ns = self.now_ns();
        if wanted <= now_ns {
            return false;
        }
        if self.timed.is_none_or(|timed| timed != wanted) {
            let time = TimeSpec::from_duration(Duration::from_nanos(wanted - now_ns));
            let set = TimerSetTimeFlags::empty();
            if self.timer.set(Expiration::OneShot(time), set).is_err() {
                return false;
            }
            self.timed = Some(wanted);
        }
        true
    }

    /// The timer ended: learns how late it is told of.
    fn rang(&mut self) {
        // Reading it makes it silent; it is not waited for.
        self.timer.wait().ok();
        let Some(timed) = self.timed.take() else {
            return;
        };
        let late = self.now_ns().saturating_sub(timed).min(MOST_EARLY);
        self.early = late.max(self.early - self.early / 32);
    }

    /// Frames came: where others came shortly before, more are likely to.
    fn came(&mut self) {
        let now = Instant::now();
        let close = self.latest.is_some_and(|latest| now - latest < CLOSE);
        let free = self.gave_way.is_none_or(|until| now >= until);
        self.latest = Some(now);
        if close && free {
            self.awake_until = Some(now + CLOSE);
        }
    }

    /// Reads what came in at a lane's end.
    fn read(&mut self, lane: usize) {
        let mut overrun = 0;
        let mut some = false;
        for _ in 0..BURST {
            let Some(Some(socket)) = self.sockets.get(lane) else {
                return;
            };
            // Nothing is left, or the interface went down or away: the error is
            // told once and cleared by being told.
            let received = receive(socket, &mut self.buffer, &mut self.ancillary);
            let Ok((length, waited)) = received else {
                break;
            };
            some = true;
            // Its way began when it arrived, not when it was read.
            let waited = u64::try_from(waited.as_nanos()).unwrap_or(0);
            let came_ns = self.now_ns().saturating_sub(waited);
            if let Some(passage) = self.judge(lane, length, came_ns) {
                overrun += self.launch(lane, length, passage);
                self.deliver();
            }
        }
        if some {
            self.came();
            if let Some(Some(socket)) = self.sockets.get(lane) {
                let told = mcr_sys::packet::statistics(socket);
                overrun += told.map_or(0, |statistics| u64::from(statistics.drops));
            }
        }
        if overrun > 0 {
            lock(&self.shared.state).overruns[lane] += overrun;
        }
    }

    /// What becomes of the frame that was read; `None` where it does not go on.
    fn judge(&self, lane: usize, length: usize, came_ns: u64) -> Option<Passage> {
        let frame = &self.buffer[..length];
        let mut state = lock(&self.shared.state);
        let verdict = match state.rules.get_mut(lane / 2) {
            Some(rules) if !rules.is_empty() => judged(rules, frame),
            Some(_) | None => Verdict::default(),
        };
        let passage = match state.lanes.get_mut(lane) {
            Some(lane) => lane.take_by(came_ns, length, verdict),
            None => None,
        };
        if passage.is_none_or(|passage| passage.corrupted.is_some())
            && let Some(header) = of_a_source(frame)
            && let Some(gone) = state.gone.get_mut(lane / 2)
        {
            gone.add((header.run, header.flow, header.sequence));
        }
        passage
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
        if self.flying.is_empty() {
            return;
        }
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
                lock(&self.shared.state).overruns[lane] += 1;
            }
        }
    }
}
