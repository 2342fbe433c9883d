//! Network namespaces: one for each node, and one for each segment's bridge.
//!
//! [`Network::deploy`] builds a topology's network and [`Network::teardown`]
//! removes it; in between the network starts processes in its nodes, changes
//! its links and addresses, and hands out packet sockets. Everything runs on
//! one thread's runtime, which itself never enters a node's namespace.

mod adopt;
mod born;
mod carrier;
mod change;
mod configure;
mod deploy;
mod error;
mod process;
mod tables;
mod unicast;
mod way;
mod wire;

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::PathBuf;
use std::rc::{Rc, Weak};
use std::time::Duration;

use ipnet::Ipv4Net;
use mcr_sys::capture;
use mcr_sys::ethtool::DeviceControl;
use mcr_sys::namespace::{self, NetNamespace};
use mcr_sys::netlink::build::Builder;
use mcr_sys::ring::Ring;
use tokio::runtime;

use crate::oracle::{Down, Lost, Routes};
use crate::topology::model::{LinkId, NodeId, Topology};

use born::Born;

pub use adopt::Prepared;
pub use error::NetError;
pub use process::{Child, Lookout, Process, Stdio};
pub use wire::{Carried, Gone};

/// The first interface index the lab gives. The kernel makes devices of its
/// own in a new namespace where tunnel modules are loaded; they stay below.
const FIRST_INDEX: u32 = 101;

/// Where and how a network is built.
#[derive(Clone, Debug)]
pub struct Options {
    /// The directory for the namespaces' names: a place that no other lab
    /// sees, as `/run/netns` in a mount namespace of the lab's own.
    pub names: PathBuf,
    /// What wires do to each frame depends on it.
    pub seed: u64,
}

/// How long the parts of a deployment took.
#[derive(Clone, Copy, Debug, Default)]
pub struct Timings {
    /// Making the namespaces and setting their sysctls.
    pub namespaces: Duration,
    /// Making bridges and links.
    pub links: Duration,
    /// Addresses, routes, and setting everything up.
    pub addresses: Duration,
}

impl Timings {
    /// All parts together.
    #[must_use]
    pub fn total(&self) -> Duration {
        self.namespaces + self.links + self.addresses
    }
}

/// A network that exists.
#[derive(Debug)]
pub struct Network {
    topology: Topology,
    options: Options,
    /// The nodes' namespaces, then the segments', then the wires' one.
    spaces: Vec<Space>,
    /// Where in `spaces` a segment's is.
    segments: BTreeMap<LinkId, usize>,
    /// The wires, where there are any.
    wires: Option<wire::Wires>,
    /// By node and interface.
    interfaces: Vec<Vec<InterfaceState>>,
    /// The ends of links that a step has set down or deleted.
    down: RefCell<Down>,
    /// Routes that are not to be set.
    lost: RefCell<Lost>,
    /// Nodes with an end that changed since the routes were set.
    changed: RefCell<BTreeSet<NodeId>>,
    /// The computed routes that are set, by node.
    routes: RefCell<Vec<Routes>>,
    children: RefCell<Vec<Weak<process::Held>>>,
    /// Settings that the file asked for, as they were before, by node.
    sysctls_before: RefCell<BTreeMap<String, BTreeMap<String, String>>>,
    /// Interfaces that were added to the network as it was deployed.
    added: u32,
    timings: Timings,
}

/// A network namespace and the next interface index that is free in it.
/// Indices are never used twice: a link that comes back is another interface.
#[derive(Debug)]
struct Space {
    name: String,
    namespace: NetNamespace,
    /// Open from the configuration on. A step that changes something must not
    /// begin with a thread that enters the namespace: what is measured starts
    /// there.
    session: OnceCell<Session>,
    next_index: Cell<u32>,
}

impl Space {
    fn take_index(&self) -> u32 {
        self.next_index.replace(self.next_index.get() + 1)
    }

    fn session(&self) -> Result<&Session, NetError> {
        self.session.get().ok_or(NetError::Unknown)
    }
}

/// What may change about an interface after the deployment.
#[derive(Debug)]
struct InterfaceState {
    /// Its index while it exists.
    index: Cell<Option<u32>>,
    /// The index of its segment's port or of its wire's end, where it has one.
    port: Cell<Option<u32>>,
    /// On a segment to which a wire leads, what is behind the wire.
    behind: Cell<Option<Behind>>,
    /// The addresses it has, or will have again.
    addresses: RefCell<Vec<Ipv4Net>>,
    /// What it is called by, the same each time that it is made.
    born: Born,
}

/// The pair of interfaces between the wire to a member and the segment's bridge:
/// there the member's own port is no port of the bridge.
#[derive(Clone, Copy, Debug)]
struct Behind {
    /// The index of the wire's end.
    end: u32,
    /// The index of the bridge's port.
    port: u32,
}

/// The two sockets by which a namespace is configured.
#[derive(Debug)]
struct Session {
    netlink: Builder,
    devices: DeviceControl,
}

impl Session {
    /// Opens both in the calling thread's namespace.
    fn open(runtime: &runtime::Handle) -> std::io::Result<Self> {
        Ok(Self {
            netlink: Builder::open(runtime)?,
            devices: DeviceControl::open()?,
        })
    }
}

impl Network {
    /// The topology as it was deployed.
    #[must_use]
    pub fn topology(&self) -> &Topology {
        &self.topology
    }

    /// How long the deployment took.
    #[must_use]
    pub fn timings(&self) -> Timings {
        self.timings
    }

    /// A node's network namespace.
    ///
    /// # Errors
    /// [`NetError::Unknown`] for a node that the topology does not have.
    pub fn namespace(&self, node: NodeId) -> Result<BorrowedFd<'_>, NetError> {
        Ok(self.node_space(node)?.namespace.as_fd())
    }

    /// Runs `work` in a node's namespace, on a thread that ends with it.
    ///
    /// # Errors
    /// [`NetError::Enter`] where the namespace cannot be entered.
    pub fn in_namespace<T: Send>(
        &self,
        node: NodeId,
        work: impl FnOnce() -> T + Send,
    ) -> Result<T, NetError> {
        let space = self.node_space(node)?;
        namespace::in_namespace(space.namespace.as_fd(), work).map_err(|source| NetError::Enter {
            node: space.name.clone(),
            source,
        })
    }

    /// A packet socket that sees every frame of a node's interface, for
    /// capture and counting.
    ///
    /// # Errors
    /// [`NetError::Absent`] while the interface does not exist, the kernel's
    /// otherwise.
    pub fn packet_socket(&self, node: NodeId, interface: usize) -> Result<OwnedFd, NetError> {
        let index = self.index(node, interface)?;
        let opened = self.in_namespace(node, || capture::open(index))?;
        opened.map_err(|source| self.failed(node, interface, "open a packet socket on", source))
    }

    /// What sees every frame of a node's interface: a socket for messages of IGMP
    /// and PIM, and a ring of about so many bytes for all others.
    ///
    /// # Errors
    /// As [`Self::packet_socket`].
    pub fn watch(
        &self,
        node: NodeId,
        interface: usize,
        room: usize,
    ) -> Result<(OwnedFd, Ring), NetError> {
        let index = self.index(node, interface)?;
        let open = || {
            Ok((
                capture::open_messages(index)?,
                capture::open_rest(index, room)?,
            ))
        };
        let opened = self.in_namespace(node, open)?;
        opened.map_err(|source| self.failed(node, interface, "watch", source))
    }

    /// The index that an interface has now.
    ///
    /// # Errors
    /// [`NetError::Absent`] while it does not exist.
    pub fn index(&self, node: NodeId, interface: usize) -> Result<u32, NetError> {
        let state = self.interface(node, interface)?;
        state.index.get().ok_or_else(|| NetError::Absent {
            interface: self.interface_name(node, interface),
        })
    }

    /// Ends every process that is still there, then removes the network.
    /// Errors are collected: one does not keep the rest from going.
    pub async fn teardown(self) -> Vec<NetError> {
        let mut errors = Vec::new();
        let children: Vec<Rc<process::Held>> = self
            .children
            .borrow()
            .iter()
            .filter_map(Weak::upgrade)
            .collect();
        for child in children {
            if let Err(source) = child.end().await {
                errors.push(NetError::End {
                    pid: child.pid().as_raw(),
                    source,
                });
            }
        }
        // Its sockets would keep the namespace.
        drop(self.wires);
        for space in self.spaces {
            if let Err(source) = space.namespace.remove() {
                errors.push(NetError::Remove {
                    name: space.name,
                    source,
                });
            }
        }
        errors
    }

    fn node_space(&self, node: NodeId) -> Result<&Space, NetError> {
        let nodes = self.topology.nodes.len();
        self.spaces
            .get(node.0)
            .filter(|_| node.0 < nodes)
            .ok_or(NetError::Unknown)
    }

    fn interface(&self, node: NodeId, interface: usize) -> Result<&InterfaceState, NetError> {
        let interfaces = self.interfaces.get(node.0).ok_or(NetError::Unknown)?;
        interfaces.get(interface).ok_or(NetError::Unknown)
    }

    /// An interface's name for messages: `node:interface`.
    fn interface_name(&self, node: NodeId, interface: usize) -> String {
        let node = self.topology.nodes.get(node.0);
        let interface = node.and_then(|node| node.interfaces.get(interface));
        match (node, interface) {
            (Some(node), Some(interface)) => format!("{}:{}", node.name, interface.name),
            (Some(node), None) => node.name.clone(),
            (None, _) => "?".to_owned(),
        }
    }

    fn failed(
        &self,
        node: NodeId,
        interface: usize,
        action: &'static str,
        source: std::io::Error,
    ) -> NetError {
        NetError::Interface {
            action,
            interface: self.interface_name(node, interface),
            source,
        }
    }
}

#[cfg(test)]
mod tests;
