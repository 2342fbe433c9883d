//! Steps: what is done, in the file's order.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::de::DeserializeOwned;

use super::Context;
use super::changes;
use super::disturb;
use super::expect;
use super::network::Network;
use super::sweep;
use super::wire;
use crate::topology::decode::decode;
use crate::topology::file::{self, File, Verbs};
use crate::topology::model::{
    Action, Exec, Expectation, LinkId, Node, NodeId, Step, Unicast, Wire, WireId,
};
use crate::topology::place::{At, OneOrMany, Part};
use crate::topology::suggest;
use crate::topology::tree::{Span, Tree, Value};
use crate::topology::value::{Cidr, Dur};

/// The most steps of a lab.
const MAX_STEPS: usize = 1_000;

/// The keys of a step; any other one-key map is a title and its step.
pub(super) const VERBS: [&str; 21] = [
    "join", "leave", "send", "stop", "link", "fault", "heal", "address", "unicast", "config",
    "hosts", "daemon", "exec", "wait", "mark", "snap", "parallel", "repeat", "measure", "expect",
    "never",
];

/// Those that are not done beside others.
const ALONE: [&str; 6] = ["snap", "parallel", "repeat", "measure", "expect", "never"];

/// What a step may name.
pub(super) struct Cast<'a> {
    pub(super) network: &'a Network,
    /// The nodes with their kinds.
    pub(super) nodes: &'a [Node],
    pub(super) receivers: Vec<String>,
    pub(super) sources: Vec<String>,
    /// The lab sets the unicast routes.
    pub(super) unicast: Unicast,
    /// mcrd's configurations as steps have changed them so far.
    pub(super) configs: RefCell<BTreeMap<NodeId, serde_json::Value>>,
    /// What wires do as steps have changed them so far.
    pub(super) wires: RefCell<BTreeMap<WireId, Wire>>,
    /// Wires that have rules about messages by now.
    pub(super) ruled: RefCell<BTreeSet<WireId>>,
}

impl Cast<'_> {
    pub(super) fn node(&self, cx: &Context<'_>, name: &At<String>) -> Option<NodeId> {
        let node = self.network.node(&name.value);
        if node.is_none() {
            let known = self.network.node_names();
            cx.unknown("node", &name.value, name.span, known);
        }
        node
    }

    pub(super) fn receiver(&self, cx: &Context<'_>, name: &At<String>) -> Option<usize> {
        self.position(cx, ("receiver", "join"), &self.receivers, name)
    }

    pub(super) fn source(&self, cx: &Context<'_>, name: &At<String>) -> Option<usize> {
        self.position(cx, ("source", "send"), &self.sources, name)
    }

    fn position(
        &self,
        cx: &Context<'_>,
        (what, verb): (&str, &str),
        known: &[String],
        name: &At<String>,
    ) -> Option<usize> {
        let place = known.iter().position(|known| *known == name.value);
        let name = (&name.value, name.span);
        match (place, self.network.node(name.0)) {
            (Some(_), _) => {}
            (None, Some(_)) => {
                let problem = cx.problem(name.1, format!("there is no {what} `{}`", name.0));
                let help = format!(
                    "`{0}` is a node: name one of `{what}s`, or by hand `lab {verb} {0} GROUP`",
                    name.0
                );
                cx.sink.add(problem.help(help));
            }
            (None, None) => {
                let known: Vec<&str> = known.iter().map(String::as_str).collect();
                cx.unknown(what, name.0, name.1, known);
            }
        }
        place
    }

    pub(super) fn link(&self, cx: &Context<'_>, name: &At<String>) -> Option<LinkId> {
        let link = self.network.link(&name.value);
        if link.is_none() && self.network.whole {
            let known = self.network.link_names();
            cx.unknown("link", &name.value, name.span, known);
        }
        link
    }

    /// An interface written as `NODE:INTERFACE`.
    pub(super) fn interface(
        &self,
        cx: &Context<'_>,
        place: &At<String>,
    ) -> Option<(NodeId, usize)> {
        let Some((node, word)) = place.value.split_once(':') else {
            let problem = cx.problem(place.span, format!("`{}` is no interface", place.value));
            cx.sink.add(problem.help("write it as `NODE:INTERFACE`"));
            return None;
        };
        let span = place.span;
        let value = node.trim().to_owned();
        let id = self.node(cx, &At { span, value })?;
        let interface = self.network.interface(id, word.trim());
        if interface.is_none() && self.network.whole {
            let known = self.network.interface_names(id);
            let what = format!("interface of `{}` named", node.trim());
            cx.unknown(&what, word.trim(), span, known);
        }
        Some((id, interface?))
    }
}

pub(super) fn steps(cx: &Context<'_>, file: &File, cast: &Cast<'_>) -> Vec<Step> {
    if let Some(part) = file.steps.get(MAX_STEPS) {
        cx.tell(
            part.tree.span,
            format!("a lab has at most {MAX_STEPS} steps"),
        );
        return Vec::new();
    }
    let mut steps: Vec<Step> = Vec::new();
    for part in &file.steps {
        let more = step(cx, &part.tree, cast, &steps);
        steps.extend(more);
    }
    if steps.len() > MAX_STEPS {
        let message = format!("a lab has at most {MAX_STEPS} steps, counted as often as repeated");
        let last = file
            .steps
            .last()
            .map_or_else(Span::default, |part| part.tree.span);
        cx.tell(last, message);
    }
    steps
}

/// A step that is done more than once says each time which time it is.
fn repeated(cx: &Context<'_>, step: Step, times: Option<&Tree>) -> Vec<Step> {
    let times = times.map(|tree| Part::<At<u32>>::new(tree.clone()));
    let times = times.map(|part| part.read(&cx.scope, cx.sink));
    let Some(times) = times else {
        return vec![step];
    };
    let Some(At { span, value: times }) = times else {
        return Vec::new();
    };
    if !(1..=MAX_STEPS).contains(&usize::try_from(times).unwrap_or(usize::MAX)) {
        cx.tell(span, format!("`repeat` is 1 to {MAX_STEPS}"));
        return Vec::new();
    }
    let titled = (1..=times).map(|time| Step {
        title: format!("{} ({time} of {times})", step.title),
        ..step.clone()
    });
    titled.collect()
}

/// The title, where there is one, and the verbs.
fn split<'t>(cx: &Context<'_>, tree: &'t Tree) -> Option<(Option<String>, Span, &'t Tree)> {
    if let [(key, body)] = tree.entries()
        && !VERBS.contains(&key.text.as_str())
    {
        let verb = suggest::nearest(&key.text, VERBS);
        let is_word = !key.text.contains(' ');
        if let (Some(verb), true) = (verb, is_word) {
            let message = format!("there is no verb `{}`", key.text);
            let help = format!("did you mean `{verb}`? A title so like a verb needs a space in it");
            cx.sink.add(cx.problem(key.span, message).help(help));
            return None;
        }
        if !matches!(body.value, Value::Map(_)) {
            let message = format!("expected the verbs of this step, found {}", body.value);
            let help = format!("a step's verbs are {}", VERBS.join(", "));
            cx.sink.add(cx.problem(key.span, message).help(help));
            return None;
        }
        return Some((Some(key.text.clone()), key.span, body));
    }
    let span = match tree.entries() {
        [(key, _), ..] => key.span,
        [] => tree.span,
    };
    Some((None, span, tree))
}

fn step(cx: &Context<'_>, tree: &Tree, cast: &Cast<'_>, earlier: &[Step]) -> Vec<Step> {
    let Some((title, span, body)) = split(cx, tree) else {
        return Vec::new();
    };
    let Some(verbs) = decode::<Verbs>(body, cx.sink) else {
        return Vec::new();
    };
    if body.entries().is_empty() {
        cx.tell(span, "this step does nothing and expects nothing");
    }
    let title = title.unwrap_or_else(|| titled(body));
    let value = Value::String(title.clone());
    let title = match cx.scope.interpolate(&Tree { span, value }, cx.sink) {
        Some(Tree {
            value: Value::String(title),
            ..
        }) => title,
        Some(_) | None => title,
    };
    let mut step = Step {
        title,
        line: cx.line(span),
        actions: Vec::new(),
        expect: Vec::new(),
        sweep: None,
    };
    let repeat = verbs.repeat.as_ref().map(|part| &part.tree);
    if let Some(repeat) = repeat.filter(|tree| matches!(tree.value, Value::Map(_))) {
        step.sweep = sweep::sweep(cx, cast, body, repeat, &step, earlier).map(Box::new);
        return vec![step];
    }
    let mut done = Done::default();
    perform(cx, cast, &verbs, &mut done);
    step.expect = expectations(cx, cast, &verbs);
    step.actions = done.in_order();
    repeated(cx, step, repeat)
}

/// A title of the verbs: `join R, send S`.
fn titled(body: &Tree) -> String {
    let words = body
        .entries()
        .iter()
        .map(|(key, value)| match &value.value {
            Value::String(text) => format!("{} {text}", key.text),
            Value::List(items)
                if items
                    .iter()
                    .all(|item| matches!(item.value, Value::String(_))) =>
            {
                let names = items.iter().map(|item| match &item.value {
                    Value::String(text) => text.as_str(),
                    Value::Null
                    | Value::Bool(_)
                    | Value::Number(_)
                    | Value::List(_)
                    | Value::Map(_) => "",
                });
                format!("{} {}", key.text, names.collect::<Vec<_>>().join(" "))
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::List(_) | Value::Map(_) => {
                key.text.clone()
            }
        });
    words.collect::<Vec<_>>().join(", ")
}

/// Actions and where they are written.
#[derive(Default)]
pub(super) struct Done(Vec<(usize, Action)>);

impl Done {
    pub(super) fn add(&mut self, span: Span, action: Action) {
        self.0.push((span.start, action));
    }

    pub(super) fn append(&mut self, mut other: Done) {
        self.0.append(&mut other.0);
    }

    /// A struct has no order; the places tell in which the verbs were written.
    pub(super) fn in_order(mut self) -> Vec<Action> {
        self.0.sort_by_key(|(place, _)| *place);
        self.0.into_iter().map(|(_, action)| action).collect()
    }
}

/// Reads the value of a verb that is there.
pub(super) fn read<T: DeserializeOwned>(
    cx: &Context<'_>,
    part: Option<&Part<T>>,
) -> Option<(T, Span)> {
    let part = part?;
    Some((part.read(&cx.scope, cx.sink)?, part.tree.span))
}

pub(super) fn perform(cx: &Context<'_>, cast: &Cast<'_>, verbs: &Verbs, done: &mut Done) {
    let positions = |names: OneOrMany<At<String>>, of: &dyn Fn(&At<String>) -> Option<usize>| {
        let positions: Option<Vec<usize>> = names.0.iter().map(of).collect();
        positions.unwrap_or_default()
    };
    let receiver = |name: &At<String>| cast.receiver(cx, name);
    let source = |name: &At<String>| cast.source(cx, name);
    if let Some((names, span)) = read(cx, verbs.join.as_ref()) {
        done.add(span, Action::Join(positions(names, &receiver)));
    }
    if let Some((names, span)) = read(cx, verbs.leave.as_ref()) {
        done.add(span, Action::Leave(positions(names, &receiver)));
    }
    if let Some((names, span)) = read(cx, verbs.send.as_ref()) {
        done.add(span, Action::Send(positions(names, &source)));
    }
    if let Some((names, span)) = read(cx, verbs.stop.as_ref()) {
        done.add(span, Action::Stop(positions(names, &source)));
    }
    if let Some((OneOrMany(verbs), span)) = read(cx, verbs.address.as_ref()) {
        for verb in verbs {
            change_address(cx, cast, verb, span, done);
        }
    }
    disturb::perform(cx, cast, verbs, done);
    wire::perform(cx, cast, verbs, done);
    changes::perform(cx, cast, verbs, done);
    if let Some((OneOrMany(verbs), span)) = read(cx, verbs.exec.as_ref()) {
        for file::ExecVerb { at, run } in verbs {
            if let Some(at) = cast.node(cx, &at) {
                done.add(span, Action::Exec(Exec { at, run }));
            }
        }
    }
    if let Some((Dur(time), span)) = read(cx, verbs.wait.as_ref()) {
        done.add(span, Action::Wait(time));
    }
    if let Some((text, span)) = read(cx, verbs.mark.as_ref()) {
        done.add(span, Action::Mark(text));
    }
    if let Some((name, span)) = read(cx, verbs.snap.as_ref()) {
        done.add(span, Action::Snap(name));
    }
    if let Some(part) = &verbs.parallel {
        together(cx, cast, part, done);
    }
    if let Some((measure, span)) = read(cx, verbs.measure.as_ref()) {
        let Dur(time) = measure.span;
        if time.is_zero() {
            cx.tell(span, "a measurement needs some time");
        }
        done.add(span, Action::Measure(time));
    }
}

/// Each part is read for itself, so that a mistake in one hides no other.
fn together(
    cx: &Context<'_>,
    cast: &Cast<'_>,
    part: &Part<OneOrMany<Part<Verbs>>>,
    done: &mut Done,
) {
    let parts: Option<OneOrMany<Part<Verbs>>> = decode(&part.tree, cx.sink);
    let OneOrMany(parts) = parts.unwrap_or_default();
    let span = part.tree.span;
    if parts.len() < 2 {
        let problem = cx.problem(span, "`parallel` has two parts or more");
        let help = "write `parallel: [{ link: { down: a--b } }, { send: S }]`";
        cx.sink.add(problem.help(help));
    }
    let mut rows = Vec::new();
    for part in parts {
        let Some(verbs) = decode::<Verbs>(&part.tree, cx.sink) else {
            continue;
        };
        let mut keys = part.tree.entries().iter().map(|(key, _)| key);
        if let Some(key) = keys.find(|key| ALONE.contains(&key.text.as_str())) {
            let message = format!("`{}` is done by a step alone", key.text);
            let problem = cx.problem(key.span, message);
            cx.sink.add(problem.help("write it beside `parallel`"));
            continue;
        }
        let mut row = Done::default();
        perform(cx, cast, &verbs, &mut row);
        rows.push(row.in_order());
    }
    done.add(span, Action::Together(rows));
}

fn change_address(
    cx: &Context<'_>,
    cast: &Cast<'_>,
    verb: file::AddressVerb,
    span: Span,
    done: &mut Done,
) {
    let Some((at, interface)) = cast.interface(cx, &verb.at) else {
        return;
    };
    let addresses = verb.set.0.into_iter().map(|Cidr(address)| address);
    let action = Action::Address {
        at,
        interface,
        addresses: addresses.collect(),
    };
    done.add(span, action);
}

pub(super) fn expectations(cx: &Context<'_>, cast: &Cast<'_>, verbs: &Verbs) -> Vec<Expectation> {
    let mut all = Vec::new();
    if let Some((measure, span)) = read(cx, verbs.measure.as_ref()) {
        all.extend(expect::of_measure(cx, cast, measure, span));
    }
    // Each entry is read for itself, so that a mistake in one hides no other.
    if let Some(part) = &verbs.expect {
        let list: Option<OneOrMany<Part<file::Expect>>> = decode(&part.tree, cx.sink);
        for part in list.unwrap_or_default().0 {
            all.extend(expect::of_expect(cx, cast, &part));
        }
    }
    if let Some(part) = &verbs.never {
        let list: Option<OneOrMany<Part<file::Never>>> = decode(&part.tree, cx.sink);
        for part in list.unwrap_or_default().0 {
            all.extend(expect::of_never(cx, cast, &part));
        }
    }
    all
}

/// What an expectation may take where the file says nothing.
pub(super) const WITHIN: Duration = Duration::from_secs(5);
