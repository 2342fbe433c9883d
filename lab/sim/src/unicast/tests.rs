//! Shortest paths in a network whose ways one can see.

use mcr_proto::router::io::RouteNextHop;

use super::lookup;
use crate::link::LinkOptions;
use crate::network::{Network, Role};

/// a-b-c costs 20, a-c 30; and b-c goes down.
#[test]
fn the_cheaper_way_while_there_is_one() {
    let mut net = Network::new(1);
    let routers = ["a", "b", "c"].map(|name| net.router(name));
    let [a, b, c] = routers;
    let cost = |metric| LinkOptions {
        metric,
        ..LinkOptions::default()
    };
    let ab = net.link("a-b", &[a, b], cost(10));
    let bc = net.link("b-c", &[b, c], cost(10));
    let ac = net.link("a-c", &[a, c], cost(30));
    let behind = net.link("behind c", &[c], cost(10));
    net.start();
    let hop = |net: &Network, to| {
        let Role::Router(router) = &net.nodes[a.0].role else {
            panic!("a router");
        };
        lookup(&router.routes, to)
    };
    let over = |net: &Network, router, link| {
        Some(RouteNextHop {
            iface: net.iface(a, link).unwrap(),
            gateway: net.address_on(router, link),
        })
    };
    let host = net.links[behind.0].next_address();
    assert_eq!(hop(&net, host), over(&net, b, ab));
    assert_eq!(hop(&net, net.loopback(c)), over(&net, b, ab));
    net.set_link(bc, false);
    net.run_for(net.convergence);
    assert_eq!(hop(&net, host), over(&net, c, ac));
    // The kernel itself takes the routes away with the interface.
    net.set_link(ac, false);
    assert_eq!(hop(&net, host), None);
}
