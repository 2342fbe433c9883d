//! Join/Prune messages: what the machines want to say in one turn is gathered,
//! then packed (RFC 7761 §4.9.5.1).

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::Duration;

use mcr_wire::pim::{
    ALL_PIM_ROUTERS, EncodedGroup, EncodedSource, JoinPrune, JoinPruneGroup, Message, join_prune,
};

use super::macros::World;
use crate::id::{GroupAddr, IfIndex, IpProtocol, UnicastAddr};
use crate::router::io::Transmit;
use crate::router::{Context, RouterInterface};
use crate::tib::{GroupState, Tib, TreeKey, UpstreamRpt};
use crate::time::Instant;

/// Refreshes of one t_periodic fall on this many moments, so that entries that
/// were joined at different times share messages.
const TICKS: u32 = 64;

/// Groups of a message: their number is one byte.
const MAX_GROUPS: usize = 255;

/// The IP header's bytes.
const IP_HEADER: usize = 20;

/// CS6, Internetwork Control (RFC 4594 §3.1).
const TOS: u8 = 0xc0;

/// What is to be said to upstream neighbours.
#[derive(Debug, Default)]
pub struct JoinPruneQueue {
    said: BTreeMap<(IfIndex, Ipv4Addr), Sayings>,
    /// By interface, a moment that refreshes of its Joins are aligned to.
    ticks: BTreeMap<IfIndex, Instant>,
}

type Sayings = BTreeMap<TreeKey, Saying>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Saying {
    what: JoinOrPrune,
    rp: Option<UnicastAddr>,
}

/// What is said of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JoinOrPrune {
    /// Join.
    Join,
    /// Prune.
    Prune,
}

impl JoinPruneQueue {
    /// Says this of the entry to the neighbour; what was said of it before in
    /// this turn does not count. A (*,G) entry is said with the RP it is for.
    pub fn say(
        &mut self,
        iface: IfIndex,
        upstream: Ipv4Addr,
        key: TreeKey,
        what: JoinOrPrune,
        rp: Option<UnicastAddr>,
    ) {
        let to_upstream = self.said.entry((iface, upstream)).or_default();
        to_upstream.insert(key, Saying { what, rp });
    }

    /// When Joins on the interface that are due after this time are to be
    /// refreshed: with others, up to a part of t_periodic earlier.
    pub fn refresh_at(
        &mut self,
        now: Instant,
        iface: IfIndex,
        wait: Duration,
        t_periodic: Duration,
    ) -> Instant {
        let first = *self.ticks.entry(iface).or_insert(now);
        let step = (t_periodic / TICKS).as_micros().max(1);
        let late = (now + wait - first).as_micros() % step;
        let late = Duration::from_micros(u64::try_from(late).unwrap_or(0));
        now + wait.saturating_sub(late)
    }

    /// The interface has gone.
    pub fn forget(&mut self, iface: IfIndex) {
        self.said.retain(|(of, _), _| *of != iface);
        self.ticks.remove(&iface);
    }
}

/// Packs and sends what was gathered.
pub fn flush(world: World<'_>, tib: &Tib, cx: &mut Context) {
    for ((iface, upstream), said) in std::mem::take(&mut cx.join_prune.said) {
        let Some(ours) = world.interfaces.get(iface) else {
            continue;
        };
        let Some(src) = ours.address().filter(|_| speaks(ours)) else {
            continue;
        };
        let mtu = usize::try_from(ours.kernel.mtu).unwrap_or(usize::MAX);
        let room = mtu.saturating_sub(IP_HEADER + join_prune::FIXED_LEN);
        for groups in messages(blocks(tib, said, room), room) {
            let message = Message::JoinPrune(JoinPrune {
                upstream_neighbor: upstream,
                holdtime: world.config.pim.join_prune_holdtime(),
                groups,
            });
            cx.counters.add(iface, "pim.tx.join-prune");
            cx.transmit(Transmit {
                iface: Some(iface),
                src,
                dst: ALL_PIM_ROUTERS,
                ttl: 1,
                router_alert: false,
                tos: TOS,
                protocol: IpProtocol::PIM,
                payload: message.emit(),
            });
        }
    }
}

fn speaks(iface: &RouterInterface) -> bool {
    iface.pim().is_some_and(|pim| !pim.passive)
}

/// Messages of whole blocks, each of no more bytes than there is room for.
fn messages(blocks: Vec<JoinPruneGroup>, room: usize) -> Vec<Vec<JoinPruneGroup>> {
    let mut messages = Vec::new();
    let mut groups: Vec<JoinPruneGroup> = Vec::new();
    let mut used = 0;
    for block in blocks {
        let size = block.encoded_len();
        let full = used + size > room || groups.len() == MAX_GROUPS;
        if full && !groups.is_empty() {
            messages.push(std::mem::take(&mut groups));
            used = 0;
        }
        used += size;
        groups.push(block);
    }
    if !groups.is_empty() {
        messages.push(groups);
    }
    messages
}

/// The blocks of all groups, each small enough for a message of its own.
fn blocks(tib: &Tib, said: Sayings, room: usize) -> Vec<JoinPruneGroup> {
    let mut by_group: BTreeMap<GroupAddr, Sayings> = BTreeMap::new();
    for (key, saying) in said {
        let of_group = by_group.entry(key.group()).or_default();
        of_group.insert(key, saying);
    }
    // A block of a group alone, before its sources.
    let most = (room.saturating_sub(12) / 8).max(1);
    let mut blocks = Vec::new();
    for (group, mut said) in by_group {
        add_rpt_prunes(tib.groups.get(&group), group, &mut said);
        blocks.extend(of_group(group, said, most));
    }
    blocks
}

/// RFC 7761 §4.5.6: with a Join(*,G) go the Prune(S,G,rpt) of all sources that
/// are pruned off the RP tree, or the Join would end those prunes.
fn add_rpt_prunes(state: Option<&GroupState>, group: GroupAddr, said: &mut Sayings) {
    let join = said.get(&TreeKey::StarG(group));
    if join.is_none_or(|saying| saying.what == JoinOrPrune::Prune) {
        return;
    }
    let entries = state.into_iter().flat_map(|state| &state.sg_rpt);
    let pruned =
        entries.filter(|(_, entry)| entry.upstream == UpstreamRpt::Pruned || entry.diverted);
    for (source, _) in pruned {
        let prune = Saying {
            what: JoinOrPrune::Prune,
            rp: None,
        };
        let key = TreeKey::SgRpt(*source, group);
        said.entry(key).or_insert(prune);
    }
}

/// The blocks of one group: one, unless it has more sources than fit.
fn of_group(group: GroupAddr, said: Sayings, most: usize) -> Vec<JoinPruneGroup> {
    let mut star_g = Vec::new();
    let mut rpt_joins = Vec::new();
    let mut rpt_prunes = Vec::new();
    let mut rest = Vec::new();
    for (key, saying) in said {
        let Some(source) = encoded(key, saying) else {
            continue;
        };
        match (key, saying.what) {
            (TreeKey::StarG(_), what) => star_g.push((what, source)),
            (TreeKey::SgRpt(..), what @ JoinOrPrune::Join) => rpt_joins.push((what, source)),
            (TreeKey::SgRpt(..), what @ JoinOrPrune::Prune) => rpt_prunes.push((what, source)),
            (TreeKey::Sg(..), what) => rest.push((what, source)),
        }
    }
    // RFC 7761 §4.9.5.1: prunes that do not fit beside their Join(*,G) are left
    // out, those of the largest addresses first; in a message of their own they
    // would be undone by the next Join(*,G).
    if let Some((JoinOrPrune::Join, _)) = star_g.first() {
        rpt_prunes.truncate(most.saturating_sub(1 + rpt_joins.len()));
    }
    let mut all = star_g;
    all.append(&mut rpt_joins);
    all.append(&mut rpt_prunes);
    all.append(&mut rest);
    all.chunks(most).map(|part| block(group, part)).collect()
}

fn block(group: GroupAddr, part: &[(JoinOrPrune, EncodedSource)]) -> JoinPruneGroup {
    let sources = |wanted: JoinOrPrune| {
        let wanted = part.iter().filter(move |(what, _)| *what == wanted);
        wanted.map(|(_, source)| *source).collect()
    };
    JoinPruneGroup {
        group: EncodedGroup {
            group: group.get(),
            mask_len: 32,
            bidirectional: false,
            scope_zone: false,
        },
        joins: sources(JoinOrPrune::Join),
        prunes: sources(JoinOrPrune::Prune),
    }
}

fn encoded(key: TreeKey, saying: Saying) -> Option<EncodedSource> {
    let (source, wildcard, rpt) = match key {
        TreeKey::StarG(_) => (saying.rp?, true, true),
        TreeKey::Sg(source, _) => (source, false, false),
        TreeKey::SgRpt(source, _) => (source, false, true),
    };
    Some(EncodedSource {
        source: source.get(),
        mask_len: 32,
        sparse: true,
        wildcard,
        rpt,
    })
}
