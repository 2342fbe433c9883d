//! Wires of user space: a link that is to do something to frames is two veth
//! pairs, and between them a thread that takes each frame at one end and sends
//! it on at the other, later, twice or not at all. All wires of a lab have one
//! namespace, without any address, and one thread.

mod engine;

use std::collections::{BTreeMap, BTreeSet};
use std::os::fd::AsFd;

use mcr_sim::rules::Rule;
use mcr_sim::wire::{Counts, Lane};
use mcr_sys::capture;
use mcr_sys::namespace::in_namespace;

use self::engine::Engine;
use super::deploy::enter_error;
use super::{NetError, Network, Session, Space};
use crate::topology::model::{Link, LinkId, NodeId, Topology, Wire};

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
    positions: BTreeMap<LinkId, usize>,
    engine: Engine,
}

/// The two directions of a link's wire.
fn lanes(seed: u64, link: &Link) -> [Lane; 2] {
    let wire = link.wire.unwrap_or_default();
    let lane = |direction| {
        let impairment = wire[usize::from(direction != 0)];
        Lane::new(seed, &link.name, direction, impairment)
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
    pub(super) fn move_to(
        &mut self,
        space: usize,
        moved: &BTreeMap<LinkId, LinkId>,
        topology: &Topology,
        seed: u64,
    ) {
        self.space = space;
        for (link, position) in std::mem::take(&mut self.positions) {
            match moved.get(&link) {
                Some(now) => drop(self.positions.insert(*now, position)),
                None => self.engine.disconnect(position),
            }
        }
        for (position, link) in topology.links.iter().enumerate() {
            let id = LinkId(position);
            if link.wire.is_some() && !self.positions.contains_key(&id) {
                let position = self.engine.add(lanes(seed, link));
                self.positions.insert(id, position);
            }
        }
    }
}

impl Network {
    /// Where the wires will be, once there are namespaces. They carry nothing
    /// yet.
    pub(super) fn place_wires(&self) -> Result<Option<Wires>, NetError> {
        let links = self.topology.links.iter().enumerate();
        let wired = links.filter(|(_, link)| link.wire.is_some());
        let positions = wired.enumerate();
        let positions: BTreeMap<_, _> = positions.map(|(at, (id, _))| (LinkId(id), at)).collect();
        if positions.is_empty() {
            return Ok(None);
        }
        let links = positions.keys().map(|id| &self.topology.links[id.0]);
        let lanes = links.flat_map(|link| lanes(self.options.seed, link));
        let engine = start(lanes.collect())?;
        Ok(Some(Wires {
            space: self.spaces.len() - 1,
            positions,
            engine,
        }))
    }

    /// From now on a link's wire does this.
    ///
    /// # Errors
    /// [`NetError::NoWire`] for a link that has none.
    pub fn set_wire(&self, link: LinkId, wire: &Wire) -> Result<(), NetError> {
        let (wires, position) = self.wire_of(link)?;
        wires.engine.set(position, wire);
        Ok(())
    }

    fn wire_of(&self, link: LinkId) -> Result<(&Wires, usize), NetError> {
        let wires = self.wires.as_ref();
        let wire = wires.and_then(|wires| Some((wires, *wires.positions.get(&link)?)));
        let name = || {
            self.topology
                .links
                .get(link.0)
                .map(|link| link.name.clone())
        };
        wire.ok_or_else(|| NetError::NoWire {
            link: name().unwrap_or_default(),
        })
    }

    /// From now on a link's wire does this to messages that are named.
    ///
    /// # Errors
    /// [`NetError::NoWire`] for a link that has none.
    pub fn set_rules(&self, link: LinkId, rules: &[Rule]) -> Result<(), NetError> {
        let (wires, position) = self.wire_of(link)?;
        wires.engine.rule(position, rules.to_vec());
        Ok(())
    }

    /// What each wire carried so far: from its first end, and from its second.
    #[must_use]
    pub fn carried(&self) -> Vec<(LinkId, [Carried; 2])> {
        let Some(wires) = &self.wires else {
            return Vec::new();
        };
        let all = wires.positions.iter();
        all.map(|(link, position)| (*link, wires.engine.carried(*position)))
            .collect()
    }

    /// The datagrams that a link's wire dropped or changed so far.
    #[must_use]
    pub fn gone(&self, link: LinkId) -> Gone {
        let position = |wires: &Wires| wires.positions.get(&link).copied();
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
        let links = self.wires.iter().flat_map(|wires| wires.positions.keys());
        for link in links {
            self.set_up_wire(session, *link).await?;
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
        let mut links = self.wires.iter().flat_map(|wires| wires.positions.keys());
        links.try_for_each(|link| self.connect(*link))
    }

    fn connect(&self, link: LinkId) -> Result<(), NetError> {
        let wires = self.wires.as_ref().ok_or(NetError::Unknown)?;
        let position = wires.positions.get(&link).ok_or(NetError::Unknown)?;
        let mut indices = Vec::new();
        for (node, interface) in &self.link_of(link)?.ends {
            let index = self.interface(*node, *interface)?.port.get();
            indices.push(index.ok_or(NetError::Unknown)?);
        }
        let open = || indices.into_iter().map(capture::open_wire).collect();
        let namespace = self.wire_space()?.namespace.as_fd();
        let sockets: std::io::Result<Vec<_>> =
            in_namespace(namespace, open).map_err(enter_error)?;
        let failed = |source| NetError::Link {
            link: self.topology.links[link.0].name.clone(),
            mtu: self.topology.links[link.0].mtu,
            source,
        };
        wires.engine.connect(*position, sockets.map_err(failed)?);
        Ok(())
    }

    /// Connects a link's wire again after the link was made anew; nothing where
    /// it has none.
    pub(super) async fn connect_wire(&self, link: LinkId) -> Result<(), NetError> {
        if self.link_of(link)?.wire.is_none() {
            return Ok(());
        }
        let session = self.wire_space()?.session()?;
        self.set_up_wire(session, link).await?;
        self.connect(link)
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
