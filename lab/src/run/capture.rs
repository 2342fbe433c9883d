//! The packets of every link, kept in memory in a bounded ring, and counted.
//!
//! One thread reads all packet sockets. Messages of IGMP and PIM, which
//! conditions wait for, come by a socket that wakes it; all other frames are in
//! memory shared with the kernel, which is read now and then, and whenever
//! somebody looks. A veth shows the same frames at both
//! ends, so a link is watched at one end: a host's where there is one, because
//! a daemon's own transmissions may bypass the taps of its side. A segment is
//! watched at every member.

mod frame;
mod reader;

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::net::Ipv4Addr;
use std::os::fd::{AsRawFd, OwnedFd};

use nix::errno::Errno;
use nix::sys::socket::{
    ControlMessageOwned, MsgFlags, SockaddrStorage, recvmsg, setsockopt, sockopt,
};

use mcr_sys::ring;

use crate::backend::netns::{NetError, Network};
use crate::run::datagrams::{self, Asked, Cursor};
use crate::run::messages::{Source, Told};
use crate::topology::model::{Kind, LinkId, Medium, NodeId, Topology};

pub use frame::{Datagram, IpPacket, control, datagram, ip_packet};
use reader::Reader;

#[cfg(test)]
mod tests;

/// What is kept of each frame of data that is not read from a ring.
pub const SNAPLEN: usize = ring::SNAPLEN;
/// What is kept of each message.
pub const LONGEST: usize = 2048;
/// What all rings together may take.
const ALL_BYTES: usize = 192 * 1024 * 1024;
/// What one ring may take.
const RING_BYTES: usize = 8 * 1024 * 1024;
/// What keeping a frame costs beside its bytes.
const OVERHEAD: usize = 48;
/// Destinations counted apart at one point.
const DESTINATIONS: usize = 4096;
/// What the memory shared with the kernel may take at one point: 60 ms of
/// 100 000 packets a second.
const SHARED_BYTES: usize = 2 * 1024 * 1024;
/// What it may take at all points together, unless that is less than the least
/// for each.
const ALL_SHARED: usize = 64 * 1024 * 1024;

/// A frame that was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// CLOCK_REALTIME when the kernel saw it, in nanoseconds.
    pub at_ns: u64,
    /// How long it was.
    pub length: u32,
    /// Its first bytes.
    pub bytes: Box<[u8]>,
}

/// Datagrams counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// How many.
    pub datagrams: u64,
    /// Their UDP payload bytes.
    pub bytes: u64,
}

impl Count {
    fn add(&mut self, bytes: u64) {
        self.datagrams += 1;
        self.bytes += bytes;
    }
}

/// A place where packets are seen.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// The link's name, with the member where it is a segment.
    pub name: String,
    /// The frames kept, oldest first; messages of IGMP and PIM are elsewhere.
    pub frames: VecDeque<Frame>,
    /// Frames that are not kept any more.
    pub evicted: u64,
    /// Frames that the kernel dropped, because the lab was too slow.
    pub missed: u64,
    bytes: usize,
    limit: usize,
    /// By destination, with when the latest was seen.
    counts: BTreeMap<Ipv4Addr, (Count, u64)>,
    all: Count,
}

impl Seen {
    fn push(&mut self, frame: ring::Frame<'_>) {
        if let Some(datagram) = datagram(frame.bytes) {
            let full = self.counts.len() >= DESTINATIONS;
            let counted = match self.counts.entry(datagram.destination) {
                Entry::Occupied(entry) => Some(entry.into_mut()),
                Entry::Vacant(entry) => (!full).then(|| entry.insert((Count::default(), 0))),
            };
            if let Some((count, latest)) = counted {
                count.add(datagram.payload_length);
                *latest = frame.at_ns;
            }
            self.all.add(datagram.payload_length);
        }
        if frame.bytes.len() + OVERHEAD > self.limit {
            self.evicted += 1;
            return;
        }
        self.bytes += frame.bytes.len() + OVERHEAD;
        self.frames.push_back(Frame {
            at_ns: frame.at_ns,
            length: frame.length,
            bytes: frame.bytes.into(),
        });
        while self.bytes > self.limit {
            let Some(old) = self.frames.pop_front() else {
                break;
            };
            self.bytes -= old.bytes.len() + OVERHEAD;
            self.evicted += 1;
        }
    }

    fn count(&self, destination: Option<Ipv4Addr>) -> Count {
        match destination {
            Some(destination) => self.counts.get(&destination).copied().unwrap_or_default().0,
            None => self.all,
        }
    }
}

/// Where a point is.
#[derive(Clone, Copy, Debug)]
pub struct Point {
    /// The link.
    pub link: LinkId,
    /// The node at whose end it is.
    pub node: NodeId,
    /// The position of that end in the node's interfaces.
    pub interface: usize,
}

/// The capture of a network.
pub struct Capture {
    points: Vec<Point>,
    media: Vec<Medium>,
    /// By link: a member is joined by a wire.
    held: Vec<bool>,
    reader: Reader,
}

impl Capture {
    /// Opens a socket at every point and starts to read. Messages of IGMP and PIM
    /// are always kept; with `keep` false other packets are counted only.
    ///
    /// # Errors
    /// A socket cannot be opened.
    pub fn start(topology: &Topology, network: &Network, keep: bool) -> Result<Capture, NetError> {
        let points = points(topology);
        let limit = if keep {
            RING_BYTES.min(ALL_BYTES / points.len().max(1))
        } else {
            0
        };
        let seen = points.iter().map(|point| Seen {
            name: name(topology, point),
            limit,
            ..Seen::default()
        });
        let reader = Reader::start(seen.collect()).map_err(|source| NetError::Create {
            name: "the packet capture".to_owned(),
            source,
        })?;
        let capture = Capture {
            points,
            media: topology.links.iter().map(|link| link.medium).collect(),
            held: topology
                .links
                .iter()
                .map(|link| !link.members.is_empty())
                .collect(),
            reader,
        };
        for position in 0..capture.points.len() {
            capture.open(network, position)?;
        }
        Ok(capture)
    }

    /// Watches a link again that was deleted and made anew.
    ///
    /// # Errors
    /// A socket cannot be opened.
    pub fn reopen(&self, network: &Network, link: LinkId) -> Result<(), NetError> {
        for (position, point) in self.points.iter().enumerate() {
            if point.link != link {
                continue;
            }
            match self.open(network, position) {
                // One end of a segment may have stayed deleted.
                Ok(()) | Err(NetError::Absent { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Datagrams to `destination`, or all, that passed an interface so far.
    #[must_use]
    pub fn count(
        &self,
        topology: &Topology,
        at: NodeId,
        interface: usize,
        destination: Option<Ipv4Addr>,
    ) -> Count {
        let interfaces = topology.nodes.get(at.0).map(|node| &node.interfaces);
        let link = interfaces
            .and_then(|all| all.get(interface))
            .map(|i| i.link);
        let position = self.points.iter().position(|point| {
            let shared = matches!(self.media.get(point.link.0), Some(Medium::Veth));
            Some(point.link) == link
                && (shared || (point.node == at && point.interface == interface))
        });
        let shared = self.reader.read();
        position
            .and_then(|position| shared.seen.get(position))
            .map(|seen| seen.count(destination))
            .unwrap_or_default()
    }

    /// Datagrams to a group so far, by link.
    #[must_use]
    pub fn by_link(&self, group: Ipv4Addr) -> BTreeMap<LinkId, u64> {
        let shared = self.reader.read();
        let mut links = BTreeMap::new();
        for (point, seen) in self.points.iter().zip(&shared.seen) {
            *links.entry(point.link).or_default() += seen.count(Some(group)).datagrams;
        }
        links
    }

    /// When a link last showed a datagram to a group.
    #[must_use]
    pub fn last_on(&self, link: LinkId, group: Ipv4Addr) -> Option<u64> {
        let shared = self.reader.read();
        let points = self.points.iter().zip(&shared.seen);
        let there = points.filter(|(point, _)| point.link == link);
        there
            .filter_map(|(_, seen)| Some(seen.counts.get(&group)?.1))
            .max()
    }

    /// What was seen, by point, with the point's link. Nothing more is read until
    /// `look` returns.
    pub fn look<T>(&self, look: impl FnOnce(&[(LinkId, &Seen)]) -> T) -> T {
        let shared = self.reader.read();
        let links = self.points.iter().map(|point| point.link);
        look(&links.zip(&shared.seen).collect::<Vec<_>>())
    }

    /// The messages of IGMP and PIM with this number or a later one.
    #[must_use]
    pub fn messages(&self, from: u64) -> Told {
        let sources: Vec<Source> = self.sources().collect();
        self.reader.known().messages.told(from, &sources)
    }

    /// The datagrams since the cursor's last look.
    #[must_use]
    pub fn datagrams(&self, cursor: &mut Cursor, asked: &Asked<'_>) -> datagrams::Told {
        let shared = self.reader.read();
        let points: Vec<_> = self.sources().zip(&shared.seen).collect();
        cursor.look(&points, asked)
    }

    fn sources(&self) -> impl Iterator<Item = Source> {
        self.points.iter().map(|point| Source {
            link: point.link,
            repeats: matches!(self.media.get(point.link.0), Some(Medium::Bridge { .. })),
            held: self.held.get(point.link.0) == Some(&true),
        })
    }

    /// The points' names, and the frames that are meant with their point, in the
    /// order of time.
    #[must_use]
    pub fn frames(&self, meant: impl Fn(&Frame) -> bool) -> (Vec<String>, Vec<(usize, Frame)>) {
        let shared = self.reader.read();
        let names = shared.seen.iter().map(|seen| seen.name.clone()).collect();
        let points = shared.seen.iter().enumerate();
        let data = points.flat_map(|(point, seen)| seen.frames.iter().map(move |one| (point, one)));
        let all = data.chain(shared.messages.frames());
        let all = all.filter(|(_, frame)| meant(frame));
        let mut frames: Vec<_> = all.map(|(point, frame)| (point, frame.clone())).collect();
        drop(shared);
        frames.sort_by_key(|(point, frame)| (frame.at_ns, *point));
        (names, frames)
    }

    fn open(&self, network: &Network, position: usize) -> Result<(), NetError> {
        let Some(point) = self.points.get(position) else {
            return Ok(());
        };
        let room = SHARED_BYTES.min(ALL_SHARED / self.points.len());
        let (messages, rest) = network.watch(point.node, point.interface, room)?;
        prepare(&messages);
        let watched = self.reader.watch(position, messages, rest);
        watched.map_err(|source| NetError::Create {
            name: "the packet capture".to_owned(),
            source,
        })
    }
}

/// Where all links are watched.
#[must_use]
pub fn points(topology: &Topology) -> Vec<Point> {
    let is_host = |node: NodeId| {
        let kind = topology.nodes.get(node.0).map(|node| &node.kind);
        matches!(kind, Some(Kind::Host))
    };
    let mut points = Vec::new();
    for (position, link) in topology.links.iter().enumerate() {
        let watched: Vec<_> = match link.medium {
            Medium::Veth => {
                let host = link.ends.iter().find(|(node, _)| is_host(*node));
                host.or(link.ends.first()).into_iter().collect()
            }
            Medium::Bridge { .. } => link.ends.iter().collect(),
        };
        points.extend(watched.into_iter().map(|&(node, interface)| Point {
            link: LinkId(position),
            node,
            interface,
        }));
    }
    points
}

/// A point's name: the link's, with the member where it is a segment.
#[must_use]
pub fn name(topology: &Topology, point: &Point) -> String {
    let Some(link) = topology.links.get(point.link.0) else {
        return String::new();
    };
    match (link.medium, topology.nodes.get(point.node.0)) {
        (Medium::Bridge { .. }, Some(node)) => format!("{} ({})", link.name, node.name),
        (Medium::Bridge { .. }, None) | (Medium::Veth, _) => link.name.clone(),
    }
}

/// Makes a packet socket ready to be read here. Without a timestamp the time of
/// reading is taken; with a smaller buffer bursts are missed, and counted as
/// such.
pub fn prepare(socket: &OwnedFd) {
    setsockopt(socket, sockopt::ReceiveTimestampns, &true).ok();
    let size = 4 * 1024 * 1024;
    if setsockopt(socket, sockopt::RcvBufForce, &size).is_err() {
        setsockopt(socket, sockopt::RcvBuf, &size).ok();
    }
}

/// The next frame of a socket, cut to the buffer; `None` where there is none
/// yet.
///
/// # Errors
/// The kernel's: the interface went down or away, which is told once.
pub fn read_one(socket: &OwnedFd, buffer: &mut [u8]) -> io::Result<Option<Frame>> {
    let mut ancillary = nix::cmsg_space!(nix::sys::time::TimeSpec);
    let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_TRUNC;
    let mut slices = [io::IoSliceMut::new(buffer)];
    let fd = socket.as_raw_fd();
    let received = recvmsg::<SockaddrStorage>(fd, &mut slices, Some(&mut ancillary), flags);
    let (length, at_ns) = match received {
        Ok(message) => {
            let mut at_ns = None;
            for control in message.cmsgs()? {
                if let ControlMessageOwned::ScmTimestampns(time) = control {
                    let seconds = u64::try_from(time.tv_sec()).unwrap_or(0);
                    let rest = u64::try_from(time.tv_nsec()).unwrap_or(0);
                    at_ns = Some(seconds * 1_000_000_000 + rest);
                }
            }
            (message.bytes, at_ns.unwrap_or_else(crate::clock::now_ns))
        }
        Err(Errno::EAGAIN) => return Ok(None),
        Err(errno) => return Err(errno.into()),
    };
    let bytes = &buffer[..length.min(buffer.len())];
    let kept = match control(bytes) {
        Some(_) => bytes,
        None => &bytes[..bytes.len().min(SNAPLEN)],
    };
    Ok(Some(Frame {
        at_ns,
        length: u32::try_from(length).unwrap_or(u32::MAX),
        bytes: kept.into(),
    }))
}
