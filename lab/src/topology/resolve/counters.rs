//! What is asked of counters of mcrd.

use super::Context;
use super::bounds::{Unit, bound};
use super::steps::Cast;
use crate::topology::decode::decode;
use crate::topology::file::Counters;
use crate::topology::model::{Check, CounterOf, Kind, NodeId};
use crate::topology::place::{At, Part};
use crate::topology::tree::{Key, Span, Tree, Value};
use crate::topology::value::Limits;

const RULE_COUNTERS: [&str; 4] = ["packets", "bytes", "dropped", "outputs[0].packets"];
const INPUT_COUNTERS: [&str; 5] = [
    "received",
    "matched",
    "dropped",
    "kernel_drops",
    "drops.no-rule",
];

/// What a counter of the protocols starts with, and one of them.
const PROTOCOLS: [&str; 3] = ["igmp.", "pim.", "drop."];
const PROTOCOL_COUNTERS: [&str; 1] = ["pim.rx.hello"];

fn is_counter(of: &CounterOf, name: &str) -> bool {
    match of {
        CounterOf::Rule(_) => {
            let of_output = || {
                let (number, rest) = name.strip_prefix("outputs[")?.split_once("].")?;
                number.parse::<u16>().ok()?;
                Some(RULE_COUNTERS[..3].contains(&rest))
            };
            RULE_COUNTERS.contains(&name) || of_output() == Some(true)
        }
        CounterOf::Input(_) => INPUT_COUNTERS.contains(&name) || name.starts_with("drops."),
        CounterOf::Protocols(_) => PROTOCOLS.iter().any(|start| name.starts_with(start)),
    }
}

pub(super) fn counters(cx: &Context<'_>, cast: &Cast<'_>, part: &Part<Counters>) -> Option<Check> {
    let tree = cx.scope.interpolate(&part.tree, cx.sink)?;
    let own = |key: &Key| matches!(key.text.as_str(), "at" | "rule" | "input" | "interface");
    let entries = tree.entries().iter().cloned();
    let (own, bounds): (Vec<_>, Vec<_>) = entries.partition(|(key, _)| own(key));
    let span = tree.span;
    let value = Value::Map(own);
    let written: Counters = decode(&Tree { span, value }, cx.sink)?;
    let at = cast.node(cx, &written.at)?;
    if !matches!(cast.nodes[at.0].kind, Kind::Mcrd { .. }) {
        let message = format!(
            "`{}` does not run mcrd, which has counters",
            written.at.value
        );
        cx.tell(written.at.span, message);
    }
    let of = counted(cx, cast, at, &written, span)?;
    if bounds.is_empty() {
        cx.tell(span, "no counter is named here");
    }
    let mut read = Vec::new();
    for (key, tree) in bounds {
        if !is_counter(&of, &key.text) {
            let known: &[&str] = match of {
                CounterOf::Rule(_) => &RULE_COUNTERS,
                CounterOf::Input(_) => &INPUT_COUNTERS,
                CounterOf::Protocols(_) => &PROTOCOL_COUNTERS,
            };
            cx.unknown("counter", &key.text, key.span, known.iter().copied());
            continue;
        }
        let value = decode::<Limits>(&tree, cx.sink);
        let limits = value.map(|value| At {
            span: tree.span,
            value,
        });
        read.push((key.text, bound(cx, limits.as_ref(), Unit::Count)));
    }
    Some(Check::Counters {
        at,
        of,
        bounds: read,
    })
}

/// Whose counters are meant.
fn counted(
    cx: &Context<'_>,
    cast: &Cast<'_>,
    at: NodeId,
    written: &Counters,
    span: Span,
) -> Option<CounterOf> {
    let interface = |word: &At<String>| {
        let found = cast.network.interface(at, &word.value);
        if found.is_none() && cast.network.whole {
            let known = cast.network.interface_names(at);
            let what = format!("interface of `{}` named", written.at.value);
            cx.unknown(&what, &word.value, word.span, known);
        }
        Some(cast.nodes[at.0].interfaces[found?].name.clone())
    };
    match (&written.rule, &written.input, &written.interface) {
        (Some(rule), None, None) => Some(CounterOf::Rule(rule.value.clone())),
        (None, Some(word), None) => interface(word).map(CounterOf::Input),
        (None, None, Some(word)) => interface(word).map(CounterOf::Protocols),
        _ => {
            cx.tell(
                span,
                "counters are those of a `rule`, of an `input` or of an `interface`",
            );
            None
        }
    }
}
