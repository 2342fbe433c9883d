//! Group memberships of this host, spread over as many sockets as the kernel's
//! limits demand.
//!
//! One socket holds at most `net.ipv4.igmp_max_memberships` groups and
//! `net.ipv4.igmp_max_msf` sources of each. The kernel says when one is full,
//! so the limits are not read but met.

use std::collections::BTreeMap;
use std::io;
use std::mem::size_of;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::fd::AsRawFd;

use socket2::{Domain, InterfaceIndexOrAddress, Protocol, SockAddr, SockAddrStorage, Socket, Type};

/// One membership.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Membership {
    /// The interface's number.
    pub index: u32,
    /// The group.
    pub group: Ipv4Addr,
    /// The source; `None` is any.
    pub source: Option<Ipv4Addr>,
}

/// The memberships this process holds; all end when it is dropped.
#[derive(Debug, Default)]
pub struct Memberships {
    sockets: BTreeMap<u32, Holder>,
    held: BTreeMap<Membership, u32>,
    next: u32,
    /// The socket that most probably has room.
    roomy: u32,
}

#[derive(Debug)]
struct Holder {
    socket: Socket,
    memberships: usize,
}

impl Memberships {
    /// None yet.
    #[must_use]
    pub fn new() -> Memberships {
        Memberships::default()
    }

    /// How many are held.
    #[must_use]
    pub fn len(&self) -> usize {
        self.held.len()
    }

    /// Whether none is held.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    /// How many of them are on the interface.
    #[must_use]
    pub fn on(&self, index: u32) -> usize {
        self.held.keys().filter(|held| held.index == index).count()
    }

    /// How many sockets hold them.
    #[must_use]
    pub fn sockets(&self) -> usize {
        self.sockets.len()
    }

    /// Joins; does nothing where it is held already.
    ///
    /// # Errors
    /// What the system said, for example that there is no such interface.
    pub fn join(&mut self, membership: Membership) -> io::Result<()> {
        if self.held.contains_key(&membership) {
            return Ok(());
        }
        if let Some(id) = self.join_on_existing(membership)? {
            self.held.insert(membership, id);
            return Ok(());
        }
        let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
        join(&socket, membership)?;
        let id = self.next;
        self.next = self.next.wrapping_add(1);
        let holder = Holder {
            socket,
            memberships: 1,
        };
        self.sockets.insert(id, holder);
        self.held.insert(membership, id);
        self.roomy = id;
        Ok(())
    }

    /// Tries the socket that had room last, and for a source the socket that
    /// holds another source of the group.
    fn join_on_existing(&mut self, membership: Membership) -> io::Result<Option<u32>> {
        let any = Membership {
            source: None,
            ..membership
        };
        let sibling = membership.source.and_then(|_| {
            let (held, id) = self.held.range(any..).next()?;
            (held.index == any.index && held.group == any.group).then_some(*id)
        });
        // A source added where any source is joined on the same socket would
        // turn that membership into one for the source alone.
        let any = self.held.get(&any).copied();
        let ids = sibling.into_iter().chain([self.roomy]);
        for id in ids.filter(|id| Some(*id) != any) {
            let Some(holder) = self.sockets.get_mut(&id) else {
                continue;
            };
            match join(&holder.socket, membership) {
                Ok(()) => {
                    holder.memberships += 1;
                    return Ok(Some(id));
                }
                // Full, or the group is there in the other filter mode.
                Err(error)
                    if matches!(
                        error.raw_os_error(),
                        Some(libc::ENOBUFS | libc::EADDRINUSE | libc::EINVAL)
                    ) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }

    /// Leaves; does nothing where it is not held.
    ///
    /// # Errors
    /// What the system said; the membership is forgotten in any case.
    pub fn leave(&mut self, membership: Membership) -> io::Result<()> {
        let Some(id) = self.held.remove(&membership) else {
            return Ok(());
        };
        let Some(holder) = self.sockets.get_mut(&id) else {
            return Ok(());
        };
        let result = leave(&holder.socket, membership);
        holder.memberships -= 1;
        if holder.memberships == 0 {
            self.sockets.remove(&id);
        } else {
            self.roomy = id;
        }
        result
    }

    /// Forgets all memberships on an interface that is gone. The kernel ended
    /// them with the interface, but their room in the sockets is to be freed.
    pub fn interface_gone(&mut self, index: u32) {
        let first = Membership {
            index,
            group: Ipv4Addr::UNSPECIFIED,
            source: None,
        };
        let gone: Vec<Membership> = self
            .held
            .range(first..)
            .map(|(held, _)| *held)
            .take_while(|held| held.index == index)
            .collect();
        for membership in gone {
            // The kernel answers ENODEV and frees the room all the same.
            self.leave(membership).unwrap_or_default();
        }
    }
}

fn join(socket: &Socket, membership: Membership) -> io::Result<()> {
    match membership.source {
        None => socket.join_multicast_v4_n(
            &membership.group,
            &InterfaceIndexOrAddress::Index(membership.index),
        ),
        Some(source) => source_option(socket, libc::MCAST_JOIN_SOURCE_GROUP, membership, source),
    }
}

fn leave(socket: &Socket, membership: Membership) -> io::Result<()> {
    match membership.source {
        None => socket.leave_multicast_v4_n(
            &membership.group,
            &InterfaceIndexOrAddress::Index(membership.index),
        ),
        Some(source) => source_option(socket, libc::MCAST_LEAVE_SOURCE_GROUP, membership, source),
    }
}

/// `struct group_source_req` (RFC 3678 §5.1.1), the only form that takes an
/// interface's number together with a source.
#[repr(C)]
struct GroupSourceReq {
    interface: u32,
    group: SockAddrStorage,
    source: SockAddrStorage,
}

fn storage(address: Ipv4Addr) -> SockAddrStorage {
    SockAddr::from(SocketAddrV4::new(address, 0)).as_storage()
}

fn source_option(
    socket: &Socket,
    option: libc::c_int,
    membership: Membership,
    source: Ipv4Addr,
) -> io::Result<()> {
    let request = GroupSourceReq {
        interface: membership.index,
        group: storage(membership.group),
        source: storage(source),
    };
    let length =
        libc::socklen_t::try_from(size_of::<GroupSourceReq>()).map_err(io::Error::other)?;
    // SAFETY: the pointer and the length describe `request`, which lives until
    // the call returns, and the kernel only reads it.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::IPPROTO_IP,
            option,
            std::ptr::from_ref(&request).cast(),
            length,
        )
    };
    if result == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}
