//! What data packets do, in virtual time: Register, the switch to the source's
//! tree, Assert (RFC 7761 §4.2, §4.4, §4.6).

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod sim_world;

use mcr_proto::router::event::{AssertRole, RegisterState};
use mcr_sim::{Filter, LinkId, LinkOptions, Network, NodeId};
use mcr_wire::igmp::Version;
use sim_world::*;

const ASM: &str = "239.1.1.1";
const SSM: &str = "232.1.1.1";

/// Source, DR, RP, last hop, receiver.
struct Chain {
    net: Network,
    dr: NodeId,
    rp: NodeId,
    source: NodeId,
    receiver: NodeId,
}

fn chain(seed_number: u64) -> Chain {
    let mut net = Network::new(seed(seed_number));
    net.trace.keep(20_000);
    let [dr, rp, last] = ["dr", "rp", "last"].map(|name| net.router(name));
    let sources = link(&mut net, "sources", &[dr]);
    link(&mut net, "dr-rp", &[dr, rp]);
    link(&mut net, "rp-last", &[rp, last]);
    let receivers = link(&mut net, "receivers", &[last]);
    let source = net.host("source", sources, Version::V3);
    let receiver = net.host("receiver", receivers, Version::V3);
    net.rp(rp, GROUPS.parse().unwrap());
    net.start();
    net.run_until(t(5));
    Chain {
        net,
        dr,
        rp,
        source,
        receiver,
    }
}

fn register(net: &Network, router: NodeId, source: NodeId) -> RegisterState {
    let tib = net.running(router).unwrap().tib();
    let sg = tib.sg(net.address(source), group(ASM));
    sg.map_or(RegisterState::NoInfo, |sg| sg.register)
}

/// RFC 7761 §4.2, §4.4: the first packet goes out of a Register, later ones on
/// the source's own tree, and none is lost or comes twice.
#[test]
fn a_receiver_that_waits_gets_the_first_packet_and_every_one_once() {
    let mut chain = chain(31);
    chain.net.join(chain.receiver, group(ASM));
    chain.net.run_until(t(8));
    let flow = chain.net.send(chain.source, group(ASM), millis(10));
    chain.net.run_until(t(20));
    exact(&chain.net, chain.receiver, flow, t(8), t(19));
    assert_eq!(
        register(&chain.net, chain.dr, chain.source),
        RegisterState::Prune
    );
    let rp = chain.net.running(chain.rp).unwrap().tib();
    let sg = rp.sg(chain.net.address(chain.source), group(ASM)).unwrap();
    assert!(sg.spt_bit, "RFC 7761 §4.2.2 at the RP");
}

/// RFC 7761 §4.4.1, §4.4.2: nobody wants the packets, so the RP stops the DR,
/// which probes before it registers again; a receiver that comes later is
/// served from the state that the RP kept.
#[test]
fn a_source_without_receivers_is_stopped_and_found_by_a_late_one() {
    let mut chain = chain(32);
    let flow = chain.net.send(chain.source, group(ASM), millis(100));
    chain.net.run_until(t(6));
    assert_eq!(
        register(&chain.net, chain.dr, chain.source),
        RegisterState::Prune
    );
    chain.net.run_until(t(400));
    assert_eq!(
        register(&chain.net, chain.dr, chain.source),
        RegisterState::Prune
    );
    let counters = chain.net.running(chain.dr).unwrap().counters();
    let total = |name| -> u64 {
        let named = counters.iter().filter(|(_, of, _)| *of == name);
        named.map(|(_, _, count)| count).sum()
    };
    assert!(
        total("pim.tx.null-register") >= 4,
        "a probe each 25 to 90 s"
    );
    assert!(total("pim.tx.register") <= 3);
    chain.net.join(chain.receiver, group(ASM));
    chain.net.run_until(t(410));
    exact(&chain.net, chain.receiver, flow, t(402), t(409));
}

/// RFC 7761 §4.8: no Register, and SPTbit of every router from data.
#[test]
fn a_chain_of_one_source_forwards_from_the_join_on() {
    let mut chain = chain(33);
    let source = chain.net.address(chain.source);
    let filter = Filter::source(source);
    chain.net.set_filter(chain.receiver, group(SSM), filter);
    chain.net.run_until(t(8));
    let flow = chain.net.send(chain.source, group(SSM), millis(10));
    chain.net.run_until(t(20));
    exact(&chain.net, chain.receiver, flow, t(8), t(19));
    for node in [chain.dr, chain.rp] {
        let tib = chain.net.running(node).unwrap().tib();
        assert!(tib.sg(source, group(SSM)).unwrap().spt_bit);
    }
    assert_eq!(
        register(&chain.net, chain.dr, chain.source),
        RegisterState::NoInfo
    );
}

/// All left, and the source fell silent: nothing stays, nowhere.
#[test]
fn nothing_is_left_of_a_flow_that_ended() {
    let mut chain = chain(34);
    chain.net.join(chain.receiver, group(ASM));
    let flow = chain.net.send(chain.source, group(ASM), millis(100));
    chain.net.run_until(t(20));
    chain.net.leave(chain.receiver, group(ASM));
    chain.net.run_until(t(30));
    chain.net.stop_flow(flow);
    // The KeepaliveTimers of the DR and, after its last Null-Register, of the RP.
    chain.net.run_until(t(30 + 210 + 210 + 5));
    empty(&chain.net);
}

/// Two last hops with one LAN, and a router on it that joined the second one,
/// because its ways lead there.
struct SharedLan {
    net: Network,
    forwarders: [NodeId; 2],
    lan: LinkId,
    source: NodeId,
    receiver: NodeId,
    behind: NodeId,
}

fn shared_lan(seed_number: u64) -> SharedLan {
    let mut net = Network::new(seed(seed_number));
    net.trace.keep(20_000);
    let [first, one, two, down] = ["first", "one", "two", "down"].map(|name| net.router(name));
    let sources = link(&mut net, "sources", &[first]);
    link(&mut net, "first-one", &[first, one]);
    link(&mut net, "first-two", &[first, two]);
    let lan = net.link("lan", &[one, two, down], LinkOptions::default());
    let stub = link(&mut net, "stub", &[down]);
    let source = net.host("source", sources, Version::V3);
    let receiver = net.host("receiver", lan, Version::V3);
    let behind = net.host("behind", stub, Version::V3);
    net.rp(first, GROUPS.parse().unwrap());
    // The router on the LAN that is no forwarder has the highest address; the
    // DR is to be a forwarder, and not the one that `down` joins.
    net.configure_on(two, lan, |iface| {
        iface.pim.as_mut().unwrap().dr_priority = 9;
    });
    net.start();
    net.run_until(t(5));
    SharedLan {
        net,
        forwarders: [one, two],
        lan,
        source,
        receiver,
        behind,
    }
}

fn roles(shared: &SharedLan, text: &str) -> Vec<AssertRole> {
    let source = shared.net.address(shared.source);
    let roles = shared.forwarders.iter().flat_map(|node| {
        let iface = shared.net.iface(*node, shared.lan).unwrap();
        let router = shared.net.running(*node).unwrap();
        let tib = router.tib();
        let sg = tib.sg(source, group(text));
        let role = sg.and_then(|sg| sg.asserts.get(&iface)).map(|of| of.role);
        role.into_iter()
    });
    roles.collect()
}

fn judge(mut shared: SharedLan, text: &str) {
    let start = shared.net.now();
    let flow = shared.net.send(shared.source, group(text), millis(10));
    shared.net.run_for(secs(400));
    let (from, to) = (start + secs(1), start + secs(399));
    exact(&shared.net, shared.receiver, flow, from, to);
    exact(&shared.net, shared.behind, flow, from, to);
    let first = shared.net.delivery(shared.receiver, flow, start, from);
    assert_eq!(first.lost, [] as [u64; 0], "none is lost at the start");
    assert!(first.doubled.len() <= 2, "{first:?}");
    // Who joined the loser joins the winner now, and the loser has nothing to
    // lose any more.
    let mut roles = roles(&shared, text);
    roles.retain(|role| *role == AssertRole::Winner);
    assert_eq!(roles, [AssertRole::Winner]);
}

/// RFC 7761 §4.6.1: two forwarders of one source on a LAN become one within a
/// second, and its Asserts keep it so.
#[test]
fn a_shared_lan_has_one_forwarder_of_one_source() {
    let mut shared = shared_lan(35);
    let source = shared.net.address(shared.source);
    for host in [shared.receiver, shared.behind] {
        let filter = Filter::source(source);
        shared.net.set_filter(host, group(SSM), filter);
    }
    shared.net.run_for(secs(3));
    judge(shared, SSM);
}

/// RFC 7761 §4.6.1, §4.6.2: the same with any source.
#[test]
fn a_shared_lan_has_one_forwarder_of_any_source() {
    let mut shared = shared_lan(36);
    for host in [shared.receiver, shared.behind] {
        shared.net.join(host, group(ASM));
    }
    shared.net.run_for(secs(3));
    judge(shared, ASM);
}

/// A LAN with the source, its DR and the RP, of which another router on the LAN
/// wants packets: what comes out of a Register must not be registered again.
#[test]
fn a_source_on_the_link_of_the_rp() {
    let mut net = Network::new(seed(37));
    net.trace.keep(20_000);
    let [rp, last, dr] = ["rp", "last", "dr"].map(|name| net.router(name));
    let lan = link(&mut net, "lan", &[rp, last, dr]);
    let stub = link(&mut net, "stub", &[last]);
    let source = net.host("source", lan, Version::V3);
    let receiver = net.host("receiver", stub, Version::V3);
    net.rp(rp, GROUPS.parse().unwrap());
    net.start();
    net.run_until(t(20));
    // The Join comes after the first packet.
    let flow = net.send(source, group(ASM), secs(1));
    net.run_for(millis(1));
    net.join(receiver, group(ASM));
    net.run_until(t(40));
    exact(&net, receiver, flow, t(21), t(39));
    let counters = net.running(dr).unwrap().counters().iter();
    let registers = counters.filter(|(_, name, _)| *name == "pim.tx.register");
    let sent: u64 = registers.map(|(_, _, count)| count).sum();
    assert!(sent <= 2, "{sent} Registers");
}

/// The last hop has its members on the link that the RP tree comes from, and
/// another way to the source: one router forwards, and it is always the same.
#[test]
fn members_on_the_link_of_the_rp_tree() {
    let mut net = Network::new(seed(38));
    net.trace.keep(20_000);
    let [rp, first, last] = ["rp", "first", "last"].map(|name| net.router(name));
    let sources = link(&mut net, "sources", &[rp, first]);
    link(&mut net, "first-last", &[first, last]);
    let members = link_of_cost(&mut net, "members", &[rp, last], 20);
    let source = net.host("source", sources, Version::V3);
    let receiver = net.host("receiver", members, Version::V3);
    net.rp(rp, GROUPS.parse().unwrap());
    // The way to the RP over another router costs as much.
    net.take_highest(rp);
    net.start();
    net.run_until(t(5));
    net.join(receiver, group(ASM));
    net.run_until(t(10));
    let flow = net.send(source, group(ASM), millis(100));
    net.run_until(t(400));
    exact(&net, receiver, flow, t(11), t(399));
    net.watch_links();
    net.run_for(secs(10));
    assert_eq!(net.carried(flow)[&members].len(), 1);
}

/// RFC 7761 §4.2: the DR of the members has all its ways over their link; it
/// joins RP and source by different routers there, and its KeepaliveTimer runs
/// while packets come.
#[test]
fn a_last_hop_without_another_link() {
    let mut net = Network::new(seed(39));
    net.trace.keep(20_000);
    let [rp, near, last] = ["rp", "near", "last"].map(|name| net.router(name));
    let sources = link(&mut net, "sources", &[near]);
    link(&mut net, "rp-near", &[rp, near]);
    let members = link(&mut net, "members", &[rp, near, last]);
    let source = net.host("source", sources, Version::V3);
    let receiver = net.host("receiver", members, Version::V3);
    net.rp(rp, GROUPS.parse().unwrap());
    net.start();
    net.run_until(t(5));
    net.join(receiver, group(ASM));
    net.run_until(t(10));
    let flow = net.send(source, group(ASM), millis(100));
    net.run_until(t(700));
    exact(&net, receiver, flow, t(12), t(699));
}

/// A LAN with the RP, the router of the source, and a last hop that joins RP and
/// source by different routers there. No Assert tells it which tree a packet is
/// of, since the RP gets the packets of the source on the same LAN. Who wants
/// this source behind it is served, whether the members of any source are on
/// the LAN itself or behind it as well (RFC 7761 §4.2.2).
#[test]
fn both_trees_come_over_one_lan() {
    for behind in [false, true] {
        let mut net = Network::new(seed(40));
        net.trace.keep(20_000);
        let [rp, first, last] = ["rp", "first", "last"].map(|name| net.router(name));
        let lan = link(&mut net, "lan", &[rp, first, last]);
        let sources = link(&mut net, "sources", &[first]);
        let members = link(&mut net, "members", &[last]);
        let others = link(&mut net, "others", &[last]);
        let source = net.host("source", sources, Version::V3);
        let receiver = net.host("receiver", members, Version::V3);
        let other = if behind { others } else { lan };
        let other = net.host("other", other, Version::V3);
        net.rp(rp, GROUPS.parse().unwrap());
        net.start();
        net.run_until(t(20));
        let flow = net.send(source, group(ASM), millis(100));
        let wanted = Filter::source(net.address(source));
        net.set_filter(receiver, group(ASM), wanted);
        net.join(other, group(ASM));
        net.run_until(t(300));
        for host in [receiver, other] {
            exact(&net, host, flow, t(25), t(299));
        }
    }
}

/// The DR of the members finds the RP across their link, and both it and the RP
/// are on the link of the source. One of them forwards, and it is always the
/// same: the winner of the Assert serves the DR's members, and does not wait for
/// somebody to ask (RFC 7761 §4.6).
#[test]
fn the_winner_serves_the_members_of_the_dr() {
    let mut net = Network::new(seed(41));
    net.trace.keep(20_000);
    let [dr, rp] = ["dr", "rp"].map(|name| net.router(name));
    let sources = link_of_cost(&mut net, "sources", &[dr, rp], 20);
    let members = link(&mut net, "members", &[dr, rp]);
    let others = link(&mut net, "others", &[rp]);
    let source = net.host("source", sources, Version::V3);
    let receiver = net.host("receiver", members, Version::V3);
    let other = net.host("other", others, Version::V3);
    net.rp(rp, GROUPS.parse().unwrap());
    net.start();
    net.run_until(t(20));
    let flow = net.send(source, group(ASM), millis(100));
    net.join(receiver, group(ASM));
    net.join(other, group(ASM));
    net.run_until(t(25));
    net.configure_on(dr, members, |iface| {
        iface.pim.as_mut().unwrap().dr_priority = 9;
    });
    net.run_until(t(30));
    net.watch_links();
    net.run_until(t(400));
    exact(&net, receiver, flow, t(30), t(399));
    assert_eq!(net.carried(flow)[&members].len(), 1);
    // Nobody holds on to a source that is gone.
    net.stop_flow(flow);
    net.run_for(secs(500));
    for router in [dr, rp] {
        let groups = &net.running(router).unwrap().tib().groups;
        assert!(groups.values().all(|state| state.sg.is_empty()));
    }
}

/// Members next to the DR of a source exclude it before it sends; all others
/// get it from its first packet on (RFC 7761 §4.2, §4.4.1).
#[test]
fn a_source_that_members_next_to_its_dr_exclude() {
    let mut net = Network::new(seed(42));
    net.trace.keep(20_000);
    let [dr, rp] = ["dr", "rp"].map(|name| net.router(name));
    let sources = link(&mut net, "sources", &[dr]);
    let between = link(&mut net, "between", &[dr, rp]);
    let members = link(&mut net, "members", &[rp]);
    let source = net.host("source", sources, Version::V3);
    let other = net.host("other", between, Version::V3);
    let receiver = net.host("receiver", members, Version::V3);
    net.rp(rp, GROUPS.parse().unwrap());
    net.start();
    net.run_until(t(20));
    let source_address = net.address(source);
    let excluded = Filter::Exclude([source_address].into());
    net.set_filter(other, group(ASM), excluded);
    net.join(receiver, group(ASM));
    net.run_until(t(25));
    let flow = net.send(source, group(ASM), millis(100));
    net.run_until(t(300));
    exact(&net, receiver, flow, t(25), t(299));
    nothing(&net, other, flow, t(25), t(299));
}

/// A router joins the source over the link by which it joins the RP as well,
/// and forwards to those who joined the source. It is the one on their link, and
/// not the router of the RP tree there, though SPTbit is not set (RFC 7761
/// §4.6).
#[test]
fn the_sources_tree_wins_where_both_come_by_one_link() {
    let mut net = Network::new(seed(43));
    net.trace.keep(20_000);
    let [rp, first, other, near, last] =
        ["rp", "first", "other", "near", "last"].map(|name| net.router(name));
    link(&mut net, "core", &[rp, first, near]);
    let sources = link(&mut net, "sources", &[first]);
    let near_stub = link(&mut net, "near-stub", &[near]);
    let lower = link(&mut net, "lower", &[other, near, last]);
    let members = link(&mut net, "members", &[last]);
    link(&mut net, "rp-other", &[rp, other]);
    let source = net.host("source", sources, Version::V3);
    let receivers = [near_stub, members].map(|link| net.host("receiver", link, Version::V3));
    net.rp(rp, GROUPS.parse().unwrap());
    net.start();
    net.run_until(t(20));
    for receiver in receivers {
        net.join(receiver, group(ASM));
    }
    net.run_until(t(25));
    let flow = net.send(source, group(ASM), millis(100));
    net.run_until(t(60));
    net.watch_links();
    net.run_until(t(300));
    for receiver in receivers {
        exact(&net, receiver, flow, t(60), t(299));
    }
    assert_eq!(net.carried(flow)[&lower].len(), 1);
}
