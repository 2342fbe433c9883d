//! Building networks: links born in the namespaces where they belong, their
//! addresses and routes. One [`Builder`] speaks to one network namespace.

use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::os::fd::{AsRawFd, BorrowedFd};
use std::time::Duration;

use futures_util::TryStreamExt;
use rtnetlink::packet_route::AddressFamily;
use rtnetlink::packet_route::address::{AddressAttribute, AddressMessage};
use rtnetlink::packet_route::link::{
    BridgeStpState, InfoData, InfoVeth, LinkAttribute, LinkFlags, LinkMessage, State,
};
use rtnetlink::packet_route::route::{RouteMessage, RouteScope};
use rtnetlink::{Handle, LinkBridge, LinkUnspec, LinkVeth, RouteMessageBuilder, new_connection};
use tokio::runtime;
use tokio::task::{AbortHandle, JoinHandle};
use tokio::time::{Instant, sleep};

/// The loopback device's index in every namespace.
pub const LOOPBACK: u32 = 1;

/// The pause between two looks at an interface.
pub const LOOK_AGAIN: Duration = Duration::from_millis(1);

/// An IPv4 address with its prefix length.
pub type Prefix = (Ipv4Addr, u8);

/// One end of a veth pair, before it exists.
#[derive(Clone, Copy, Debug)]
pub struct VethEnd<'a> {
    /// The network namespace where it is born.
    pub namespace: BorrowedFd<'a>,
    /// Its name there.
    pub name: &'a str,
    /// Its index there, which must be free.
    pub index: u32,
    /// Its MTU.
    pub mtu: u32,
    /// Its MAC address.
    pub mac: [u8; 6],
}

/// What a bridge does.
#[derive(Clone, Copy, Debug)]
pub struct Bridge<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its index, which must be free.
    pub index: u32,
    /// Its MTU.
    pub mtu: u32,
    /// IGMP snooping.
    pub snooping: bool,
    /// It sends IGMP queries.
    pub querier: bool,
}

/// How far an interface has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkState {
    /// There is none with this index.
    Absent,
    /// It was not set up.
    Down,
    /// It was set up and does not pass packets yet.
    Waiting,
    /// It passes packets.
    Running,
}

/// A route netlink socket in one network namespace.
#[derive(Debug)]
pub struct Builder {
    handle: Handle,
    connection: AbortHandle,
}

impl Builder {
    /// Opens a socket in the calling thread's namespace; `runtime` serves it,
    /// from wherever it is used.
    ///
    /// # Errors
    /// The kernel's.
    pub fn open(runtime: &runtime::Handle) -> io::Result<Self> {
        let _inside = runtime.enter();
        let (connection, handle, _messages) = new_connection()?;
        let task: JoinHandle<()> = runtime.spawn(connection);
        Ok(Self {
            handle,
            connection: task.abort_handle(),
        })
    }

    /// Makes a veth pair with each end directly in its namespace. Both ends
    /// are down: the kernel refuses to make them up.
    ///
    /// # Errors
    /// EEXIST for a name or index in use, EINVAL or ERANGE for an MTU that
    /// veth cannot have.
    pub async fn veth(&self, end: VethEnd<'_>, peer: VethEnd<'_>) -> io::Result<()> {
        let mut message = LinkVeth::new(end.name, peer.name)
            .index(end.index)
            .mtu(end.mtu)
            .address(end.mac.to_vec())
            .setns_by_fd(end.namespace.as_raw_fd());
        let peer: LinkMessage = LinkUnspec::new_with_name(peer.name)
            .index(peer.index)
            .mtu(peer.mtu)
            .address(peer.mac.to_vec())
            .setns_by_fd(peer.namespace.as_raw_fd())
            .build();
        message = message.set_info_data(InfoData::Veth(InfoVeth::Peer(peer)));
        let request = self.handle.link().add(message.build());
        request.execute().await.map_err(into_io)
    }

    /// Makes a bridge in a namespace. It is up, has no spanning tree and
    /// forwards at once.
    ///
    /// # Errors
    /// The kernel's.
    pub async fn bridge(&self, namespace: BorrowedFd<'_>, bridge: Bridge<'_>) -> io::Result<()> {
        let message = LinkBridge::new(bridge.name)
            .setns_by_fd(namespace.as_raw_fd())
            .index(bridge.index)
            .mtu(bridge.mtu)
            .stp_state(BridgeStpState::Disabled)
            .forward_delay(0)
            .mcast_snooping(bridge.snooping)
            .mcast_querier(bridge.querier);
        let request = self.handle.link().add(message.build());
        request.execute().await.map_err(into_io)
    }

    /// Makes an interface a port of a bridge and sets it up.
    ///
    /// # Errors
    /// The kernel's.
    pub async fn attach(&self, index: u32, bridge: u32) -> io::Result<()> {
        let message = LinkUnspec::new_with_index(index).controller(bridge).up();
        self.set(message.build()).await
    }

    /// Sets an interface up.
    ///
    /// # Errors
    /// The kernel's.
    pub async fn up(&self, index: u32) -> io::Result<()> {
        self.set(LinkUnspec::new_with_index(index).up().build())
            .await
    }

    /// Sets an interface down.
    ///
    /// # Errors
    /// The kernel's.
    pub async fn down(&self, index: u32) -> io::Result<()> {
        self.set(LinkUnspec::new_with_index(index).down().build())
            .await
    }

    async fn set(&self, message: LinkMessage) -> io::Result<()> {
        self.handle
            .link()
            .set(message)
            .execute()
            .await
            .map_err(into_io)
    }

    /// Waits at most `time` until all these interfaces pass packets: after both
    /// ends of a veth are up, the kernel makes that so in its own time.
    ///
    /// # Errors
    /// `TimedOut` where one still does not, the kernel's otherwise.
    pub async fn until_running(&self, indices: &[u32], time: Duration) -> io::Result<()> {
        let deadline = Instant::now() + time;
        for index in indices {
            while self.link_state(*index).await? != LinkState::Running {
                if Instant::now() >= deadline {
                    return Err(io::ErrorKind::TimedOut.into());
                }
                sleep(LOOK_AGAIN).await;
            }
        }
        Ok(())
    }

    /// What the kernel says of an interface.
    ///
    /// # Errors
    /// The kernel's.
    pub async fn link_state(&self, index: u32) -> io::Result<LinkState> {
        let found = self.handle.link().get().match_index(index).execute();
        let found: Vec<LinkMessage> = match found.try_collect().await.map_err(into_io) {
            Err(error) if error.raw_os_error() == Some(libc::ENODEV) => Vec::new(),
            found => found?,
        };
        let up = |attribute: &LinkAttribute| *attribute == LinkAttribute::OperState(State::Up);
        Ok(match found.first() {
            None => LinkState::Absent,
            Some(link) if !link.header.flags.contains(LinkFlags::Up) => LinkState::Down,
            Some(link) if link.attributes.iter().any(up) => LinkState::Running,
            Some(_) => LinkState::Waiting,
        })
    }

    /// Deletes an interface, and its peer with it where it is a veth.
    ///
    /// # Errors
    /// The kernel's.
    pub async fn delete(&self, index: u32) -> io::Result<()> {
        self.handle
            .link()
            .del(index)
            .execute()
            .await
            .map_err(into_io)
    }

    /// Gives an interface an address.
    ///
    /// # Errors
    /// EEXIST where it has it already.
    pub async fn add_address(&self, index: u32, (address, length): Prefix) -> io::Result<()> {
        let addresses = self.handle.address();
        let request = addresses.add(index, IpAddr::V4(address), length);
        request.execute().await.map_err(into_io)
    }

    /// Takes all IPv4 addresses of an interface away.
    ///
    /// # Errors
    /// The kernel's.
    pub async fn remove_addresses(&self, index: u32) -> io::Result<()> {
        self.remove_those(index, |_| true).await
    }

    /// Takes an address of an interface away, where it has it.
    ///
    /// # Errors
    /// The kernel's.
    pub async fn remove_address(&self, index: u32, address: Ipv4Addr) -> io::Result<()> {
        let this = AddressAttribute::Local(IpAddr::V4(address));
        let is_this = |message: &AddressMessage| message.attributes.contains(&this);
        self.remove_those(index, is_this).await
    }

    async fn remove_those(
        &self,
        index: u32,
        wanted: impl Fn(&AddressMessage) -> bool,
    ) -> io::Result<()> {
        let addresses = self.handle.address();
        let present = addresses.get().set_link_index_filter(index).execute();
        let present: Vec<AddressMessage> = present.try_collect().await.map_err(into_io)?;
        for message in present {
            if message.header.family != AddressFamily::Inet || !wanted(&message) {
                continue;
            }
            match addresses.del(message).execute().await.map_err(into_io) {
                // A secondary address goes with its primary one.
                Err(error) if error.raw_os_error() == Some(libc::EADDRNOTAVAIL) => {}
                removed => removed?,
            }
        }
        Ok(())
    }

    /// Adds a route by way of a router, or puts it in the place of the one
    /// there is.
    ///
    /// # Errors
    /// ENETUNREACH where the router is on no network of the namespace.
    pub async fn route_via(&self, to: Prefix, router: Ipv4Addr) -> io::Result<()> {
        let route = RouteMessageBuilder::<Ipv4Addr>::new()
            .destination_prefix(to.0, to.1)
            .gateway(router);
        self.route(route.build()).await
    }

    /// Adds a route by way of a router, with a metric: of several routes to one
    /// network the kernel takes that with the lowest.
    ///
    /// # Errors
    /// ENETUNREACH where the router is on none of the interfaces' networks.
    pub async fn route_metric(&self, to: Prefix, router: Ipv4Addr, metric: u32) -> io::Result<()> {
        let route = RouteMessageBuilder::<Ipv4Addr>::new()
            .destination_prefix(to.0, to.1)
            .gateway(router)
            .priority(metric);
        self.route(route.build()).await
    }

    /// Removes the route with this metric, where there is one.
    ///
    /// # Errors
    /// The kernel's.
    pub async fn remove_route(&self, to: Prefix, metric: u32) -> io::Result<()> {
        let route = RouteMessageBuilder::<Ipv4Addr>::new()
            .destination_prefix(to.0, to.1)
            .priority(metric);
        let request = self.handle.route().del(route.build());
        match request.execute().await.map_err(into_io) {
            // The kernel removes the routes of an interface that goes down.
            Err(error) if error.raw_os_error() == Some(libc::ESRCH) => Ok(()),
            removed => removed,
        }
    }

    /// Adds a route out of an interface, or puts it in the place of the one
    /// there is.
    ///
    /// # Errors
    /// ENETDOWN where the interface is down.
    pub async fn route_out(&self, to: Prefix, index: u32) -> io::Result<()> {
        let route = RouteMessageBuilder::<Ipv4Addr>::new()
            .destination_prefix(to.0, to.1)
            .output_interface(index)
            .scope(RouteScope::Link);
        self.route(route.build()).await
    }

    async fn route(&self, route: RouteMessage) -> io::Result<()> {
        let request = self.handle.route().add(route).replace();
        request.execute().await.map_err(into_io)
    }
}

impl Drop for Builder {
    fn drop(&mut self) {
        self.connection.abort();
    }
}

fn into_io(error: rtnetlink::Error) -> io::Error {
    if let rtnetlink::Error::NetlinkError(message) = error {
        message.to_io()
    } else {
        io::Error::other(error.to_string())
    }
}

#[cfg(test)]
mod tests;
