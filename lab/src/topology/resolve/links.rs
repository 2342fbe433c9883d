//! Links and segments: who is joined to whom, by which interface.

use std::collections::BTreeSet;

use indexmap::IndexMap;
use ipnet::Ipv4Net;

use super::Context;
use super::address::{self, Wish};
use super::network::Network;
use super::nodes::Draft;
use super::{querier, wire};
use crate::topology::decode::decode;
use crate::topology::file::{self, File};
use crate::topology::model::{Interface, Kind, Link, LinkId, Medium, Node, NodeId, Wire};
use crate::topology::place::{At, Named, OneOrMany};
use crate::topology::tree::{Key, Span, Tree, Value};
use crate::topology::value::{Cidr, Net};

/// The most links and segments of a lab.
const MAX_LINKS: usize = 20_000;

/// The longest name of an interface, in bytes (IFNAMSIZ without its end).
const MAX_INTERFACE_NAME: usize = 15;

/// Names that the kernel or `ip` take for something else.
const NOT_AN_INTERFACE: [&str; 6] = ["l", "r", "lo", "all", "default", "dev"];

/// One end as it is written: `node`, `node:interface`, either with `@address`.
pub(super) struct End {
    pub(super) node: NodeId,
    interface: Option<String>,
    address: Option<Ipv4Net>,
}

/// A link or segment as it is written.
struct Written {
    name: String,
    span: Span,
    medium: Medium,
    ends: Vec<End>,
    net: Option<At<Net>>,
    mtu: Option<At<u32>>,
    checksum_offload: bool,
    metric: Option<At<u32>>,
    wire: Option<Wire>,
    /// By end.
    members: Vec<Option<Wire>>,
    /// The end that is to have the lowest address.
    lowest: Option<At<usize>>,
}

/// Builds the nodes' interfaces and gives all addresses.
pub(super) fn network(cx: &Context<'_>, file: &File, drafts: &[Draft]) -> Network {
    let names = drafts.iter().enumerate();
    let names = names.map(|(position, draft)| (draft.name.clone(), NodeId(position)));
    let mut network = Network {
        names: names.collect(),
        nodes: drafts.iter().map(|draft| bare(&draft.name)).collect(),
        links: Vec::new(),
        queriers: Vec::new(),
        whole: false,
    };
    let before = cx.sink.count();
    let mut written = links(cx, file, &network);
    written.extend(segments(cx, file, &network));
    if written.len() > MAX_LINKS {
        let span = written[MAX_LINKS].span;
        cx.tell(span, format!("a lab has at most {MAX_LINKS} links"));
        return network;
    }
    let interface_names = interface_names(cx, &written, &network);
    let mut wishes = Vec::new();
    for (link, (written, names)) in written.into_iter().zip(interface_names).enumerate() {
        wishes.push(place(cx, &mut network, LinkId(link), written, names));
    }
    overrides(cx, drafts, &network, &mut wishes);
    address::give(cx, &mut network, &wishes);
    address::loopbacks(cx, file, drafts, &mut network);
    network.whole = cx.sink.count() == before;
    network
}

fn bare(name: &str) -> Node {
    Node {
        name: name.to_owned(),
        groups: Vec::new(),
        kind: Kind::Host,
        router: None,
        loopback: Vec::new(),
        interfaces: Vec::new(),
        routes: Vec::new(),
        sysctls: Vec::new(),
        env: Vec::new(),
        wrap: None,
        own: None,
        ospf: None,
    }
}

/// Puts a link into the network, its interfaces without addresses yet.
fn place(
    cx: &Context<'_>,
    network: &mut Network,
    link: LinkId,
    written: Written,
    names: Vec<String>,
) -> Wish {
    let mut ends = Vec::new();
    let mut addresses = Vec::new();
    for (end, name) in written.ends.iter().zip(names) {
        let interfaces = &mut network.nodes[end.node.0].interfaces;
        ends.push((end.node, interfaces.len()));
        interfaces.push(Interface {
            name,
            link,
            addresses: Vec::new(),
        });
        addresses.push(end.address.map(|address| vec![address]));
    }
    let mtu = mtu(cx, written.mtu.as_ref());
    let members = ends.iter().zip(written.members);
    let members = members.filter_map(|(end, wire)| Some((*end, wire?)));
    let members = members.collect();
    network.links.push(Link {
        name: written.name,
        medium: written.medium,
        ends,
        net: Ipv4Net::default(),
        mtu,
        metric: metric(cx, written.metric.as_ref()),
        checksum_offload: written.checksum_offload,
        wire: written.wire,
        members,
    });
    let lowest = written.lowest.as_ref().map(|lowest| lowest.value);
    if let Some(At { span, value }) = written.lowest {
        network.queriers.push((link, At { span, value }));
    }
    Wish {
        lowest,
        span: written.net.as_ref().map_or(written.span, |net| net.span),
        net: written.net.map(
            |At {
                 value: Net(net), ..
             }| net,
        ),
        addresses,
    }
}

fn mtu(cx: &Context<'_>, mtu: Option<&At<u32>>) -> u32 {
    let Some(At { span, value }) = mtu else {
        return 1500;
    };
    // Below 68 there is no IPv4 (RFC 791); above 65535 no veth.
    if !(68..=65_535).contains(value) {
        let message = format!("an MTU is from 68 to 65535, not {value}");
        cx.tell(*span, message);
    }
    *value
}

fn metric(cx: &Context<'_>, metric: Option<&At<u32>>) -> u32 {
    let Some(At { span, value }) = metric else {
        return 10;
    };
    if !(1..=65_535).contains(value) {
        cx.tell(*span, format!("a metric is from 1 to 65535, not {value}"));
    }
    *value
}

/// Options with those keys of `defaults.link` laid below that are `meant`.
fn with_defaults(
    cx: &Context<'_>,
    file: &File,
    options: Tree,
    meant: impl Fn(&str) -> bool,
) -> Option<Tree> {
    let defaults = file.defaults.as_ref().and_then(|all| all.link.as_ref());
    let options = cx.scope.interpolate(&options, cx.sink)?;
    let Some(defaults) = defaults else {
        return Some(options);
    };
    let read: Option<file::LinkDefaults> = defaults.read(&cx.scope, cx.sink);
    let read = read.is_some().then_some(&defaults.tree)?;
    let mut below = cx.scope.interpolate(read, cx.sink)?;
    if let Value::Map(entries) = &mut below.value {
        entries.retain(|(key, _)| meant(&key.text));
    }
    Some(below.overlay(options))
}

/// A key of a wire.
fn of_wire(key: &str) -> bool {
    file::WIRE_KEYS.contains(&key)
}

fn links(cx: &Context<'_>, file: &File, network: &Network) -> Vec<Written> {
    let mut taken: IndexMap<String, u32> = IndexMap::new();
    let mut links = Vec::new();
    for part in &file.links {
        let Some(mut written) = link(cx, file, &part.tree, network) else {
            continue;
        };
        let times = taken.entry(written.name.clone()).or_default();
        *times += 1;
        if *times > 1 {
            written.name = format!("{}#{times}", written.name);
        }
        links.push(written);
    }
    links
}

fn link(cx: &Context<'_>, file: &File, tree: &Tree, network: &Network) -> Option<Written> {
    let (text, span, options) = match (&tree.value, tree.entries()) {
        (Value::String(text), _) => (text.clone(), tree.span, None),
        (_, [(key, options)]) => (key.text.clone(), key.span, Some(options.clone())),
        (_, _) => {
            let problem = cx.problem(tree.span, "expected one link");
            let help = "write `- a -- b`, or `- a -- b: {net: 10.1.0.0/24}`";
            cx.sink.add(problem.help(help));
            return None;
        }
    };
    let value = Value::String(text);
    let text = cx.scope.interpolate(&Tree { span, value }, cx.sink)?;
    let Value::String(text) = text.value else {
        return None;
    };
    let Some((a, b)) = text.split_once(" -- ") else {
        let problem = cx.problem(span, format!("`{text}` is not a link"));
        cx.sink
            .add(problem.help("write `a -- b`, with spaces around the dashes"));
        return None;
    };
    let (a, b) = (end(cx, network, a, span), end(cx, network, b, span));
    let (a, b) = (a?, b?);
    let name = |end: &End| network.nodes[end.node.0].name.clone();
    let (from, to) = (name(&a), name(&b));
    if a.node == b.node {
        cx.tell(span, format!("both ends of this link are in `{from}`"));
        return None;
    }
    let empty = Tree {
        span,
        value: Value::Map(Vec::new()),
    };
    let options = options.filter(|tree| tree.value != Value::Null);
    let options = with_defaults(cx, file, options.unwrap_or(empty), |_| true)?;
    let options: file::LinkOptions = decode(&options, cx.sink)?;
    let wire = wire::of_link(cx, [&from, &to], &options, span);
    Some(Written {
        name: format!("{from}--{to}"),
        span,
        medium: Medium::Veth,
        ends: vec![a, b],
        net: options.net,
        mtu: options.mtu,
        checksum_offload: options.checksum_offload.is_some_and(|on| on.value),
        metric: options.metric,
        wire,
        members: Vec::new(),
        lowest: None,
    })
}

fn end(cx: &Context<'_>, network: &Network, text: &str, span: Span) -> Option<End> {
    let text = text.trim();
    let (place, address) = match text.split_once('@') {
        Some((place, address)) => (place, Some(address)),
        None => (text, None),
    };
    let address = match address {
        Some(address) => {
            let value = Value::String(address.to_owned());
            let Cidr(address) = decode(&Tree { span, value }, cx.sink)?;
            Some(address)
        }
        None => None,
    };
    let (node, interface) = match place.split_once(':') {
        Some((node, interface)) => (node, Some(interface)),
        None => (place, None),
    };
    let Some(id) = network.node(node) else {
        cx.unknown("node", node, span, network.node_names());
        return None;
    };
    if let Some(name) = interface
        && !is_interface_name(name)
    {
        let problem = cx.problem(span, format!("`{name}` cannot be an interface's name"));
        let help = "letters, digits, `-` and `_`, at most 15, not `l`, `r`, `lo`, `all`";
        cx.sink.add(problem.help(help));
        return None;
    }
    Some(End {
        node: id,
        interface: interface.map(str::to_owned),
        address,
    })
}

fn is_interface_name(name: &str) -> bool {
    super::is_word(name, MAX_INTERFACE_NAME) && !NOT_AN_INTERFACE.contains(&name)
}

fn segments(cx: &Context<'_>, file: &File, network: &Network) -> Vec<Written> {
    file.segments
        .0
        .iter()
        .filter_map(|(name, part)| segment(cx, file, name, &part.tree, network))
        .collect()
}

fn segment(
    cx: &Context<'_>,
    file: &File,
    name: &At<String>,
    tree: &Tree,
    network: &Network,
) -> Option<Written> {
    if !super::is_word(&name.value, 32) || name.value.contains("--") {
        let message = format!("`{}` cannot be a segment's name", name.value);
        let help = "letters, digits, `-` and `_`, at most 32, no `--`";
        cx.sink.add(cx.problem(name.span, message).help(help));
    } else if network.node(&name.value).is_some() {
        let message = format!("`{}` is the name of a node already", name.value);
        cx.tell(name.span, message);
    }
    let span = tree.span;
    let options = match &tree.value {
        Value::List(_) => {
            let text = "members".to_owned();
            let value = Value::Map(vec![(Key { span, text }, tree.clone())]);
            Tree { span, value }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Map(_) => {
            tree.clone()
        }
    };
    let options = with_defaults(cx, file, options, |key| !of_wire(key))?;
    let segment: file::Segment = decode(&options, cx.sink)?;
    let offload = segment.checksum_offload.unwrap_or(false);
    let members = segment.members.iter();
    let members: Vec<_> = members
        .map(|part| member(cx, file, network, (&name.value, offload), &part.tree))
        .collect();
    let members = members.into_iter().collect::<Option<Vec<_>>>()?;
    let (ends, members): (Vec<End>, Vec<Option<Wire>>) = members.into_iter().unzip();
    if ends.is_empty() {
        cx.tell(name.span, format!("segment `{}` has no member", name.value));
    }
    let querier = segment.querier.map(|part| part.tree);
    let (querier, lowest) = querier::of_segment(cx, network, &name.value, querier, &ends);
    let snooping = segment.snooping;
    Some(Written {
        name: name.value.clone(),
        span: name.span,
        medium: Medium::Bridge { snooping, querier },
        ends,
        net: segment.net,
        mtu: segment.mtu,
        checksum_offload: offload,
        metric: segment.metric,
        wire: None,
        members,
        lowest,
    })
}

/// A member of a segment, and the wire that joins it, where there is one.
fn member(
    cx: &Context<'_>,
    file: &File,
    network: &Network,
    (segment, offload): (&str, bool),
    tree: &Tree,
) -> Option<(End, Option<Wire>)> {
    let (text, span, options) = match (&tree.value, tree.entries()) {
        (Value::String(text), _) => (text, tree.span, None),
        (_, [(key, options)]) => (&key.text, key.span, Some(options)),
        (_, _) => {
            let problem = cx.problem(tree.span, "expected one member");
            let help = "write `- r1`, or `- r1: {loss: 1%}`";
            cx.sink.add(problem.help(help));
            return None;
        }
    };
    let end = end(cx, network, text, span)?;
    let options = options.filter(|tree| tree.value != Value::Null);
    let empty = Tree {
        span,
        value: Value::Map(Vec::new()),
    };
    let options = options.cloned().unwrap_or(empty);
    let options = with_defaults(cx, file, options, of_wire)?;
    let options: file::MemberOptions = decode(&options, cx.sink)?;
    let node = network.nodes[end.node.0].name.as_str();
    let wire = wire::of_member(cx, [node, segment], &options, span, offload);
    Some((end, wire))
}

/// A name for every interface: the given one, else that of the peer node or
/// the segment, made to fit and unique in its node.
fn interface_names(cx: &Context<'_>, links: &[Written], network: &Network) -> Vec<Vec<String>> {
    let mut taken: BTreeSet<(NodeId, String)> = BTreeSet::new();
    for link in links {
        for end in &link.ends {
            let Some(name) = &end.interface else { continue };
            if !taken.insert((end.node, name.clone())) {
                let node = &network.nodes[end.node.0].name;
                let message = format!("`{node}` has an interface `{name}` already");
                cx.tell(link.span, message);
            }
        }
    }
    let mut names = Vec::new();
    for link in links {
        let mut of_link = Vec::new();
        for (position, end) in link.ends.iter().enumerate() {
            let name = match (&end.interface, link.medium) {
                (Some(name), _) => name.clone(),
                (None, Medium::Bridge { .. }) => unique(&mut taken, end.node, &link.name),
                (None, Medium::Veth) => {
                    let peer = &link.ends[1 - position];
                    let peer = network.nodes[peer.node.0].name.clone();
                    unique(&mut taken, end.node, &peer)
                }
            };
            of_link.push(name);
        }
        names.push(of_link);
    }
    names
}

/// `wanted` cut to fit, with a number where it is taken.
fn unique(taken: &mut BTreeSet<(NodeId, String)>, node: NodeId, wanted: &str) -> String {
    let mut name: String = wanted.chars().take(MAX_INTERFACE_NAME).collect();
    if NOT_AN_INTERFACE.contains(&name.as_str()) {
        name = format!("to-{name}");
    }
    let stem = name.clone();
    let mut number = 2;
    while !taken.insert((node, name.clone())) {
        let suffix = format!("-{number}");
        let room = MAX_INTERFACE_NAME - suffix.len();
        name = stem.chars().take(room).collect::<String>() + &suffix;
        number += 1;
    }
    name
}

/// Takes the nodes' own `addresses` over the automatic ones.
fn overrides(cx: &Context<'_>, drafts: &[Draft], network: &Network, wishes: &mut [Wish]) {
    for (position, draft) in drafts.iter().enumerate() {
        let Some(part) = &draft.spec.addresses else {
            continue;
        };
        let node = NodeId(position);
        let read: Option<Named<OneOrMany<Cidr>>> = part.read(&cx.scope, cx.sink);
        for (word, OneOrMany(addresses)) in read.unwrap_or_default().0 {
            let Some(interface) = network.interface(node, &word.value) else {
                let known = network.interface_names(node);
                let what = format!("interface of `{}` named", draft.name);
                cx.unknown(&what, &word.value, word.span, known);
                continue;
            };
            let link = network.nodes[position].interfaces[interface].link;
            let ends = &network.links[link.0].ends;
            let end = ends.iter().position(|end| *end == (node, interface));
            let addresses = addresses.into_iter().map(|Cidr(address)| address).collect();
            if let Some(end) = end {
                wishes[link.0].addresses[end] = Some(addresses);
            }
        }
    }
}
