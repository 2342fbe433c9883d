//! The network as an SVG drawing. Each part has the position of its node or
//! link as `data-node` and `data-link`, for what colours it.

use std::fmt::{self, Write};

use super::html::layout::{Place, places};
use super::junit::escape;
use super::live::Live;
use crate::topology::model::{Link, LinkId, Medium, Topology};

#[cfg(test)]
mod tests;

/// Pixels between neighbours.
const UNIT: f64 = 178.0;
const WIDTH: f64 = 84.0;
const HEIGHT: f64 = 40.0;
const MARGIN: f64 = 26.0;

/// A drawing's places in pixels, and its size.
struct Drawing<'a> {
    topology: &'a Topology,
    live: &'a Live,
    nodes: Vec<Place>,
    /// The middle of each segment; of a link, the middle of its line.
    links: Vec<Place>,
    size: Place,
}

/// Draws the network.
#[must_use]
pub fn draw(topology: &Topology, live: &Live) -> String {
    let drawing = Drawing::of(topology, live);
    let mut text = String::new();
    // A String takes everything.
    drawing.write(&mut text).unwrap_or_default();
    text
}

fn is_segment(link: &Link) -> bool {
    !matches!((link.medium, link.ends.len()), (Medium::Veth, 2))
}

impl<'a> Drawing<'a> {
    fn of(topology: &'a Topology, live: &'a Live) -> Drawing<'a> {
        let nodes = topology.nodes.len();
        let mut lines = Vec::new();
        let mut hubs = Vec::new();
        for (position, link) in topology.links.iter().enumerate() {
            match (is_segment(link), link.ends.as_slice()) {
                (false, [(one, _), (other, _)]) => lines.push((one.0, other.0)),
                (_, ends) => {
                    let hub = nodes + hubs.len();
                    lines.extend(ends.iter().map(|(node, _)| (node.0, hub)));
                    hubs.push(position);
                }
            }
        }
        let mut all = places(nodes + hubs.len(), &lines);
        sources_left(topology, &mut all);
        let least = |of: fn(&Place) -> f64| all.iter().map(of).fold(f64::INFINITY, f64::min);
        let (left, top) = (least(|place| place.x), least(|place| place.y));
        for place in &mut all {
            place.x = (place.x - left) * UNIT + MARGIN + WIDTH / 2.0;
            place.y = (place.y - top) * UNIT * 0.72 + MARGIN + HEIGHT / 2.0;
        }
        let most = |of: fn(&Place) -> f64| all.iter().map(of).fold(0.0, f64::max);
        let size = Place {
            x: most(|place| place.x) + WIDTH / 2.0 + MARGIN,
            y: most(|place| place.y) + HEIGHT / 2.0 + MARGIN + 14.0,
        };
        let mut hub = all.split_off(nodes).into_iter();
        let links = topology.links.iter().map(|link| {
            if is_segment(link) {
                return hub.next().unwrap_or_default();
            }
            let mut ends = link.ends.iter().filter_map(|(node, _)| all.get(node.0));
            match (ends.next(), ends.next()) {
                (Some(one), Some(other)) => Place {
                    x: f64::midpoint(one.x, other.x),
                    y: f64::midpoint(one.y, other.y),
                },
                _ => Place::default(),
            }
        });
        let links = links.collect();
        Drawing {
            topology,
            live,
            nodes: all,
            links,
            size,
        }
    }

    fn write(&self, text: &mut String) -> fmt::Result {
        let Place { x, y } = self.size;
        writeln!(
            text,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"network\" role=\"img\" \
             viewBox=\"0 0 {x:.0} {y:.0}\" width=\"{x:.0}\" height=\"{y:.0}\" \
             font-family=\"system-ui, sans-serif\" font-size=\"12\">\n\
             <title>{}</title>",
            escape(&self.topology.name)
        )?;
        for position in 0..self.topology.links.len() {
            self.lines(text, position)?;
        }
        for position in 0..self.topology.links.len() {
            self.label(text, position)?;
        }
        for position in 0..self.topology.nodes.len() {
            self.node(text, position)?;
        }
        writeln!(text, "</svg>")
    }

    fn lines(&self, text: &mut String, position: usize) -> fmt::Result {
        let link = &self.topology.links[position];
        let line = |text: &mut String, node: usize, peer: &str, from: Place, to: Place| {
            let told = self.live.link(LinkId(position));
            let sends = told
                .from
                .iter()
                .any(|one| one.0 == node || one.0.to_string() == peer);
            let style = match (told.down, sends) {
                (true, _) => "stroke=\"#b3261e\" stroke-width=\"2\" stroke-dasharray=\"5 4\"",
                (false, true) => "stroke=\"#d2691e\" stroke-width=\"4\"",
                (false, false) => "stroke=\"#8a94a6\" stroke-width=\"2\"",
            };
            writeln!(
                text,
                "<line class=\"link\" {style} \
                 data-link=\"{position}\" data-node-a=\"{node}\" data-node-b=\"{peer}\" \
                 x1=\"{:.1}\" y1=\"{:.1}\" x2=\"{:.1}\" y2=\"{:.1}\"/>",
                from.x, from.y, to.x, to.y
            )
        };
        match (is_segment(link), link.ends.as_slice()) {
            (false, [(one, _), (other, _)]) => {
                let (from, to) = (self.nodes[one.0], self.nodes[other.0]);
                line(text, one.0, &other.0.to_string(), from, to)
            }
            (_, ends) => {
                for (node, _) in ends {
                    line(text, node.0, "", self.nodes[node.0], self.links[position])?;
                }
                Ok(())
            }
        }
    }

    fn label(&self, text: &mut String, position: usize) -> fmt::Result {
        let link = &self.topology.links[position];
        let Place { x, y } = self.links[position];
        let (name, net) = (escape(&link.name), link.net);
        if is_segment(link) {
            let wide = 14.0 + 7.0 * link.name.chars().count() as f64;
            writeln!(
                text,
                "<g class=\"segment\" data-link=\"{position}\"><title>{name}  {net}</title>\
                 <rect x=\"{:.1}\" y=\"{:.1}\" width=\"{wide:.1}\" height=\"22\" rx=\"11\" \
                 fill=\"#dfe5ee\" stroke=\"#8a94a6\"/><text x=\"{x:.1}\" y=\"{:.1}\" \
                 text-anchor=\"middle\" fill=\"#1c2430\">{name}</text></g>",
                x - wide / 2.0,
                y - 11.0,
                y + 4.0
            )?;
            self.live_words(text, position, x, y + 23.0)
        } else {
            let Place { x, y } = self.beside(link, self.links[position]);
            writeln!(
                text,
                "<g class=\"wire\" data-link=\"{position}\"><title>{name}  {net}</title>\
                 <text class=\"count\" x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\" \
                 font-size=\"10\" fill=\"#5b6678\">{net}</text></g>",
                y + 3.5
            )?;
            self.live_words(text, position, x, y + 15.5)
        }
    }

    /// What is to be told of a link beside its net.
    fn live_words(&self, text: &mut String, position: usize, x: f64, y: f64) -> fmt::Result {
        let words = self.live.link(LinkId(position)).words(self.topology);
        if words.is_empty() {
            return Ok(());
        }
        writeln!(
            text,
            "<text class=\"live\" x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"middle\" \
             font-size=\"10\" fill=\"#b3261e\">{}</text>",
            escape(&words)
        )
    }

    /// Where the text of a link is: off its line, the farther the steeper that is.
    fn beside(&self, link: &Link, middle: Place) -> Place {
        let mut ends = link
            .ends
            .iter()
            .filter_map(|(node, _)| self.nodes.get(node.0));
        let (Some(one), Some(other)) = (ends.next(), ends.next()) else {
            return middle;
        };
        let (right, down) = (other.x - one.x, other.y - one.y);
        let long = right.hypot(down).max(1.0);
        // Upwards, across the line.
        let sign = if right < 0.0 { -1.0 } else { 1.0 };
        let (x, y) = (sign * down / long, -sign * right / long);
        let far = 11.0 + 22.0 * x.abs();
        Place {
            x: middle.x + x * far,
            y: middle.y + y * far,
        }
    }

    fn node(&self, text: &mut String, position: usize) -> fmt::Result {
        let node = &self.topology.nodes[position];
        let Place { x, y } = self.nodes[position];
        let kind = node.kind.word();
        let (fill, edge) = if node.kind.is_router() {
            ("#e4edfb", "#2f62ad")
        } else {
            ("#f3f1ea", "#8b7f63")
        };
        let mut below = Vec::new();
        for source in &self.topology.sources {
            if source.at.0 == position {
                below.push(format!("\u{25b6} {}", source.name));
            }
        }
        for receiver in &self.topology.receivers {
            if receiver.at.0 == position {
                below.push(format!("\u{25c9} {}", receiver.name));
            }
        }
        let below: String = below.join(" ").chars().take(26).collect();
        let (name, below) = (escape(&node.name), escape(&below));
        writeln!(
            text,
            "<g class=\"node {kind}\" data-node=\"{position}\"><title>{name} ({kind}){}</title>\
             <rect x=\"{:.1}\" y=\"{:.1}\" width=\"{WIDTH}\" height=\"{HEIGHT}\" rx=\"7\" \
             fill=\"{fill}\" stroke=\"{edge}\" stroke-width=\"1.5\"/>\
             <text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\" font-weight=\"600\" \
             fill=\"#1c2430\">{name}</text>\
             <text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\" font-size=\"10\" \
             fill=\"#5b6678\">{kind}</text>\
             <text class=\"role\" x=\"{:.1}\" y=\"{:.1}\" \
             font-size=\"10\" fill=\"#8b5a00\">{below}</text></g>",
            loopbacks(node.loopback.iter()),
            x - WIDTH / 2.0,
            y - HEIGHT / 2.0,
            y - 2.0,
            y + 12.0,
            // Beside a link that goes straight down.
            x + 7.0,
            y + HEIGHT / 2.0 + 13.0,
        )
    }
}

fn loopbacks<'a>(all: impl Iterator<Item = &'a ipnet::Ipv4Net>) -> String {
    all.map(|address| format!("  lo {address}")).collect()
}

/// Turns the drawing so that what is sent goes to the right.
fn sources_left(topology: &Topology, places: &mut [Place]) {
    let mean = |nodes: &mut dyn Iterator<Item = usize>| {
        let found: Vec<f64> = nodes.filter_map(|node| Some(places.get(node)?.x)).collect();
        (!found.is_empty()).then(|| found.iter().sum::<f64>() / found.len() as f64)
    };
    let from = mean(&mut topology.sources.iter().map(|source| source.at.0));
    let to = mean(&mut topology.receivers.iter().map(|receiver| receiver.at.0));
    let turned = match (from, to) {
        (Some(from), Some(to)) => from > to,
        (Some(from), None) => mean(&mut (0..places.len())).is_some_and(|all| from > all),
        (None, _) => false,
    };
    if turned {
        for place in places {
            place.x = -place.x;
        }
    }
}
