//! What supervisor and worker say to each other.
//!
//! The channel is a `SOCK_SEQPACKET` socket pair: one message is one packet,
//! encoded with postcard, and file descriptors travel beside the message they
//! belong to. A table of any size is sent as one message an entry, so no limit
//! on a message's size can limit the table.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};

use mcr_proto::fib::{FibDigest, FibEntry, FibKey, RouteEntry, RouteKey};
use mcr_proto::id::IfIndex;
use mcr_proto::router::DataPlaneEvent;
use mcr_sys::channel::SeqPacket;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::counters::Slot;
use crate::gate::GateCell;

/// The descriptor number on which a worker finds its channel after `exec`.
pub const CHANNEL_FD: i32 = 3;

/// The longest encoded message, in bytes: an event with the longest packet; an
/// entry with 256 outputs is below half of it.
pub const MAX_MESSAGE: usize = 66 * 1024;

/// From the supervisor to a worker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ToWorker {
    /// The first message. Carries three descriptors: the packet socket that is
    /// bound to the input interface, and the memory files of the counters and
    /// of the gates.
    Start(WorkerConfig),
    /// An output interface can be used. Carries one descriptor: a packet socket
    /// bound to it, for sending only. Replaces an earlier one.
    OpenOutput(IfIndex),
    /// An output interface is used no more; its socket is closed.
    CloseOutput(IfIndex),
    /// The key has this entry now; its counters start at `slot`: the entry's
    /// own first, then one for each output in order.
    Set {
        /// The key.
        key: FibKey,
        /// The entry.
        entry: FibEntry,
        /// Its first counter cell.
        slot: Slot,
    },
    /// The key has no entry now.
    Remove(FibKey),
    /// The key of a routed group has this entry now; its counters are as those
    /// of [`ToWorker::Set`].
    SetRoute {
        /// The key.
        key: RouteKey,
        /// The entry.
        entry: RouteEntry,
        /// Its first counter cell.
        slot: Slot,
        /// What it shares with the other entries of its source and group while
        /// the source is being switched to its own tree.
        gate: Option<GateCell>,
    },
    /// The key of a routed group has no entry now.
    RemoveRoute(RouteKey),
    /// Whether packets that match no entry are to be handed up.
    Listen(bool),
    /// All messages before this one are to be in force; the worker answers
    /// [`FromWorker::Applied`] with the same number. It takes packets from the
    /// first commit on.
    Commit(u64),
    /// From now on, log messages up to this level are wanted.
    LogLevel(Level),
    /// End in order: send what is queued, then exit with code 0.
    Stop,
}

/// From a worker to the supervisor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FromWorker {
    /// The worker has shut itself in and receives packets.
    Ready {
        /// How it moves packets.
        io: PacketIo,
        /// Each protection, and why it could not be had where it could not.
        sandbox: Vec<(String, Result<(), String>)>,
    },
    /// The table as of this commit is in force.
    Applied {
        /// The number of the commit.
        commit: u64,
        /// The digest of the whole table the worker holds.
        digest: FibDigest,
        /// How many entries it holds.
        entries: u64,
    },
    /// The router is to know of this. Events that find no room in the channel
    /// are dropped and counted.
    Event(DataPlaneEvent),
    /// A line for the log.
    Log {
        /// How important it is.
        level: Level,
        /// What happened.
        message: String,
    },
}

/// What a worker must know before it starts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkerConfig {
    /// The input interface's name, for messages.
    pub interface: String,
    /// The input interface.
    pub iif: IfIndex,
    /// The CPU to stay on, if one was asked for.
    pub cpu: Option<u32>,
    /// `false` forbids io_uring, so that recvmmsg and sendmmsg are used.
    pub allow_io_uring: bool,
    /// The log level to start with.
    pub log_level: Level,
}

/// How a worker moves packets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PacketIo {
    /// One io_uring.
    IoUring,
    /// recvmmsg and sendmmsg, and why.
    Mmsg {
        /// Why io_uring is not used.
        reason: String,
    },
}

/// How important a log message is, the most important first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Level {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

/// A new channel: the supervisor's end, and the descriptor that the worker is
/// to find as [`CHANNEL_FD`].
pub fn pair() -> io::Result<(SupervisorEnd, OwnedFd)> {
    let (supervisor, worker) = SeqPacket::pair()?;
    Ok((SupervisorEnd(supervisor), worker.into()))
}

/// The supervisor's end of a channel.
#[derive(Debug)]
pub struct SupervisorEnd(SeqPacket);

impl SupervisorEnd {
    /// Sends a message and the descriptors that belong to it. `WouldBlock`
    /// means that the worker is behind and nothing was sent; `BrokenPipe` that
    /// it is gone.
    pub fn send(&self, message: &ToWorker, fds: &[BorrowedFd<'_>]) -> io::Result<()> {
        send(&self.0, message, fds)
    }

    /// The next message; `None` when the worker is gone.
    pub fn recv(&self) -> io::Result<Option<FromWorker>> {
        let mut buf = vec![0; MAX_MESSAGE];
        Ok(recv(&self.0, &mut buf)?.map(|(message, _)| message))
    }
}

/// A worker's end of a channel.
#[derive(Debug)]
pub struct WorkerEnd {
    channel: SeqPacket,
    buf: Box<[u8]>,
}

impl WorkerEnd {
    /// Takes over the descriptor that the supervisor handed down.
    pub fn new(fd: OwnedFd) -> io::Result<WorkerEnd> {
        Ok(WorkerEnd {
            channel: SeqPacket::from_fd(fd)?,
            buf: vec![0; MAX_MESSAGE].into_boxed_slice(),
        })
    }

    /// Sends a message; `WouldBlock` means that nothing was sent.
    pub fn send(&self, message: &FromWorker) -> io::Result<()> {
        send(&self.channel, message, &[])
    }

    /// The next message with its descriptors; `None` when the supervisor is
    /// gone.
    pub fn recv(&mut self) -> io::Result<Option<(ToWorker, Vec<OwnedFd>)>> {
        recv(&self.channel, &mut self.buf)
    }
}

fn send(channel: &SeqPacket, message: &impl Serialize, fds: &[BorrowedFd<'_>]) -> io::Result<()> {
    let bytes = postcard::to_stdvec(message)
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
    if bytes.len() > MAX_MESSAGE {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            format!(
                "a message of {} bytes is longer than {MAX_MESSAGE}",
                bytes.len()
            ),
        ));
    }
    channel.send(&bytes, fds)
}

fn recv<T: DeserializeOwned>(
    channel: &SeqPacket,
    buf: &mut [u8],
) -> io::Result<Option<(T, Vec<OwnedFd>)>> {
    let received = channel.recv(buf)?;
    if received.len == 0 {
        return Ok(None);
    }
    let malformed = |reason: String| io::Error::new(io::ErrorKind::InvalidData, reason);
    let (message, rest) = postcard::take_from_bytes(&buf[..received.len]).map_err(|error| {
        malformed(format!(
            "a message of {} bytes cannot be understood: {error}",
            received.len
        ))
    })?;
    if !rest.is_empty() {
        return Err(malformed(format!(
            "a message has {} bytes too many",
            rest.len()
        )));
    }
    Ok(Some((message, received.fds)))
}

impl AsFd for SupervisorEnd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl AsRawFd for SupervisorEnd {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

impl AsFd for WorkerEnd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.channel.as_fd()
    }
}

#[cfg(test)]
mod tests;
