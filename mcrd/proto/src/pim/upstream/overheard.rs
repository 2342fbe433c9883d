//! Join/Prune messages of other routers to an upstream neighbour that may be
//! ours too: the "See" events of RFC 7761 §4.5.4 to §4.5.6.

use std::net::Ipv4Addr;
use std::time::Duration;

use super::{of_key, refresh_at, rpt, t_override, t_periodic};
use crate::id::{GroupAddr, IfIndex, UnicastAddr};
use crate::pim::World;
use crate::pim::pack::JoinOrPrune;
use crate::router::{Context, TimerId};
use crate::tib::{Target, Tib, TreeKey};
use crate::time::Instant;

/// A neighbour sent this to another one, or was told by that one what it has
/// just pruned.
pub(in crate::pim) fn overheard(
    world: World<'_>,
    tib: &mut Tib,
    cx: &mut Context,
    (iface, neighbor): (IfIndex, Ipv4Addr),
    holdtime: u16,
    said: &[(TreeKey, JoinOrPrune)],
) {
    let holdtime = Duration::from_secs(u64::from(holdtime));
    let mut ear = Ear {
        target: Target {
            iface,
            neighbor: Some(neighbor),
        },
        // One draw for a message, so that its entries share the answer.
        override_at: world.now + t_override(world, cx, iface),
        suppressed: suppressed(world, cx, iface, holdtime),
        world,
        tib,
        cx,
    };
    for (key, what) in said {
        match (*key, what) {
            (key @ (TreeKey::StarG(_) | TreeKey::Sg(..)), JoinOrPrune::Join) => ear.see_join(key),
            (TreeKey::StarG(group), JoinOrPrune::Prune) => ear.see_prune_star_g(group),
            (TreeKey::Sg(source, group) | TreeKey::SgRpt(source, group), JoinOrPrune::Prune) => {
                ear.see_prune(source, group);
            }
            (TreeKey::SgRpt(source, group), JoinOrPrune::Join) => {
                ear.see_join_sg_rpt(source, group);
            }
        }
    }
}

/// min(t_suppressed, holdtime), and as the moment it ends; `None` where
/// suppression is disabled.
fn suppressed(
    world: World<'_>,
    cx: &mut Context,
    iface: IfIndex,
    holdtime: Duration,
) -> Option<Instant> {
    if !world.neighbors.suppression_enabled(iface) {
        return None;
    }
    let period = t_periodic(world);
    let t_suppressed = cx.rng.between(period.mul_f64(1.1), period.mul_f64(1.4));
    let at = refresh_at(world, cx, iface, t_suppressed);
    Some(at.min(world.now + holdtime))
}

struct Ear<'a, 'w> {
    world: World<'w>,
    tib: &'a mut Tib,
    cx: &'a mut Context,
    /// Whom the message is for.
    target: Target,
    override_at: Instant,
    suppressed: Option<Instant>,
}

impl Ear<'_, '_> {
    fn is_ours(&self, key: TreeKey) -> bool {
        let upstream = of_key(self.tib, key).filter(|upstream| upstream.joined);
        upstream.is_some_and(|upstream| upstream.target == Some(self.target))
    }

    fn see_join(&mut self, key: TreeKey) {
        if let Some(at) = self.suppressed
            && self.is_ours(key)
        {
            self.cx.timers.extend(TimerId::UpstreamJoin(key), at);
        }
    }

    fn rejoin_soon(&mut self, key: TreeKey) {
        if self.is_ours(key) {
            let timer = TimerId::UpstreamJoin(key);
            self.cx.timers.shorten(timer, self.override_at);
        }
    }

    fn see_prune_star_g(&mut self, group: GroupAddr) {
        self.rejoin_soon(TreeKey::StarG(group));
        let state = self.tib.groups.get(&group);
        let sources = state.into_iter().flat_map(|state| state.sg.keys().copied());
        let sources: Vec<UnicastAddr> = sources.collect();
        for source in sources {
            self.rejoin_soon(TreeKey::Sg(source, group));
        }
    }

    /// Prune(S,G) and Prune(S,G,rpt) threaten both entries of the source.
    fn see_prune(&mut self, source: UnicastAddr, group: GroupAddr) {
        self.rejoin_soon(TreeKey::Sg(source, group));
        let (tib, cx) = (&mut *self.tib, &mut *self.cx);
        let (heard, at) = (self.target, self.override_at);
        rpt::override_soon(self.world, tib, cx, (source, group), heard, at);
    }

    fn see_join_sg_rpt(&mut self, source: UnicastAddr, group: GroupAddr) {
        let timer = TimerId::Override(source, group);
        let target = rpt::target(self.world, self.tib, source, group);
        if self.cx.timers.is_set(timer) && target == Some(self.target) {
            self.cx.timers.cancel(timer);
            // The entry may have been kept for the timer alone.
            self.cx.changed_source(source, group);
        }
    }
}
