//! The kernel's view of the network, as a stream of changes and as lists.
//!
//! Lists are asked for on the socket that carries the changes, so both are in
//! the kernel's order.

use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::pin::Pin;
use std::sync::Arc;

use futures_util::stream::TryStreamExt;
use futures_util::{FutureExt, Stream, StreamExt};
use rtnetlink::packet_core::{NetlinkMessage, NetlinkPayload};
use rtnetlink::packet_route::address::{AddressAttribute, AddressHeaderFlags, AddressMessage};
use rtnetlink::packet_route::link::{LinkAttribute, LinkFlags, LinkMessage};
use rtnetlink::packet_route::neighbour::{
    NeighbourAddress, NeighbourAttribute, NeighbourFlags, NeighbourMessage, NeighbourState,
};
use rtnetlink::packet_route::route::{
    RouteAddress, RouteAttribute, RouteFlags, RouteMessage, RouteType,
};
use rtnetlink::packet_route::{AddressFamily, RouteNetlinkMessage};
use rtnetlink::{Handle, MulticastGroup, RouteMessageBuilder};
use tokio::sync::Mutex;

use super::route::{self, TableChange, TableRoute};

type Message = NetlinkMessage<RouteNetlinkMessage>;
type Messages = Pin<Box<dyn Stream<Item = Message> + Send>>;

/// Room for the changes that come while the reader is busy, in bytes.
const RECEIVE_BUFFER: u32 = 2 * 1024 * 1024;

/// A link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// The kernel's number.
    pub index: u32,
    /// Its name.
    pub name: String,
    /// IFF_UP and IFF_LOWER_UP.
    pub up: bool,
    /// IFF_MULTICAST.
    pub multicast: bool,
    /// IFF_NOARP: it has no neighbour discovery.
    pub no_arp: bool,
    /// Its MTU in bytes.
    pub mtu: u32,
    /// Its link-layer address, where it has one of six bytes.
    pub mac: Option<[u8; 6]>,
}

/// An IPv4 address of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Address {
    /// The link.
    pub index: u32,
    /// The address.
    pub address: Ipv4Addr,
    /// The length of its prefix.
    pub prefix: u8,
    /// IFA_F_SECONDARY: another address of the same subnet was first.
    pub secondary: bool,
}

/// An entry of the neighbour table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Neighbor {
    /// The link.
    pub index: u32,
    /// The neighbour.
    pub address: Ipv4Addr,
    /// Its link-layer address, while the kernel holds it for usable.
    pub mac: Option<[u8; 6]>,
}

/// A change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// The link is there, new or different.
    Link(Link),
    /// The link has gone.
    LinkGone(u32),
    /// The address is there.
    Address(Address),
    /// The address has gone.
    AddressGone(Address),
    /// The neighbour is there, new or different; gone where it has no address.
    Neighbor(Neighbor),
    /// Some IPv4 route is new, different or gone; which one is told of those
    /// of the main table that lead to other hosts.
    Routes(Option<TableChange>),
    /// Changes were lost after those that were received before; everything is
    /// to be asked for again.
    Overflow,
}

/// The stream of changes. Dropping it closes the socket.
pub struct Monitor {
    messages: Messages,
    connection: tokio::task::JoinHandle<()>,
    kernel: Kernel,
}

impl Monitor {
    /// Opens a socket in the calling thread's network namespace and listens.
    ///
    /// # Errors
    /// The system refused the socket. Must be called inside a tokio runtime.
    pub fn open() -> io::Result<Monitor> {
        use rtnetlink::sys::AsyncSocket;

        let (mut connection, handle, messages) = rtnetlink::new_multicast_connection(&[
            MulticastGroup::Link,
            MulticastGroup::Ipv4Ifaddr,
            MulticastGroup::Ipv4Route,
            MulticastGroup::Neigh,
        ])?;
        connection
            .socket_mut()
            .socket_mut()
            .set_rx_buf_sz(RECEIVE_BUFFER)?;
        Ok(Monitor {
            messages: Box::pin(messages.map(|(message, _)| message)),
            connection: tokio::spawn(connection),
            kernel: Kernel {
                handle,
                listing: Arc::new(Mutex::new(())),
            },
        })
    }

    /// The means to ask.
    pub fn kernel(&self) -> Kernel {
        self.kernel.clone()
    }

    /// Forgets the changes that were received and not yet taken.
    pub fn discard(&mut self) {
        while let Some(Some(_)) = self.messages.next().now_or_never() {}
    }

    /// The next change; `None` after the socket broke.
    pub async fn next(&mut self) -> Option<Change> {
        loop {
            let message = self.messages.next().await?;
            if let Some(change) = change(message) {
                return Some(change);
            }
        }
    }
}

impl Drop for Monitor {
    fn drop(&mut self) {
        self.connection.abort();
    }
}

#[allow(
    clippy::wildcard_enum_match_arm,
    reason = "the kernel's message types are many and open-ended"
)]
fn change(message: Message) -> Option<Change> {
    use RouteNetlinkMessage as M;
    let place = route::place(&message.header);
    let message = match message.payload {
        NetlinkPayload::InnerMessage(message) => message,
        NetlinkPayload::Overrun(_) => return Some(Change::Overflow),
        _ => return None,
    };
    match message {
        M::NewLink(link) => parse_link(&link).map(Change::Link),
        // A bridge also tells of a port leaving it by DelLink, of family
        // AF_BRIDGE; the link itself is still there.
        M::DelLink(link) if link.header.interface_family == AddressFamily::Unspec => {
            Some(Change::LinkGone(link.header.index))
        }
        M::NewAddress(address) => parse_address(&address).map(Change::Address),
        M::DelAddress(address) => parse_address(&address).map(Change::AddressGone),
        M::NewNeighbour(neighbor) => parse_neighbor(&neighbor).map(Change::Neighbor),
        M::DelNeighbour(neighbor) => parse_neighbor(&neighbor).map(|neighbor| {
            Change::Neighbor(Neighbor {
                mac: None,
                ..neighbor
            })
        }),
        M::NewRoute(message) => {
            let new = route::parse(&message).map(|route| TableChange::Set(route, place));
            Some(Change::Routes(new))
        }
        M::DelRoute(message) => {
            let gone = route::parse(&message).map(TableChange::Gone);
            Some(Change::Routes(gone))
        }
        _ => None,
    }
}

#[allow(
    clippy::wildcard_enum_match_arm,
    reason = "the kernel's attributes are many and open-ended"
)]
fn parse_link(message: &LinkMessage) -> Option<Link> {
    if message.header.interface_family != AddressFamily::Unspec {
        return None;
    }
    let flags = message.header.flags;
    let mut link = Link {
        index: message.header.index,
        name: String::new(),
        up: flags.contains(LinkFlags::Up | LinkFlags::LowerUp),
        multicast: flags.contains(LinkFlags::Multicast),
        no_arp: flags.contains(LinkFlags::Noarp),
        mtu: 0,
        mac: None,
    };
    for attribute in &message.attributes {
        match attribute {
            LinkAttribute::IfName(name) => link.name.clone_from(name),
            LinkAttribute::Mtu(mtu) => link.mtu = *mtu,
            LinkAttribute::Address(mac) => link.mac = mac.as_slice().try_into().ok(),
            _ => {}
        }
    }
    (!link.name.is_empty()).then_some(link)
}

#[allow(
    clippy::wildcard_enum_match_arm,
    reason = "the kernel's attributes are many and open-ended"
)]
fn parse_address(message: &AddressMessage) -> Option<Address> {
    let mut local = None;
    let mut peer = None;
    for attribute in &message.attributes {
        match attribute {
            AddressAttribute::Local(IpAddr::V4(address)) => local = Some(*address),
            AddressAttribute::Address(IpAddr::V4(address)) => peer = Some(*address),
            _ => {}
        }
    }
    Some(Address {
        index: message.header.index,
        // On a point-to-point link IFA_ADDRESS is the other end.
        address: local.or(peer)?,
        prefix: message.header.prefix_len,
        secondary: message.header.flags.contains(AddressHeaderFlags::Secondary),
    })
}

#[allow(
    clippy::wildcard_enum_match_arm,
    reason = "the kernel's attributes and states are many and open-ended"
)]
fn parse_neighbor(message: &NeighbourMessage) -> Option<Neighbor> {
    let mut address = None;
    let mut mac = None;
    for attribute in &message.attributes {
        match attribute {
            NeighbourAttribute::Destination(NeighbourAddress::Inet(host)) => address = Some(*host),
            NeighbourAttribute::LinkLayerAddress(bytes) => mac = bytes.as_slice().try_into().ok(),
            _ => {}
        }
    }
    let usable = matches!(
        message.header.state,
        NeighbourState::Reachable
            | NeighbourState::Stale
            | NeighbourState::Delay
            | NeighbourState::Probe
            | NeighbourState::Noarp
            | NeighbourState::Permanent
    );
    Some(Neighbor {
        index: message.header.ifindex,
        address: address?,
        mac: mac.filter(|_| usable),
    })
}

/// The route to a destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Route {
    /// The link it leaves on.
    pub index: u32,
    /// The host on that link to hand the packet to: a gateway, or the
    /// destination itself.
    pub next_hop: Ipv4Addr,
}

/// Questions and requests to the kernel, in the namespace of the [`Monitor`].
#[derive(Clone)]
pub struct Kernel {
    handle: Handle,
    /// The kernel makes one list at a time for a socket, and refuses another
    /// with EBUSY.
    listing: Arc<Mutex<()>>,
}

impl Kernel {
    /// All links.
    ///
    /// # Errors
    /// The kernel refused or the socket broke.
    pub async fn links(&self) -> io::Result<Vec<Link>> {
        let _one = self.listing.lock().await;
        let messages: Vec<_> = self
            .handle
            .link()
            .get()
            .execute()
            .try_collect()
            .await
            .map_err(error)?;
        Ok(messages.iter().filter_map(parse_link).collect())
    }

    /// All IPv4 addresses, each link's in the kernel's order.
    ///
    /// # Errors
    /// The kernel refused or the socket broke.
    pub async fn addresses(&self) -> io::Result<Vec<Address>> {
        let _one = self.listing.lock().await;
        let mut request = self.handle.address().get();
        request.message_mut().header.family = AddressFamily::Inet;
        let messages: Vec<_> = request.execute().try_collect().await.map_err(error)?;
        Ok(messages.iter().filter_map(parse_address).collect())
    }

    /// The IPv4 routes of the main table that lead to other hosts, in the
    /// kernel's order.
    ///
    /// # Errors
    /// The kernel refused or the socket broke.
    pub async fn routes(&self) -> io::Result<Vec<TableRoute>> {
        let _one = self.listing.lock().await;
        let request = RouteMessageBuilder::<Ipv4Addr>::new().build();
        let mut answers = Box::pin(self.handle.route().get(request).execute());
        let mut routes = Vec::new();
        while let Some(message) = answers.try_next().await.map_err(error)? {
            routes.extend(route::parse(&message));
        }
        Ok(routes)
    }

    /// The IPv4 neighbour table.
    ///
    /// # Errors
    /// The kernel refused or the socket broke.
    pub async fn neighbors(&self) -> io::Result<Vec<Neighbor>> {
        let _one = self.listing.lock().await;
        let messages: Vec<_> = self
            .handle
            .neighbours()
            .get()
            .set_address_family(AddressFamily::Inet)
            .execute()
            .try_collect()
            .await
            .map_err(error)?;
        Ok(messages.iter().filter_map(parse_neighbor).collect())
    }

    /// The route to `destination` through the link `oif`; `None` where there
    /// is none on that link.
    ///
    /// # Errors
    /// The socket broke.
    #[allow(
        clippy::wildcard_enum_match_arm,
        reason = "the kernel's attributes are many and open-ended"
    )]
    pub async fn route(&self, oif: u32, destination: Ipv4Addr) -> io::Result<Option<Route>> {
        // Without a route, the kernel takes a destination on a named link for
        // a neighbour; whether there is one it says only with FIB_MATCH.
        let matched = self.ask_route(oif, destination, RouteFlags::FibMatch);
        if matched.await?.is_none() {
            return Ok(None);
        }
        let asked = self.ask_route(oif, destination, RouteFlags::empty());
        let Some(message) = asked.await? else {
            return Ok(None);
        };
        if message.header.kind != RouteType::Unicast {
            return Ok(None);
        }
        let mut route = Route {
            index: oif,
            next_hop: destination,
        };
        for attribute in &message.attributes {
            match attribute {
                RouteAttribute::Gateway(RouteAddress::Inet(gateway)) => route.next_hop = *gateway,
                RouteAttribute::Oif(index) => route.index = *index,
                _ => {}
            }
        }
        Ok((route.index == oif).then_some(route))
    }

    async fn ask_route(
        &self,
        oif: u32,
        destination: Ipv4Addr,
        flags: RouteFlags,
    ) -> io::Result<Option<RouteMessage>> {
        let mut message = RouteMessageBuilder::<Ipv4Addr>::new()
            .destination_prefix(destination, 32)
            .output_interface(oif)
            .build();
        message.header.flags = flags;
        let mut answers = Box::pin(self.handle.route().get(message).execute());
        match answers.try_next().await {
            Ok(answer) => Ok(answer),
            // ENETUNREACH, EHOSTUNREACH, EINVAL, EACCES: a negative answer.
            Err(rtnetlink::Error::NetlinkError(_)) => Ok(None),
            Err(other) => Err(error(other)),
        }
    }

    /// Makes the kernel find out or confirm the neighbour's link-layer
    /// address, as a packet to it would (NTF_USE); the answer is a
    /// [`Change::Neighbor`].
    ///
    /// # Errors
    /// The kernel refused (it needs CAP_NET_ADMIN) or the socket broke.
    pub async fn resolve(&self, oif: u32, neighbor: Ipv4Addr) -> io::Result<()> {
        self.handle
            .neighbours()
            .add(oif, IpAddr::V4(neighbor))
            .state(NeighbourState::None)
            .flags(NeighbourFlags::Use)
            .replace()
            .execute()
            .await
            .map_err(error)
    }
}

fn error(error: rtnetlink::Error) -> io::Error {
    match error {
        rtnetlink::Error::NetlinkError(message) => message.to_io(),
        other @ (rtnetlink::Error::UnexpectedMessage(_)
        | rtnetlink::Error::RequestFailed
        | rtnetlink::Error::NamespaceError(_)
        | rtnetlink::Error::InvalidHardwareAddress(_)
        | rtnetlink::Error::InvalidIp(_)
        | rtnetlink::Error::InvalidAddress(..)
        | rtnetlink::Error::InvalidNla(_)) => io::Error::other(other),
    }
}
