//! The two ways to move packets, behind one face.

use std::io;
use std::os::fd::OwnedFd;
use std::time::Instant;

use mcr_sys::frames::Received;
use mcr_sys::mmsg::PacketCalls;
use mcr_sys::uring::{Events, PacketRing};

use super::forward::Forwarder;
use crate::channel::PacketIo;

/// io_uring, or system calls where it is forbidden.
pub(super) enum Engine {
    Ring(Box<PacketRing>),
    Calls(Box<PacketCalls>),
}

impl Engine {
    /// Makes the ring if it is allowed and possible; says what was made.
    pub(super) fn new(
        rx: OwnedFd,
        control: OwnedFd,
        allow_io_uring: bool,
    ) -> io::Result<(Engine, PacketIo)> {
        let reason = if allow_io_uring {
            match PacketRing::new(rx.try_clone()?, control.try_clone()?) {
                Ok(ring) => return Ok((Engine::Ring(Box::new(ring)), PacketIo::IoUring)),
                Err(error) => format!("no io_uring: {error}"),
            }
        } else {
            "io_uring is forbidden by the configuration".to_owned()
        };
        let calls = PacketCalls::new(rx, control)?;
        Ok((Engine::Calls(Box::new(calls)), PacketIo::Mmsg { reason }))
    }

    pub(super) fn wait(&mut self, want_writable: bool) -> io::Result<Events> {
        match self {
            Engine::Ring(ring) => ring.wait(want_writable),
            Engine::Calls(calls) => calls.wait(want_writable),
        }
    }

    /// How many frames arrived with the last wait.
    pub(super) fn arrived(&self) -> usize {
        self.received().len()
    }

    /// Hands the frames to the forwarder.
    pub(super) fn deliver(&self, forwarder: &mut Forwarder) {
        let received = self.received();
        let number = |index: usize| received.get(index).map_or(0, |one| one.frame);
        forwarder.accept(Instant::now(), received.len(), number, |index| {
            self.frame(index)
        });
    }

    /// Sends the forwarder's batch.
    pub(super) fn transmit(
        &mut self,
        forwarder: &Forwarder,
        outcomes: &mut Vec<i32>,
    ) -> io::Result<()> {
        let (batch, sockets) = (forwarder.batch(), forwarder.sockets());
        match self {
            Engine::Ring(ring) => ring.transmit(batch, sockets, outcomes),
            Engine::Calls(calls) => calls.transmit(batch, sockets, outcomes),
        }
    }

    fn received(&self) -> &[Received] {
        match self {
            Engine::Ring(ring) => ring.received(),
            Engine::Calls(calls) => calls.received(),
        }
    }

    fn frame(&self, index: usize) -> &[u8] {
        match self {
            Engine::Ring(ring) => ring.frame(index),
            Engine::Calls(calls) => calls.frame(index),
        }
    }
}
