//! The multicast routing table: the trees, with what the data plane was told.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use mcr_api::router as api;
use mcr_api::router::{DownstreamState, Mroute, MrouteInterface};
use mcr_proto::id::{GroupAddr, IfIndex, UnicastAddr};
use mcr_proto::pim::Macros;
use mcr_proto::router::TimerId;
use mcr_proto::router::event::RegisterState;
use mcr_proto::routes::Flow;
use mcr_proto::tib::{
    AssertState, Downstream, DownstreamRpt, GroupState, SgRpt, Target, TreeKey, Upstream,
    UpstreamRpt,
};

use crate::{View, assert, register};

/// (\*,G), or (S,G) together with (S,G,rpt).
pub type Key = (GroupAddr, Option<UnicastAddr>);

/// The entry as a page names the one it ends with.
pub fn cursor((group, source): &Key) -> String {
    match source {
        Some(source) => format!("{group} {source}"),
        None => group.to_string(),
    }
}

/// The entry that a cursor names.
pub fn read_cursor(cursor: &str) -> Option<Key> {
    let (group, source) = match cursor.split_once(' ') {
        Some((group, source)) => (group, Some(source)),
        None => (cursor, None),
    };
    let group = GroupAddr::try_from(group.parse::<Ipv4Addr>().ok()?).ok()?;
    let Some(source) = source else {
        return Some((group, None));
    };
    let source = UnicastAddr::try_from(source.parse::<Ipv4Addr>().ok()?).ok()?;
    Some((group, Some(source)))
}

/// The entries of a group or of all, after one.
pub fn keys<'a>(
    view: View<'a>,
    only: Option<GroupAddr>,
    after: Option<Key>,
) -> impl Iterator<Item = Key> + 'a {
    let groups: Box<dyn Iterator<Item = (&GroupAddr, &GroupState)>> = match (only, after) {
        (Some(group), _) => Box::new(view.router.tib().groups.range(group..=group)),
        (None, Some((group, _))) => Box::new(view.router.tib().groups.range(group..)),
        (None, None) => Box::new(view.router.tib().groups.iter()),
    };
    let keys = groups.flat_map(|(group, state)| {
        let star_g = state.star_g.is_some().then_some(None);
        let sources: BTreeSet<UnicastAddr> = state
            .sg
            .keys()
            .chain(state.sg_rpt.keys())
            .copied()
            .collect();
        let sources = star_g.into_iter().chain(sources.into_iter().map(Some));
        sources.map(|source| (*group, source))
    });
    keys.filter(move |key| after.is_none_or(|after| *key > after))
}

/// What there is to tell of an entry.
pub fn entry(view: View<'_>, (group, source): Key) -> Mroute {
    let state = view.router.tib().groups.get(&group);
    let macros = view.router.world(view.now).macros(group, state);
    match source {
        None => star_g(view, macros),
        Some(source) => sg(view, macros, source),
    }
}

/// What every entry tells.
fn common(view: View<'_>, macros: Macros<'_>, key: TreeKey, upstream: Upstream) -> Mroute {
    let rp = macros.world.rps.rp(key.group());
    let mut flows = view.router.routes().flows(key.group());
    let flow = flows.find(|(of, _)| *of == key).map(|(_, flow)| flow);
    let (iif, olist) = told(view, flow);
    Mroute {
        source: key.source().map(UnicastAddr::get),
        group: key.group().get(),
        rp: rp.map(UnicastAddr::get),
        iif,
        rpf_neighbor: None,
        olist,
        joined: upstream.joined,
        join_timer: view.left(TimerId::UpstreamJoin(key)),
        spt_bit: false,
        keepalive: None,
        register: api::RegisterState::NoInfo,
        register_timer: None,
        rpt_pruned: false,
        interfaces: Vec::new(),
        packets: None,
        bytes: None,
    }
}

fn told(view: View<'_>, flow: Option<&Flow>) -> (Option<String>, Vec<String>) {
    let Some(flow) = flow else {
        return (None, Vec::new());
    };
    let olist = flow.olist.iter().map(|iface| view.name(*iface));
    (flow.iif.map(|iface| view.name(iface)), olist.collect())
}

fn neighbor(target: Option<Target>) -> Option<Ipv4Addr> {
    target.and_then(|target| target.neighbor)
}

fn star_g(view: View<'_>, macros: Macros<'_>) -> Mroute {
    let key = TreeKey::StarG(macros.group);
    let entry = macros.state.and_then(|state| state.star_g.as_ref());
    let upstream = entry.map(|entry| entry.upstream).unwrap_or_default();
    let mut interfaces = Interfaces::new(view);
    if let Some(entry) = entry {
        interfaces.downstream(key, &entry.downstream);
        interfaces.asserts(key, &entry.asserts);
    }
    interfaces.members(macros.local_receiver_include_star_g());
    Mroute {
        rpf_neighbor: neighbor(macros.rpf_star_g()),
        interfaces: interfaces.list(),
        ..common(view, macros, key, upstream)
    }
}

fn sg(view: View<'_>, macros: Macros<'_>, source: UnicastAddr) -> Mroute {
    let group = macros.group;
    let key = TreeKey::Sg(source, group);
    let entry = macros.state.and_then(|state| state.sg.get(&source));
    let rpt = macros.state.and_then(|state| state.sg_rpt.get(&source));
    let mut interfaces = Interfaces::new(view);
    if let Some(entry) = entry {
        interfaces.downstream(key, &entry.downstream);
        interfaces.asserts(key, &entry.asserts);
    }
    if let Some(rpt) = rpt {
        interfaces.rpt(TreeKey::SgRpt(source, group), rpt);
    }
    interfaces.members(macros.local_receiver_include_sg(source));
    let upstream = entry.map(|entry| entry.upstream).unwrap_or_default();
    let mut told = Mroute {
        spt_bit: macros.spt_bit(source),
        keepalive: view.left(TimerId::Keepalive(source, group)),
        register: register(entry.map_or(RegisterState::NoInfo, |entry| entry.register)),
        register_timer: view.left(TimerId::RegisterStop(source, group)),
        rpt_pruned: rpt.is_some_and(|rpt| rpt.upstream == UpstreamRpt::Pruned),
        interfaces: interfaces.list(),
        ..common(view, macros, key, upstream)
    };
    if entry.is_some() {
        told.rpf_neighbor = neighbor(macros.rpf_sg(source));
    } else {
        // Only (S,G,rpt): its packets come down the RP tree.
        let target = macros.rpf_sg_rpt(source);
        let mut olist = macros.inherited_olist_sg_rpt(source);
        if let Some(target) = target {
            olist.remove(&target.iface);
        }
        told.iif = target.map(|target| view.name(target.iface));
        told.olist = olist.into_iter().map(|iface| view.name(iface)).collect();
        told.rpf_neighbor = neighbor(target);
    }
    told
}

/// An entry's state by interface.
struct Interfaces<'a> {
    view: View<'a>,
    all: BTreeMap<IfIndex, MrouteInterface>,
}

impl<'a> Interfaces<'a> {
    fn new(view: View<'a>) -> Interfaces<'a> {
        Interfaces {
            view,
            all: BTreeMap::new(),
        }
    }

    fn of(&mut self, iface: IfIndex) -> &mut MrouteInterface {
        let view = self.view;
        self.all.entry(iface).or_insert_with(|| MrouteInterface {
            interface: view.name(iface),
            ..MrouteInterface::default()
        })
    }

    fn downstream(&mut self, key: TreeKey, states: &BTreeMap<IfIndex, Downstream>) {
        let view = self.view;
        for (iface, state) in states {
            let (state, timer) = match state {
                Downstream::NoInfo => continue,
                Downstream::Join => (DownstreamState::Join, TimerId::Expiry(key, *iface)),
                Downstream::PrunePending => (
                    DownstreamState::PrunePending,
                    TimerId::PrunePending(key, *iface),
                ),
            };
            let told = self.of(*iface);
            told.downstream = Some(state);
            told.expires = view.left(timer);
        }
    }

    fn rpt(&mut self, key: TreeKey, entry: &SgRpt) {
        let view = self.view;
        for (iface, state) in &entry.downstream {
            match state {
                DownstreamRpt::NoInfo | DownstreamRpt::PrunePending => {}
                DownstreamRpt::Prune => {
                    let told = self.of(*iface);
                    told.rpt_pruned = true;
                    told.expires = told
                        .expires
                        .or_else(|| view.left(TimerId::Expiry(key, *iface)));
                }
            }
        }
    }

    fn asserts(&mut self, key: TreeKey, states: &BTreeMap<IfIndex, AssertState>) {
        let view = self.view;
        for (iface, state) in states {
            let told = self.of(*iface);
            told.assert = assert(state.role);
            told.assert_winner = Some(state.winner);
            told.assert_timer = view.left(TimerId::Assert(key, *iface));
        }
    }

    fn members(&mut self, ifaces: impl IntoIterator<Item = IfIndex>) {
        for iface in ifaces {
            self.of(iface).local_members = true;
        }
    }

    fn list(self) -> Vec<MrouteInterface> {
        self.all.into_values().collect()
    }
}
