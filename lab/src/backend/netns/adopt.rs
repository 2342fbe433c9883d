//! Making the network that stands into that of another topology. What is the
//! same in both keeps its namespace, its interfaces and their indices.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::os::fd::AsFd;

use mcr_sys::namespace::write_sysctl;
use mcr_sys::netlink::build::{Builder, LOOPBACK};
use tokio::runtime;

use super::deploy::{
    BRIDGE, allow_spaces, enter_error, in_each, make_spaces, set_forwarding, set_own, set_sysctls,
    space_names, sysctl_error,
};
use super::wire::{Moved, Wires};
use super::{Born, InterfaceState, NetError, Network, Session, Space};
use crate::oracle::Routes;
use crate::plan::{Made, Plan};
use crate::topology::model::{LinkId, Medium, Node, NodeId, Topology};

/// The namespaces that another topology needs beside those there are.
#[derive(Debug)]
pub struct Prepared {
    spaces: Vec<Space>,
    wires: Option<Wires>,
}

impl Network {
    /// Makes what another topology needs and the network has not. Nothing of
    /// the network changes.
    ///
    /// # Errors
    /// The first that occurred; then nothing is left of it.
    pub fn prepare(&self, topology: &Topology) -> Result<Prepared, NetError> {
        let (names, _) = space_names(topology);
        let known: BTreeSet<&str> = self.spaces.iter().map(|one| one.name.as_str()).collect();
        allow_spaces(topology, known.len().max(names.len()))?;
        let missing: Vec<String> = names
            .into_iter()
            .filter(|name| !known.contains(name.as_str()))
            .collect();
        let (spaces, error) = make_spaces(&self.options, &missing);
        let ready = error.map_or(Ok(()), Err).and_then(|()| {
            set_sysctls(topology, &spaces)?;
            open_sessions(&spaces)?;
            let wired = topology.wires().next().is_some();
            match &self.wires {
                None if wired => Wires::empty().map(Some),
                None | Some(_) => Ok(None),
            }
        });
        match ready {
            Ok(wires) => Ok(Prepared { spaces, wires }),
            Err(error) => Err(error.followed_by(remove(spaces))),
        }
    }

    /// Deletes a link with all its ends, as far as they are there; of a segment
    /// the bridge too.
    ///
    /// # Errors
    /// The kernel's.
    pub async fn delete_whole(&self, link: LinkId) -> Result<(), NetError> {
        for (node, interface) in self.link_of(link)?.ends.clone() {
            self.delete_end(node, interface).await?;
        }
        if let Medium::Bridge { .. } = self.link_of(link)?.medium {
            let deleted = self.segment(link)?.session()?.netlink.delete(BRIDGE.1);
            absent_is_fine(deleted.await).map_err(|source| NetError::Interface {
                action: "delete the bridge of",
                interface: self.topology.links[link.0].name.clone(),
                source,
            })?;
        }
        Ok(())
    }

    /// Takes a node off a segment.
    ///
    /// # Errors
    /// The kernel's.
    pub async fn delete_member(&self, link: LinkId, at: NodeId) -> Result<(), NetError> {
        let ends = self.link_of(link)?.ends.iter();
        for (node, interface) in ends.filter(|(node, _)| *node == at) {
            self.delete_end(*node, *interface).await?;
        }
        Ok(())
    }

    async fn delete_end(&self, node: NodeId, interface: usize) -> Result<(), NetError> {
        let state = self.interface(node, interface)?;
        state.port.set(None);
        let link = self.topology.nodes[node.0].interfaces[interface].link;
        self.delete_behind(link, node, interface).await?;
        let Some(index) = state.index.take() else {
            return Ok(());
        };
        let deleted = self.node_space(node)?.session()?.netlink.delete(index);
        absent_is_fine(deleted.await)
            .map_err(|source| self.failed(node, interface, "delete", source))
    }

    /// Takes the place of the network's own topology. What is gone from it is
    /// removed; what is new in it is not made yet.
    pub fn adopt(&mut self, topology: Topology, plan: &Plan, prepared: Prepared) -> Vec<NetError> {
        let (names, segments) = space_names(&topology);
        let spaces = std::mem::take(&mut self.spaces);
        let spaces = spaces.into_iter().chain(prepared.spaces);
        let mut spaces: BTreeMap<String, Space> =
            spaces.map(|space| (space.name.clone(), space)).collect();
        self.spaces = names
            .iter()
            .filter_map(|name| spaces.remove(name))
            .collect();
        self.segments = segments;
        self.adopt_wires(&topology, plan, prepared.wires);
        let nodes = plan.moved_nodes();
        let ends = plan.moved_ends(&topology);
        self.adopt_interfaces(&topology, plan);
        let down = self.down.get_mut();
        *down = down
            .iter()
            .filter_map(|end| ends.get(end).copied())
            .collect();
        let lost = std::mem::take(self.lost.get_mut()).into_iter();
        *self.lost.get_mut() = lost
            .filter_map(|(node, net)| Some((*nodes.get(&node)?, net)))
            .collect();
        let routes = self.routes.get_mut();
        let taken = plan.nodes.iter().map(|node| {
            let was = node.was.and_then(|was| routes.get_mut(was.0));
            was.map(std::mem::take).unwrap_or_default()
        });
        *routes = taken.collect::<Vec<Routes>>();
        // The kernel may have removed any of them together with an address.
        *self.changed.get_mut() = (0..topology.nodes.len()).map(NodeId).collect();
        self.children
            .get_mut()
            .retain(|child| child.strong_count() > 0);
        self.topology = topology;
        remove(spaces.into_values())
    }

    fn adopt_wires(&mut self, topology: &Topology, plan: &Plan, made: Option<Wires>) {
        self.wires = self.wires.take().or(made);
        if topology.wires().next().is_none() {
            self.wires = None;
        }
        if let Some(wires) = &mut self.wires {
            let space = self.spaces.len().saturating_sub(1);
            let moved = Moved {
                links: plan.moved_links(),
                ends: plan.moved_ends(topology),
            };
            wires.move_to(space, &moved, topology, self.options.seed);
        }
    }

    fn adopt_interfaces(&mut self, topology: &Topology, plan: &Plan) {
        let mut old: BTreeMap<_, InterfaceState> = BTreeMap::new();
        for (node, states) in std::mem::take(&mut self.interfaces).into_iter().enumerate() {
            for (interface, state) in states.into_iter().enumerate() {
                old.insert((NodeId(node), interface), state);
            }
        }
        let mut before = BTreeMap::new();
        let links = topology.links.iter().zip(&plan.links);
        for (now, end) in links.flat_map(|(link, plan)| link.ends.iter().zip(&plan.ends)) {
            if let Some(state) = end.was.and_then(|was| old.remove(&was)) {
                before.insert(*now, (state, end.made));
            }
        }
        let nodes = topology.nodes.iter().enumerate();
        self.interfaces = nodes
            .map(|(node, model)| {
                let interfaces = model.interfaces.iter().enumerate();
                let states = interfaces.map(|(at, model)| {
                    match before.remove(&(NodeId(node), at)) {
                        Some((state, false)) => state,
                        // Made anew it keeps what it is called by.
                        Some((state, true)) => InterfaceState::of(model, state.born),
                        None => {
                            self.added += 1;
                            InterfaceState::of(model, Born::Added(self.added))
                        }
                    }
                });
                states.collect()
            })
            .collect();
    }

    /// Gives a node the loopback addresses that it is to have, and takes those
    /// it had before beside them.
    ///
    /// # Errors
    /// The kernel's.
    pub async fn set_loopback(&self, node: NodeId, before: Option<&Node>) -> Result<(), NetError> {
        let model = self.topology.nodes.get(node.0).ok_or(NetError::Unknown)?;
        let failed = |source| NetError::Interface {
            action: "set up",
            interface: format!("{}:lo", model.name),
            source,
        };
        let netlink = &self.node_space(node)?.session()?.netlink;
        let before = before.map(|node| node.loopback.as_slice());
        let before = before.unwrap_or_default();
        // New ones are put behind those that stay.
        let kept = before.iter().filter(|one| model.loopback.contains(one));
        let in_order = model
            .loopback
            .iter()
            .zip(kept)
            .all(|(now, kept)| now == kept);
        let goes = |one: &&_| !in_order || !model.loopback.contains(one);
        for address in before.iter().filter(goes) {
            let removed = netlink.remove_address(LOOPBACK, address.addr()).await;
            removed.map_err(failed)?;
        }
        for address in &model.loopback {
            let prefix = (address.addr(), address.prefix_len());
            match netlink.add_address(LOOPBACK, prefix).await {
                Err(error) if error.raw_os_error() == Some(libc::EEXIST) => {}
                added => added.map_err(failed)?,
            }
        }
        netlink.up(LOOPBACK).await.map_err(failed)
    }

    /// Sets what a node's kernel is to do, and back what the file does not ask
    /// for any more.
    ///
    /// # Errors
    /// The kernel's.
    pub fn set_node_sysctls(&self, node: NodeId) -> Result<(), NetError> {
        let model = self.topology.nodes.get(node.0).ok_or(NetError::Unknown)?;
        let known = self.sysctls_before.borrow().get(&model.name).cloned();
        let known = known.unwrap_or_default();
        let asked = |name: &str| model.sysctls.iter().any(|(asked, _)| asked == name);
        let set = self.in_namespace(node, || {
            set_forwarding(&model.name, Some(model))?;
            for (name, value) in known.iter().filter(|(name, _)| !asked(name)) {
                match write_sysctl(name, value) {
                    // It went with its interface.
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                    result => result.map_err(sysctl_error(&model.name, name, value))?,
                }
            }
            set_own(model)
        });
        let mut before = set??;
        // What was there first is what is set back.
        before.extend(known.into_iter().filter(|(name, _)| asked(name)));
        let mut all = self.sysctls_before.borrow_mut();
        all.insert(model.name.clone(), before);
        Ok(())
    }

    /// Makes a link, or the ends of a segment that are new on it.
    ///
    /// # Errors
    /// The kernel's.
    pub async fn make(&self, link: LinkId, plan: &Plan) -> Result<(), NetError> {
        let made = plan.links.get(link.0).ok_or(NetError::Unknown)?;
        let whole = made.made != Made::Kept;
        let ends = self.ends_at(link, None)?.into_iter().zip(&made.ends);
        let ends: Vec<_> = ends
            .filter(|(_, end)| whole || end.made)
            .map(|(end, _)| end)
            .collect();
        if whole && let Medium::Bridge { .. } = self.link_of(link)?.medium {
            let here = Builder::open(&runtime::Handle::current()).map_err(enter_error)?;
            self.make_bridge(&here, link).await?;
        }
        self.create(link, &ends).await
    }

    /// Takes all addresses of an interface away; others come later.
    ///
    /// # Errors
    /// The kernel's.
    pub async fn clear_addresses(&self, node: NodeId, interface: usize) -> Result<(), NetError> {
        let Some(index) = self.interface(node, interface)?.index.get() else {
            return Ok(());
        };
        let netlink = &self.node_space(node)?.session()?.netlink;
        let removed = netlink.remove_addresses(index).await;
        removed.map_err(|source| self.failed(node, interface, "clear", source))
    }

    /// Gives an interface the addresses that the topology has for it, where it
    /// exists; otherwise as soon as it does.
    ///
    /// # Errors
    /// The kernel's.
    pub async fn give_addresses(&self, node: NodeId, interface: usize) -> Result<(), NetError> {
        let model = self.topology.nodes.get(node.0);
        let model = model.and_then(|node| node.interfaces.get(interface));
        let wanted = model.ok_or(NetError::Unknown)?.addresses.clone();
        let state = self.interface(node, interface)?;
        if state.index.get().is_none() {
            state.addresses.replace(wanted);
            return Ok(());
        }
        self.set_addresses(node, interface, &wanted).await
    }

    /// Sets a node's own routes, without those it had before.
    ///
    /// # Errors
    /// The kernel's.
    pub async fn set_own_routes(
        &self,
        node: NodeId,
        before: Option<&Node>,
    ) -> Result<(), NetError> {
        let model = self.topology.nodes.get(node.0).ok_or(NetError::Unknown)?;
        let session = self.node_space(node)?.session()?;
        let before = before.map(|node| node.routes.as_slice());
        let goes = |to| !model.routes.iter().any(|(kept, _)| kept == to);
        for (to, _) in before.unwrap_or_default().iter().filter(|(to, _)| goes(to)) {
            let prefix = (to.network(), to.prefix_len());
            let removed = session.netlink.remove_route(prefix, 0).await;
            removed.map_err(|source| NetError::Route {
                node: model.name.clone(),
                to: *to,
                source,
            })?;
        }
        // A way out of what is down is there again with it.
        let down = self.down.borrow().clone();
        let up: Vec<_> = model
            .interfaces
            .iter()
            .enumerate()
            .filter(|(interface, _)| !down.contains(&(node, *interface)))
            .filter_map(|(interface, _)| self.interface(node, interface).ok())
            .filter(|state| state.index.get().is_some())
            .flat_map(|state| state.addresses.borrow().clone())
            .collect();
        let wanted = |from| up.iter().any(|net: &ipnet::Ipv4Net| net.contains(&from));
        self.set_routes(session, node, wanted).await
    }
}

fn open_sessions(spaces: &[Space]) -> Result<(), NetError> {
    let runtime = runtime::Handle::current();
    let open = |_| Session::open(&runtime).map_err(enter_error);
    let namespaces: Vec<_> = spaces.iter().map(|one| one.namespace.as_fd()).collect();
    for (space, session) in spaces.iter().zip(in_each(&namespaces, open)?) {
        space.session.get_or_init(|| session);
    }
    Ok(())
}

fn remove(spaces: impl IntoIterator<Item = Space>) -> Vec<NetError> {
    let removed = spaces.into_iter().filter_map(|space| {
        let source = space.namespace.remove().err()?;
        let name = space.name;
        Some(NetError::Remove { name, source })
    });
    removed.collect()
}

/// The other end of a veth goes with the first, and a command may have deleted
/// it.
fn absent_is_fine(deleted: io::Result<()>) -> io::Result<()> {
    match deleted {
        Err(error) if error.raw_os_error() == Some(libc::ENODEV) => Ok(()),
        deleted => deleted,
    }
}
