//! What OSPF is to do in every router, where routes are OSPF's.

use std::net::Ipv4Addr;

use crate::topology::model::{Link, Medium, Node, NodeId, Ospf, OspfInterface, Topology};

/// Makes every router speak OSPF.
pub(super) fn configure(topology: &mut Topology) {
    for at in topology.routers() {
        let node = &topology.nodes[at.0];
        let Some(router_id) = router_id(topology, node) else {
            continue;
        };
        let interfaces = node.interfaces.iter().map(|interface| {
            let link = &topology.links[interface.link.0];
            OspfInterface {
                name: interface.name.clone(),
                addresses: interface.addresses.clone(),
                cost: link.metric,
                point_to_point: link.medium == Medium::Veth,
                passive: !leads_to_router(topology, link, at),
            }
        });
        let ospf = Ospf {
            router_id,
            loopback: node.loopback.clone(),
            interfaces: interfaces.collect(),
        };
        topology.nodes[at.0].ospf = Some(Box::new(ospf));
    }
}

fn leads_to_router(topology: &Topology, link: &Link, from: NodeId) -> bool {
    let mut ends = link.ends.iter();
    ends.any(|(other, _)| *other != from && topology.nodes[other.0].kind.is_router())
}

/// An address of its own: a loopback one may be there twice, for anycast.
fn router_id(topology: &Topology, node: &Node) -> Option<Ipv4Addr> {
    let has = |node: &Node, address| node.loopback.iter().any(|lo| lo.addr() == address);
    let alone = |address: &Ipv4Addr| {
        let nodes = topology.nodes.iter();
        nodes.filter(|node| has(node, *address)).count() == 1
    };
    let loopback = node.loopback.iter().map(|lo| lo.addr()).find(alone);
    let mut interfaces = node.interfaces.iter().flat_map(|one| &one.addresses);
    loopback.or_else(|| interfaces.next().map(|one| one.addr()))
}
