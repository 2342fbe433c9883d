//! Trees in virtual time: they grow with joins and sources, switch to the
//! shortest path, and vanish (RFC 7761 §3, §4.2, §4.4, §4.5).

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod sim_world;

use std::time::Duration;

use mcr_sim::{Filter, FlowId, LinkId, LinkOptions, Network, NodeId};
use mcr_wire::igmp::Version;
use sim_world::*;

/// The source, its DR, the RP, the last hop, and the receiver.
struct Chain {
    net: Network,
    routers: [NodeId; 3],
    links: [LinkId; 4],
    source: NodeId,
    receiver: NodeId,
}

fn chain(seed: u64) -> Chain {
    let mut net = Network::new(seed);
    net.trace.keep(20_000);
    let routers = ["dr", "rp", "last"].map(|name| net.router(name));
    let [dr, rp, last] = routers;
    let links = [
        link(&mut net, "source", &[dr]),
        link(&mut net, "dr-rp", &[dr, rp]),
        link(&mut net, "rp-last", &[rp, last]),
        link(&mut net, "receivers", &[last]),
    ];
    let source = net.host("sender", links[0], Version::V3);
    let receiver = net.host("receiver", links[3], Version::V3);
    net.rp(rp, GROUPS.parse().unwrap());
    net.start();
    net.run_until(t(10));
    Chain {
        net,
        routers,
        links,
        source,
        receiver,
    }
}

/// RFC 7761 §3.1 to §3.3: the receiver waits, and the first packet is not lost.
#[test]
fn a_source_starts_for_a_receiver_that_waits() {
    let Chain {
        mut net,
        source,
        receiver,
        ..
    } = chain(seed(1));
    let group = group("239.1.1.1");
    net.join(receiver, group);
    net.run_until(t(20));
    let flow = net.send(source, group, millis(10));
    net.run_until(t(60));
    exact(&net, receiver, flow, t(20), t(59));
}

/// RFC 7761 §3.1: a receiver comes to a source that is there already.
#[test]
fn a_receiver_joins_a_source_that_sends() {
    let Chain {
        mut net,
        source,
        receiver,
        ..
    } = chain(seed(2));
    let group = group("239.1.1.1");
    let flow = net.send(source, group, millis(10));
    net.run_until(t(20));
    nothing(&net, receiver, flow, t(10), t(20));
    net.join(receiver, group);
    net.run_until(t(60));
    // Report and Joins take 1 ms a link each.
    let joined = t(20) + millis(10);
    exact(&net, receiver, flow, joined, t(59));
}

/// RFC 4607 §4: (S,G) all the way, and neither RP nor Register.
#[test]
fn a_channel_of_one_source() {
    let Chain {
        mut net,
        routers,
        source,
        receiver,
        ..
    } = chain(seed(3));
    let group = group("232.1.1.1");
    let address = net.address(source);
    let flow = net.send(source, group, millis(10));
    net.run_until(t(20));
    net.set_filter(receiver, group, Filter::source(address));
    net.run_until(t(60));
    exact(&net, receiver, flow, t(20) + millis(10), t(59));
    for router in routers {
        let router = net.running(router).unwrap();
        let state = &router.tib().groups[&group];
        assert!(state.star_g.is_none() && state.sg_rpt.is_empty());
    }
}

/// RFC 7761 §4.5, §4.6, §4.11 and RFC 9776 §6: after the last member has left
/// and the source has stopped, nothing is left anywhere.
#[test]
fn everything_goes_when_nobody_wants_it() {
    for (version, address) in [
        (Version::V3, "239.1.1.1"),
        (Version::V2, "239.1.1.1"),
        (Version::V1, "239.1.1.1"),
        (Version::V3, "232.1.1.1"),
    ] {
        let Chain {
            mut net,
            links,
            source,
            ..
        } = chain(seed(4));
        let group = group(address);
        let receiver = net.host("another", links[3], version);
        let wanted = match address.starts_with("232") {
            true => Filter::source(net.address(source)),
            false => Filter::any(),
        };
        let flow = net.send(source, group, millis(100));
        net.set_filter(receiver, group, wanted);
        net.run_until(t(60));
        exact(&net, receiver, flow, t(30), t(59));
        net.leave(receiver, group);
        net.run_until(t(60) + secs(265));
        // The Group Membership Interval has passed, also for version 1.
        net.watch_links();
        net.run_for(secs(2));
        assert_eq!(net.carried_on(flow, links[3]), 0, "{version:?}");
        assert_eq!(net.carried_on(flow, links[2]), 0, "{version:?}");
        net.stop_flow(flow);
        net.run_for(secs(420));
        empty(&net);
    }
}

/// RFC 2236 §3, RFC 9776 §6.4: from the leave on it takes the Last Member Query
/// Time, and no longer (D8, D20).
#[test]
fn a_leave_ends_the_tree_in_two_seconds() {
    for version in [Version::V2, Version::V3] {
        let Chain {
            mut net,
            routers,
            links,
            source,
            ..
        } = chain(seed(5));
        let group = group("239.1.1.1");
        let receiver = net.host("another", links[3], version);
        let flow = net.send(source, group, millis(10));
        net.join(receiver, group);
        net.run_until(t(60));
        net.leave(receiver, group);
        net.watch_links();
        net.run_for(millis(1990));
        let before = net.carried_on(flow, links[3]);
        assert!(before >= 190, "{version:?}: {before}");
        net.run_for(millis(40));
        net.watch_links();
        net.run_for(secs(5));
        assert_eq!(net.carried_on(flow, links[3]), 0, "{version:?}");
        assert_eq!(net.carried_on(flow, links[2]), 0, "{version:?}");
        let last = net.running(routers[2]).unwrap();
        assert!(last.igmp().groups().next().is_none());
        sound(&net);
    }
}

struct Diamond {
    net: Network,
    /// Source, first-rp, rp-last, first-other, other-last, receivers.
    links: [LinkId; 6],
    source: NodeId,
    receiver: NodeId,
}

/// The RP lies on a way that costs more than the other one, and takes longer by
/// less than the time between two packets.
fn diamond(seed: u64) -> Diamond {
    diamond_with(seed, Duration::from_micros(1100))
}

/// Each link towards and from the RP takes so long; the others take 1 ms.
fn diamond_with(seed: u64, rp_delay: Duration) -> Diamond {
    let mut net = Network::new(seed);
    net.trace.keep(20_000);
    let routers = ["first", "rp", "other", "last"].map(|name| net.router(name));
    let [first, rp, other, last] = routers;
    let slow = LinkOptions {
        delay: rp_delay,
        metric: 20,
        ..LinkOptions::default()
    };
    let links = [
        link(&mut net, "source", &[first]),
        net.link("first-rp", &[first, rp], slow),
        net.link("rp-last", &[rp, last], slow),
        link(&mut net, "first-other", &[first, other]),
        link(&mut net, "other-last", &[other, last]),
        link(&mut net, "receivers", &[last]),
    ];
    let source = net.host("sender", links[0], Version::V3);
    let receiver = net.host("receiver", links[5], Version::V3);
    net.rp(rp, GROUPS.parse().unwrap());
    net.start();
    net.run_until(t(10));
    Diamond {
        net,
        links,
        source,
        receiver,
    }
}

fn diamond_flow(diamond: &mut Diamond) -> FlowId {
    let net = &mut diamond.net;
    let group = group("239.1.1.1");
    net.join(diamond.receiver, group);
    net.run_until(t(20));
    let flow = net.send(diamond.source, group, millis(2));
    net.run_until(t(20) + millis(20));
    flow
}

/// RFC 7761 §4.2.1, §4.2.2: the last hop goes over to the shortest path with
/// the first packet, of which none is lost or comes twice, and the RP's tree is
/// pruned of the source at once (§4.5.6).
#[test]
fn the_switch_to_the_shortest_path() {
    let mut diamond = diamond(seed(6));
    let flow = diamond_flow(&mut diamond);
    let Diamond {
        mut net,
        links,
        receiver,
        ..
    } = diamond;
    // The switch began with the first packet, and took some milliseconds.
    net.watch_links();
    net.run_until(t(60));
    exact(&net, receiver, flow, t(20), t(59));
    assert_eq!(net.carried_on(flow, links[2]), 0, "the RP's tree is pruned");
    assert_eq!(net.carried_on(flow, links[1]), 0, "the RP does not pull");
    assert!(net.carried_on(flow, links[4]) > 0);
}

/// RFC 7761 §4.2.2: over an RP that is as near or nearer, the packet of the
/// switch has come once already when it comes on the shortest path.
#[test]
fn the_switch_away_from_a_near_rp() {
    for delay in [Duration::from_micros(900), millis(1)] {
        let mut diamond = diamond_with(seed(11), delay);
        let flow = diamond_flow(&mut diamond);
        let Diamond {
            mut net, receiver, ..
        } = diamond;
        net.run_until(t(60));
        let delivery = net.delivery(receiver, flow, t(20), t(59));
        assert!(delivery.lost.is_empty(), "{delivery}");
        assert!(delivery.doubled.len() <= 1, "{delivery}");
        sound(&net);
    }
}

/// RFC 7761 §4.2.1: where the switch is not wanted all comes over the RP.
#[test]
fn no_switch_where_it_is_not_wanted() {
    let mut diamond = diamond(seed(7));
    diamond.net.configure_all(|config| {
        config.pim.spt_switch = mcr_proto::config::SptSwitch::Never;
    });
    let flow = diamond_flow(&mut diamond);
    let Diamond {
        mut net,
        links,
        receiver,
        ..
    } = diamond;
    net.watch_links();
    net.run_until(t(60));
    exact(&net, receiver, flow, t(20), t(59));
    assert_eq!(net.carried_on(flow, links[4]), 0);
    assert!(net.carried_on(flow, links[2]) > 0);
}

/// RFC 7761 §4.5.5: the way to the source fails and comes back, and the tree
/// follows.
#[test]
fn the_tree_follows_the_way_to_the_source() {
    let mut diamond = diamond(seed(8));
    let flow = diamond_flow(&mut diamond);
    let Diamond {
        mut net,
        links,
        receiver,
        ..
    } = diamond;
    net.run_until(t(60));
    net.set_link(links[3], false);
    net.run_until(t(90));
    exact(&net, receiver, flow, t(61), t(89));
    assert!(net.carried_on(flow, links[2]) > 0);
    net.set_link(links[3], true);
    net.run_until(t(120));
    net.watch_links();
    net.run_until(t(150));
    exact(&net, receiver, flow, t(120), t(149));
    assert_eq!(net.carried_on(flow, links[2]), 0);
}

/// RFC 7761 §4.5, §4.3: ten minutes with the RFC's timers, and no packet lost.
#[test]
fn ten_minutes_of_refresh() {
    let mut diamond = diamond(seed(9));
    let flow = diamond_flow(&mut diamond);
    let Diamond {
        mut net, receiver, ..
    } = diamond;
    net.run_until(t(620));
    exact(&net, receiver, flow, t(20), t(619));
}

/// RFC 7761 §4.2: a source that was silent for longer than its KeepaliveTimer
/// is a new one.
#[test]
fn a_source_is_silent_and_starts_again() {
    let mut diamond = diamond(seed(10));
    let flow = diamond_flow(&mut diamond);
    let Diamond {
        mut net,
        source,
        receiver,
        ..
    } = diamond;
    net.run_until(t(40));
    exact(&net, receiver, flow, t(20), t(39));
    net.stop_flow(flow);
    // The DR's KeepaliveTimer restarted with the last packet. Its probes go on
    // while it runs, and each restarts the RP's (§4.4.2); the last hop needs no
    // prune of the RP's tree then, so the RP joins for as long.
    net.run_until(t(40 + 210 + 210 + 15));
    for router in net.routers() {
        let groups = &net.running(router).unwrap().tib().groups;
        let sources = groups.values().map(|state| state.sg.len()).sum::<usize>();
        assert_eq!(sources, 0, "{}", net.name(router));
    }
    let flow = net.send(source, group("239.1.1.1"), millis(10));
    net.run_until(t(510));
    exact(&net, receiver, flow, t(480), t(509));
}
