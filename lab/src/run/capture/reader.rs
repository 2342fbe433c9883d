//! The thread that reads packet sockets and rings, and what it read.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use mcr_sys::packet::statistics;
use mcr_sys::process::take_short_turns;
use mcr_sys::ring::{self, Ring};
use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use nix::sys::eventfd::{EfdFlags, EventFd};
use nix::sys::socket::{getsockopt, sockopt};

use super::{LONGEST, Seen, control, read_one};
use crate::run::messages;

/// Messages read from one socket before the next gets its turn.
const BURST: usize = 256;
/// Descriptors that one wait tells of.
const EVENTS: usize = 64;
/// A ring that had frames is looked at so long afterwards, and nobody is woken
/// by those that come until then.
const REST: Duration = Duration::from_millis(2);
/// The number of the descriptor that wakes the thread to its end.
const WAKE: u64 = u64::MAX;

/// What was read so far, and where the rest of it is.
#[derive(Default)]
pub(super) struct Read {
    pub(super) seen: Vec<Seen>,
    pub(super) messages: messages::Ring,
    /// By point.
    sockets: Vec<Option<(OwnedFd, Ring)>>,
    ended: bool,
}

struct Shared {
    read: Mutex<Read>,
    epoll: Epoll,
    wake: EventFd,
}

/// Reads all sockets and rings.
pub(super) struct Reader {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

/// What an event is about.
#[derive(Clone, Copy)]
enum Which {
    Messages,
    Rest,
}

fn number(position: usize, which: Which) -> u64 {
    position as u64 * 2 + u64::from(matches!(which, Which::Rest))
}

/// A ring's events come once, until it is asked for them again.
fn rest_event(position: usize) -> EpollEvent {
    let flags = EpollFlags::EPOLLIN | EpollFlags::EPOLLONESHOT;
    EpollEvent::new(flags, number(position, Which::Rest))
}

impl Reader {
    pub(super) fn start(seen: Vec<Seen>) -> io::Result<Reader> {
        let flags = EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK;
        let mut read = Read::default();
        read.sockets.resize_with(seen.len(), || None);
        read.seen = seen;
        let shared = Arc::new(Shared {
            read: Mutex::new(read),
            epoll: Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?,
            wake: EventFd::from_flags(flags)?,
        });
        let wake = EpollEvent::new(EpollFlags::EPOLLIN, WAKE);
        shared.epoll.add(&shared.wake, wake)?;
        let of_thread = Arc::clone(&shared);
        let thread = std::thread::Builder::new().name("capture".to_owned());
        let thread = thread.spawn(move || of_thread.run())?;
        Ok(Reader {
            shared,
            thread: Some(thread),
        })
    }

    /// Watches a point by these, and no longer by those it had.
    pub(super) fn watch(&self, position: usize, messages: OwnedFd, rest: Ring) -> io::Result<()> {
        let mut read = self.read();
        let Some(of_point) = read.sockets.get_mut(position) else {
            return Ok(());
        };
        let (messages, rest) = of_point.insert((messages, rest));
        let event = EpollEvent::new(EpollFlags::EPOLLIN, number(position, Which::Messages));
        self.shared.epoll.add(messages, event)?;
        self.shared.epoll.add(rest, rest_event(position))?;
        Ok(())
    }

    /// All that was seen until now.
    pub(super) fn read(&self) -> MutexGuard<'_, Read> {
        let mut read = self.known();
        for position in 0..read.sockets.len() {
            read.rest(position);
        }
        read
    }

    /// What the thread has read, which are all messages.
    pub(super) fn known(&self) -> MutexGuard<'_, Read> {
        lock(&self.shared.read)
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.known().ended = true;
        self.shared.wake.write(1).ok();
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}

/// A panic in the other thread leaves counts that are too small, at worst.
fn lock(read: &Mutex<Read>) -> MutexGuard<'_, Read> {
    read.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    fn run(&self) {
        // Where it cannot be had, more frames are missed on a busy machine.
        take_short_turns().ok();
        let mut events = [EpollEvent::empty(); EVENTS];
        let mut buffer = vec![0; LONGEST];
        let mut busy: Vec<usize> = Vec::new();
        loop {
            let timeout = match busy.is_empty() {
                true => EpollTimeout::NONE,
                false => EpollTimeout::try_from(REST).unwrap_or(EpollTimeout::ZERO),
            };
            let count = match self.epoll.wait(&mut events, timeout) {
                Ok(count) => count,
                Err(Errno::EINTR) => 0,
                Err(_) => return,
            };
            let mut read = lock(&self.read);
            if read.ended {
                return;
            }
            let numbers = events[..count].iter().map(EpollEvent::data);
            for number in numbers.filter(|number| *number != WAKE) {
                let position = usize::try_from(number / 2).unwrap_or(usize::MAX);
                match number % 2 {
                    0 => read.messages(position, &mut buffer),
                    _ if busy.contains(&position) => {}
                    _ => busy.push(position),
                }
            }
            busy.retain(|position| {
                let some = read.rest(*position) > 0;
                if !some {
                    self.ask_again(&read, *position);
                }
                some
            });
        }
    }

    /// Wants to be woken by the next frame of a ring that is empty.
    fn ask_again(&self, read: &Read, position: usize) {
        let Some(Some((_, ring))) = read.sockets.get(position) else {
            return;
        };
        // That the interface went down or away is told once, and is cleared by
        // being told.
        getsockopt(ring, sockopt::SocketError).ok();
        self.epoll.modify(ring, &mut rest_event(position)).ok();
    }
}

impl Read {
    /// Reads what is in a point's ring; returns how many frames.
    fn rest(&mut self, position: usize) -> usize {
        let Some(Some((_, ring))) = self.sockets.get_mut(position) else {
            return 0;
        };
        let Some(seen) = self.seen.get_mut(position) else {
            return 0;
        };
        let count = ring.read(|frame| seen.push(frame));
        // Frames are dropped only where the ring is full.
        if count > 0 {
            seen.missed += missed(ring);
        }
        count
    }

    /// Reads messages that came at a point.
    fn messages(&mut self, position: usize, buffer: &mut [u8]) {
        let Some(Some((socket, _))) = self.sockets.get(position) else {
            return;
        };
        let Some(seen) = self.seen.get_mut(position) else {
            return;
        };
        for _ in 0..BURST {
            // Nothing left, or the interface went down or away: the error is
            // told once and cleared by being told.
            let Ok(Some(frame)) = read_one(socket, buffer) else {
                break;
            };
            if control(&frame.bytes).is_some() {
                self.messages.push(position, frame);
            } else {
                // A later fragment, or none at all.
                seen.push(ring::Frame {
                    at_ns: frame.at_ns,
                    length: frame.length,
                    bytes: &frame.bytes,
                });
            }
        }
        seen.missed += missed(socket);
    }
}

fn missed(socket: impl AsFd) -> u64 {
    statistics(socket).map_or(0, |statistics| statistics.drops.into())
}
