//! Wires: what links do to frames at first, and what steps change about it.

use mcr_sim::wire::{Impairment, Share};

use super::Context;
use super::messages;
use super::steps::{Cast, Done, read};
use crate::topology::file::{
    Fault, Impaired, LinkOptions, MemberOptions, OfWire, Verbs, WireMode, Written,
};
use crate::topology::model::{Action, Check, Link, LinkChange, Medium, Step, Wire, WireId};
use crate::topology::place::{At, Named, OneOrMany};
use crate::topology::tree::Span;

/// What a link's own options say, where they say anything of a wire.
pub(super) fn of_link(
    cx: &Context<'_>,
    ends: [&str; 2],
    options: &LinkOptions,
    span: Span,
) -> Option<Wire> {
    let written = options.written();
    if !is_said(options.wire, &written, &options.dir) {
        return None;
    }
    if let Some(At { span, value: true }) = options.checksum_offload {
        // Frames without their checksums may be joined to longer ones, which
        // would share one fate.
        cx.tell(span, "a link with a wire has no checksum offload");
    }
    laid(cx, ends, Wire::default(), &written, &options.dir, span)
}

/// What the options of a segment's member say, where they say anything.
pub(super) fn of_member(
    cx: &Context<'_>,
    sides: [&str; 2],
    options: &MemberOptions,
    span: Span,
    offload: bool,
) -> Option<Wire> {
    let written = options.written();
    if !is_said(options.wire, &written, &options.dir) {
        return None;
    }
    if offload {
        cx.tell(span, "a segment with checksum offload has no wire");
    }
    laid(cx, sides, Wire::default(), &written, &options.dir, span)
}

fn is_said(wire: WireMode, both: &Written, dir: &Named<Impaired>) -> bool {
    wire == WireMode::Always || both.any() || !dir.0.is_empty()
}

/// Both directions with what is written laid upon them.
fn laid(
    cx: &Context<'_>,
    ends: [&str; 2],
    below: Wire,
    both: &Written,
    dir: &Named<Impaired>,
    span: Span,
) -> Option<Wire> {
    let mut wire = below.map(|below| both.upon(below));
    for (key, impaired) in &dir.0 {
        let words = key.value.split_once('>');
        let words = words.map(|(from, to)| [from.trim(), to.trim()]);
        let [a, b] = ends;
        let direction = match words {
            Some(words) if words == [a, b] => 0,
            Some(words) if words == [b, a] => 1,
            Some(_) | None => {
                let message = format!("`{}` is no direction of this link", key.value);
                let help = format!("write `{a}>{b}` or `{b}>{a}`");
                cx.sink.add(cx.problem(key.span, message).help(help));
                return None;
            }
        };
        wire[direction] = impaired.written().upon(wire[direction]);
    }
    wire.iter().all(|one| fits(cx, one, span)).then_some(wire)
}

/// Tells of options that cannot do what they say.
fn fits(cx: &Context<'_>, one: &Impairment, span: Span) -> bool {
    if one.jitter > one.delay {
        let problem = cx.problem(span, "`jitter` is more than `delay`");
        let help = "a frame takes `delay`, and up to `jitter` more or less";
        cx.sink.add(problem.help(help));
        return false;
    }
    if one.reorder > Share::NONE && one.delay.is_zero() {
        let problem = cx.problem(span, "`reorder` needs a `delay`");
        let help = "the frames that it means take no delay, and so overtake others";
        cx.sink.add(problem.help(help));
        return false;
    }
    true
}

pub(super) fn perform(cx: &Context<'_>, cast: &Cast<'_>, verbs: &Verbs, done: &mut Done) {
    let fault = read(cx, verbs.fault.as_ref());
    let mut heal = read(cx, verbs.heal.as_ref());
    let place = |span: Span| span.start;
    let healed = heal.as_ref().map(|(_, span)| place(*span));
    let faulted = fault.as_ref().map(|(_, span)| place(*span));
    if healed < faulted
        && let Some((OneOrMany(names), span)) = heal.take()
    {
        undo(cx, cast, &names, span, done);
    }
    if let Some((Named(faults), span)) = fault {
        if faults.is_empty() {
            let problem = cx.problem(span, "no link is named here");
            cx.sink
                .add(problem.help("write `fault: {a--b: {loss: 5%}}`"));
        }
        for (name, fault) in &faults {
            lay(cx, cast, name, &fault.value, span, done);
        }
    }
    if let Some((OneOrMany(names), span)) = heal {
        undo(cx, cast, &names, span, done);
    }
}

fn lay(
    cx: &Context<'_>,
    cast: &Cast<'_>,
    name: &At<String>,
    fault: &Fault,
    span: Span,
    done: &mut Done,
) {
    let Some(wire_at) = wired(cx, cast, name) else {
        return;
    };
    let written = fault.written();
    if let Some(OneOrMany(messages)) = &fault.messages {
        if let Some(rules) = messages::rules(cx, cast.network, messages) {
            cast.ruled.borrow_mut().insert(wire_at);
            let rules = Action::Rules { at: wire_at, rules };
            done.add(at(name, span), rules);
        }
        if !written.any() && fault.dir.0.is_empty() {
            return;
        }
    }
    if !written.any() && fault.dir.0.is_empty() {
        let problem = cx.problem(name.span, "this fault does nothing");
        let help = "write `fault: {a--b: {loss: 5%}}`";
        return cx.sink.add(problem.help(help));
    }
    let (_, [a, b]) = wire_at.told(&cast.network.nodes, &cast.network.links);
    let below = cast.wires.borrow().get(&wire_at).copied();
    let below = below.unwrap_or_else(|| at_first(cast, wire_at));
    if let Some(wire) = laid(cx, [&a, &b], below, &written, &fault.dir, name.span) {
        change(cast, wire_at, wire, at(name, span), done);
    }
}

fn undo(cx: &Context<'_>, cast: &Cast<'_>, names: &[At<String>], span: Span, done: &mut Done) {
    for name in names {
        if let Some(wire_at) = wired(cx, cast, name) {
            let first = at_first(cast, wire_at);
            change(cast, wire_at, first, at(name, span), done);
            if cast.ruled.borrow_mut().remove(&wire_at) {
                let rules = Vec::new();
                let rules = Action::Rules { at: wire_at, rules };
                done.add(at(name, span), rules);
            }
        }
    }
}

/// In a flow map on one line the names' places tell the order.
fn at(name: &At<String>, span: Span) -> Span {
    Span {
        start: name.span.start.max(span.start),
        ..name.span
    }
}

fn at_first(cast: &Cast<'_>, at: WireId) -> Wire {
    let wire = cast.network.links[at.link.0].wire(at.member);
    wire.unwrap_or_default()
}

fn change(cast: &Cast<'_>, at: WireId, wire: Wire, span: Span, done: &mut Done) {
    cast.wires.borrow_mut().insert(at, wire);
    done.add(span, Action::Wire { at, wire });
}

/// Where a wire can be: a link, or a segment's member as `NODE:INTERFACE`.
pub(super) fn wired(cx: &Context<'_>, cast: &Cast<'_>, name: &At<String>) -> Option<WireId> {
    let end = match name.value.contains(':') {
        true => Some(cast.interface(cx, name)?),
        false => None,
    };
    let link = match end {
        Some((node, interface)) => cast.network.nodes[node.0].interfaces[interface].link,
        None => cast.link(cx, name)?,
    };
    let model = &cast.network.links[link.0];
    let member = match (model.medium, end) {
        (Medium::Veth, _) => None,
        (Medium::Bridge { .. }, Some(end)) => Some(end),
        (Medium::Bridge { .. }, None) => {
            let message = format!("`{}` is a segment", name.value);
            let first = model.ends.first().map(|(node, _)| *node);
            let node = first.map_or("r1", |node| &cast.network.nodes[node.0].name);
            let help = format!("its wires are at its members: `{node}:{}`", model.name);
            cx.sink.add(cx.problem(name.span, message).help(help));
            return None;
        }
    };
    if model.checksum_offload {
        let message = format!("`{}` has checksum offload, and so no wire", name.value);
        cx.tell(name.span, message);
        return None;
    }
    Some(WireId { link, member })
}

/// Links and members that a step gives a fault, takes the carrier of or asks for
/// losses have a wire from the start.
pub(super) fn where_needed(mut links: Vec<Link>, steps: &[Step]) -> Vec<Link> {
    let steps = || steps.iter().flat_map(Step::with_swept);
    let actions = steps().flat_map(|step| &step.actions);
    let actions = actions.flat_map(Action::each);
    let expected = steps().flat_map(|step| &step.expect);
    let asked = expected.filter_map(|expectation| match &expectation.check {
        Check::Rx(check) => check.loss_on,
        Check::Rate { .. }
        | Check::Counters { .. }
        | Check::Router(_)
        | Check::Tree { .. }
        | Check::Packets(_)
        | Check::State { .. }
        | Check::Mfc(_)
        | Check::Mdb(_)
        | Check::Log(_)
        | Check::Exec { .. } => None,
    });
    for wire in actions.filter_map(needs_wire).chain(asked) {
        links[wire.link.0].lay_wire(wire.member);
    }
    links
}

fn needs_wire(action: &Action) -> Option<WireId> {
    match action {
        Action::Wire { at, .. } | Action::Rules { at, .. } => Some(*at),
        Action::Link { change, link, .. } => match change {
            LinkChange::CarrierDown | LinkChange::CarrierUp => Some(WireId::of(*link)),
            LinkChange::Down | LinkChange::Up | LinkChange::Delete | LinkChange::Create => None,
        },
        Action::Flap(flap) => flap.carrier.then_some(WireId::of(flap.link)),
        Action::Join(_)
        | Action::Leave(_)
        | Action::Send(_)
        | Action::Stop(_)
        | Action::Address { .. }
        | Action::Unicast { .. }
        | Action::Withdraw { .. }
        | Action::Config { .. }
        | Action::Hosts(_)
        | Action::Daemon { .. }
        | Action::Exec(_)
        | Action::Wait(_)
        | Action::Mark(_)
        | Action::Snap(_)
        | Action::Measure(_)
        | Action::Together(_) => None,
    }
}
