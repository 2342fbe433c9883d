//! Shortest paths of a small network, whole and cut.

use super::*;
use crate::topology::parse;

/// A square a-b-d and a-c-d whose upper way is cheaper, hosts at both ends.
const SQUARE: &str = "
lab: 1
name: square
unicast: oracle
pim: {}
nodes: { s: host, a: mcrd, b: mcrd, c: mcrd, d: mcrd, r: host }
links:
  - s -- a
  - a -- b
  - b -- d
  - a -- c: { metric: 20 }
  - c -- d
  - d -- r
";

fn square() -> Topology {
    let file = std::path::Path::new("square.yaml");
    parse(file, SQUARE, &[], &|_| None)
        .unwrap_or_else(|mistakes| panic!("{}", mistakes.render(false)))
}

fn at(routes: &[Routes], node: usize, to: &str) -> Option<(String, u32)> {
    let to: Ipv4Net = to.parse().unwrap();
    let (router, metric) = routes[node].get(&to)?;
    Some((router.to_string(), *metric))
}

fn way(router: &str, metric: u32) -> Option<(String, u32)> {
    Some((router.to_owned(), metric))
}

#[test]
fn routers_take_the_cheapest_way_and_hosts_the_router_beside_them() {
    let routes = routes(&square(), &Down::new(), &Lost::new());
    // The receiver's network: a -> b 10, b -> d 10, and the network itself 10.
    assert_eq!(at(&routes, 1, "10.0.5.0/24"), way("10.0.1.2", 30));
    // d's loopback costs nothing of its own.
    assert_eq!(at(&routes, 1, "10.255.0.5/32"), way("10.0.1.2", 20));
    assert_eq!(at(&routes, 0, "0.0.0.0/0"), way("10.0.0.2", 0));
    assert_eq!(at(&routes, 5, "0.0.0.0/0"), way("10.0.5.1", 0));
    // What is connected needs no route.
    assert_eq!(at(&routes, 1, "10.0.1.0/24"), None);
    assert_eq!(at(&routes, 1, "10.255.0.2/32"), None);
}

#[test]
fn a_cut_link_is_gone_round() {
    let topology = square();
    // Both ends of a -- b.
    let down = Down::from([(NodeId(1), 1), (NodeId(2), 0)]);
    let cut = routes(&topology, &down, &Lost::new());
    assert_eq!(at(&cut, 1, "10.0.5.0/24"), way("10.0.3.2", 40));
    // The link's own network is nowhere any more.
    assert_eq!(at(&cut, 1, "10.0.1.0/24"), None);
    // b is reached the long way.
    assert_eq!(at(&cut, 1, "10.255.0.3/32"), way("10.0.3.2", 40));
    let down = Down::from([(NodeId(1), 1), (NodeId(1), 2)]);
    let alone = routes(&topology, &down, &Lost::new());
    assert!(alone[1].is_empty(), "{:?}", alone[1]);
}

#[test]
fn a_lost_route_is_missing_at_its_router_alone() {
    let net = "10.0.5.0/24".parse().unwrap();
    let lost = Lost::from([(NodeId(1), net)]);
    let routes = routes(&square(), &Down::new(), &lost);
    assert_eq!(at(&routes, 1, "10.0.5.0/24"), None);
    assert_eq!(at(&routes, 2, "10.0.5.0/24"), way("10.0.2.2", 20));
    assert_eq!(at(&routes, 1, "10.255.0.5/32"), way("10.0.1.2", 20));
}

#[test]
fn of_equal_ways_the_lowest_address_is_taken() {
    let mut topology = square();
    topology.links[3].metric = 10;
    let routes = routes(&topology, &Down::new(), &Lost::new());
    assert_eq!(at(&routes, 1, "10.0.5.0/24"), way("10.0.1.2", 30));
}

#[test]
fn routers_follow_one_after_the_other_where_there_is_a_skew() {
    let mut topology = square();
    let all: Vec<NodeId> = (0..6).map(NodeId).collect();
    assert_eq!(turns(&topology), [(Duration::ZERO, all)]);
    topology.unicast = Unicast::Oracle {
        delay: Duration::from_millis(50),
        skew: Duration::from_millis(300),
    };
    let turn = |ms, nodes: &[usize]| {
        let nodes: Vec<NodeId> = nodes.iter().copied().map(NodeId).collect();
        (Duration::from_millis(ms), nodes)
    };
    assert_eq!(
        turns(&topology),
        [
            turn(0, &[0, 5]),
            turn(0, &[1]),
            turn(100, &[2]),
            turn(200, &[3]),
            turn(300, &[4]),
        ]
    );
}

#[test]
fn settled_routes_are_the_nodes_own_from_then_on() {
    let mut topology = square();
    let net = "10.0.5.0/24".parse().unwrap();
    let given = (net, "10.0.3.9".parse().unwrap());
    topology.nodes[1].routes.push(given);
    let paths = routes(&topology, &Down::new(), &Lost::new());
    settle(&mut topology, |_| true);
    assert_eq!(topology.nodes[1].routes[0], given);
    for (node, paths) in topology.nodes.iter().zip(&paths) {
        let to: Vec<_> = node.routes.iter().map(|(to, _)| *to).collect();
        assert_eq!(to.len(), paths.len(), "{}: {to:?}", node.name);
        let others = node.routes.iter().filter(|route| **route != given);
        for (to, by) in others {
            assert_eq!(paths[to].0, *by, "{}: {to}", node.name);
        }
    }
    let default = (Ipv4Net::default(), topology.nodes[0].routes[0].1);
    assert_eq!(topology.nodes[0].routes, [default]);
    let down = Down::from([(NodeId(1), 1)]);
    let left = own(&topology, &down);
    let by = |routes: &Routes| {
        routes
            .values()
            .filter(|(by, _)| *by == paths[1][&net].0)
            .count()
    };
    assert!(by(&own(&topology, &Down::new())[1]) > 0);
    assert_eq!(by(&left[1]), 0, "{:?}", left[1]);
    assert_eq!(left[2], own(&topology, &Down::new())[2]);
}
