//! LANs with several routers, in virtual time (RFC 7761 §4.3).

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod sim_world;

use mcr_sim::{LinkId, Network, NodeId};
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
