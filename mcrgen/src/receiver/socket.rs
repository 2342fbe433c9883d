//! The sockets of a receiver, one a group, and what they dropped.

use std::net::Ipv4Addr;
use std::os::fd::AsFd;

use mcr_sys::clock::realtime_ns;
use mcr_sys::udp::{self, ReceiveConfig};
use nix::sys::epoll::{Epoll, EpollEvent, EpollFlags};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use socket2::Socket;

use crate::error::{Context, Error};
use crate::igmp::ForcedVersion;
use crate::interface::Interface;

/// What to listen to.
#[derive(Clone, Debug)]
pub struct ReceiverConfig {
    /// The interface to join at.
    pub interface: Interface,
    /// The groups, or addresses of this host.
    pub groups: Vec<Ipv4Addr>,
    /// The UDP port.
    pub port: u16,
    /// Join these sources only; every source where there are none.
    pub sources: Vec<Ipv4Addr>,
    /// Join every source but these.
    pub exclude: bool,
    /// Join with this IGMP version.
    pub igmp: Option<u8>,
    /// Bytes of receive buffer for each socket.
    pub buffer: usize,
}

struct Member {
    socket: Socket,
    group: Ipv4Addr,
    joined_ns: u64,
    /// What sockets before this one, on an interface that is gone, dropped.
    before: u64,
    /// The counter that came with the latest datagram.
    queued: u64,
    /// The counter itself.
    current: u64,
}

/// Every group that is joined.
pub(super) struct Members {
    config: ReceiverConfig,
    members: Vec<Member>,
    checksum_errors_before: u64,
    /// After the sockets, because leaving is said in the same version.
    forced: Option<ForcedVersion>,
}

impl Members {
    /// Joins every group.
    pub(super) fn join(config: &ReceiverConfig, epoll: &Epoll) -> Result<Self, Error> {
        let version = config.igmp;
        let forced = version
            .map(|version| ForcedVersion::force(&config.interface.name, version))
            .transpose()?;
        raise_descriptor_limit(config.groups.len())?;
        let mut members = Self {
            config: config.clone(),
            members: Vec::with_capacity(config.groups.len()),
            checksum_errors_before: read_checksum_errors().unwrap_or(0),
            forced,
        };
        for group in &config.groups {
            let socket = members.open(*group)?;
            let number = members.members.len() as u64;
            register(epoll, &socket, number)?;
            members.members.push(Member {
                socket,
                group: *group,
                joined_ns: realtime_ns(),
                before: 0,
                queued: 0,
                current: 0,
            });
        }
        Ok(members)
    }

    fn open(&self, group: Ipv4Addr) -> Result<Socket, Error> {
        let interface = &self.config.interface;
        let interface_address = match interface.address {
            None if !self.config.sources.is_empty() => {
                return Err(Error::NoAddress(interface.name.clone()));
            }
            address => address.unwrap_or(Ipv4Addr::UNSPECIFIED),
        };
        let opened = udp::receiver(&ReceiveConfig {
            group,
            port: self.config.port,
            interface: interface.index,
            interface_address,
            sources: self.config.sources.clone(),
            exclude: self.config.exclude,
            buffer: self.config.buffer,
        });
        opened.map_err(|error| match error.source.raw_os_error() {
            Some(libc::EMFILE | libc::ENFILE) => Error::Descriptors {
                opened: self.members.len(),
                wanted: self.config.groups.len(),
                group,
            },
            Some(_) | None => Error::Open(error),
        })
    }

    /// Joins again where the interface was deleted and made again: the
    /// kernel's memberships went with the old one. Where that fails, because
    /// the interface has no address yet or is gone again, it is tried again at
    /// the next call.
    pub(super) fn rejoin_if_changed(&mut self, epoll: &Epoll) -> Result<(), Error> {
        let interface = &self.config.interface;
        match interface.index_now() {
            Some(index) if index != interface.index => {}
            Some(_) | None => return Ok(()),
        }
        let Ok(found) = Interface::find(&interface.name) else {
            return Ok(());
        };
        let gone = std::mem::replace(&mut self.config.interface, found);
        if let Some(version) = self.config.igmp {
            // The old setting went with the old interface.
            drop(self.forced.take());
            self.forced = ForcedVersion::force(&gone.name, version)
                .map_err(|error| crate::warn(&error.to_string()))
                .ok();
        }
        for index in 0..self.members.len() {
            let group = self.members[index].group;
            // A socket of an address of this host needs no join.
            if !group.is_multicast() {
                continue;
            }
            let Ok(socket) = self.open(group) else {
                self.config.interface = gone;
                return Ok(());
            };
            register(epoll, &socket, index as u64)?;
            let member = &mut self.members[index];
            member.before += member.read_drops()?;
            (member.queued, member.current) = (0, 0);
            member.socket = socket;
        }
        Ok(())
    }

    pub(super) fn len(&self) -> usize {
        self.members.len()
    }

    pub(super) fn socket(&self, index: usize) -> Option<&Socket> {
        self.members.get(index).map(|member| &member.socket)
    }

    pub(super) fn group(&self, index: usize) -> Ipv4Addr {
        self.members[index].group
    }

    /// When the join call of a group returned.
    pub(super) fn joined_ns(&self, index: usize) -> u64 {
        self.members.get(index).map_or(0, |member| member.joined_ns)
    }

    /// What the socket had dropped when a datagram was queued, by the counter
    /// that came with it; none comes while the counter is 0.
    pub(super) fn drops_at(&mut self, index: usize, counter: Option<u32>) -> u64 {
        let member = &mut self.members[index];
        if let Some(counter) = counter {
            member.queued = extend(member.queued, counter);
        }
        member.before + member.queued
    }

    /// What all sockets have dropped because this program was too slow, and
    /// the datagrams with a wrong UDP checksum. The kernel counts the latter as
    /// drops too, but those are the network's fault.
    pub(super) fn socket_drops(&mut self) -> Result<(u64, u64), Error> {
        // Read before the drops: what comes in between then looks like a drop
        // and not like loss, until the next report.
        let checksum_errors = read_checksum_errors()
            .unwrap_or(0)
            .saturating_sub(self.checksum_errors_before);
        let mut drops = 0;
        for member in &mut self.members {
            drops += member.before + member.read_drops()?;
        }
        Ok((drops.saturating_sub(checksum_errors), checksum_errors))
    }

    /// Leaves every group.
    pub(super) fn leave(self) {
        drop(self.members);
        drop(self.forced);
    }
}

impl Member {
    fn read_drops(&mut self) -> Result<u64, Error> {
        let counter = udp::socket_drops(self.socket.as_fd()).context("reading SO_MEMINFO")?;
        self.current = extend(self.current, counter);
        Ok(self.current)
    }
}

/// Continues a counter that the kernel keeps in 32 bits.
fn extend(before: u64, counter: u32) -> u64 {
    // The low half is what is compared.
    before + u64::from(counter.wrapping_sub(before as u32))
}

fn register(epoll: &Epoll, socket: &Socket, number: u64) -> Result<(), Error> {
    epoll
        .add(socket.as_fd(), EpollEvent::new(EpollFlags::EPOLLIN, number))
        .context("adding to an epoll")
}

/// Each group takes a descriptor; the soft limit is often 1024.
fn raise_descriptor_limit(groups: usize) -> Result<(), Error> {
    const OTHERS: u64 = 32;
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).context("reading RLIMIT_NOFILE")?;
    let wanted = (groups as u64 + OTHERS).min(hard);
    if wanted > soft {
        setrlimit(Resource::RLIMIT_NOFILE, wanted, hard).context("raising RLIMIT_NOFILE")?;
    }
    Ok(())
}

/// Wrong UDP checksums in this network namespace, of any socket:
/// `Udp: ... InCsumErrors ...`, a line of names and a line of values.
fn read_checksum_errors() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/thread-self/net/snmp").ok()?;
    let mut lines = text.lines().filter(|line| line.starts_with("Udp: "));
    let names = lines.next()?.split_whitespace();
    let values = lines.next()?.split_whitespace();
    let mut columns = names.zip(values);
    let (_, value) = columns.find(|(name, _)| *name == "InCsumErrors")?;
    value.parse().ok()
}
