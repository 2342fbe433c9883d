//! What a report shows of a step beside its verdict, as lines of the diary:
//! what was done in names, what each link carried, what each receiver got, and
//! the messages of the routers.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use mcr_sim::rules::Rule;
use serde_json::{Map, Value, json};

use super::events::Events;
use super::ledger::{RxSeen, SendRun};
use super::observe::owes;
use super::stage::Stage;
use crate::topology::model::{
    Action, DaemonChange, Flap, Link, LinkChange, LinkId, NodeId, RxCheck, Topology, Wire,
};

/// Groups whose trees are kept.
const GROUPS: usize = 64;
/// Receivers with their sources whose figures are kept of one step.
const ROWS: usize = 4096;
/// Messages kept of one step.
const MESSAGES: usize = 4000;

/// Datagrams by group and link.
pub(super) type Carried = BTreeMap<Ipv4Addr, BTreeMap<LinkId, u64>>;

/// What each link carried so far of each group of the file.
pub(super) fn carried<S: Stage>(stage: &S) -> Carried {
    let topology = stage.topology();
    let received = topology.receivers.iter().flat_map(|one| &one.groups);
    let sent = topology.sources.iter().flat_map(|one| &one.groups);
    let groups: BTreeSet<Ipv4Addr> = received.chain(sent).copied().collect();
    let groups = groups.into_iter().take(GROUPS);
    groups.map(|group| (group, stage.by_link(group))).collect()
}

/// Notes the messages from this number on; returns the number of the next.
pub(super) fn messages<S: Stage>(stage: &S, events: &mut Events, from: u64) -> u64 {
    let told = stage.messages(from);
    let topology = stage.topology();
    let missed = told.missed + told.messages.len().saturating_sub(MESSAGES) as u64;
    for message in told.messages.iter().take(MESSAGES) {
        let Some(said) = message.said() else { continue };
        let link = topology.links.get(message.link.0);
        let detail = json!({
            "link": link.map_or("?", |link| &link.name),
            "source": message.source,
            "destination": message.destination,
            "kind": said.kind,
            "text": said.text,
        });
        events.note(message.at_ns, "message", detail);
    }
    if missed > 0 {
        let count = json!({ "count": missed });
        events.note(stage.now_ns(), "messages missed", count);
    }
    told.next
}

/// Notes what happened in a step that ends now.
pub(super) fn step<S: Stage>(stage: &S, events: &mut Events, began_ns: u64, before: &Carried) {
    let now = stage.now_ns();
    let topology = stage.topology();
    for (group, links) in carried(stage) {
        let known = before.get(&group);
        let mut grown = Map::new();
        for (link, count) in links {
            let was = known.and_then(|links| links.get(&link)).copied();
            let count = count.saturating_sub(was.unwrap_or(0));
            if let (1.., Some(link)) = (count, topology.links.get(link.0)) {
                grown.insert(link.name.clone(), count.into());
            }
        }
        if !grown.is_empty() {
            events.note(now, "carried", json!({ "group": group, "links": grown }));
        }
    }
    let rows = rows(stage, began_ns);
    if !rows.is_empty() {
        events.note(now, "received", json!({ "rows": rows }));
    }
}

/// What each receiver got of each source, and should have got.
fn rows<S: Stage>(stage: &S, began_ns: u64) -> Vec<Value> {
    let topology = stage.topology();
    let ledger = stage.ledger().borrow();
    let now = stage.now_ns().max(began_ns);
    let receivers = topology.receivers.iter().enumerate();
    let pairs = receivers.flat_map(|receiver| {
        let sources = topology.sources.iter().enumerate();
        sources.map(move |source| (receiver, source))
    });
    let mut rows = Vec::new();
    for ((by, receiver), (of, source)) in pairs.take(ROWS) {
        let check = RxCheck {
            by,
            ..RxCheck::default()
        };
        let seen = ledger.rx(
            by,
            now,
            |sender: &SendRun| sender.source == of,
            |sender, to| owes(topology, &check, sender.source, to),
        );
        if seen.sent > 0 || seen.received > 0 {
            rows.push(row(&receiver.name, &source.name, &seen, began_ns));
        }
    }
    rows
}

fn row(receiver: &str, source: &str, seen: &RxSeen, began_ns: u64) -> Value {
    json!({
        "receiver": receiver,
        "source": source,
        "sent": seen.sent,
        "received": seen.received,
        "lost": seen.lost,
        "duplicated": seen.duplicated,
        "reordered": seen.reordered,
        "corrupted": seen.corrupted,
        "first_ns": seen.first_ns.map(|first| first.saturating_sub(began_ns)),
        "gap_ns": seen.gap_ns,
        "latency": seen.latency,
    })
}

/// An action in the words of the file, and the nodes it is about.
pub(super) fn told(topology: &Topology, action: &Action) -> (String, Vec<String>) {
    let node = |at: &NodeId| {
        let node = topology.nodes.get(at.0);
        node.map_or_else(|| "?".to_owned(), |node| node.name.clone())
    };
    let receivers = |verb: &str, which: &[usize]| {
        let all = which.iter().filter_map(|one| topology.receivers.get(*one));
        let (names, nodes): (Vec<_>, Vec<_>) =
            all.map(|one| (one.name.as_str(), node(&one.at))).unzip();
        (format!("{verb} {}", names.join(" ")), nodes)
    };
    let sources = |verb: &str, which: &[usize]| {
        let all = which.iter().filter_map(|one| topology.sources.get(*one));
        let (names, nodes): (Vec<_>, Vec<_>) =
            all.map(|one| (one.name.as_str(), node(&one.at))).unzip();
        (format!("{verb} {}", names.join(" ")), nodes)
    };
    match action {
        Action::Join(which) => receivers("join", which),
        Action::Leave(which) => receivers("leave", which),
        Action::Send(which) => sources("send", which),
        Action::Stop(which) => sources("stop", which),
        Action::Link { change, link, at } => link_told(topology, *change, *link, *at),
        Action::Flap(flap) => flap_told(topology, flap),
        Action::Wire { link, wire } => wire_told(topology, *link, wire),
        Action::Rules { link, rules } => rules_told(topology, *link, rules),
        Action::Address { at, addresses, .. } => {
            let all: Vec<String> = addresses.iter().map(ToString::to_string).collect();
            (
                format!("address {} {}", node(at), all.join(" ")),
                vec![node(at)],
            )
        }
        Action::Unicast { at, net, lost } => {
            let verb = if *lost { "lose" } else { "have" };
            (
                format!("unicast {verb} {net} at {}", node(at)),
                vec![node(at)],
            )
        }
        Action::Config { at, .. } => (format!("config {}", node(at)), vec![node(at)]),
        Action::Hosts(hosts) => {
            let text = format!("hosts {} at {}", hosts.count, node(&hosts.at));
            (text, vec![node(&hosts.at)])
        }
        Action::Daemon { change, at } => {
            let verb = match change {
                DaemonChange::Start => "start",
                DaemonChange::Stop => "stop",
                DaemonChange::Kill => "kill",
                DaemonChange::KillWorkers => "kill-workers",
                DaemonChange::Reload => "reload",
                DaemonChange::Freeze => "freeze",
                DaemonChange::Thaw => "thaw",
            };
            (format!("daemon {verb} {}", node(at)), vec![node(at)])
        }
        Action::Exec(exec) => {
            let text = format!("exec at {}: {}", node(&exec.at), exec.run);
            (text, vec![node(&exec.at)])
        }
        Action::Wait(time) => (format!("wait {time:?}"), Vec::new()),
        Action::Mark(text) => (format!("mark {text}"), Vec::new()),
        Action::Measure(time) => (format!("measure {time:?}"), Vec::new()),
    }
}

/// The nodes of a link.
fn ends(topology: &Topology, link: &Link) -> Vec<String> {
    let ends = link.ends.iter();
    let nodes = ends.filter_map(|(node, _)| topology.nodes.get(node.0));
    nodes.map(|node| node.name.clone()).collect()
}

fn wire_told(topology: &Topology, link: LinkId, wire: &Wire) -> (String, Vec<String>) {
    let Some(link) = topology.links.get(link.0) else {
        return ("fault".to_owned(), Vec::new());
    };
    let names = ends(topology, link);
    if *wire == link.wire.unwrap_or_default() {
        return (format!("heal {}", link.name), names);
    }
    let does = wire.map(|one| one.to_string());
    let text = match (does.as_slice(), names.as_slice()) {
        ([one, other], _) if one == other => format!("fault {}: {one}", link.name),
        ([one, other], [a, b]) => {
            let ways = [(one, format!("{a}>{b}")), (other, format!("{b}>{a}"))];
            let told = ways.into_iter().filter(|(does, _)| !does.is_empty());
            let told: Vec<String> = told.map(|(does, way)| format!("{way} {does}")).collect();
            format!("fault {}: {}", link.name, told.join("; "))
        }
        _ => format!("fault {}", link.name),
    };
    (text, names)
}

fn rules_told(topology: &Topology, link: LinkId, rules: &[Rule]) -> (String, Vec<String>) {
    let Some(link) = topology.links.get(link.0) else {
        return ("fault".to_owned(), Vec::new());
    };
    let told: Vec<String> = rules.iter().map(ToString::to_string).collect();
    let text = match told.is_empty() {
        true => format!("heal {}: all messages pass", link.name),
        false => format!("fault {}: {}", link.name, told.join("; ")),
    };
    (text, ends(topology, link))
}

fn flap_told(topology: &Topology, flap: &Flap) -> (String, Vec<String>) {
    let (down, nodes) = link_told(topology, flap.down(), flap.link, flap.at);
    let text = format!("{down} and up, {} times in {:?}", flap.count, flap.period);
    (text, nodes)
}

fn link_told(
    topology: &Topology,
    change: LinkChange,
    link: LinkId,
    at: Option<NodeId>,
) -> (String, Vec<String>) {
    let verb = match change {
        LinkChange::Down => "down",
        LinkChange::Up => "up",
        LinkChange::Delete => "delete",
        LinkChange::Create => "create",
        LinkChange::CarrierDown => "carrier down",
        LinkChange::CarrierUp => "carrier up",
    };
    let Some(link) = topology.links.get(link.0) else {
        return (format!("link {verb}"), Vec::new());
    };
    let ends = link.ends.iter().map(|(node, _)| *node);
    let nodes = ends
        .filter(|node| at.is_none_or(|at| at == *node))
        .filter_map(|node| Some(topology.nodes.get(node.0)?.name.clone()));
    (format!("link {verb} {}", link.name), nodes.collect())
}
