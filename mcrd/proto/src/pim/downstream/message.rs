//! What a Join/Prune message says, entry by entry: the wire's flags and
//! addresses become the keys of trees here, and what cannot be one is counted.

use mcr_wire::pim::{EncodedGroup, EncodedSource, JoinPrune, JoinPruneGroup};

use crate::id::{GroupAddr, IfIndex, UnicastAddr};
use crate::pim::World;
use crate::pim::pack::JoinOrPrune;
use crate::router::Context;
use crate::tib::TreeKey;

/// One entry of a message and what it says of it.
pub(super) type Said = (TreeKey, JoinOrPrune);

/// All that a message says, the Join(*,G) of a group before the group's others
/// (RFC 7761 §4.5.3).
pub(super) fn said(
    world: World<'_>,
    cx: &mut Context,
    iface: IfIndex,
    message: &JoinPrune,
) -> Vec<Said> {
    let mut all = Vec::new();
    for block in &message.groups {
        match group(&block.group) {
            Ok(group) => of_group(world, cx, iface, group, block, &mut all),
            Err(reason) => cx.counters.add(iface, reason),
        }
    }
    all
}

fn of_group(
    world: World<'_>,
    cx: &mut Context,
    iface: IfIndex,
    group: GroupAddr,
    block: &JoinPruneGroup,
    all: &mut Vec<Said>,
) {
    let joins = block.joins.iter().map(|source| (source, JoinOrPrune::Join));
    let prunes = block
        .prunes
        .iter()
        .map(|source| (source, JoinOrPrune::Prune));
    let first = all.len();
    for (source, what) in joins.chain(prunes) {
        match key(world, group, source, what) {
            Ok(key @ TreeKey::StarG(_)) if what == JoinOrPrune::Join => {
                all.insert(first, (key, what));
            }
            Ok(key) => all.push((key, what)),
            Err(reason) => cx.counters.add(iface, reason),
        }
    }
}

fn group(encoded: &EncodedGroup) -> Result<GroupAddr, &'static str> {
    if encoded.mask_len != 32 {
        return Err("pim.drop.bad-mask");
    }
    GroupAddr::try_from(encoded.group).map_err(|_| "pim.drop.bad-group")
}

fn key(
    world: World<'_>,
    group: GroupAddr,
    encoded: &EncodedSource,
    what: JoinOrPrune,
) -> Result<TreeKey, &'static str> {
    if encoded.mask_len != 32 {
        return Err("pim.drop.bad-mask");
    }
    let source = UnicastAddr::try_from(encoded.source).map_err(|_| "pim.drop.bad-source")?;
    // RFC 7761 §4.8.1: groups of the SSM range have (S,G) state only.
    if encoded.rpt && world.config.pim.is_ssm(group) {
        return Err("pim.drop.ssm-range");
    }
    match (encoded.wildcard, encoded.rpt) {
        (false, false) => Ok(TreeKey::Sg(source, group)),
        (false, true) => Ok(TreeKey::SgRpt(source, group)),
        // RFC 7761 §4.5.1: a Join(*,G) has to name our RP(G), a Prune(*,G) has
        // not.
        (true, true) if what == JoinOrPrune::Prune || world.rps.rp(group) == Some(source) => {
            Ok(TreeKey::StarG(group))
        }
        (true, true) => Err("pim.drop.wrong-rp"),
        (true, false) => Err("pim.drop.bad-source-flags"),
    }
}
