//! `lab export containerlab`: the network of a lab file as a topology file of
//! containerlab. What has no counterpart there is told on standard error.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::args::ExportArgs;
use crate::exit::Exit;
use crate::topology;
use crate::topology::model::{Kind, Medium, Node, NodeId, Topology, Unicast};

#[cfg(test)]
mod tests;

/// What containerlab runs where nothing else is asked for.
const HOST: &str = "alpine:3";
/// FRR's own image.
const FRR: &str = "quay.io/frrouting/frr:10.2.1";

/// Runs `lab export`.
pub fn run(args: &ExportArgs) -> Exit {
    match topology::load(&args.file, &args.vars.vars) {
        Ok(topology) => {
            let (text, missing) = containerlab(&topology, &args.image);
            anstream::print!("{text}");
            for line in missing {
                anstream::eprintln!("lab: {line}");
            }
            Exit::Pass
        }
        Err(mistakes) => {
            super::check::tell(&mistakes);
            Exit::InvalidFile
        }
    }
}

/// The file, and what is not in it. `mcrd` is the image of nodes that run mcrd.
fn containerlab(topology: &Topology, mcrd: &str) -> (String, Vec<String>) {
    let mut missing = missing(topology);
    let mut nodes = Map::new();
    for node in &topology.nodes {
        nodes.insert(node.name.clone(), as_node(node, mcrd));
    }
    let mut links = Vec::new();
    for link in &topology.links {
        let end = |(at, interface): &(NodeId, usize)| {
            let node = topology.nodes.get(at.0)?;
            let interface = node.interfaces.get(*interface)?;
            Some(format!("{}:{}", node.name, interface.name))
        };
        let ends: Vec<String> = link.ends.iter().filter_map(end).collect();
        match link.medium {
            Medium::Veth => links.push(json!({ "endpoints": ends, "mtu": link.mtu })),
            Medium::Bridge { snooping, querier } => {
                // In the namespace of a container: it needs none of the host's.
                let name = format!("lan-{}", link.name);
                nodes.insert(name.clone(), bridge(snooping, querier, ends.len()));
                for (port, end) in ends.iter().enumerate() {
                    let port = format!("{name}:p{port}");
                    links.push(json!({ "endpoints": [end, port], "mtu": link.mtu }));
                }
            }
        }
    }
    let whole = json!({
        "name": topology.name,
        "topology": { "nodes": nodes, "links": links },
    });
    let text = match serde_yaml::to_string(&whole) {
        Ok(text) => text,
        Err(error) => {
            missing.push(format!("cannot be written: {error}"));
            String::new()
        }
    };
    (text, missing)
}

fn as_node(node: &Node, mcrd: &str) -> Value {
    let mut exec = vec![
        "sysctl -w net.ipv4.conf.all.rp_filter=0".to_owned(),
        "sysctl -w net.ipv4.conf.default.rp_filter=0".to_owned(),
    ];
    if node.kind != Kind::Host {
        exec.push("sysctl -w net.ipv4.ip_forward=1".to_owned());
    }
    for address in &node.loopback {
        exec.push(format!("ip address add {address} dev lo"));
    }
    for interface in &node.interfaces {
        exec.push(format!("ip link set dev {} up", interface.name));
        for address in &interface.addresses {
            exec.push(format!("ip address add {address} dev {}", interface.name));
        }
    }
    for (to, router) in &node.routes {
        exec.push(format!("ip route replace {to} via {router}"));
    }
    for (name, value) in &node.sysctls {
        exec.push(format!("sysctl -w {name}={value}"));
    }
    let image = match &node.kind {
        Kind::Mcrd { .. } => mcrd,
        Kind::Frr => FRR,
        Kind::Host | Kind::Kernel | Kind::Pimd | Kind::Smcroute { .. } | Kind::Custom(_) => HOST,
    };
    let mut made = json!({ "kind": "linux", "image": image, "exec": exec });
    if !node.env.is_empty() {
        let env = node.env.iter();
        let env: Map<String, Value> = env
            .map(|(name, value)| (name.clone(), Value::from(value.as_str())))
            .collect();
        made["env"] = Value::Object(env);
    }
    made
}

fn bridge(snooping: bool, querier: bool, ports: usize) -> Value {
    let mut exec = vec![format!(
        "ip link add br0 type bridge mcast_snooping {} mcast_querier {}",
        u8::from(snooping),
        u8::from(querier),
    )];
    exec.extend((0..ports).map(|port| format!("ip link set dev p{port} master br0 up")));
    exec.push("ip link set dev br0 up".to_owned());
    json!({ "kind": "linux", "image": HOST, "exec": exec })
}

/// What containerlab has no word for, each once.
fn missing(topology: &Topology) -> Vec<String> {
    let mut missing = Vec::new();
    let mut kinds = BTreeSet::new();
    for node in &topology.nodes {
        let daemon = match &node.kind {
            Kind::Host | Kind::Kernel => continue,
            Kind::Mcrd { .. } => "bind its configuration, which `lab up` writes",
            Kind::Frr => "bind frr.conf and daemons",
            Kind::Pimd | Kind::Smcroute { .. } => "give it an image with the daemon",
            Kind::Custom(_) => "give it an image with the command",
        };
        if kinds.insert(node.kind.word()) {
            let kind = node.kind.word();
            missing.push(format!(
                "{kind}: the daemon's configuration is not in it; {daemon}"
            ));
        }
    }
    let mut of = |what: &str, names: Vec<&str>| {
        if !names.is_empty() {
            missing.push(format!("{what}: {}", names.join(", ")));
        }
    };
    let links = topology.links.iter();
    let wires = topology.wires().map(|(at, _)| topology.wire_told(at).0);
    let wires: Vec<String> = wires.collect();
    of(
        "wires are not in it (`containerlab tools netem` sets loss and delay)",
        wires.iter().map(String::as_str).collect(),
    );
    let offload = links.filter(|link| link.checksum_offload);
    of(
        "checksum offload is not in it",
        offload.map(|link| link.name.as_str()).collect(),
    );
    let receivers = topology.receivers.iter().map(|one| one.name.as_str());
    of("receivers are not in it", receivers.collect());
    let sources = topology.sources.iter().map(|one| one.name.as_str());
    of("sources are not in it", sources.collect());
    match topology.unicast {
        Unicast::Oracle { .. } => missing
            .push("the lab's own unicast routes are not in it; run a routing protocol".to_owned()),
        Unicast::Ospf => missing.push("OSPF is not in it".to_owned()),
        Unicast::None | Unicast::Static => {}
    }
    if !topology.steps.is_empty() {
        missing.push(format!("{} steps are not in it", topology.steps.len()));
    }
    missing
}
