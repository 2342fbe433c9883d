//! Restarts, failures and losses in virtual time (RFC 7761 §4.2, §4.3, §4.4,
//! §4.5): what was there before is there again, and nothing is left behind.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod sim_world;

use mcr_sim::{Filter, FlowId, LinkId, LinkOptions, Network, NodeId};
use mcr_wire::igmp::Version;
use sim_world::*;

/// The source's DR, the RP, and the last hop in a row.
struct Chain {
    net: Network,
    routers: [NodeId; 3],
    links: [LinkId; 4],
    receiver: NodeId,
    flow: FlowId,
}

/// With a flow that is received since t=20, and options of the links between.
fn chain(seed: u64, address: &str, options: LinkOptions) -> Chain {
    let mut net = Network::new(seed);
    net.trace.keep(20_000);
    let routers = ["dr", "rp", "last"].map(|name| net.router(name));
    let [dr, rp, last] = routers;
    let links = [
        link(&mut net, "source", &[dr]),
        net.link("dr-rp", &[dr, rp], options),
        net.link("rp-last", &[rp, last], options),
        link(&mut net, "receivers", &[last]),
    ];
    let source = net.host("sender", links[0], Version::V3);
    let receiver = net.host("receiver", links[3], Version::V3);
    net.rp(rp, GROUPS.parse().unwrap());
    net.start();
    net.run_until(t(10));
    let wanted = match address.starts_with("232") {
        true => Filter::source(net.address(source)),
        false => Filter::any(),
    };
    net.set_filter(receiver, group(address), wanted);
    net.run_until(t(20));
    let flow = net.send(source, group(address), millis(20));
    net.run_until(t(40));
    Chain {
        net,
        routers,
        links,
        receiver,
        flow,
    }
}

/// The receiver gets all for half a minute from now on.
#[track_caller]
fn served(chain: &mut Chain) {
    let net = &mut chain.net;
    let from = net.now();
    net.run_for(secs(30));
    let to = net.now();
    net.run_for(secs(1));
    exact(net, chain.receiver, chain.flow, from, to);
}

/// RFC 7761 §4.3.1, §4.5.5: a router comes back with another Generation ID, and
/// its neighbours tell it again what they want: the transit within t_override,
/// the last hop when its hosts have answered, the RP when the DR registers.
#[test]
fn each_router_restarts() {
    for address in ["239.1.1.1", "232.1.1.1"] {
        for (index, gap) in [(0, 5), (1, 95), (2, 12)] {
            let mut chain = chain(seed(40), address, LinkOptions::default());
            served(&mut chain);
            let router = chain.routers[index];
            chain.net.kill(router);
            chain.net.run_for(secs(1));
            chain.net.restart(router);
            chain.net.run_for(secs(gap));
            served(&mut chain);
        }
    }
}

/// RFC 7761 §4.5: a link goes down and comes back, some times in a row.
#[test]
fn a_link_flaps() {
    for address in ["239.1.1.1", "232.1.1.1"] {
        for index in [1, 2, 3] {
            let mut chain = chain(seed(41), address, LinkOptions::default());
            let link = chain.links[index];
            for pause in [3, 40, 700, 2, 5000, 900] {
                chain.net.set_link(link, false);
                chain.net.run_for(millis(pause));
                chain.net.set_link(link, true);
                chain.net.run_for(millis(pause * 2));
            }
            // Neighbours, and on the last link the members, are there again.
            chain.net.run_for(secs(15));
            served(&mut chain);
        }
    }
}

/// RFC 7761 §4.4, §4.5.4: the RP cannot be reached while a receiver joins and a
/// source starts; when it can, both come together.
#[test]
fn the_rp_is_unreachable_then_back() {
    let mut net = Network::new(seed(42));
    net.trace.keep(20_000);
    let [dr, rp, last] = ["dr", "rp", "last"].map(|name| net.router(name));
    let sources = link(&mut net, "source", &[dr]);
    let up = link(&mut net, "dr-rp", &[dr, rp]);
    let down = link(&mut net, "rp-last", &[rp, last]);
    let receivers = link(&mut net, "receivers", &[last]);
    let source = net.host("sender", sources, Version::V3);
    let receiver = net.host("receiver", receivers, Version::V3);
    net.rp(rp, GROUPS.parse().unwrap());
    net.start();
    net.run_until(t(10));
    net.set_link(up, false);
    net.set_link(down, false);
    net.run_until(t(20));
    let group = group("239.1.1.1");
    net.join(receiver, group);
    let flow = net.send(source, group, millis(20));
    net.run_until(t(60));
    nothing(&net, receiver, flow, t(20), t(59));
    net.set_link(up, true);
    net.set_link(down, true);
    net.run_for(secs(8));
    let from = net.now();
    net.run_for(secs(60));
    let to = net.now();
    net.run_for(secs(1));
    exact(&net, receiver, flow, from, to);
}

/// RFC 7761 §4.5: the receiver's side vanishes without a word, and the state
/// above ends with the Holdtime.
#[test]
fn the_link_to_the_last_hop_goes_silent() {
    for address in ["239.1.1.1", "232.1.1.1"] {
        let Chain {
            mut net,
            routers,
            links,
            flow,
            ..
        } = chain(seed(43), address, LinkOptions::default());
        net.silence(links[2], true);
        net.run_for(secs(211));
        net.watch_links();
        net.run_for(secs(10));
        assert_eq!(net.carried_on(flow, links[2]), 0, "{address}");
        net.stop_flow(flow);
        net.run_for(secs(420));
        for router in &routers[..2] {
            let tib = net.running(*router).unwrap().tib();
            assert!(tib.groups.is_empty(), "{address}: {:?}", tib.groups);
        }
        sound(&net);
    }
}

/// RFC 7761 §4.3.1, §4.5: a tenth of all messages gets lost, and the tree stands
/// for ten minutes all the same: of what is sent, nothing is lost but by the
/// links themselves.
#[test]
fn a_tree_over_links_that_lose() {
    let options = LinkOptions {
        loss: 100,
        ..LinkOptions::default()
    };
    let Chain {
        mut net,
        receiver,
        flow,
        ..
    } = chain(seed(44), "239.1.1.1", options);
    net.run_until(t(640));
    let delivery = net.delivery(receiver, flow, t(100), t(639));
    // Two links with a tenth lost on each leave 81 of 100.
    let lost = delivery.lost.len() * 100 / delivery.sent;
    assert!((15..=23).contains(&lost), "{lost} of 100 lost");
    assert!(delivery.doubled.is_empty(), "{delivery}");
    let longest = delivery
        .lost
        .chunk_by(|one, next| one + 1 == *next)
        .map(<[u64]>::len)
        .max();
    // No pause of a second.
    assert!(longest < Some(50), "{longest:?} lost in a row");
    sound(&net);
}
