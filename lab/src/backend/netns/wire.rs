//! Wires of user space: a link that is to do something to frames is two veth
//! pairs, and between them a thread that takes each frame at one end and sends
//! it on at the other, later, twice or not at all. All wires of a lab have one
//! namespace, without any address, and one thread.

mod engine;

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::os::fd::AsFd;

use mcr_sim::rules::Rule;
use mcr_sim::wire::{Counts, Lane};
use mcr_sys::capture;
use mcr_sys::namespace::in_namespace;
use mcr_sys::netlink::build::{Builder, VethEnd};

use self::engine::Engine;
use super::deploy::enter_error;
use super::{Behind, InterfaceState, NetError, Network, Session, Space};
use crate::topology::model::{End, Link, LinkId, NodeId, Topology, Wire, WireId};

/// What a wire carried in one direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Carried {
    /// What it did, as asked for.
    pub counts: Counts,
    /// Frames that got lost because the lab was too slow.
    pub overrun: u64,
}

/// The datagrams of the lab's sources that a wire dropped or changed, as asked
/// for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Gone {
    /// Each by its run, flow and sequence number.
    pub datagrams: BTreeSet<(u64, u32, u64)>,
    /// There were more than are kept.
    pub partial: bool,
}

impl Gone {
    /// The most that are kept.
    const MOST: usize = 200_000;

    /// One more.
    pub fn add(&mut self, datagram: (u64, u32, u64)) {
        match self.datagrams.len() < Gone::MOST {
            true => drop(self.datagrams.insert(datagram)),
            false => self.partial = true,
        }
    }
}

/// The wires of a network.
#[derive(Debug)]
pub(super) struct Wires {
    /// Where their namespace is.
    pub(super) space: usize,
    /// Their positions in the engine.
    positions: BTreeMap<WireId, usize>,
    engine: Engine,
}

/// What wires keep of their places when a network becomes another.
pub(super) struct Moved {
    /// Links, where they are now.
    pub(super) links: BTreeMap<LinkId, LinkId>,
    /// The same of ends.
    pub(super) ends: BTreeMap<End, End>,
}

impl Moved {
    fn of(&self, at: WireId) -> Option<WireId> {
        let link = *self.links.get(&at.link)?;
        let member = match at.member {
            Some(end) => Some(*self.ends.get(&end)?),
            None => None,
        };
        Some(WireId { link, member })
    }
}

/// The two directions of a wire.
fn lanes(seed: u64, name: &str, wire: &Wire) -> [Lane; 2] {
    let lane = |direction| {
        let impairment = wire[usize::from(direction != 0)];
        Lane::new(seed, name, direction, impairment)
    };
    [lane(0), lane(1)]
}

fn start(lanes: Vec<Lane>) -> Result<Engine, NetError> {
    Engine::start(lanes).map_err(|source| NetError::Create {
        name: "the wires".to_owned(),
        source,
    })
}

impl Wires {
    /// Wires of a network that has none yet.
    pub(super) fn empty() -> Result<Wires, NetError> {
        Ok(Wires {
            space: 0,
            positions: BTreeMap::new(),
            engine: start(Vec::new())?,
        })
    }

    /// The same wires, of links that are elsewhere in another topology; those
    /// that it has beside them are new. They carry nothing yet.
    pub(super) fn move_to(&mut self, space: usize, moved: &Moved, topology: &Topology, seed: u64) {
        self.space = space;
        for (at, position) in std::mem::take(&mut self.positions) {
            match moved.of(at) {
                Some(now) => drop(self.positions.insert(now, position)),
                None => self.engine.disconnect(position),
            }
        }
        for (at, wire) in topology.wires() {
            if let Entry::Vacant(entry) = self.positions.entry(at) {
                let (name, _) = topology.wire_told(at);
                entry.insert(self.engine.add(lanes(seed, &name, &wire)));
            }
        }
    }
}

impl Network {
    /// Where the wires will be, once there are namespaces. They carry nothing
    /// yet.
    pub(super) fn place_wires(&self) -> Result<Option<Wires>, NetError> {
        let topology = &self.topology;
        let all = topology.wires().enumerate();
        let positions: BTreeMap<_, _> = all.map(|(at, (id, _))| (id, at)).collect();
        if positions.is_empty() {
            return Ok(None);
        }
        let lanes = topology.wires().flat_map(|(at, wire)| {
            let (name, _) = topology.wire_told(at);
            lanes(self.options.seed, &name, &wire)
        });
        let engine = start(lanes.collect())?;
        Ok(Some(Wires {
            space: self.spaces.len() - 1,
            positions,
            engine,
        }))
    }

    /// From now on a wire does this.
    ///
    /// # Errors
    /// [`NetError::NoWire`] where there is none.
    pub fn set_wire(&self, at: WireId, wire: &Wire) -> Result<(), NetError> {
        let (wires, position) = self.wire_at(at)?;
        wires.engine.set(position, wire);
        Ok(())
    }

    fn wire_at(&self, at: WireId) -> Result<(&Wires, usize), NetError> {
        let wires = self.wires.as_ref();
        let wire = wires.and_then(|wires| Some((wires, *wires.positions.get(&at)?)));
        wire.ok_or_else(|| NetError::NoWire {
            link: self.topology.wire_told(at).0,
        })
    }

    /// From now on a wire does this to messages that are named.
    ///
    /// # Errors
    /// [`NetError::NoWire`] where there is none.
    pub fn set_rules(&self, at: WireId, rules: &[Rule]) -> Result<(), NetError> {
        let (wires, position) = self.wire_at(at)?;
        wires.engine.rule(position, rules.to_vec());
        Ok(())
    }

    /// What each wire carried so far: from its first side, and from its second.
    #[must_use]
    pub fn carried(&self) -> Vec<(WireId, [Carried; 2])> {
        let Some(wires) = &self.wires else {
            return Vec::new();
        };
        let all = wires.positions.iter();
        all.map(|(at, position)| (*at, wires.engine.carried(*position)))
            .collect()
    }

    /// The datagrams that a wire dropped or changed so far.
    #[must_use]
    pub fn gone(&self, at: WireId) -> Gone {
        let position = |wires: &Wires| wires.positions.get(&at).copied();
        let wires = self.wires.as_ref();
        let gone = wires.and_then(|wires| Some(wires.engine.gone(position(wires)?)));
        gone.unwrap_or_default()
    }

    pub(super) fn wire_space(&self) -> Result<&Space, NetError> {
        let wires = self.wires.as_ref().ok_or(NetError::Unknown)?;
        self.spaces.get(wires.space).ok_or(NetError::Unknown)
    }

    /// Sets the wires' ends up.
    pub(super) async fn configure_wires(&self, session: &Session) -> Result<(), NetError> {
        let wires = self.wires.iter().flat_map(|wires| wires.positions.keys());
        // Those of members are set up with their segment.
        for at in wires.filter(|at| at.member.is_none()) {
            self.set_up_wire(session, at.link).await?;
        }
        Ok(())
    }

    async fn set_up_wire(&self, session: &Session, link: LinkId) -> Result<(), NetError> {
        for (node, interface) in &self.link_of(link)?.ends {
            let index = self.interface(*node, *interface)?.port.get();
            let up = session.netlink.up(index.ok_or(NetError::Unknown)?).await;
            up.map_err(|source| {
                self.failed(*node, *interface, "set up the wire's end at", source)
            })?;
        }
        Ok(())
    }

    /// Connects all wires, which then carry frames.
    pub(super) fn start_wires(&self) -> Result<(), NetError> {
        let mut wires = self.wires.iter().flat_map(|wires| wires.positions.keys());
        wires.try_for_each(|at| self.connect(*at))
    }

    fn connect(&self, at: WireId) -> Result<(), NetError> {
        let (wires, position) = self.wire_at(at)?;
        let (space, indices) = self.sides(at)?;
        let open = || indices.into_iter().map(capture::open_wire).collect();
        let namespace = space.namespace.as_fd();
        let sockets: std::io::Result<Vec<_>> =
            in_namespace(namespace, open).map_err(enter_error)?;
        let link = self.link_of(at.link)?;
        let failed = |source| NetError::Link {
            link: link.name.clone(),
            mtu: link.mtu,
            source,
        };
        wires.engine.connect(position, sockets.map_err(failed)?);
        Ok(())
    }

    /// The interfaces between which a wire carries frames, and where they are.
    fn sides(&self, at: WireId) -> Result<(&Space, Vec<u32>), NetError> {
        if let Some((node, interface)) = at.member {
            let state = self.interface(node, interface)?;
            let port = state.port.get().ok_or(NetError::Unknown)?;
            let behind = state.behind.get().ok_or(NetError::Unknown)?;
            return Ok((self.segment(at.link)?, vec![port, behind.end]));
        }
        let mut indices = Vec::new();
        for (node, interface) in &self.link_of(at.link)?.ends {
            let index = self.interface(*node, *interface)?.port.get();
            indices.push(index.ok_or(NetError::Unknown)?);
        }
        Ok((self.wire_space()?, indices))
    }

    /// Connects the wire to a segment's member that was made anew; nothing where
    /// it has none.
    pub(super) fn connect_member(&self, link: LinkId, end: usize) -> Result<(), NetError> {
        let model = self.link_of(link)?;
        let member = model.ends.get(end).copied();
        match member.filter(|end| model.members.contains_key(end)) {
            Some(_) => self.connect(WireId { link, member }),
            None => Ok(()),
        }
    }

    /// Makes the veth pair between a segment's bridge and the wire to a member.
    pub(super) async fn make_behind(
        &self,
        here: &Builder,
        link: &Link,
        segment: &Space,
        state: &InterfaceState,
    ) -> Result<(), NetError> {
        let behind = Behind {
            end: segment.take_index(),
            port: segment.take_index(),
        };
        let names = ['e', 'b'].map(|kind| state.born.port_name(kind));
        let [end_mac, port_mac] = state.born.behind_macs();
        let side = |name, index, mac| VethEnd {
            namespace: segment.namespace.as_fd(),
            name,
            index,
            mtu: link.mtu,
            mac,
        };
        let end = side(&names[0], behind.end, end_mac);
        let port = side(&names[1], behind.port, port_mac);
        self.make_veth(here, link, end, port).await?;
        state.behind.set(Some(behind));
        Ok(())
    }

    /// Deletes what is behind the wire to a member, where it has one.
    pub(super) async fn delete_behind(
        &self,
        link: LinkId,
        node: NodeId,
        interface: usize,
    ) -> Result<(), NetError> {
        let Some(behind) = self.interface(node, interface)?.behind.take() else {
            return Ok(());
        };
        let deleted = self.segment(link)?.session()?.netlink.delete(behind.end);
        let failed = |source| self.failed(node, interface, "delete the wire of", source);
        deleted.await.map_err(failed)
    }

    /// Connects a link's wire again after the link was made anew; nothing where
    /// it has none.
    pub(super) async fn connect_wire(&self, link: LinkId) -> Result<(), NetError> {
        if self.link_of(link)?.wire.is_none() {
            return Ok(());
        }
        let session = self.wire_space()?.session()?;
        self.set_up_wire(session, link).await?;
        self.connect(WireId::of(link))
    }

    /// Gives the other ends of an interface's wire carrier, or takes it: as on
    /// a veth pair, no end has carrier while the other one is down.
    pub(super) async fn set_carrier(
        &self,
        node: NodeId,
        interface: usize,
        carrier: bool,
    ) -> Result<(), NetError> {
        let link = self.topology.nodes[node.0].interfaces[interface].link;
        let model = self.link_of(link)?;
        if let Some(behind) = self.interface(node, interface)?.behind.get() {
            let netlink = &self.segment(link)?.session()?.netlink;
            let set = match carrier {
                true => netlink.up(behind.end).await,
                false => netlink.down(behind.end).await,
            };
            let failed = |source| self.failed(node, interface, "set the carrier of", source);
            return set.map_err(failed);
        }
        if model.wire.is_none() {
            return Ok(());
        }
        let session = self.wire_space()?.session()?;
        for (other, at) in model.ends.iter().filter(|end| **end != (node, interface)) {
            let Some(port) = self.interface(*other, *at)?.port.get() else {
                continue;
            };
            let set = match carrier {
                true => session.netlink.up(port).await,
                false => session.netlink.down(port).await,
            };
            set.map_err(|source| self.failed(*other, *at, "set the carrier of", source))?;
        }
        Ok(())
    }
}
