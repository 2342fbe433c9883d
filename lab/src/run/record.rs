//! What a report shows of a step beside its verdict, as lines of the diary:
//! what was done in names, what each link carried, what each receiver got, and
//! the messages of the routers.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::ops::Range;

use mcr_sim::rules::Rule;
use serde_json::{Map, json};

use super::events::Events;
use super::ledger::{GRACE_NS, SendRun};
use super::locate;
use super::notices::{Notice, What};
use super::observe::owes;
use super::stage::Stage;
use crate::report::{Budget, LedgerRow, latency};
use crate::topology::model::{
    Action, DaemonChange, Flap, KillSignal, LinkChange, LinkId, NodeId, RxCheck, Topology, Wire,
    WireId,
};

/// Groups whose trees are kept.
const GROUPS: usize = 64;
/// Receivers with their sources whose figures are kept of one step.
const ROWS: usize = 4096;
/// Rows of one step of which it is told where packets were lost.
const LOCATED: usize = 16;
/// What came so lately may not have been the last.
const STILL_NS: u64 = 100_000_000;
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

/// Notes what nodes told since the last time, and returns it.
pub(super) fn notices<S: Stage>(stage: &S, events: &mut Events) -> Vec<Notice> {
    let (notices, mut missed) = stage.notices();
    missed += notices.len().saturating_sub(MESSAGES) as u64;
    for notice in notices.iter().take(MESSAGES) {
        let node = stage.topology().nodes.get(notice.node.0);
        let mut detail = json!({
            "node": node.map_or("?", |node| &node.name),
            "by": notice.what.by(),
            "kind": notice.what.kind(),
            "text": notice.what.text(),
        });
        if let What::Router(event) = &notice.what {
            detail["detail"] = serde_json::to_value(event).unwrap_or_default();
        }
        events.note(notice.at_ns, "notice", detail);
    }
    if missed > 0 {
        let count = json!({ "count": missed });
        events.note(stage.now_ns(), "notices missed", count);
    }
    notices
}

/// Notes what the links carried in a step that ends now.
pub(super) fn step<S: Stage>(stage: &S, events: &mut Events, before: &Carried) {
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
}

/// What a step did, and when.
#[derive(Clone, Debug, Default)]
pub(super) struct Moments {
    /// When it began.
    pub began_ns: u64,
    /// What it did, and when.
    pub done: Vec<(u64, String)>,
    /// What it did to the network.
    pub faults: Vec<String>,
    /// When it did the first of that.
    pub fault_ns: Option<u64>,
    /// When the join calls of receivers returned.
    pub joined: BTreeMap<usize, u64>,
    /// When receivers left.
    pub left: BTreeMap<usize, u64>,
}

/// An action that may interrupt what receivers get.
pub(super) fn disturbs(action: &Action) -> bool {
    match action {
        Action::Link { .. } | Action::Flap(_) | Action::Wire { .. } => true,
        Action::Rules { .. } | Action::Withdraw { .. } => true,
        Action::Address { .. } | Action::Unicast { .. } | Action::Config { .. } => true,
        Action::Daemon { .. } => true,
        Action::Join(_) | Action::Leave(_) | Action::Send(_) | Action::Stop(_) => false,
        Action::Hosts(_) | Action::Exec(_) | Action::Wait(_) => false,
        Action::Mark(_) | Action::Snap(_) | Action::Measure(_) | Action::Together(_) => false,
    }
}

/// The time in which all that was sent has arrived by now, or was lost.
pub(super) fn arrived<S: Stage>(stage: &S, since_ns: u64) -> Range<u64> {
    let now = stage.now_ns();
    match now.checked_sub(GRACE_NS) {
        Some(until) if until > since_ns + GRACE_NS => since_ns..until,
        Some(_) | None => since_ns..now,
    }
}

/// What each receiver got of each source in a step, and should have got.
pub(super) fn ledger<S: Stage>(stage: &S, moments: &Moments) -> Vec<LedgerRow> {
    let topology = stage.topology();
    let receivers = 0..topology.receivers.len();
    let pairs = receivers.flat_map(|by| (0..topology.sources.len()).map(move |of| (by, of)));
    let mut rows = Vec::new();
    let mut located = 0;
    for (by, of) in pairs.take(ROWS) {
        let Some(mut row) = row(stage, moments, by, of) else {
            continue;
        };
        if row.lost > 0 && located < LOCATED {
            located += 1;
            row.lost_at = lost_at(stage, moments.began_ns, by, of);
        }
        rows.push(row);
    }
    rows
}

/// Notes what receivers got.
pub(super) fn received(events: &mut Events, now: u64, faults: &[String], rows: &[LedgerRow]) {
    if !rows.is_empty() {
        let detail = json!({ "faults": faults, "rows": rows });
        events.note(now, "received", detail);
    }
}

fn row<S: Stage>(stage: &S, moments: &Moments, by: usize, of: usize) -> Option<LedgerRow> {
    let topology = stage.topology();
    let (receiver, source) = (topology.receivers.get(by)?, topology.sources.get(of)?);
    let check = RxCheck {
        by,
        ..RxCheck::default()
    };
    let began_ns = moments.began_ns;
    let seen = stage.ledger().borrow().rx(
        by,
        stage.now_ns().max(began_ns),
        |sender: &SendRun| sender.source == of,
        |sender, to| owes(topology, &check, sender.source, to),
    );
    let latencies = seen.latency();
    let leave_ns = left(stage, moments, by, of);
    if seen.sent == 0 && seen.received == 0 && leave_ns.is_none() {
        return None;
    }
    let joined = moments.joined.get(&by);
    let disturbed = !moments.faults.is_empty() && !moments.joined.contains_key(&by);
    let since = |from: u64| seen.first_ns.map(|first| first.saturating_sub(from));
    let over = seen.gap_until_ns.filter(|_| disturbed && seen.lost > 0);
    let repaired = over.and_then(|until| until.checked_sub(moments.fault_ns?));
    Some(LedgerRow {
        receiver: receiver.name.clone(),
        source: source.name.clone(),
        sent: seen.sent,
        received: seen.received,
        lost: seen.lost,
        duplicated: seen.duplicated,
        reordered: seen.reordered,
        corrupted: seen.corrupted,
        first_ns: since(began_ns),
        gap_ns: seen.gap_ns,
        latency: latencies.quantiles(),
        latencies: latency::bars(&latencies),
        outage_ns: disturbed.then_some(seen.gap_ns),
        join_ns: joined.and_then(|called| since(*called)),
        leave_ns,
        lost_at: None,
        budget: repaired.map(|arrived_ns| Budget {
            arrived_ns,
            ..Budget::default()
        }),
    })
}

/// From a receiver's leave to the last datagram on its link.
fn left<S: Stage>(stage: &S, moments: &Moments, by: usize, of: usize) -> Option<u64> {
    let topology = stage.topology();
    let (receiver, source) = (topology.receivers.get(by)?, topology.sources.get(of)?);
    let left_ns = *moments.left.get(&by)?;
    let node = topology.nodes.get(receiver.at.0)?;
    let link = node.interfaces.get(receiver.interface)?.link;
    let shared = receiver
        .groups
        .iter()
        .filter(|one| source.groups.contains(one));
    let last = shared
        .filter_map(|group| stage.last_on(link, *group))
        .max()?;
    let over = last + STILL_NS < stage.now_ns();
    over.then(|| last.saturating_sub(left_ns))
}

fn lost_at<S: Stage>(stage: &S, began_ns: u64, by: usize, of: usize) -> Option<String> {
    let topology = stage.topology();
    let (receiver, source) = (topology.receivers.get(by)?, topology.sources.get(of)?);
    let runs = stage.ledger().borrow();
    let runs = runs.runs().filter(|run| run.source == of);
    let runs: BTreeSet<u64> = runs.map(|run| run.run).collect();
    let passed = stage.passed(&runs, arrived(stage, began_ns));
    let way = locate::path(
        topology,
        (source.at, source.interface),
        (receiver.at, Some(receiver.interface)),
        &locate::seen(&passed),
    );
    let taken = |link| taken_on(stage, link);
    let (_, place) = locate::sentence(topology, &way, &passed, &taken)?;
    place?.name(topology).map(str::to_owned)
}

/// What the wires of a link took.
pub(super) fn taken_on<S: Stage>(stage: &S, link: LinkId) -> BTreeSet<locate::Datagram> {
    let wires = stage.wires().into_iter().map(|(at, _)| at);
    let wires = wires.filter(|at| at.link == link);
    wires.flat_map(|at| stage.gone(at).datagrams).collect()
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
        Action::Wire { at, wire } => wire_told(topology, *at, wire),
        Action::Rules { at, rules } => rules_told(topology, *at, rules),
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
        Action::Withdraw { net, lost } => {
            let verb = if *lost { "withdraw" } else { "announce" };
            (format!("unicast {verb} {net}"), Vec::new())
        }
        Action::Config { at, .. } => (format!("config {}", node(at)), vec![node(at)]),
        Action::Hosts(hosts) => {
            let text = format!("hosts {} at {}", hosts.count, node(&hosts.at));
            (text, vec![node(&hosts.at)])
        }
        Action::Daemon { change, at } => {
            let text = daemon_told(*change, &node(at));
            (text, vec![node(at)])
        }
        Action::Exec(exec) => {
            let text = format!("exec at {}: {}", node(&exec.at), exec.run);
            (text, vec![node(&exec.at)])
        }
        Action::Wait(time) => (format!("wait {time:?}"), Vec::new()),
        Action::Snap(name) => (format!("snap {name}"), Vec::new()),
        Action::Mark(text) => (format!("mark {text}"), Vec::new()),
        Action::Measure(time) => (format!("measure {time:?}"), Vec::new()),
        Action::Together(rows) => (format!("{} at once", rows.len()), Vec::new()),
    }
}

fn daemon_told(change: DaemonChange, node: &str) -> String {
    let verb = match change {
        DaemonChange::Start => "start",
        DaemonChange::Stop => "stop",
        DaemonChange::Kill(KillSignal::Kill) => "kill",
        DaemonChange::Kill(signal) => return format!("daemon kill {node} by {}", signal.word()),
        DaemonChange::KillWorkers => "kill-workers",
        DaemonChange::Reload => "reload",
        DaemonChange::Freeze => "freeze",
        DaemonChange::Thaw => "thaw",
    };
    format!("daemon {verb} {node}")
}

/// The nodes at a wire.
fn wire_nodes(topology: &Topology, at: WireId, sides: [String; 2]) -> Vec<String> {
    let [node, other] = sides;
    match at.member {
        Some(_) => vec![node],
        None if topology.links.get(at.link.0).is_some() => vec![node, other],
        None => Vec::new(),
    }
}

fn wire_told(topology: &Topology, at: WireId, wire: &Wire) -> (String, Vec<String>) {
    let (name, sides) = topology.wire_told(at);
    let link = topology.links.get(at.link.0);
    let first = link.and_then(|link| link.wire(at.member));
    let text = if *wire == first.unwrap_or_default() {
        format!("heal {name}")
    } else {
        format!("fault {name}: {}", wire_words(&sides, wire))
    };
    (text, wire_nodes(topology, at, sides))
}

/// What a wire between these does; empty where it does nothing.
pub(super) fn wire_words([a, b]: &[String; 2], wire: &Wire) -> String {
    let [one, other] = wire.map(|one| one.to_string());
    if one == other {
        return one;
    }
    let ways = [(one, format!("{a}>{b}")), (other, format!("{b}>{a}"))];
    let told = ways.into_iter().filter(|(does, _)| !does.is_empty());
    let told: Vec<String> = told.map(|(does, way)| format!("{way} {does}")).collect();
    told.join("; ")
}

fn rules_told(topology: &Topology, at: WireId, rules: &[Rule]) -> (String, Vec<String>) {
    let (name, sides) = topology.wire_told(at);
    let told: Vec<String> = rules.iter().map(ToString::to_string).collect();
    let text = match told.is_empty() {
        true => format!("heal {name}: all messages pass"),
        false => format!("fault {name}: {}", told.join("; ")),
    };
    (text, wire_nodes(topology, at, sides))
}

fn flap_told(topology: &Topology, flap: &Flap) -> (String, Vec<String>) {
    let (down, nodes) = link_told(topology, flap.down(), flap.link, flap.at);
    let times = match flap.count {
        1 => "once".to_owned(),
        count => format!("{count} times"),
    };
    let text = format!("{down} and up, {times} in {:?}", flap.period);
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
