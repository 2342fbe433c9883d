//! LANs with several routers, in virtual time: neighbours, DR, Assert, override
//! (RFC 7761 §4.3, §4.5, §4.6).

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod sim_world;

use std::time::Duration;

use mcr_proto::router::event::AssertRole;
use mcr_proto::time::Instant;
use mcr_sim::{Filter, FlowId, LinkId, Network, NodeId};
use mcr_wire::igmp::Version;
use sim_world::*;

fn dr(net: &Network, router: NodeId, link: LinkId) -> Option<std::net::Ipv4Addr> {
    let iface = net.iface(router, link).unwrap();
    net.running(router).unwrap().neighbors().dr(iface)
}

/// RFC 7761 §4.3.1, §4.3.2: everybody on the LAN knows everybody, and the same
/// DR: the highest address; with another priority, the highest priority.
#[test]
fn routers_of_a_lan_agree() {
    let mut net = Network::new(seed(20));
    net.trace.keep(20_000);
    let routers = ["a", "b", "c", "d"].map(|name| net.router(name));
    let lan = link(&mut net, "lan", &routers);
    net.start();
    net.run_until(t(10));
    let highest = net.address_on(routers[3], lan);
    for router in routers {
        let iface = net.iface(router, lan).unwrap();
        let neighbors = net.running(router).unwrap().neighbors();
        assert_eq!(neighbors.count(iface), 3);
        assert_eq!(dr(&net, router, lan), highest);
    }
    net.configure_on(routers[1], lan, |iface| {
        iface.pim.as_mut().unwrap().dr_priority = 7;
    });
    net.run_for(secs(1));
    for router in routers {
        assert_eq!(dr(&net, router, lan), net.address_on(routers[1], lan));
    }
    sound(&net);
}

/// The source on one LAN, the receivers on another, and two routers between
/// them; an RP further away behind both.
struct Lans {
    net: Network,
    routers: [NodeId; 2],
    source_lan: LinkId,
    lan: LinkId,
    source: NodeId,
    receiver: NodeId,
}

fn lans(seed: u64) -> Lans {
    let mut net = Network::new(seed);
    net.trace.keep(20_000);
    let routers = ["one", "two"].map(|name| net.router(name));
    let rp = net.router("rp");
    let source_lan = link(&mut net, "sources", &routers);
    let lan = link(&mut net, "receivers", &routers);
    link(&mut net, "one-rp", &[routers[0], rp]);
    link(&mut net, "two-rp", &[routers[1], rp]);
    let source = net.host("sender", source_lan, Version::V3);
    let receiver = net.host("receiver", lan, Version::V3);
    net.rp(rp, GROUPS.parse().unwrap());
    net.start();
    net.run_until(t(10));
    Lans {
        net,
        routers,
        source_lan,
        lan,
        source,
        receiver,
    }
}

/// A flow that the receiver of the LANs gets, of this group.
fn flow(lans: &mut Lans, address: &str) -> FlowId {
    let group = group(address);
    let wanted = match address.starts_with("232") {
        true => Filter::source(lans.net.address(lans.source)),
        false => Filter::any(),
    };
    lans.net.set_filter(lans.receiver, group, wanted);
    lans.net.run_until(t(20));
    let flow = lans.net.send(lans.source, group, millis(50));
    lans.net.run_until(t(60));
    flow
}

/// RFC 7761 §4.3.2: the other router takes over from a DR that says goodbye at
/// once, and from one that dies within its Holdtime; it yields when that one is
/// back.
#[test]
fn the_dr_goes_and_comes_back() {
    for address in ["239.1.1.1", "232.1.1.1"] {
        for dies in [false, true] {
            let mut lans = lans(seed(21));
            let flow = flow(&mut lans, address);
            let Lans {
                mut net,
                routers,
                lan,
                receiver,
                ..
            } = lans;
            exact(&net, receiver, flow, t(21), t(59));
            assert_eq!(net.designated_router(lan), Some(routers[1]));
            match dies {
                true => net.kill(routers[1]),
                false => net.stop(routers[1]),
            }
            let within = if dies { secs(106) } else { secs(1) };
            net.run_until(t(60) + within);
            let from = net.now();
            net.run_for(secs(30));
            let to = net.now();
            net.run_for(secs(1));
            exact(&net, receiver, flow, from, to);
            net.restart(routers[1]);
            net.run_for(secs(30));
            let from = net.now();
            net.run_for(secs(100));
            let to = net.now();
            net.run_for(secs(1));
            exact(&net, receiver, flow, from, to);
        }
    }
}

/// The last hops join by different ways onto a LAN between: both routers above
/// forward, until an Assert decides (RFC 7761 §4.6).
struct Contest {
    net: Network,
    /// Above the LAN, with the higher address last.
    upper: [NodeId; 2],
    lan: LinkId,
    source: NodeId,
    receivers: [NodeId; 2],
}

/// Each lower router has a static multicast route to another upper one.
fn contest(seed: u64) -> Contest {
    let mut net = Network::new(seed);
    net.trace.keep(40_000);
    let first = net.router("first");
    let upper = ["left", "right"].map(|name| net.router(name));
    let lower = ["low-left", "low-right"].map(|name| net.router(name));
    let sources = link(&mut net, "sources", &[first]);
    link(&mut net, "first-left", &[first, upper[0]]);
    link(&mut net, "first-right", &[first, upper[1]]);
    let lan = link(&mut net, "lan", &[upper[0], upper[1], lower[0], lower[1]]);
    let left = link(&mut net, "left receivers", &[lower[0]]);
    let right = link(&mut net, "right receivers", &[lower[1]]);
    let source = net.host("sender", sources, Version::V3);
    let receivers = [
        net.host("left receiver", left, Version::V3),
        net.host("right receiver", right, Version::V3),
    ];
    net.rp(first, GROUPS.parse().unwrap());
    for (lower, upper) in lower.into_iter().zip(upper) {
        let next_hop = net.address_on(upper, lan).unwrap();
        let iface = net.iface(lower, lan).unwrap();
        net.configure(lower, |config| {
            config.mroutes.push(mcr_proto::config::StaticMroute {
                network: "10.0.0.0/8".parse().unwrap(),
                interface: format!("eth{iface}").parse().unwrap(),
                next_hop: Some(next_hop.try_into().unwrap()),
                metric: 1,
            });
        });
    }
    net.start();
    net.run_until(t(10));
    Contest {
        net,
        upper,
        lan,
        source,
        receivers,
    }
}

fn contested_flow(contest: &mut Contest, address: &str) -> FlowId {
    let net = &mut contest.net;
    let group = group(address);
    let wanted = match address.starts_with("232") {
        true => Filter::source(net.address(contest.source)),
        false => Filter::any(),
    };
    for receiver in contest.receivers {
        net.set_filter(receiver, group, wanted.clone());
    }
    net.run_until(t(20));
    let flow = net.send(contest.source, group, millis(10));
    net.run_until(t(60));
    flow
}

fn both(contest: &Contest, flow: FlowId, from: Instant, to: Instant) {
    for receiver in contest.receivers {
        exact(&contest.net, receiver, flow, from, to);
    }
}

/// RFC 7761 §4.6: one forwarder within a second of the flow's start, with
/// nothing lost, in (S,G) and in (*,G) trees; and it stays so beyond
/// Assert_Time.
#[test]
fn one_of_two_forwarders_wins() {
    for address in ["232.1.1.1", "239.1.1.1"] {
        let mut contest = contest(seed(22));
        let flow = contested_flow(&mut contest, address);
        both(&contest, flow, t(21), t(59));
        contest.net.watch_links();
        contest.net.run_until(t(400));
        both(&contest, flow, t(21), t(399));
        let carried = contest.net.carried(flow);
        assert_eq!(carried[&contest.lan].len(), 1, "{address}");
        let roles: Vec<_> = contest
            .upper
            .iter()
            .map(|router| role(&contest.net, *router, contest.lan, address))
            .collect();
        assert!(roles.contains(&Some(AssertRole::Winner)), "{roles:?}");
    }
}

fn role(net: &Network, router: NodeId, lan: LinkId, address: &str) -> Option<AssertRole> {
    let iface = net.iface(router, lan)?;
    let state = net.running(router)?.tib().groups.get(&group(address))?;
    let of_source = state.sg.values().find_map(|sg| sg.asserts.get(&iface));
    let of_any = state
        .star_g
        .as_ref()
        .and_then(|star_g| star_g.asserts.get(&iface));
    of_source.or(of_any).map(|state| state.role)
}

/// RFC 7761 §4.6.1: the winner dies, and the loser forwards once it knows.
#[test]
fn the_assert_winner_dies() {
    for address in ["232.1.1.1", "239.1.1.1"] {
        let mut contest = contest(seed(23));
        let flow = contested_flow(&mut contest, address);
        let winner = contest
            .upper
            .into_iter()
            .find(|router| {
                role(&contest.net, *router, contest.lan, address) == Some(AssertRole::Winner)
            })
            .unwrap();
        let [left, _] = contest.upper;
        let survivor = contest.upper[usize::from(winner == left)];
        contest.net.kill(winner);
        // The static routes lead to the dead router for ever: the lower one
        // that has such a route is served as long as the other one is.
        contest.net.run_for(secs(181));
        let from = contest.net.now();
        contest.net.run_for(secs(60));
        let to = contest.net.now();
        contest.net.run_for(secs(1));
        let served = contest.upper.iter().position(|upper| *upper == survivor);
        exact(
            &contest.net,
            contest.receivers[served.unwrap()],
            flow,
            from,
            to,
        );
    }
}

/// RFC 7761 §4.5.1, §4.5.5: one of two routers below a LAN leaves, and the other
/// overrides its Prune before it counts.
#[test]
fn a_prune_is_overridden() {
    for address in ["232.1.1.1", "239.1.1.1"] {
        let mut net = Network::new(seed(24));
        net.trace.keep(20_000);
        let first = net.router("first");
        let lower = ["left", "right"].map(|name| net.router(name));
        let sources = link(&mut net, "sources", &[first]);
        let lan = link(&mut net, "lan", &[first, lower[0], lower[1]]);
        let links = lower.map(|router| link(&mut net, "receivers", &[router]));
        let source = net.host("sender", sources, Version::V3);
        let receivers = links.map(|link| net.host("receiver", link, Version::V3));
        net.rp(first, GROUPS.parse().unwrap());
        net.start();
        net.run_until(t(10));
        let group = group(address);
        let wanted = match address.starts_with("232") {
            true => Filter::source(net.address(source)),
            false => Filter::any(),
        };
        for receiver in receivers {
            net.set_filter(receiver, group, wanted.clone());
        }
        net.run_until(t(20));
        let flow = net.send(source, group, millis(10));
        net.run_until(t(50));
        net.leave(receivers[0], group);
        net.run_until(t(120));
        exact(&net, receivers[1], flow, t(21), t(119));
        net.leave(receivers[1], group);
        // The Last Member Query Time, then J/P_Override_Interval.
        net.run_for(millis(2000 + 3000 + 100));
        net.watch_links();
        net.run_for(secs(10));
        assert_eq!(net.carried_on(flow, lan), 0);
        sound(&net);
    }
}

/// RFC 7761 §4.5: the routers below vanish without a word, and what they joined
/// ends with the Holdtime of their last Join.
#[test]
fn state_ends_after_silence() {
    let mut lans = lans(seed(25));
    let flow = flow(&mut lans, "239.1.1.1");
    let Lans {
        mut net,
        routers,
        source_lan,
        lan,
        source: _,
        receiver,
    } = lans;
    exact(&net, receiver, flow, t(21), t(59));
    net.silence(lan, true);
    net.silence(source_lan, true);
    let rest: Duration = secs(60 + 260 + 210 + 210);
    net.run_for(rest);
    for router in routers {
        let router = net.running(router).unwrap();
        assert!(router.igmp().groups().next().is_none());
    }
    empty(&net);
}
