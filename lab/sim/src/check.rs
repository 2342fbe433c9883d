//! What must hold after every event, whatever happened before.

use mcr_proto::fib::{Accept, RouteEntry, RouteKey};
use mcr_proto::id::{GroupAddr, UnicastAddr};
use mcr_proto::router::event::RegisterState;
use mcr_proto::router::{IgmpTimer, Router, TimerId};
use mcr_proto::tib::{Downstream, DownstreamRpt, Sg, SgRpt, TreeKey};
use mcr_proto::time::Instant;

use crate::plane::Plane;

/// What is not as it must be with a router and its data plane.
pub fn router(router: &Router, plane: &Plane, now: Instant) -> Vec<String> {
    let mut findings = Vec::new();
    for (timer, at) in router.timers().iter() {
        if !owner_exists(router, timer) {
            findings.push(format!("{timer:?} has no owner"));
        }
        if at < now {
            findings.push(format!("{timer:?} was due at {at}"));
        }
    }
    for (key, entry) in plane.entries() {
        findings.extend(route(router, key, entry));
    }
    let told: usize = router
        .interfaces()
        .iter()
        .filter_map(|iface| router.routes().table(iface.index()))
        .map(|table| table.entries().len())
        .sum();
    if told != plane.entries().len() {
        let has = plane.entries().len();
        findings.push(format!("the data plane has {has} entries and not {told}"));
    }
    findings
}

fn route(router: &Router, key: &RouteKey, entry: &RouteEntry) -> Option<String> {
    let told = router.routes().table(key.iif);
    if told.and_then(|table| table.entries().get(key)) != Some(entry) {
        return Some(format!("{key:?} is another one in the data plane"));
    }
    if entry.outputs.iter().any(|output| output.oif == key.iif) {
        return Some(format!("{key:?} sends back where packets come from"));
    }
    let state = router.tib().groups.get(&key.group);
    let forwards = match entry.accept {
        Accept::Forward | Accept::UntilSwitch | Accept::Switch => !entry.outputs.is_empty(),
        Accept::WrongInterface | Accept::Discard => false,
    };
    (forwards && state.is_none()).then(|| format!("{key:?} forwards without a tree"))
}

/// A timer belongs to the state that it ends.
fn owner_exists(router: &Router, timer: TimerId) -> bool {
    match timer {
        TimerId::Igmp(timer) => igmp_owner_exists(router, timer),
        TimerId::Hello(iface) => {
            let iface = router.interfaces().get(iface);
            iface.is_some_and(|iface| iface.pim().is_some())
        }
        TimerId::NeighborLiveness(iface, address) => {
            router.neighbors().neighbor(iface, address) == Some(address)
        }
        TimerId::Expiry(key, iface) => downstream(router, key, iface).is_some(),
        TimerId::PrunePending(key, iface) => downstream(router, key, iface) == Some(true),
        TimerId::UpstreamJoin(key) => joined(router, key),
        TimerId::Override(source, group) => sg_rpt(router, source, group).is_some(),
        TimerId::Keepalive(source, group) => {
            sg(router, source, group).is_some_and(|sg| sg.keepalive)
        }
        TimerId::RegisterStop(source, group) => {
            sg(router, source, group).is_some_and(|sg| match sg.register {
                RegisterState::Prune | RegisterState::JoinPending => true,
                RegisterState::NoInfo | RegisterState::Join => false,
            })
        }
        TimerId::Assert(key, iface) => asserts(router, key, iface),
        TimerId::OldUpstream(key) => exists(router, key),
        // It belongs to packets that no tree wanted.
        TimerId::Unwanted => true,
    }
}

fn igmp_owner_exists(router: &Router, timer: IgmpTimer) -> bool {
    let iface = match timer {
        IgmpTimer::GeneralQuery(iface)
        | IgmpTimer::OtherQuerierPresent(iface)
        | IgmpTimer::GroupMembership(iface, _)
        | IgmpTimer::Source(iface, _, _)
        | IgmpTimer::V1HostPresent(iface, _)
        | IgmpTimer::V2HostPresent(iface, _)
        | IgmpTimer::SpecificQuery(iface, _) => iface,
    };
    let group = match timer {
        IgmpTimer::GroupMembership(_, group)
        | IgmpTimer::Source(_, group, _)
        | IgmpTimer::V1HostPresent(_, group)
        | IgmpTimer::V2HostPresent(_, group)
        | IgmpTimer::SpecificQuery(_, group) => Some(group),
        IgmpTimer::GeneralQuery(_) | IgmpTimer::OtherQuerierPresent(_) => None,
    };
    let runs = router.interfaces().get(iface);
    let member = |group| router.igmp().members(group).any(|(at, _)| at == iface);
    runs.is_some_and(|iface| iface.igmp().is_some()) && group.is_none_or(member)
}

fn sg(router: &Router, source: UnicastAddr, group: GroupAddr) -> Option<&Sg> {
    router.tib().groups.get(&group)?.sg.get(&source)
}

fn sg_rpt(router: &Router, source: UnicastAddr, group: GroupAddr) -> Option<&SgRpt> {
    router.tib().groups.get(&group)?.sg_rpt.get(&source)
}

fn exists(router: &Router, key: TreeKey) -> bool {
    let state = router.tib().groups.get(&key.group());
    state.is_some_and(|state| match key {
        TreeKey::StarG(_) => state.star_g.is_some(),
        TreeKey::Sg(source, _) => state.sg.contains_key(&source),
        TreeKey::SgRpt(source, _) => state.sg_rpt.contains_key(&source),
    })
}

fn joined(router: &Router, key: TreeKey) -> bool {
    let state = router.tib().groups.get(&key.group());
    state.is_some_and(|state| match key {
        TreeKey::StarG(_) => state.star_g.as_ref().is_some_and(|it| it.upstream.joined),
        TreeKey::Sg(source, _) => state.sg.get(&source).is_some_and(|it| it.upstream.joined),
        TreeKey::SgRpt(..) => false,
    })
}

fn asserts(router: &Router, key: TreeKey, iface: mcr_proto::id::IfIndex) -> bool {
    let state = router.tib().groups.get(&key.group());
    state.is_some_and(|state| match key {
        TreeKey::StarG(_) => {
            let star_g = state.star_g.as_ref();
            star_g.is_some_and(|it| it.asserts.contains_key(&iface))
        }
        TreeKey::Sg(source, _) => {
            let sg = state.sg.get(&source);
            sg.is_some_and(|it| it.asserts.contains_key(&iface))
        }
        TreeKey::SgRpt(..) => false,
    })
}

/// Whether there is state on the interface, and whether a prune is pending.
fn downstream(router: &Router, key: TreeKey, iface: mcr_proto::id::IfIndex) -> Option<bool> {
    let state = router.tib().groups.get(&key.group())?;
    let pending = |state: &Downstream| match state {
        Downstream::Join => Some(false),
        Downstream::PrunePending => Some(true),
        Downstream::NoInfo => None,
    };
    match key {
        TreeKey::StarG(_) => state
            .star_g
            .as_ref()?
            .downstream
            .get(&iface)
            .and_then(pending),
        TreeKey::Sg(source, _) => state
            .sg
            .get(&source)?
            .downstream
            .get(&iface)
            .and_then(pending),
        TreeKey::SgRpt(source, _) => match state.sg_rpt.get(&source)?.downstream.get(&iface)? {
            DownstreamRpt::Prune => Some(false),
            DownstreamRpt::PrunePending => Some(true),
            DownstreamRpt::NoInfo => None,
        },
    }
}

/// Nothing is left of groups: no tree, no membership, no forwarding entry.
pub fn is_empty(router: &Router, plane: &Plane) -> bool {
    router.tib().groups.is_empty()
        && router.igmp().groups().next().is_none()
        && plane.entries().is_empty()
}
