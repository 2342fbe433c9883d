//! Nodes: what they inherit, and what runs in them.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use indexmap::IndexMap;

use super::network::Network;
use super::querier;
use super::router::Subject;
use super::{Context, is_word, kinds, mcrd, own};
use crate::topology::decode::decode;
use crate::topology::file::{self, File, KindName};
use crate::topology::model::{Node, NodeId, Wrap};
use crate::topology::place::{At, OneOrMany, Part};
use crate::topology::router::Router;
use crate::topology::tree::{Key, Span, Tree, Value};
use crate::topology::value::Route;

/// The most nodes of a lab.
pub(super) const MAX_NODES: usize = 5_000;

/// Words that `${WORD...}` means something else by.
const RESERVED: [&str; 5] = ["vars", "matrix", "env", "self", "auto"];

const KINDS: [&str; 7] = [
    "host", "mcrd", "frr", "pimd", "smcroute", "kernel", "custom",
];

/// A node after inheritance, before its addresses are known.
pub(super) struct Draft {
    pub(super) name: String,
    pub(super) span: Span,
    pub(super) kind: KindName,
    pub(super) groups: Vec<String>,
    pub(super) spec: file::Node,
}

/// Gives every node what it inherits: defaults, kinds, groups, and its own
/// keys, each over the one before.
pub(super) fn drafts(cx: &Context<'_>, file: &File) -> Vec<Draft> {
    let nodes = &file.nodes.0;
    if nodes.len() > MAX_NODES {
        let span = nodes[MAX_NODES].0.span;
        cx.tell(span, format!("a lab has at most {MAX_NODES} nodes"));
        return Vec::new();
    }
    let templates = Templates::of(cx, file);
    nodes
        .iter()
        .map(|(name, entry)| {
            check_name(cx, name);
            let own = own_tree(cx, &entry.tree);
            let kind = templates.kind(cx, &name.value, &own);
            let tree = templates.inherited(&name.value, kind).overlay(own);
            Draft {
                name: name.value.clone(),
                span: name.span,
                kind,
                groups: templates.member_of(&name.value),
                spec: decode(&tree, cx.sink).unwrap_or_default(),
            }
        })
        .collect()
}

fn check_name(cx: &Context<'_>, name: &At<String>) {
    let At { span, value } = name;
    if !is_word(value, 32) || value.contains("--") {
        let problem = cx.problem(*span, format!("`{value}` cannot be a node's name"));
        let help = "letters, digits, `-` and `_`, at most 32, no `--`";
        cx.sink.add(problem.help(help));
    } else if RESERVED.contains(&value.as_str()) {
        let message = format!("`{value}` means something else in `${{{value}...}}`");
        cx.tell(*span, message);
    }
}

fn map_of(span: Span, entries: Vec<(Key, Tree)>) -> Tree {
    let value = Value::Map(entries);
    Tree { span, value }
}

/// The node's own keys; `mcrd` alone is short for `{kind: mcrd}`.
fn own_tree(cx: &Context<'_>, tree: &Tree) -> Tree {
    match &tree.value {
        Value::Map(_) => tree.clone(),
        Value::Null => map_of(tree.span, Vec::new()),
        Value::String(_) => {
            let text = "kind".to_owned();
            let span = tree.span;
            map_of(span, vec![(Key { span, text }, tree.clone())])
        }
        Value::Bool(_) | Value::Number(_) | Value::List(_) => {
            let message = format!("expected a kind or a map, found {}", tree.value);
            cx.tell(tree.span, message);
            map_of(tree.span, Vec::new())
        }
    }
}

/// What nodes inherit.
struct Templates {
    defaults: Tree,
    kinds: IndexMap<String, Tree>,
    /// By node, the templates of its groups in the file's order.
    groups: BTreeMap<String, Vec<(String, Tree)>>,
}

impl Templates {
    fn of(cx: &Context<'_>, file: &File) -> Templates {
        let empty = map_of(Span::default(), Vec::new());
        let defaults = file.defaults.as_ref().and_then(|all| all.node.as_ref());
        let defaults = defaults.map_or(empty, |part| part.tree.clone());
        checked(cx, &defaults);
        let mut kinds = IndexMap::new();
        for (name, part) in &file.kinds.0 {
            if !KINDS.contains(&name.value.as_str()) {
                cx.unknown("kind", &name.value, name.span, KINDS);
            }
            checked(cx, &part.tree);
            kinds.insert(name.value.clone(), part.tree.clone());
        }
        let groups = Self::groups(cx, file);
        Templates {
            defaults,
            kinds,
            groups,
        }
    }

    fn groups(cx: &Context<'_>, file: &File) -> BTreeMap<String, Vec<(String, Tree)>> {
        let mut groups: BTreeMap<String, Vec<(String, Tree)>> = BTreeMap::new();
        let known = || file.nodes.0.iter().map(|(name, _)| name.value.as_str());
        for (name, part) in &file.groups.0 {
            let (members, rest): (Vec<_>, Vec<_>) = part
                .tree
                .entries()
                .iter()
                .cloned()
                .partition(|(key, _)| key.text == "members");
            let template = map_of(part.tree.span, rest);
            checked(cx, &template);
            let group: Option<file::GroupOfNodes> =
                decode(&map_of(part.tree.span, members), cx.sink);
            let members = group.and_then(|group| group.members.read(&cx.scope, cx.sink));
            for member in members.unwrap_or_default() {
                if known().any(|name| name == member.value) {
                    let of_node = groups.entry(member.value).or_default();
                    of_node.push((name.value.clone(), template.clone()));
                } else {
                    let known: Vec<&str> = known().collect();
                    cx.unknown("node", &member.value, member.span, known);
                }
            }
        }
        groups
    }

    fn member_of(&self, node: &str) -> Vec<String> {
        let groups = self.groups.get(node).into_iter().flatten();
        groups.map(|(name, _)| name.clone()).collect()
    }

    /// The node's kind: its own, else its last group's, else the default.
    fn kind(&self, cx: &Context<'_>, node: &str, own: &Tree) -> KindName {
        let groups = self.groups.get(node).into_iter().flatten().rev();
        let groups = groups.map(|(_, tree)| tree);
        let all = std::iter::once(own).chain(groups).chain([&self.defaults]);
        let Some(tree) = all.filter_map(|tree| tree.get("kind")).next() else {
            return KindName::Host;
        };
        let part = Part::<At<KindName>>::new(tree.clone());
        let kind = part.read(&cx.scope, cx.sink);
        kind.map_or(KindName::Host, |kind| kind.value)
    }

    fn inherited(&self, node: &str, kind: KindName) -> Tree {
        let kind = match kind {
            KindName::Host => "host",
            KindName::Mcrd => "mcrd",
            KindName::Frr => "frr",
            KindName::Pimd => "pimd",
            KindName::Smcroute => "smcroute",
            KindName::Kernel => "kernel",
            KindName::Custom => "custom",
        };
        let mut tree = self.defaults.clone();
        if let Some(of_kind) = self.kinds.get(kind) {
            tree = tree.overlay(of_kind.clone());
        }
        for (_, of_group) in self.groups.get(node).into_iter().flatten() {
            tree = tree.overlay(of_group.clone());
        }
        tree
    }
}

/// Tells the unknown keys of a template, also of one that no node uses.
fn checked(cx: &Context<'_>, template: &Tree) {
    let read: Option<file::Node> = decode(template, cx.sink);
    drop(read);
}

/// Fills in what may name addresses: configuration, routes, commands.
pub(super) fn finish(
    cx: &Context<'_>,
    file: &File,
    drafts: &[Draft],
    network: &Network,
    timers: &file::Timers,
) -> Vec<Node> {
    let finished: Vec<Node> = drafts
        .iter()
        .enumerate()
        .map(|(position, draft)| {
            let cx = Context {
                scope: cx.scope.within(&draft.name),
                ..*cx
            };
            let mut node = network.nodes[position].clone();
            node.routes = routes(&cx, draft, network, NodeId(position));
            node.sysctls = settings(&cx, draft.spec.sysctls.as_ref());
            node.env = settings(&cx, draft.spec.env.as_ref());
            node.wrap = wrap(&cx, draft.spec.wrap.as_ref());
            node.groups.clone_from(&draft.groups);
            let subject = Subject {
                file,
                drafts,
                network,
                timers,
                node: NodeId(position),
            };
            node.router = subject.settings(&cx).map(Box::new);
            node.own = match draft.kind {
                KindName::Frr | KindName::Pimd | KindName::Smcroute => own::text(&cx, draft),
                KindName::Host | KindName::Mcrd | KindName::Kernel | KindName::Custom => None,
            };
            node.kind = kinds::kind(&cx, draft, &node, network, NodeId(position));
            node
        })
        .collect();
    querier::check(cx, network, &finished);
    finished
}

fn wrap(cx: &Context<'_>, part: Option<&Part<At<file::Wrap>>>) -> Option<Wrap> {
    let At { value, .. } = part?.read(&cx.scope, cx.sink)?;
    Some(match value {
        file::Wrap::Strace => Wrap::Strace,
        file::Wrap::Perf => Wrap::Perf,
        file::Wrap::Valgrind => Wrap::Valgrind,
        file::Wrap::Gdbserver => Wrap::Gdbserver,
    })
}

fn routes(
    cx: &Context<'_>,
    draft: &Draft,
    network: &Network,
    node: NodeId,
) -> Vec<(ipnet::Ipv4Net, std::net::Ipv4Addr)> {
    let Some(part) = &draft.spec.routes else {
        return Vec::new();
    };
    let routes = part.read(&cx.scope, cx.sink).unwrap_or_default();
    let OneOrMany::<Route>(routes) = routes;
    for Route((_, hop)) in &routes {
        let interfaces = &network.nodes[node.0].interfaces;
        let mut nets = interfaces.iter().flat_map(|interface| &interface.addresses);
        if !nets.any(|net| net.contains(hop)) {
            let message = format!("`{}` has no interface in the network of {hop}", draft.name);
            let help = "the next hop of a route is on one of the node's own links";
            cx.sink.add(cx.problem(part.tree.span, message).help(help));
        }
    }
    routes.into_iter().map(|Route(route)| route).collect()
}

fn settings(
    cx: &Context<'_>,
    part: Option<&Part<crate::topology::place::Named<file::Setting>>>,
) -> Vec<(String, String)> {
    let read = part.and_then(|part| part.read(&cx.scope, cx.sink));
    let mut settings: BTreeMap<String, usize> = BTreeMap::new();
    let mut list: Vec<(String, String)> = Vec::new();
    for (key, value) in read.unwrap_or_default().0 {
        match settings.entry(key.value.clone()) {
            Entry::Vacant(place) => {
                place.insert(list.len());
                list.push((key.value, value.0));
            }
            Entry::Occupied(place) => list[*place.get()].1 = value.0,
        }
    }
    list
}

/// mcrd's configuration: what follows from the router's settings, the file's
/// and the inline one, each laid upon the one before.
pub(super) fn config(
    cx: &Context<'_>,
    draft: &Draft,
    router: Option<&Router>,
) -> serde_json::Value {
    let named = own::named(cx, draft);
    let instead = named.as_ref().is_some_and(|named| named.instead);
    let from_file = named.and_then(|named| config_file(cx, &named.name, named.span));
    let inline = draft.spec.config.as_ref().map(|part| part.tree.clone());
    let span = inline.as_ref().map_or(draft.span, |tree| tree.span);
    let tree = match router {
        Some(router) if !instead => Tree::from_json(&mcrd::sections(router), draft.span),
        Some(_) | None => map_of(span, Vec::new()),
    };
    let tree = match from_file {
        Some(from_file) => tree.overlay(from_file),
        None => tree,
    };
    let tree = match inline {
        Some(inline) => tree.overlay(inline),
        None => tree,
    };
    if !matches!(tree.value, Value::Map(_)) {
        cx.tell(tree.span, format!("expected a map, found {}", tree.value));
    }
    let Some(tree) = cx.scope.interpolate(&tree, cx.sink) else {
        return serde_json::Value::Null;
    };
    let config = tree.to_json();
    check_config(cx, &draft.name, &tree, &config);
    config
}

/// Tells what mcrd itself would say of its configuration.
pub(super) fn check_config(cx: &Context<'_>, node: &str, tree: &Tree, config: &serde_json::Value) {
    let name = format!("{node}'s config");
    let Err(problems) = mcr_config::parse(&name, &config.to_string()) else {
        return;
    };
    for found in problems.to_api() {
        let (span, whole) = tree.span_of(&found.key);
        // What is not in the lab file itself is named by its key.
        let message = if whole || found.key.is_empty() {
            found.message
        } else {
            format!("{}: {}", found.key, found.message)
        };
        let problem = cx.problem(span, message);
        cx.sink.add(problem.advice(found.help));
    }
}

fn config_file(cx: &Context<'_>, name: &str, span: Span) -> Option<Tree> {
    let path = cx.texts.folder(span).join(name);
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) => {
            cx.tell(span, format!("cannot read {}: {error}", path.display()));
            return None;
        }
    };
    match json5::from_str::<serde_json::Value>(&text) {
        Ok(json) => Some(Tree::from_json(&json, span)),
        Err(error) => {
            cx.tell(span, format!("{} is not JSON5: {error}", path.display()));
            None
        }
    }
}
