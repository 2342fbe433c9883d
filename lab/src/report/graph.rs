//! The network as text, Mermaid, Graphviz, SVG or JSON; of a running lab with how
//! its links are.

use std::collections::{BTreeSet, VecDeque};
use std::fmt::Write;

use super::live::{Live, Told, Way};
use super::{html, svg};
use crate::args::GraphFormat;
use crate::topology::model::{LinkId, Medium, NodeId, Topology};

#[cfg(test)]
mod tests;

/// The columns of a drawing in text.
const WIDTH: usize = 80;

/// What is told of a link in a drawing in text has so many columns.
const NOTE: usize = 40;

/// After so many hops a drawing in text goes on below, from its left edge.
const DEPTH: usize = 12;

/// Draws the network.
pub fn draw(topology: &Topology, format: GraphFormat, live: &Live) -> String {
    match format {
        GraphFormat::Text => Drawing::of(topology, live).text(),
        GraphFormat::Mermaid => mermaid(topology, live),
        GraphFormat::Dot => dot(topology, live),
        GraphFormat::Svg => svg::draw(topology, live),
        GraphFormat::Json => format!("{:#}\n", html::network(topology, live)),
    }
}

/// A walk along the links that shows every node once.
struct Drawing<'a> {
    topology: &'a Topology,
    live: &'a Live,
    shown: BTreeSet<NodeId>,
    walked: BTreeSet<LinkId>,
    /// Nodes whose links are drawn later, from the left edge.
    later: VecDeque<NodeId>,
    lines: Vec<String>,
}

impl<'a> Drawing<'a> {
    fn of(topology: &'a Topology, live: &'a Live) -> Drawing<'a> {
        Drawing {
            topology,
            live,
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

    fn note(&self, link: LinkId) -> String {
        let words = self.live.link(link).words(self.topology);
        match words.chars().count() {
            0 => words,
            1..=NOTE => format!(" [{words}]"),
            _ => {
                let cut: String = words.chars().take(NOTE - 1).collect();
                format!(" [{cut}…]")
            }
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
                    let note = self.note(link);
                    let text = format!("{own} {} {far}{note}", known.net);
                    self.peer(*peer, &format!("{indent}{branch}"), &text, &below, depth);
                }
                (Medium::Veth | Medium::Bridge { .. }, _) => {
                    let note = self.note(link);
                    let name = &known.name;
                    let line = format!("{indent}{branch}{own} {} = {name}{note}", known.net);
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

/// The edge of a link in Mermaid: dotted where it is down, thick where packets go.
fn edge(told: &Told, one: NodeId, other: NodeId) -> (&'static str, bool) {
    match (told.down, told.way(one, other)) {
        (true, _) => ("-.-", false),
        (false, Way::None) => ("---", false),
        (false, Way::There) => ("==>", false),
        (false, Way::Back) => ("==>", true),
        (false, Way::Both) => ("<==>", false),
    }
}

fn mermaid(topology: &Topology, live: &Live) -> String {
    let mut text = "graph LR\n".to_owned();
    for (position, node) in topology.nodes.iter().enumerate() {
        let kind = node.kind.word();
        write(
            &mut text,
            format_args!("  n{position}[\"{}<br/>{kind}\"]\n", node.name),
        );
    }
    for (position, link) in topology.links.iter().enumerate() {
        let told = live.link(LinkId(position));
        let words = told.words(topology);
        let label = match words.is_empty() {
            true => link.net.to_string(),
            false => format!("{}<br/>{words}", link.net),
        };
        match (link.medium, link.ends.as_slice()) {
            (Medium::Veth, [(a, _), (b, _)]) => {
                let (edge, turned) = edge(&told, *a, *b);
                let (from, to) = if turned { (b, a) } else { (a, b) };
                write(
                    &mut text,
                    format_args!("  n{} {edge}|\"{label}\"| n{}\n", from.0, to.0),
                );
            }
            (Medium::Veth | Medium::Bridge { .. }, ends) => {
                write(
                    &mut text,
                    format_args!("  l{position}([\"{}<br/>{label}\"])\n", link.name),
                );
                for (node, _) in ends {
                    let edge = if told.from.contains(node) {
                        "==>"
                    } else {
                        "---"
                    };
                    write(
                        &mut text,
                        format_args!("  n{} {edge} l{position}\n", node.0),
                    );
                }
            }
        }
    }
    text
}

/// What Graphviz is told of a link between two nodes.
fn style(told: &Told, way: Way) -> String {
    let way = match way {
        Way::None => "",
        Way::There => " dir=forward color=orangered penwidth=3",
        Way::Back => " dir=back color=orangered penwidth=3",
        Way::Both => " dir=both color=orangered penwidth=3",
    };
    match told.down {
        true => " style=dashed color=red".to_owned(),
        false => way.to_owned(),
    }
}

fn dot(topology: &Topology, live: &Live) -> String {
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
        let told = live.link(LinkId(position));
        let words = told.words(topology);
        let label = match words.is_empty() {
            true => link.net.to_string(),
            false => format!("{}\\n{words}", link.net),
        };
        match (link.medium, link.ends.as_slice()) {
            (Medium::Veth, [(a, _), (b, _)]) => {
                let style = style(&told, told.way(*a, *b));
                write(
                    &mut text,
                    format_args!("  n{} -- n{} [label=\"{label}\"{style}];\n", a.0, b.0),
                );
            }
            (Medium::Veth | Medium::Bridge { .. }, ends) => {
                write(
                    &mut text,
                    format_args!("  l{position} [label=\"{}\\n{label}\"];\n", link.name),
                );
                for (node, _) in ends {
                    let sends = if told.from.contains(node) {
                        " [dir=forward color=orangered penwidth=3]"
                    } else {
                        ""
                    };
                    write(
                        &mut text,
                        format_args!("  n{} -- l{position}{sends};\n", node.0),
                    );
                }
            }
        }
    }
    text.push_str("}\n");
    text
}
