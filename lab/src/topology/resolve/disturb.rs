//! Links that go and come, and daemons that stop and start.

use std::time::Duration;

use super::Context;
use super::steps::{Cast, Done, read};
use super::wire;
use crate::topology::file::{DaemonVerb, LinkMode, LinkVerb, Name, SignalName, Verbs};
use crate::topology::model::{
    Action, DaemonChange, Flap, KillSignal, Kind, LinkChange, LinkId, Medium, NodeId,
};
use crate::topology::place::{At, OneOrMany};
use crate::topology::tree::Span;
use crate::topology::value::{Dur, Net};

/// The most times that a link flaps in one verb.
const MAX_FLAPS: u32 = 1_000;
/// The shortest time of one: what is set is set by then.
const SHORTEST: Duration = Duration::from_millis(10);

pub(super) fn perform(cx: &Context<'_>, cast: &Cast<'_>, verbs: &Verbs, done: &mut Done) {
    if let Some((verb, span)) = read(cx, verbs.link.as_ref()) {
        change_links(cx, cast, verb, span, done);
    }
    if let Some((verb, span)) = read(cx, verbs.daemon.as_ref()) {
        change_daemons(cx, cast, verb, span, done);
    }
}

/// What is said of the links that a verb names.
struct Manner {
    at: Option<(NodeId, Span)>,
    carrier: bool,
    span: Span,
}

fn change_links(
    cx: &Context<'_>,
    cast: &Cast<'_>,
    mut verb: LinkVerb,
    span: Span,
    done: &mut Done,
) {
    let at = verb.at.as_ref();
    let node = at.and_then(|name| Some((cast.node(cx, name)?, name.span)));
    let carrier = verb
        .mode
        .as_ref()
        .is_some_and(|mode| mode.value == LinkMode::Carrier);
    if carrier && (verb.delete.is_some() || verb.create.is_some()) {
        cx.tell(span, "`mode` is for `down`, `up` and `flap`");
    }
    let manner = Manner {
        at: node,
        carrier,
        span,
    };
    let flap = verb
        .flap
        .take()
        .map(|names| (names, flaps(cx, &verb, span)));
    if let (None, Some(At { span, .. })) = (&flap, &verb.count) {
        cx.tell(*span, "`count` is for `flap`");
    }
    if let (None, Some(At { span, .. })) = (&flap, &verb.period) {
        cx.tell(*span, "`period` is for `flap`");
    }
    let (down, up) = match carrier {
        true => (LinkChange::CarrierDown, LinkChange::CarrierUp),
        false => (LinkChange::Down, LinkChange::Up),
    };
    let changes = [
        (down, verb.down),
        (up, verb.up),
        (LinkChange::Delete, verb.delete),
        (LinkChange::Create, verb.create),
    ];
    let mut any = false;
    for (change, names) in changes {
        for name in names.map_or_else(Vec::new, |OneOrMany(names)| names) {
            any = true;
            each_link(cx, cast, &name, &manner, done, |link, at| Action::Link {
                change,
                link,
                at,
            });
        }
    }
    if let Some((OneOrMany(names), (count, period))) = flap {
        for name in names {
            any = true;
            each_link(cx, cast, &name, &manner, done, |link, at| {
                Action::Flap(Flap {
                    link,
                    at,
                    carrier,
                    count,
                    period,
                })
            });
        }
    }
    if !any {
        let problem = cx.problem(span, "no link is named here");
        cx.sink.add(problem.help("write `link: {down: a--b}`"));
    }
}

/// How many times a link flaps, and how long one of them takes.
fn flaps(cx: &Context<'_>, verb: &LinkVerb, span: Span) -> (u32, Duration) {
    let count = verb.count.as_ref().map_or(1, |count| count.value);
    if !(1..=MAX_FLAPS).contains(&count) {
        let span = verb.count.as_ref().map_or(span, |count| count.span);
        cx.tell(span, format!("`count` is 1 to {MAX_FLAPS}"));
    }
    let period = verb.period.as_ref();
    let Dur(time) = period.map_or(Dur(Duration::from_secs(1)), |period| period.value);
    if time < SHORTEST {
        let span = period.map_or(span, |period| period.span);
        let shortest = SHORTEST.as_millis();
        cx.tell(span, format!("`period` is at least {shortest}ms"));
    }
    (count, time)
}

fn each_link(
    cx: &Context<'_>,
    cast: &Cast<'_>,
    name: &Name,
    manner: &Manner,
    done: &mut Done,
    action: impl Fn(LinkId, Option<NodeId>) -> Action,
) {
    let Some(link) = cast.link(cx, name) else {
        return;
    };
    let model = &cast.network.links[link.0];
    if let Some((node, written)) = manner.at
        && !model.ends.iter().any(|(end, _)| *end == node)
    {
        let node = &cast.network.nodes[node.0].name;
        cx.tell(written, format!("`{node}` is not on {}", name.value));
    }
    // A bridge gives and takes the carrier of its members itself.
    if manner.carrier && model.medium == Medium::Veth && wire::wired(cx, cast, name).is_none() {
        return;
    }
    let at = manner.at.map(|(node, _)| node);
    done.add(place(name, manner.span), action(link, at));
}

/// In a flow map on one line the names' places tell the order.
fn place(name: &Name, span: Span) -> Span {
    Span {
        start: name.span.start.max(span.start),
        ..name.span
    }
}

fn change_daemons(
    cx: &Context<'_>,
    cast: &Cast<'_>,
    verb: DaemonVerb,
    span: Span,
    done: &mut Done,
) {
    let withdrawn = withdrawn(cx, cast, &verb);
    if let (None, Some(At { span, .. })) = (&verb.kill, &verb.signal) {
        cx.tell(*span, "`signal` is for `kill`");
    }
    let signal = verb
        .signal
        .map_or(KillSignal::Kill, |name| match name.value {
            SignalName::Kill => KillSignal::Kill,
            SignalName::Term => KillSignal::Term,
            SignalName::Int => KillSignal::Int,
            SignalName::Quit => KillSignal::Quit,
            SignalName::Abrt => KillSignal::Abrt,
            SignalName::Segv => KillSignal::Segv,
        });
    let changes: [(&[DaemonChange], _); 8] = [
        (&[DaemonChange::Start], verb.start),
        (&[DaemonChange::Stop], verb.stop),
        (&[DaemonChange::Kill(signal)], verb.kill),
        (&[DaemonChange::KillWorkers], verb.kill_workers),
        (&[DaemonChange::Stop, DaemonChange::Start], verb.restart),
        (&[DaemonChange::Reload], verb.reload),
        (&[DaemonChange::Freeze], verb.freeze),
        (&[DaemonChange::Thaw], verb.thaw),
    ];
    let mut changed = Done::default();
    let mut any = false;
    for (changes, names) in changes {
        for name in names.map_or_else(Vec::new, |OneOrMany(names)| names) {
            any = true;
            let Some(at) = cast.node(cx, &name) else {
                continue;
            };
            for change in changes {
                fits(cx, &name, &cast.nodes[at.0].kind, *change);
                let change = *change;
                changed.add(place(&name, span), Action::Daemon { change, at });
            }
        }
    }
    if !any {
        let problem = cx.problem(span, "no node is named here");
        cx.sink.add(problem.help("write `daemon: {kill: r1}`"));
    }
    match withdrawn.is_empty() {
        true => done.append(changed),
        false => {
            let rows = vec![changed.in_order(), withdrawn];
            done.add(span, Action::Together(rows));
        }
    }
}

/// The networks that go with a daemon.
fn withdrawn(cx: &Context<'_>, cast: &Cast<'_>, verb: &DaemonVerb) -> Vec<Action> {
    let OneOrMany(nets) = &verb.withdraw;
    let Some(At {
        span,
        value: Net(net),
    }) = nets.first()
    else {
        return Vec::new();
    };
    if verb.kill.is_none() && verb.stop.is_none() {
        let problem = cx.problem(*span, "`withdraw` is for `kill` and `stop`");
        cx.sink
            .add(problem.help(format!("write `unicast: {{withdraw: {net}}}`")));
    }
    if let Some((why, help)) = cast.unicast.refuses() {
        cx.sink.add(cx.problem(*span, why).help(help));
    }
    let lost = true;
    let nets = nets.iter().map(
        |At {
             value: Net(net), ..
         }| *net,
    );
    nets.map(|net| Action::Withdraw { net, lost }).collect()
}

/// Tells of what cannot be done to a daemon of this kind.
fn fits(cx: &Context<'_>, name: &Name, kind: &Kind, change: DaemonChange) {
    match (kind, change) {
        (Kind::Host | Kind::Kernel, _) => {
            cx.tell(
                name.span,
                format!("`{}` is a {} without daemon", name.value, kind.word()),
            );
        }
        (
            Kind::Custom(_) | Kind::Frr | Kind::Pimd | Kind::Smcroute { .. },
            DaemonChange::KillWorkers,
        ) => {
            let kind = kind.word();
            let message = format!("only mcrd has workers, `{}` is {kind}", name.value);
            cx.tell(name.span, message);
        }
        (
            Kind::Mcrd { .. } | Kind::Frr | Kind::Pimd | Kind::Smcroute { .. } | Kind::Custom(_),
            _,
        ) => {}
    }
}
