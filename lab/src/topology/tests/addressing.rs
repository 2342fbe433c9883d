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
