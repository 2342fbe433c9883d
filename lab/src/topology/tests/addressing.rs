//! Addresses and interface names.

use super::good;

fn addresses(text: &str) -> Vec<(String, String, String)> {
    let topology = good(text);
    let mut all = Vec::new();
    for node in &topology.nodes {
        for interface in &node.interfaces {
            let address = interface.addresses.first().map(ToString::to_string);
            all.push((
                node.name.clone(),
                interface.name.clone(),
                address.unwrap_or_default(),
            ));
        }
    }
    all
}

fn row(node: &str, interface: &str, address: &str) -> (String, String, String) {
    (node.to_owned(), interface.to_owned(), address.to_owned())
}

#[test]
fn links_are_numbered_in_order() {
    let text = "lab: 1\nnodes: {a: host, b: host, c: host}\n\
                links: [a -- b, b -- c]\nsegments: {lan: [a, c]}\n";
    let want = [
        row("a", "b", "10.0.0.1/24"),
        row("a", "lan", "10.128.0.1/24"),
        row("b", "a", "10.0.0.2/24"),
        row("b", "c", "10.0.1.1/24"),
        row("c", "b", "10.0.1.2/24"),
        row("c", "lan", "10.128.0.2/24"),
    ];
    assert_eq!(addresses(text), want);
}

#[test]
fn given_addresses_win() {
    let text = "lab: 1\nnodes: {a: host, b: {kind: host, addresses: {c: [192.0.2.9/24, \
                192.0.2.10/24]}}, c: host}\n\
                links: [\"a:e1@10.1.0.7/16 -- b\", b -- c, a -- c: {net: 10.7.0.0/30}]\n";
    let want = [
        row("a", "e1", "10.1.0.7/16"),
        row("a", "c", "10.7.0.1/30"),
        // The other end is of the same network.
        row("b", "a", "10.1.0.1/16"),
        row("b", "c", "192.0.2.9/24"),
        row("c", "b", "192.0.2.1/24"),
        row("c", "a", "10.7.0.2/30"),
    ];
    assert_eq!(addresses(text), want);
    let topology = good(text);
    assert_eq!(topology.nodes[1].interfaces[1].addresses.len(), 2);
}

#[test]
fn an_automatic_network_avoids_the_given_ones() {
    let text = "lab: 1\nnodes: {a: host, b: host}\n\
                links: [a -- b, a -- b: {net: 10.0.0.0/23}]\n";
    let topology = good(text);
    assert_eq!(topology.links[0].net.to_string(), "10.8.1.0/24");
    assert_eq!(topology.links[1].net.to_string(), "10.0.0.0/23");
}

#[test]
fn names_fit_and_are_unique() {
    let text = "lab: 1\nnodes: {a: host, r: host, a-very-long-router-name: host}\n\
                links: [a -- r, a -- r, a -- a-very-long-router-name, \
                a -- a-very-long-router-name, \"a:r-3 -- r\"]\n";
    let topology = good(text);
    let names: Vec<&str> = topology.nodes[0]
        .interfaces
        .iter()
        .map(|interface| interface.name.as_str())
        .collect();
    let want = [
        "to-r",
        "to-r-2",
        "a-very-long-rou",
        "a-very-long-r-2",
        "r-3",
    ];
    assert_eq!(names, want);
    let links: Vec<&str> = topology
        .links
        .iter()
        .map(|link| link.name.as_str())
        .collect();
    assert_eq!(links[..2], ["a--r", "a--r#2"]);
}

#[test]
fn loopbacks_are_given_or_automatic() {
    let text = "lab: 1\nnodes: {a: {lo: auto}, b: {lo: [auto, 192.0.2.1]}, c: \
                {lo: 10.255.0.1/32}}\n";
    let topology = good(text);
    let loopbacks: Vec<Vec<String>> = topology
        .nodes
        .iter()
        .map(|node| node.loopback.iter().map(ToString::to_string).collect())
        .collect();
    // 10.255.0.1 is c's, so a has the place beside the pool's first half.
    assert_eq!(loopbacks[0], ["10.255.128.1/32"]);
    assert_eq!(loopbacks[1], ["10.255.0.2/32", "192.0.2.1/32"]);
    assert_eq!(loopbacks[2], ["10.255.0.1/32"]);
}

#[test]
fn a_large_segment_has_a_large_network() {
    let names: Vec<String> = (0..300).map(|n| format!("h{n}")).collect();
    let nodes: String = names
        .iter()
        .map(|name| format!("  {name}: host\n"))
        .collect();
    let text = format!(
        "lab: 1\nnodes:\n{nodes}segments: {{lan: [{}]}}\n",
        names.join(", ")
    );
    let topology = good(&text);
    assert_eq!(topology.links[0].net.to_string(), "10.160.0.0/20");
    let last = &topology.nodes[299].interfaces[0].addresses[0];
    assert_eq!(last.to_string(), "10.160.1.44/20");
}
