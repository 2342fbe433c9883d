//! A network that becomes another is the other.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use tokio::sync::mpsc::unbounded_channel;

use super::*;
use crate::node::{Daemons, Folders, Programs};
use crate::plan::{Plan, Undone};
use crate::run::reconcile::Lab;
use crate::run::standing::Parts;
use crate::topology::{Source, parse};

/// Numbers that are the same in each run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (self.0 >> 33) % sides
    }

    fn one(&mut self, of: &[&'static str]) -> &'static str {
        of[usize::try_from(self.roll(of.len() as u64)).unwrap()]
    }
}

/// What there could be in a lab file: nodes, links, segments; what is empty is
/// not there.
struct Draft {
    oracle: &'static str,
    nodes: Vec<String>,
    links: Vec<(usize, usize, Option<String>)>,
    segments: Vec<(BTreeSet<usize>, &'static str)>,
}

impl Draft {
    fn new(dice: &mut Dice) -> Draft {
        let pairs = (0..6).flat_map(|a| (a + 1..6).map(move |b| (a, b, None)));
        let mut draft = Draft {
            oracle: "oracle",
            nodes: vec![String::new(); 6],
            links: pairs.collect(),
            segments: vec![(BTreeSet::new(), ""); 2],
        };
        draft.edit(dice, 1);
        draft
    }

    /// Throws the dice again for one in so many of its parts.
    fn edit(&mut self, dice: &mut Dice, one_in: u64) {
        if dice.roll(one_in) == 0 {
            self.oracle = dice.one(&["oracle", "oracle", "oracle", "none"]);
        }
        for (number, node) in self.nodes.iter_mut().enumerate() {
            if dice.roll(one_in) > 0 {
                continue;
            }
            let kind = dice.one(&["host", "kernel", "kernel", "kernel"]);
            let lo = dice.one(&["", ", lo: auto", ", lo: [auto, 10.9.9.N/32]"]);
            let lo = lo.replace('N', &number.to_string());
            let sysctls = ["", "", ", sysctls: { net.ipv4.ip_default_ttl: 33 }"];
            let sysctls = dice.one(&sysctls);
            let there = dice.roll(6) > 0;
            *node = match there {
                true => format!("kind: {kind}{lo}{sysctls}"),
                false => String::new(),
            };
        }
        for (a, b, link) in &mut self.links {
            if dice.roll(one_in) > 0 {
                continue;
            }
            let second = dice.one(&["77", "77", "78"]);
            let net = format!("net: 10.{second}.{}.0/24", *a * 10 + *b);
            let options = ["", "", ", metric: 30", ", mtu: 1400", ", delay: 1ms"];
            let options = dice.one(&options);
            *link = match dice.roll(8) {
                // The pool's addresses move with what is in front.
                0 => Some(String::new()),
                1..4 => Some(format!(": {{ {net}{options} }}")),
                _ => None,
            };
        }
        for (members, options) in &mut self.segments {
            if dice.roll(one_in) == 0 {
                *options = dice.one(&["", "", ", snooping: true"]);
            }
            for node in 0..6 {
                if dice.roll(one_in) == 0 && dice.roll(3) > 0 && !members.remove(&node) {
                    members.insert(node);
                }
            }
        }
    }

    fn text(&self) -> String {
        let there = |node: &usize| !self.nodes[*node].is_empty() || *node == 3;
        let nodes = (0..6)
            .filter(there)
            .map(|node| format!("  n{node}: {{ {} }}\n", self.nodes[node]));
        let nodes: String = nodes.collect();
        let links = self.links.iter().filter(|(a, b, _)| there(a) && there(b));
        let links =
            links.filter_map(|(a, b, link)| Some(format!("  - n{a} -- n{b}{}\n", link.as_ref()?)));
        let links: String = links.collect();
        let mut segments = String::new();
        for (lan, (members, options)) in self.segments.iter().enumerate() {
            let members = members.iter().filter(|node| there(node));
            let members: Vec<String> = members.map(|node| format!("n{node}")).collect();
            if !members.is_empty() {
                let members = members.join(", ");
                let net = format!("net: 10.79.{lan}.0/24");
                segments.push_str(&format!(
                    "  lan{lan}: {{ members: [{members}], {net}{options} }}\n"
                ));
            }
        }
        let mut text = format!(
            "lab: 1\nname: dice\nunicast: {}\nnodes:\n{nodes}",
            self.oracle
        );
        for (title, part) in [("links", links), ("segments", segments)] {
            if !part.is_empty() {
                text.push_str(&format!("{title}:\n{part}"));
            }
        }
        text
    }
}

fn ip(arguments: &[&str]) -> Vec<Value> {
    let told = Command::new("ip")
        .arg("-json")
        .args(arguments)
        .output()
        .unwrap();
    assert!(
        told.status.success(),
        "{}",
        String::from_utf8_lossy(&told.stderr)
    );
    // Of nothing it prints nothing.
    match told.stdout.is_empty() {
        true => Vec::new(),
        false => serde_json::from_slice(&told.stdout).unwrap(),
    }
}

/// What the kernel has in a namespace.
fn inside(is_node: bool) -> (BTreeSet<String>, BTreeSet<String>) {
    let mut all = BTreeSet::new();
    let mut macs = BTreeSet::new();
    for link in ip(&["-4", "-details", "address"]) {
        let name = link["ifname"].as_str().unwrap();
        if ["tunl0", "gre0", "sit0", "ip6tnl0"].contains(&name) {
            continue;
        }
        if name != "lo" {
            macs.insert(link["address"].to_string());
        }
        // Ports are called as they came.
        let name = if is_node { name } else { "port" };
        let addresses = link["addr_info"].as_array().unwrap().iter();
        let mut addresses: Vec<String> = addresses
            .map(|one| format!("{}/{}", one["local"], one["prefixlen"]))
            .collect();
        if name == "lo" {
            addresses.sort();
        }
        let (mtu, state, master) = (&link["mtu"], &link["operstate"], &link["master"]);
        let kind = &link["linkinfo"]["info_data"]["mcast_snooping"];
        let mut line = format!("{name} {mtu} {state} {master} {kind} {addresses:?}");
        while !all.insert(line.clone()) {
            line.push('+');
        }
    }
    for route in ip(&["-4", "route"]) {
        let part = |name: &str| route[name].to_string();
        let parts = ["dst", "gateway", "dev", "metric", "prefsrc"].map(part);
        all.insert(format!("route {}", parts.join(" ")));
    }
    for name in [
        "net/ipv4/ip_forward",
        "net/ipv4/ip_default_ttl",
        "net/ipv4/conf/all/rp_filter",
    ] {
        let value = fs::read_to_string(format!("/proc/sys/{name}")).unwrap();
        all.insert(format!("{name} {}", value.trim()));
    }
    (all, macs)
}

/// What the kernel has of a network, by namespace.
fn look(network: &Network) -> BTreeMap<String, BTreeSet<String>> {
    let nodes = network.topology.nodes.len();
    let mut all = BTreeMap::new();
    let mut known = BTreeSet::new();
    for (position, space) in network.spaces.iter().enumerate() {
        let seen = namespace::in_namespace(space.namespace.as_fd(), || inside(position < nodes));
        let (state, macs) = seen.unwrap();
        for mac in macs {
            assert!(known.insert(mac.clone()), "{mac} twice");
        }
        all.insert(space.name.clone(), state);
    }
    all
}

/// The network is as one that is deployed of the same topology.
async fn assert_like_fresh(network: &Network, names: &Path, said: &str) {
    let fresh = Options {
        names: names.to_owned(),
        seed: 1,
    };
    let fresh = Network::deploy(&network.topology, &fresh).await.unwrap();
    let (is, wanted) = (look(network), look(&fresh));
    let wires = |network: &Network| -> Vec<WireId> {
        let carried = network.carried().into_iter();
        carried.map(|(at, _)| at).collect()
    };
    assert_eq!(wires(network), wires(&fresh), "{said}");
    assert!(fresh.teardown().await.is_empty());
    let names: BTreeSet<_> = is.keys().chain(wanted.keys()).collect();
    for name in names {
        assert_eq!(is.get(name), wanted.get(name), "{name}: {said}");
    }
}

async fn become_each(options: Options, seed: u64) {
    let fresh_names = options.names.with_file_name("fresh");
    fs::create_dir_all(&fresh_names).unwrap();
    let home = tempfile::tempdir().unwrap();
    let folder = || home.path().to_owned();
    let folders = Folders {
        configs: folder(),
        logs: folder(),
        sockets: folder(),
    };
    let programs = Programs::locate(None).unwrap();
    let mut dice = Dice(seed);
    let read = |text: &str| {
        let read = parse("dice.yaml".as_ref(), text, &[], &|_| None);
        read.unwrap_or_else(|mistakes| panic!("{text}{}", mistakes.render(false)))
    };
    let mut draft = Draft::new(&mut dice);
    let first = draft.text();
    let topology = read(&first);
    let mut network = Network::deploy(&topology, &options).await.unwrap();
    let daemons = Daemons::start_all(&topology, &network, &programs, &folders)
        .await
        .unwrap();
    let mut parts = Parts::new(daemons);
    let file = home.path().join("lab.yaml");
    let mut before = first;
    for _ in 0..3 {
        draft.edit(&mut dice, 5);
        let after = draft.text();
        let topology = read(&after);
        fs::write(&file, &after).unwrap();
        let source = Source::read(&file, &[]).unwrap();
        let plan = Plan::of(network.topology(), &topology, &Undone::new());
        let said = format!("seed {seed}\n{before}becomes\n{after}{:#?}", plan.changes);
        let prepared = network.prepare(&topology).unwrap();
        let (tell, _) = unbounded_channel();
        let mut lab = Lab {
            network: &mut network,
            parts: &mut parts,
            programs: &programs,
            folders: &folders,
            tell,
        };
        let applied = lab.change(topology.clone(), &plan, prepared, &source).await;
        assert!(applied.failed.is_empty(), "{said}\n{:#?}", applied.failed);
        assert!(
            Plan::of(network.topology(), &topology, &Undone::new())
                .changes
                .is_empty(),
            "{said}"
        );
        assert_like_fresh(&network, &fresh_names, &said).await;
        before = after;
    }
    assert!(network.teardown().await.is_empty());
}

#[test]
fn any_network_becomes_any_other() {
    in_a_world("adopt::any_network_becomes_any_other", async |options| {
        for seed in 1..=6 {
            become_each(options.clone(), seed).await;
        }
    });
}
