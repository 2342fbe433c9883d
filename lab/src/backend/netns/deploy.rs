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
use mcr_sys::namespace::{NetNamespace, in_each_namespace, read_sysctl, write_sysctl};
use mcr_sys::netlink::build::{Bridge, Builder, VethEnd};
use mcr_sys::privilege::raise_limit;
use nix::sys::resource::Resource;
use tokio::runtime;

use super::{Born, FIRST_INDEX, InterfaceState, NetError, Network, Options, Space, Timings};
use crate::oracle::Routes;
use crate::topology::model::{Interface, Kind, Link, LinkId, Medium, Node, NodeId, Topology};

/// A segment's bridge: its name and index in its namespace.
pub(super) const BRIDGE: (&str, u32) = ("br0", FIRST_INDEX);

/// The namespace of all wires; a node's name has no dot.
const WIRES: &str = "lab.wires";

/// What the names of segments' namespaces begin with.
const SEGMENT: &str = "segment.";

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
        let state = |at: (NodeId, usize), interface: &Interface| {
            let link = interface.link;
            let ends = topology.links.get(link.0).map(|link| &link.ends);
            let end = ends.and_then(|ends| ends.iter().position(|end| *end == at));
            InterfaceState::of(
                interface,
                Born::Deployed {
                    node: at.0.0,
                    interface: at.1,
                    link: link.0,
                    end: end.unwrap_or_default(),
                },
            )
        };
        let states = |(id, node): (usize, &Node)| {
            let interfaces = node.interfaces.iter().enumerate();
            interfaces
                .map(|(position, one)| state((NodeId(id), position), one))
                .collect()
        };
        Self {
            topology: topology.clone(),
            options: options.clone(),
            spaces: Vec::new(),
            segments: BTreeMap::new(),
            wires: None,
            interfaces: topology.nodes.iter().enumerate().map(states).collect(),
            down: RefCell::default(),
            lost: RefCell::default(),
            changed: RefCell::default(),
            routes: RefCell::new(vec![Routes::new(); topology.nodes.len()]),
            children: RefCell::default(),
            sysctls_before: RefCell::default(),
            added: 0,
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
        let (names, segments) = space_names(&self.topology);
        self.segments = segments;
        allow_spaces(&self.topology, names.len())?;
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
        set_sysctls(&self.topology, &self.spaces)
    }

    /// The settings that the file asks for come last: they may name interfaces.
    fn set_own_sysctls(&self) -> Result<(), NetError> {
        let nodes = &self.topology.nodes;
        let own: Vec<usize> = (0..nodes.len())
            .filter(|node| !nodes[*node].sysctls.is_empty())
            .collect();
        let set = |position: usize| {
            let node = &nodes[own[position]];
            Ok((node.name.clone(), set_own(node)?))
        };
        let before = in_each(&self.namespaces(own.iter().copied()), set)?;
        self.sysctls_before.borrow_mut().extend(before);
        Ok(())
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
        match link.medium {
            Medium::Veth => self.make_pair(here, id).await,
            Medium::Bridge { .. } => {
                self.make_bridge(here, id).await?;
                let members = (0..link.ends.len()).map(|end| self.make_member(here, id, end));
                try_join_all(members).await.map(drop)
            }
        }
    }

    /// Makes a segment's bridge; nothing for a link between two nodes.
    pub(super) async fn make_bridge(&self, here: &Builder, id: LinkId) -> Result<(), NetError> {
        let link = self.link_of(id)?;
        let Medium::Bridge { snooping, querier } = link.medium else {
            return Ok(());
        };
        let bridge = Bridge {
            name: BRIDGE.0,
            index: BRIDGE.1,
            mtu: link.mtu,
            snooping,
            querier,
        };
        let made = here.bridge(self.segment(id)?.namespace.as_fd(), bridge);
        made.await.map_err(|source| NetError::Link {
            link: link.name.clone(),
            mtu: link.mtu,
            source,
        })
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
        let state = self.interface(member.0, member.1)?;
        let name = state.born.port_name('p');
        let port = VethEnd {
            namespace: segment.namespace.as_fd(),
            name: &name,
            index: port_index,
            mtu: link.mtu,
            mac: state.born.port_mac(),
        };
        let node_end = self.node_end(member, index, link.mtu)?;
        self.make_veth(here, link, port, node_end).await?;
        state.index.set(Some(index));
        state.port.set(Some(port_index));
        if link.members.contains_key(&member) {
            self.make_behind(here, link, segment, state).await?;
        }
        Ok(())
    }

    /// Makes the veth pair between a wire and the node at this end of it.
    async fn make_wire_end(&self, here: &Builder, id: LinkId, end: usize) -> Result<(), NetError> {
        let link = self.link_of(id)?;
        let node = *link.ends.get(end).ok_or(NetError::Unknown)?;
        let index = self.node_space(node.0)?.take_index();
        let space = self.wire_space()?;
        let port_index = space.take_index();
        let state = self.interface(node.0, node.1)?;
        let name = state.born.port_name('w');
        let port = VethEnd {
            namespace: space.namespace.as_fd(),
            name: &name,
            index: port_index,
            mtu: link.mtu,
            mac: state.born.port_mac(),
        };
        let node_end = self.node_end(node, index, link.mtu)?;
        self.make_veth(here, link, port, node_end).await?;
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
            mac: self.interface(node, interface)?.born.mac(),
        })
    }

    pub(super) async fn make_veth(
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

pub(super) fn sysctl_error(
    node: &str,
    name: &str,
    value: &str,
) -> impl FnOnce(io::Error) -> NetError {
    let (node, name, value) = (node.to_owned(), name.to_owned(), value.to_owned());
    |source| NetError::Sysctl {
        node,
        name,
        value,
        source,
    }
}

/// What the namespaces of a topology are called, in their order: the nodes',
/// then the segments', then the wires' one; and where the segments' are.
pub(super) fn space_names(topology: &Topology) -> (Vec<String>, BTreeMap<LinkId, usize>) {
    let nodes = topology.nodes.iter().map(|node| node.name.clone());
    let mut names: Vec<String> = nodes.collect();
    let mut segments = BTreeMap::new();
    for (position, link) in topology.links.iter().enumerate() {
        if let Medium::Bridge { .. } = link.medium {
            segments.insert(LinkId(position), names.len());
            // A node's name has no dot, so the two cannot meet.
            names.push(format!("{SEGMENT}{}", link.name));
        }
    }
    if topology.wires().next().is_some() {
        names.push(WIRES.to_owned());
    }
    (names, segments)
}

/// Lets the process have the descriptors of so many namespaces.
pub(super) fn allow_spaces(topology: &Topology, spaces: usize) -> Result<(), NetError> {
    let wires = topology.wires().count();
    let points = topology.links.iter().map(|link| match link.medium {
        Medium::Veth => 1,
        Medium::Bridge { .. } => link.ends.len(),
    });
    // A wire has two sockets, and the capture two wherever it watches.
    let sockets = (wires + points.sum::<usize>()) as u64 * 2;
    allow_files(spaces as u64 * FILES + sockets + SPARE_FILES)
}

/// Gives namespaces the settings that each has.
pub(super) fn set_sysctls(topology: &Topology, spaces: &[Space]) -> Result<(), NetError> {
    let namespaces: Vec<_> = spaces.iter().map(|one| one.namespace.as_fd()).collect();
    let nodes = topology.nodes.iter().map(|node| (node.name.as_str(), node));
    let nodes: BTreeMap<&str, &Node> = nodes.collect();
    let names: Vec<&str> = spaces.iter().map(|one| one.name.as_str()).collect();
    in_each(&namespaces, |position| {
        let name = names[position];
        let node = nodes.get(name).copied();
        for (setting, value) in SYSCTLS {
            match write_sysctl(setting, value) {
                // A kernel without IPv6 has nothing to turn off.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                result => result.map_err(sysctl_error(name, setting, value))?,
            }
        }
        set_forwarding(name, node)
    })
    .map(drop)
}

/// Lets the calling thread's namespace forward, where its node does.
pub(super) fn set_forwarding(name: &str, node: Option<&Node>) -> Result<(), NetError> {
    let forwards = node.is_some_and(|node| node.kind != Kind::Host);
    let (setting, value) = ("net.ipv4.ip_forward", if forwards { "1" } else { "0" });
    write_sysctl(setting, value).map_err(sysctl_error(name, setting, value))
}

/// Sets what the file asks for in the calling thread's namespace. Returns what
/// there was.
pub(super) fn set_own(node: &Node) -> Result<BTreeMap<String, String>, NetError> {
    let mut before = BTreeMap::new();
    for (name, value) in &node.sysctls {
        // One that cannot be read is not set back.
        if let Ok(was) = read_sysctl(name) {
            before.insert(name.clone(), was);
        }
        write_sysctl(name, value).map_err(sysctl_error(&node.name, name, value))?;
    }
    Ok(before)
}

/// Makes namespaces until one fails; those made before it are returned too.
pub(super) fn make_spaces(options: &Options, names: &[String]) -> (Vec<Space>, Option<NetError>) {
    let mut spaces = Vec::with_capacity(names.len());
    for name in names {
        match NetNamespace::create(&options.names, name) {
            Ok(namespace) => spaces.push(Space {
                name: name.clone(),
                namespace,
                session: OnceCell::new(),
                // The first is that of a segment's bridge.
                next_index: Cell::new(FIRST_INDEX + u32::from(name.starts_with(SEGMENT))),
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
