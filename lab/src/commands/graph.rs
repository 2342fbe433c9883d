//! `lab graph`: the network as text, Mermaid, Graphviz or SVG.

use std::collections::{BTreeSet, VecDeque};
use std::fmt::Write;

use crate::args::{GraphArgs, GraphFormat};
use crate::exit::Exit;
use crate::report::svg;
use crate::topology;
use crate::topology::model::{LinkId, Medium, NodeId, Topology};

#[cfg(test)]
mod tests;

/// The columns of a drawing in text.
const WIDTH: usize = 80;

/// After so many hops a drawing in text goes on below, from its left edge.
const DEPTH: usize = 12;

/// Runs `lab graph`.
pub fn run(args: &GraphArgs) -> Exit {
    match topology::load(&args.file, &args.vars.vars) {
        Ok(topology) => {
            anstream::print!("{}", draw(&topology, args.format));
            Exit::Pass
        }
        Err(mistakes) => {
            super::check::tell(&mistakes);
            Exit::InvalidFile
        }
    }
}

/// Draws the network.
pub fn draw(topology: &Topology, format: GraphFormat) -> String {
    match format {
        GraphFormat::Text => Drawing::of(topology).text(),
        GraphFormat::Mermaid => mermaid(topology),
        GraphFormat::Dot => dot(topology),
        GraphFormat::Svg => svg::draw(topology),
    }
}

/// A walk along the links that shows every node once.
struct Drawing<'a> {
    topology: &'a Topology,
    shown: BTreeSet<NodeId>,
    walked: BTreeSet<LinkId>,
    /// Nodes whose links are drawn later, from the left edge.
    later: VecDeque<NodeId>,
    lines: Vec<String>,
}

impl<'a> Drawing<'a> {
    fn of(topology: &'a Topology) -> Drawing<'a> {
        Drawing {
            topology,
            shown: BTreeSet::new(),
            walked: BTreeSet::new(),
            later: VecDeque::new(),
            lines: Vec::new(),
        }
    }

    fn text(mut self) -> String {
        for position in 0..self.topology.nodes.len() {
            let root = NodeId(position);
            if !self.shown.contains(&root) {
                self.root(root);
            }
            while let Some(next) = self.later.pop_front() {
                self.root(next);
            }
        }
        let mut text = String::new();
        for line in self.lines {
            let cut: String = line.chars().take(WIDTH).collect();
            text.push_str(cut.trim_end());
            text.push('\n');
        }
        text
    }

    fn root(&mut self, root: NodeId) {
        let again = !self.shown.insert(root);
        let mut line = self.label(root);
        if again {
            line.push_str("  (from above)");
        }
        self.lines.push(line);
        self.links(root, "", 0);
    }

    fn label(&self, node: NodeId) -> String {
        let known = &self.topology.nodes[node.0];
        let mut label = format!("{} ({})", known.name, known.kind.word());
        for address in &known.loopback {
            write(&mut label, format_args!("  lo {address}"));
        }
        for source in self.topology.sources.iter().filter(|s| s.at == node) {
            write(&mut label, format_args!("  sends {}", source.name));
        }
        for receiver in self.topology.receivers.iter().filter(|r| r.at == node) {
            write(&mut label, format_args!("  receives {}", receiver.name));
        }
        label
    }

    /// An end's place in its network: `.7`, or the whole address where it is
    /// not of that network.
    fn end(&self, link: LinkId, node: NodeId, interface: usize) -> String {
        let net = self.topology.links[link.0].net;
        let addresses = &self.topology.nodes[node.0].interfaces[interface].addresses;
        match addresses.first() {
            None => "-".to_owned(),
            Some(address) if net.contains(&address.addr()) && net.prefix_len() >= 24 => {
                format!(".{}", address.addr().octets()[3])
            }
            Some(address) => address.addr().to_string(),
        }
    }

    fn links(&mut self, node: NodeId, indent: &str, depth: usize) {
        let topology = self.topology;
        let interfaces = &topology.nodes[node.0].interfaces;
        let open: Vec<(usize, LinkId)> = interfaces
            .iter()
            .enumerate()
            .map(|(position, interface)| (position, interface.link))
            .filter(|(_, link)| !self.walked.contains(link))
            .collect();
        if depth >= DEPTH && !open.is_empty() {
            self.later.push_back(node);
            return;
        }
        self.walked.extend(open.iter().map(|(_, link)| *link));
        let last = open.len().saturating_sub(1);
        for (place, (interface, link)) in open.into_iter().enumerate() {
            let (branch, below) = branches(place == last);
            let own = self.end(link, node, interface);
            let known = &topology.links[link.0];
            let below = format!("{indent}{below}");
            let others = known.ends.iter().filter(|end| **end != (node, interface));
            let others: Vec<(NodeId, usize)> = others.copied().collect();
            match (known.medium, others.as_slice()) {
                (Medium::Veth, [(peer, end)]) => {
                    let far = self.end(link, *peer, *end);
                    let text = format!("{own} {} {far}", known.net);
                    self.peer(*peer, &format!("{indent}{branch}"), &text, &below, depth);
                }
                (Medium::Veth | Medium::Bridge { .. }, _) => {
                    let line = format!("{indent}{branch}{own} {} = {}", known.net, known.name);
                    self.lines.push(line);
                    self.members(link, &others, &below, depth);
                }
            }
        }
    }

    fn members(&mut self, link: LinkId, others: &[(NodeId, usize)], indent: &str, depth: usize) {
        let last = others.len().saturating_sub(1);
        for (place, (peer, end)) in others.iter().enumerate() {
            let (branch, below) = branches(place == last);
            let far = self.end(link, *peer, *end);
            let below = format!("{indent}{below}");
            self.peer(*peer, &format!("{indent}{branch}"), &far, &below, depth + 1);
        }
    }

    fn peer(&mut self, peer: NodeId, lead: &str, text: &str, below: &str, depth: usize) {
        if self.shown.insert(peer) {
            let line = format!("{lead}{text} {}", self.label(peer));
            self.lines.push(line);
            self.links(peer, below, depth + 1);
        } else {
            let name = &self.topology.nodes[peer.0].name;
            self.lines.push(format!("{lead}{text} {name} (see above)"));
        }
    }
}

fn branches(last: bool) -> (&'static str, &'static str) {
    if last {
        ("└─ ", "   ")
    } else {
        ("├─ ", "│  ")
    }
}

/// Adds to a text, which cannot fail.
fn write(text: &mut String, arguments: std::fmt::Arguments<'_>) {
    if text.write_fmt(arguments).is_err() {
        text.push('?');
    }
}

fn mermaid(topology: &Topology) -> String {
    let mut text = "graph LR\n".to_owned();
    for (position, node) in topology.nodes.iter().enumerate() {
        let kind = node.kind.word();
        write(
            &mut text,
            format_args!("  n{position}[\"{}<br/>{kind}\"]\n", node.name),
        );
    }
    for (position, link) in topology.links.iter().enumerate() {
        match (link.medium, link.ends.as_slice()) {
            (Medium::Veth, [(a, _), (b, _)]) => write(
                &mut text,
                format_args!("  n{} ---|\"{}\"| n{}\n", a.0, link.net, b.0),
            ),
            (Medium::Veth | Medium::Bridge { .. }, ends) => {
                write(
                    &mut text,
                    format_args!("  l{position}([\"{}<br/>{}\"])\n", link.name, link.net),
                );
                for (node, _) in ends {
                    write(&mut text, format_args!("  n{} --- l{position}\n", node.0));
                }
            }
        }
    }
    text
}

fn dot(topology: &Topology) -> String {
    let mut text = format!("graph \"{}\" {{\n  rankdir=LR;\n", topology.name);
    for (position, node) in topology.nodes.iter().enumerate() {
        let kind = node.kind.word();
        write(
            &mut text,
            format_args!(
                "  n{position} [shape=box label=\"{}\\n{kind}\"];\n",
                node.name
            ),
        );
    }
    for (position, link) in topology.links.iter().enumerate() {
        match (link.medium, link.ends.as_slice()) {
            (Medium::Veth, [(a, _), (b, _)]) => write(
                &mut text,
                format_args!("  n{} -- n{} [label=\"{}\"];\n", a.0, b.0, link.net),
            ),
            (Medium::Veth | Medium::Bridge { .. }, ends) => {
                write(
                    &mut text,
                    format_args!("  l{position} [label=\"{}\\n{}\"];\n", link.name, link.net),
                );
                for (node, _) in ends {
                    write(&mut text, format_args!("  n{} -- l{position};\n", node.0));
                }
            }
        }
    }
    text.push_str("}\n");
    text
}
