//! Building the network: namespaces, then links, then what is inside.
//!
//! The kernel works on one link at a time under one lock, so threads gain
//! nothing there; many requests are in flight at once instead, and every link
//! is born where it stays (moving one costs a hundred times as much).

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::BTreeMap;
use std::io;
use std::num::NonZero;
use std::os::fd::{AsFd, BorrowedFd};
use std::thread;
use std::time::Instant;

use futures_util::future::try_join_all;
use futures_util::stream::{self, StreamExt, TryStreamExt};
use mcr_sys::namespace::{NetNamespace, in_each_namespace, write_sysctl};
use mcr_sys::netlink::build::{Bridge, Builder, VethEnd};
use mcr_sys::privilege::raise_limit;
use nix::sys::resource::Resource;
use tokio::runtime;

use super::{FIRST_INDEX, InterfaceState, NetError, Network, Options, Space, Timings};
use crate::oracle::Routes;
use crate::topology::model::{Kind, Link, LinkId, Medium, Node, NodeId, Topology};

/// A segment's bridge: its name and index in its namespace.
pub(super) const BRIDGE: (&str, u32) = ("br0", FIRST_INDEX);

/// The namespace of all wires; a node's name has no dot.
const WIRES: &str = "lab.wires";

/// How many requests are in flight on one socket: their answers must fit its
/// receive buffer.
pub(super) const IN_FLIGHT: usize = 64;

/// Descriptors for a namespace: its own, and the two of a session.
const FILES: u64 = 3;

/// Descriptors for the processes, their pipes and the program itself.
const SPARE_FILES: u64 = 512;

/// What every namespace gets. IPv6 would send multicast of its own over the
/// links under test; the reverse path filter would drop the packets of sources
/// that are not routed, which is what a relay is for.
const SYSCTLS: [(&str, &str); 6] = [
    ("net.ipv6.conf.all.disable_ipv6", "1"),
    ("net.ipv6.conf.default.disable_ipv6", "1"),
    ("net.ipv4.conf.all.rp_filter", "0"),
    ("net.ipv4.conf.default.rp_filter", "0"),
    ("net.ipv4.igmp_max_memberships", "1000000"),
    ("net.ipv4.igmp_max_msf", "4096"),
];

/// The first octet of a node's MAC addresses and of a segment's ports': locally
/// administered, unicast.
const NODE: u8 = 0x02;
const PORT: u8 = 0x06;

impl Network {
    /// Builds the network of a topology. After an error nothing of it is left.
    ///
    /// # Errors
    /// The first that occurred, with the name of what it occurred to.
    pub async fn deploy(topology: &Topology, options: &Options) -> Result<Self, NetError> {
        let mut network = Self::nothing_yet(topology, options);
        match network.build().await {
            Ok(()) => Ok(network),
            Err(error) => Err(error.followed_by(network.teardown().await)),
        }
    }

    fn nothing_yet(topology: &Topology, options: &Options) -> Self {
        let states = |node: &Node| {
            let state = |interface: &crate::topology::model::Interface| InterfaceState {
                index: Cell::new(None),
                port: Cell::new(None),
                addresses: RefCell::new(interface.addresses.clone()),
            };
            node.interfaces.iter().map(state).collect()
        };
        Self {
            topology: topology.clone(),
            options: options.clone(),
            spaces: Vec::new(),
            segments: BTreeMap::new(),
            wires: None,
            interfaces: topology.nodes.iter().map(states).collect(),
            down: RefCell::default(),
            lost: RefCell::default(),
            changed: RefCell::default(),
            routes: RefCell::new(vec![Routes::new(); topology.nodes.len()]),
            children: RefCell::default(),
            timings: Timings::default(),
        }
    }

    async fn build(&mut self) -> Result<(), NetError> {
        let start = Instant::now();
        self.make_namespaces()?;
        self.wires = self.place_wires()?;
        self.set_sysctls()?;
        self.timings.namespaces = start.elapsed();
        let start = Instant::now();
        self.make_links().await?;
        self.timings.links = start.elapsed();
        let start = Instant::now();
        self.configure().await?;
        self.start_wires()?;
        let all: Vec<NodeId> = (0..self.topology.nodes.len()).map(NodeId).collect();
        self.reroute(&all).await?;
        self.set_own_sysctls()?;
        self.timings.addresses = start.elapsed();
        Ok(())
    }

    fn make_namespaces(&mut self) -> Result<(), NetError> {
        let mut names: Vec<String> = self
            .topology
            .nodes
            .iter()
            .map(|node| node.name.clone())
            .collect();
        for (position, link) in self.topology.links.iter().enumerate() {
            if let Medium::Bridge { .. } = link.medium {
                self.segments.insert(LinkId(position), names.len());
                // A node's name has no dot, so the two cannot meet.
                names.push(format!("segment.{}", link.name));
            }
        }
        let wires = self.topology.links.iter();
        let wires = wires.filter(|link| link.wire.is_some()).count();
        if wires > 0 {
            names.push(WIRES.to_owned());
        }
        // A wire has two sockets, and the capture one more on it.
        allow_files((names.len() + wires) as u64 * FILES + SPARE_FILES)?;
        let options = &self.options;
        let mut first_error = None;
        let each = names.len().div_ceil(threads()).max(1);
        let made = thread::scope(|scope| {
            let makers: Vec<_> = names
                .chunks(each)
                .map(|names| scope.spawn(|| make_spaces(options, names)))
                .collect();
            let join = |maker: thread::ScopedJoinHandle<'_, _>| {
                let panicked = |_| (Vec::new(), Some(NetError::Unknown));
                maker.join().unwrap_or_else(panicked)
            };
            makers.into_iter().map(join).collect::<Vec<_>>()
        });
        for (spaces, error) in made {
            self.spaces.extend(spaces);
            first_error = first_error.or(error);
        }
        first_error.map_or(Ok(()), Err)
    }

    fn set_sysctls(&self) -> Result<(), NetError> {
        let nodes = &self.topology.nodes;
        let names: Vec<&str> = self
            .spaces
            .iter()
            .map(|space| space.name.as_str())
            .collect();
        let in_space = |position: usize| {
            let forward = nodes
                .get(position)
                .is_some_and(|node| node.kind != Kind::Host);
            let forward = ("net.ipv4.ip_forward", if forward { "1" } else { "0" });
            for (name, value) in SYSCTLS.iter().chain([&forward]) {
                match write_sysctl(name, value) {
                    // A kernel without IPv6 has nothing to turn off.
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                    result => result.map_err(sysctl_error(names[position], name, value))?,
                }
            }
            Ok(())
        };
        in_each(&self.namespaces(0..self.spaces.len()), in_space).map(drop)
    }

    /// The settings that the file asks for come last: they may name interfaces.
    fn set_own_sysctls(&self) -> Result<(), NetError> {
        let nodes = &self.topology.nodes;
        let own: Vec<usize> = (0..nodes.len())
            .filter(|node| !nodes[*node].sysctls.is_empty())
            .collect();
        let set = |position: usize| {
            let node = &nodes[own[position]];
            for (name, value) in &node.sysctls {
                write_sysctl(name, value).map_err(sysctl_error(&node.name, name, value))?;
            }
            Ok(())
        };
        in_each(&self.namespaces(own.iter().copied()), set).map(drop)
    }

    pub(super) fn namespaces(&self, spaces: impl Iterator<Item = usize>) -> Vec<BorrowedFd<'_>> {
        spaces
            .map(|space| self.spaces[space].namespace.as_fd())
            .collect()
    }

    async fn make_links(&self) -> Result<(), NetError> {
        let here =
            Builder::open(&runtime::Handle::current()).map_err(|source| NetError::Enter {
                node: "the lab".to_owned(),
                source,
            })?;
        let links = self.topology.links.iter().enumerate();
        let made = links.map(|(position, link)| self.make_link(&here, LinkId(position), link));
        stream::iter(made)
            .buffer_unordered(IN_FLIGHT)
            .try_collect()
            .await
    }

    /// Makes a link, or a segment's bridge and all its members' links.
    async fn make_link(&self, here: &Builder, id: LinkId, link: &Link) -> Result<(), NetError> {
        let failed = |source| NetError::Link {
            link: link.name.clone(),
            mtu: link.mtu,
            source,
        };
        match link.medium {
            Medium::Veth => self.make_pair(here, id).await,
            Medium::Bridge { snooping, querier } => {
                let space = self.segment(id)?;
                let (name, index) = (BRIDGE.0, space.take_index());
                let bridge = Bridge {
                    name,
                    index,
                    mtu: link.mtu,
                    snooping,
                    querier,
                };
                let namespace = space.namespace.as_fd();
                here.bridge(namespace, bridge).await.map_err(failed)?;
                let members = (0..link.ends.len()).map(|end| self.make_member(here, id, end));
                try_join_all(members).await.map(drop)
            }
        }
    }

    /// Makes the veth pair of a link between two nodes.
    pub(super) async fn make_pair(&self, here: &Builder, id: LinkId) -> Result<(), NetError> {
        let link = self.link_of(id)?;
        let [a, b] = link.ends[..] else {
            return Err(NetError::Unknown);
        };
        if link.wire.is_some() {
            self.make_wire_end(here, id, 0).await?;
            return self.make_wire_end(here, id, 1).await;
        }
        let index_a = self.node_space(a.0)?.take_index();
        let index_b = self.node_space(b.0)?.take_index();
        let end_a = self.node_end(a, index_a, link.mtu)?;
        let end_b = self.node_end(b, index_b, link.mtu)?;
        self.make_veth(here, link, end_a, end_b).await?;
        self.interface(a.0, a.1)?.index.set(Some(index_a));
        self.interface(b.0, b.1)?.index.set(Some(index_b));
        Ok(())
    }

    /// Makes the veth pair between a segment and one of its members.
    pub(super) async fn make_member(
        &self,
        here: &Builder,
        id: LinkId,
        end: usize,
    ) -> Result<(), NetError> {
        let link = self.link_of(id)?;
        let member = *link.ends.get(end).ok_or(NetError::Unknown)?;
        let index = self.node_space(member.0)?.take_index();
        let segment = self.segment(id)?;
        let port_index = segment.take_index();
        let name = format!("p{end}");
        let namespace = segment.namespace.as_fd();
        let mac = mac(PORT, id.0, end);
        let port = VethEnd {
            namespace,
            name: &name,
            index: port_index,
            mtu: link.mtu,
            mac,
        };
        let node_end = self.node_end(member, index, link.mtu)?;
        self.make_veth(here, link, port, node_end).await?;
        let state = self.interface(member.0, member.1)?;
        state.index.set(Some(index));
        state.port.set(Some(port_index));
        Ok(())
    }

    /// Makes the veth pair between a wire and the node at this end of it.
    async fn make_wire_end(&self, here: &Builder, id: LinkId, end: usize) -> Result<(), NetError> {
        let link = self.link_of(id)?;
        let node = *link.ends.get(end).ok_or(NetError::Unknown)?;
        let index = self.node_space(node.0)?.take_index();
        let space = self.wire_space()?;
        let port_index = space.take_index();
        let name = format!("w{}.{end}", id.0);
        let port = VethEnd {
            namespace: space.namespace.as_fd(),
            name: &name,
            index: port_index,
            mtu: link.mtu,
            mac: mac(PORT, id.0, end),
        };
        let node_end = self.node_end(node, index, link.mtu)?;
        self.make_veth(here, link, port, node_end).await?;
        let state = self.interface(node.0, node.1)?;
        state.index.set(Some(index));
        state.port.set(Some(port_index));
        Ok(())
    }

    fn node_end(
        &self,
        (node, interface): (NodeId, usize),
        index: u32,
        mtu: u32,
    ) -> Result<VethEnd<'_>, NetError> {
        let namespace = self.node_space(node)?.namespace.as_fd();
        let interfaces = &self.topology.nodes[node.0].interfaces;
        let name = &interfaces.get(interface).ok_or(NetError::Unknown)?.name;
        Ok(VethEnd {
            namespace,
            name,
            index,
            mtu,
            mac: mac(NODE, node.0, interface),
        })
    }

    async fn make_veth(
        &self,
        here: &Builder,
        link: &Link,
        end: VethEnd<'_>,
        peer: VethEnd<'_>,
    ) -> Result<(), NetError> {
        let failed = |source| NetError::Link {
            link: link.name.clone(),
            mtu: link.mtu,
            source,
        };
        here.veth(end, peer).await.map_err(failed)
    }

    pub(super) fn link_of(&self, id: LinkId) -> Result<&Link, NetError> {
        self.topology.links.get(id.0).ok_or(NetError::Unknown)
    }

    pub(super) fn segment(&self, id: LinkId) -> Result<&Space, NetError> {
        let space = self
            .segments
            .get(&id)
            .and_then(|position| self.spaces.get(*position));
        space.ok_or(NetError::Unknown)
    }
}

pub(super) fn in_each<T: Send>(
    namespaces: &[BorrowedFd<'_>],
    work: impl FnMut(usize) -> Result<T, NetError> + Send,
) -> Result<Vec<T>, NetError> {
    in_each_namespace(namespaces, work).map_err(enter_error)?
}

pub(super) fn enter_error(source: io::Error) -> NetError {
    NetError::Enter {
        node: "a node".to_owned(),
        source,
    }
}

fn sysctl_error(node: &str, name: &str, value: &str) -> impl FnOnce(io::Error) -> NetError {
    let (node, name, value) = (node.to_owned(), name.to_owned(), value.to_owned());
    |source| NetError::Sysctl {
        node,
        name,
        value,
        source,
    }
}

/// Makes namespaces until one fails; those made before it are returned too.
fn make_spaces(options: &Options, names: &[String]) -> (Vec<Space>, Option<NetError>) {
    let mut spaces = Vec::with_capacity(names.len());
    for name in names {
        match NetNamespace::create(&options.names, name) {
            Ok(namespace) => spaces.push(Space {
                name: name.clone(),
                namespace,
                session: OnceCell::new(),
                next_index: Cell::new(FIRST_INDEX),
            }),
            Err(source) => {
                return (
                    spaces,
                    Some(NetError::Create {
                        name: name.clone(),
                        source,
                    }),
                );
            }
        }
    }
    (spaces, None)
}

/// A MAC address of the lab's own, the same in each run and each time that a
/// link is made: neighbours keep it in mind. `kind` is what `owner` counts.
fn mac(kind: u8, owner: usize, position: usize) -> [u8; 6] {
    let [.., owner_high, owner_low] = owner.to_be_bytes();
    let [.., high, low] = position.to_be_bytes();
    [kind, 0x4c, owner_high, owner_low, high, low]
}

fn threads() -> usize {
    thread::available_parallelism()
        .map_or(1, NonZero::get)
        .min(4)
}

fn allow_files(needed: u64) -> Result<(), NetError> {
    match raise_limit(Resource::RLIMIT_NOFILE, needed) {
        Ok(limit) if limit < needed => Err(NetError::Files { needed, limit }),
        Ok(_) => Ok(()),
        Err(source) => Err(NetError::Enter {
            node: "the lab".to_owned(),
            source,
        }),
    }
}
