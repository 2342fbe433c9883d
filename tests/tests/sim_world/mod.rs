//! What the tests in virtual time share: addresses, small networks, and what is
//! demanded of every one of them.

#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::time::Duration;

use mcr_proto::id::{GroupAddr, UnicastAddr};
use mcr_proto::time::Instant;
use mcr_sim::{FlowId, LinkId, LinkOptions, Network, NodeId, check};

/// Groups of any source, and of one source.
pub(crate) const GROUPS: &str = "224.0.0.0/4";

pub(crate) fn group(text: &str) -> GroupAddr {
    text.parse::<std::net::Ipv4Addr>()
        .unwrap()
        .try_into()
        .unwrap()
}

pub(crate) const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(crate) const fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

pub(crate) const fn t(seconds: u64) -> Instant {
    Instant::from_micros(seconds * 1_000_000)
}

/// A seed, and another one where MCR_SEED asks for it.
pub(crate) fn seed(usual: u64) -> u64 {
    std::env::var("MCR_SEED").map_or(usual, |text| text.parse().unwrap())
}

pub(crate) fn link(net: &mut Network, name: &str, routers: &[NodeId]) -> LinkId {
    net.link(name, routers, LinkOptions::default())
}

/// A link that costs so much.
pub(crate) fn link_of_cost(
    net: &mut Network,
    name: &str,
    routers: &[NodeId],
    metric: u32,
) -> LinkId {
    let options = LinkOptions {
        metric,
        ..LinkOptions::default()
    };
    net.link(name, routers, options)
}

/// Nothing was found by the checks after every event.
#[track_caller]
pub(crate) fn sound(net: &Network) {
    if net.circles > 0 {
        fail(net, "packets went in circles");
    }
    if !net.violations().is_empty() {
        fail(net, &net.violations().join("\n"));
    }
}

/// Fails with what happened before.
#[track_caller]
pub(crate) fn fail(net: &Network, reason: &str) -> ! {
    match std::env::var_os("MCR_TRACE") {
        Some(_) => panic!("{}\n{reason}", net.trace),
        None => panic!("{reason}\n(MCR_TRACE=1 prints what happened)"),
    }
}

/// The host got every packet sent in the time, once.
#[track_caller]
pub(crate) fn exact(net: &Network, host: NodeId, flow: FlowId, from: Instant, to: Instant) {
    let delivery = net.delivery(host, flow, from, to);
    if !delivery.is_exact() {
        let name = net.name(host);
        fail(net, &format!("{name} from {from} to {to}: {delivery}"));
    }
    sound(net);
}

/// The host got no packet sent in the time.
#[track_caller]
pub(crate) fn nothing(net: &Network, host: NodeId, flow: FlowId, from: Instant, to: Instant) {
    let delivery = net.delivery(host, flow, from, to);
    if delivery.sent == 0 || delivery.lost.len() != delivery.sent {
        let name = net.name(host);
        fail(net, &format!("{name} from {from} to {to}: {delivery}"));
    }
}

/// No router has anything left of any group.
#[track_caller]
pub(crate) fn empty(net: &Network) {
    for node in net.routers() {
        let (Some(router), Some(plane)) = (net.running(node), net.plane(node)) else {
            continue;
        };
        if !check::is_empty(router, plane) {
            let name = net.name(node);
            let reason = format!(
                "{name} has {:#?}\nmembers {:?}\nentries {:?}",
                router.tib().groups,
                router.igmp().groups().collect::<Vec<_>>(),
                plane.entries()
            );
            fail(net, &reason);
        }
    }
    sound(net);
}

/// The interfaces to which a router sends on packets of the source that arrive
/// where they must.
pub(crate) fn olist(
    net: &Network,
    router: NodeId,
    source: UnicastAddr,
    group: GroupAddr,
) -> Vec<u32> {
    use mcr_proto::fib::Accept;
    let entries = net.plane(router).unwrap().entries().iter();
    let entries = entries.filter(|(key, entry)| {
        key.group == group
            && key.source == Some(source)
            && matches!(entry.accept, Accept::Forward | Accept::UntilSwitch)
    });
    entries
        .flat_map(|(_, entry)| entry.outputs.iter().map(|output| output.oif.get()))
        .collect()
}
