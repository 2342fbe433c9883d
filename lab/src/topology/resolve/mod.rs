//! From the mirror of the file to the model: names become positions, addresses
//! are given, every value is checked. Mistakes are gathered, not thrown, so
//! that one run tells all.

mod address;
mod artifacts;
mod bounds;
mod changes;
mod counters;
mod deadlines;
mod disturb;
mod expect;
mod gate;
mod invariants;
mod kinds;
mod links;
mod log;
mod matrix;
mod mcrd;
mod messages;
mod network;
mod nodes;
mod ospf;
mod own;
mod packets;
mod querier;
mod question;
mod received;
mod router;
mod steps;
mod sweep;
mod tables;
mod traffic;
mod wire;

pub(crate) use mcrd::sections as router_config;

use std::path::Path;
use std::time::Duration;

use indexmap::IndexMap;

use super::decode::{Problem, Sink, decode};
use super::file::{File, RunLimits};
use super::model::{Topology, Unicast};
use super::place::{At, Part};
use super::suggest;
use super::texts::Texts;
use super::tree::{Span, Tree};
use super::value::Dur;
use super::vars::{Scope, Vars, retyped};
use super::{expand, generate};
use crate::oracle;
use matrix::Matrix;

/// The longest a run may take where the file says nothing.
const MAX_TIME: Duration = Duration::from_secs(300);
/// How long daemons may take to be ready, unless the file says otherwise.
const READY_TIME: Duration = Duration::from_secs(30);

/// What the file's own text does not say.
pub(crate) struct Outside<'a> {
    /// The lab file.
    pub(crate) file: &'a Path,
    /// It, and the files that it extends.
    pub(crate) texts: &'a Texts,
    /// Variables of the command line.
    pub(crate) vars: &'a [(String, String)],
    /// The environment.
    pub(crate) env: &'a dyn Fn(&str) -> Option<String>,
}

/// What every part of the resolution needs.
#[derive(Clone, Copy)]
struct Context<'a> {
    sink: &'a Sink,
    scope: Scope<'a>,
    texts: &'a Texts,
    file: &'a Path,
}

impl Context<'_> {
    fn problem(&self, span: Span, message: impl Into<String>) -> Problem {
        Problem::new(span, message)
    }

    fn tell(&self, span: Span, message: impl Into<String>) {
        self.sink.add(self.problem(span, message));
    }

    /// Tells that a name is not known, and which one may be meant.
    fn unknown<'k>(
        &self,
        what: &str,
        name: &str,
        span: Span,
        known: impl IntoIterator<Item = &'k str> + Clone,
    ) {
        let problem = self.problem(span, format!("there is no {what} `{name}`"));
        self.sink.add(problem.advice(suggest::advice(name, known)));
    }

    fn line(&self, span: Span) -> usize {
        self.texts.line(span)
    }
}

/// Makes the model of a document. Where the sink was told anything, the model
/// is not whole and must not be used.
pub(crate) fn resolve(root: Tree, outside: &Outside<'_>, sink: &Sink) -> Option<Topology> {
    let matrix = matrix::read(&root, sink);
    let vars = variables(&root, &matrix, outside, sink);
    let scope = Scope::of_vars(&vars);
    let before = sink.count();
    let root = expand::unroll(root, scope, sink);
    if sink.count() > before {
        // What a broken loop did not make is missing everywhere.
        return None;
    }
    let root = generate::generate(root, scope, sink);
    let file: File = decode(&root, sink)?;
    version(&file, sink);
    let cx = Context {
        sink,
        scope,
        texts: outside.texts,
        file: outside.file,
    };
    let name = name(&cx, &file);
    let drafts = nodes::drafts(&cx, &file);
    let network = links::network(&cx, &file, &drafts);
    let cx = Context {
        scope: cx.scope.with_places(&network),
        ..cx
    };
    let timers = router::timers(&cx, &file);
    let finished = nodes::finish(&cx, &file, &drafts, &network, &timers);
    let receivers = traffic::receivers(&cx, &file, &network);
    let sources = traffic::sources(&cx, &file, &network);
    let unicast = router::unicast(&cx, &file);
    let times = deadlines::times(&cx, &file, &timers, unicast);
    let cx = Context {
        scope: cx.scope.with_times(&times),
        ..cx
    };
    let cast = steps::Cast {
        network: &network,
        nodes: &finished,
        receivers: names(&file.receivers.0),
        sources: names(&file.sources.0),
        unicast,
        configs: Default::default(),
        wires: Default::default(),
        ruled: Default::default(),
    };
    let steps = steps::steps(&cx, &file, &cast);
    let invariants = invariants::invariants(&cx, &file);
    let limited = limits(&cx, file.limits.as_ref());
    let repeat = matrix::repeat(&cx, file.repeat.as_ref());
    let artifacts = artifacts::artifacts(&cx, file.artifacts.as_ref());
    let links = wire::where_needed(network.links, &steps);
    let topology = Topology {
        name,
        about: file.about.unwrap_or_default(),
        file: outside.file.to_owned(),
        nodes: finished,
        links,
        receivers,
        sources,
        steps,
        unicast,
        invariants,
        max_time: limited.max_time,
        ready: limited.ready,
        alone: limited.alone,
        repeat,
        artifacts,
        matrix: matrix.values(),
        origin: None,
    };
    Some(settled(topology, sink))
}

/// With what the nodes have for their unicast routes.
fn settled(mut topology: Topology, sink: &Sink) -> Topology {
    if sink.count() > 0 {
        // What is not whole has no paths.
        return topology;
    }
    match topology.unicast {
        Unicast::Static => oracle::settle(&mut topology, |_| true),
        Unicast::Ospf => {
            oracle::settle(&mut topology, |kind| !kind.is_router());
            ospf::configure(&mut topology);
        }
        Unicast::None | Unicast::Oracle { .. } => {}
    }
    topology
}

fn version(file: &File, sink: &Sink) {
    if file.lab.value != 1 {
        let message = format!("this lab reads schema version 1, not {}", file.lab.value);
        sink.add(Problem::new(file.lab.span, message));
    }
}

fn names<T>(entries: &[(At<String>, T)]) -> Vec<String> {
    entries.iter().map(|(name, _)| name.value.clone()).collect()
}

fn variables<'a>(root: &Tree, matrix: &Matrix, outside: &Outside<'a>, sink: &Sink) -> Vars<'a> {
    let written = root.get("vars").map(Tree::entries).unwrap_or_default();
    let written = written.iter();
    let mut values: IndexMap<String, Tree> = written
        .map(|(key, tree)| (key.text.clone(), tree.clone()))
        .collect();
    for (name, first) in matrix.first() {
        values.entry(name).or_insert(first);
    }
    for (name, text) in outside.vars {
        match values.get_mut(name) {
            Some(tree) => tree.value = retyped(text),
            None => {
                let known = values.keys().map(String::as_str);
                let message = format!("--var {name}: the file has no variable `{name}`");
                let advice = suggest::advice(name, known);
                sink.add(Problem::new(Span::default(), message).advice(advice));
            }
        }
    }
    Vars::new(values, outside.env)
}

/// Letters, digits, `-` and `_`, beginning with a letter or a digit.
pub(super) fn is_word(name: &str, longest: usize) -> bool {
    name.len() <= longest
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
}

fn name(cx: &Context<'_>, file: &File) -> String {
    if let Some(name) = &file.name {
        if !is_word(&name.value, 40) {
            let message = format!("`{}` cannot be a lab's name", name.value);
            let help = "letters, digits, `-` and `_`, at most 40";
            cx.sink.add(cx.problem(name.span, message).help(help));
        }
        return name.value.clone();
    }
    let stem = cx.file.file_stem().unwrap_or_default();
    let folder = || {
        std::path::absolute(cx.file)
            .ok()?
            .parent()?
            .file_name()?
            .to_owned()
            .into()
    };
    let name = if stem == "lab" { folder() } else { None };
    let name = name.unwrap_or_else(|| stem.to_owned());
    let mut name: String = name
        .to_string_lossy()
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .take(40)
        .collect();
    if !is_word(&name, 40) {
        name = "lab".to_owned();
    }
    name
}

/// How long a run and its daemons may take, and whether no other may run beside
/// it.
struct Limited {
    max_time: Duration,
    ready: Duration,
    alone: bool,
}

fn limits(cx: &Context<'_>, limits: Option<&Part<RunLimits>>) -> Limited {
    let limits = limits.and_then(|limits| limits.read(&cx.scope, cx.sink));
    let alone = limits.as_ref().is_some_and(|limits| limits.alone);
    let time = |time: Option<At<Dur>>, otherwise, zero: &str| {
        let Some(At { span, value }) = time else {
            return otherwise;
        };
        let Dur(duration) = value;
        if duration.is_zero() {
            cx.tell(span, zero);
        }
        duration
    };
    let (max_time, ready) = limits
        .map(|limits| (limits.max_time, limits.ready))
        .unwrap_or_default();
    Limited {
        max_time: time(max_time, MAX_TIME, "a run needs some time"),
        ready: time(ready, READY_TIME, "a daemon needs some time"),
        alone,
    }
}
