//! Expectations: what must become true, or must not.

use std::time::Duration;

use super::Context;
use super::packets::{self, Judged};
use super::question::Asked;
use super::steps::{Cast, WITHIN};
use super::wire;
use crate::topology::decode::decode;
use crate::topology::file::{self, Counters, Level, RateCheck, Rx};
use crate::topology::loss::Loss;
use crate::topology::model::{
    Bound, Check, CounterOf, Exec, Expectation, Kind, NodeId, Rate, RatePoint, RxCheck, WireId,
};
use crate::topology::place::{At, OneOrMany, Part};
use crate::topology::suggest;
use crate::topology::tree::{Key, Span, Tree, Value};
use crate::topology::value::{Address, Dur, Group, Limits, Quantity, RateValue};

/// After a measured span, the time for what is still on its way to arrive and
/// be counted.
const SETTLE: Duration = Duration::from_secs(1);

/// What all forms of expectation share.
struct Terms {
    within: Duration,
    holds: Duration,
    never: bool,
    level: Option<Level>,
    metric: Option<String>,
    judged: Judged,
    span: Span,
}

impl Terms {
    fn of(&self, cx: &Context<'_>, check: Check, span: Span) -> Expectation {
        Expectation {
            check,
            within: self.within,
            holds: self.holds,
            never: self.never,
            warn: self.level == Some(Level::Warn),
            metric: self.metric.clone(),
            line: cx.line(span),
        }
    }
}

/// The forms, of which an entry has one.
#[derive(Default)]
struct Forms {
    rx: Option<At<Rx>>,
    rate: Option<At<RateCheck>>,
    counters: Option<Part<Counters>>,
    exec: Option<At<file::ExecCheck>>,
    packets: Option<Part<file::PacketsEntry>>,
    asked: Asked,
}

pub(super) fn of_measure(
    cx: &Context<'_>,
    cast: &Cast<'_>,
    measure: file::Measure,
    span: Span,
) -> Vec<Expectation> {
    let terms = Terms {
        within: SETTLE,
        holds: Duration::ZERO,
        never: false,
        level: measure.level,
        metric: measure.metric,
        judged: Judged::Measured,
        span,
    };
    let mut all = Vec::new();
    let mut judge = |forms: Forms| all.extend(judged(cx, cast, forms, &terms));
    let none = Forms::default;
    for rx in measure.rx.0 {
        let rx = Some(rx);
        judge(Forms { rx, ..none() });
    }
    for rate in measure.rate.0 {
        let rate = Some(rate);
        judge(Forms { rate, ..none() });
    }
    for counters in measure.counters.0 {
        let counters = Some(counters);
        judge(Forms { counters, ..none() });
    }
    for packets in measure.packets.0 {
        let packets = Some(packets);
        judge(Forms { packets, ..none() });
    }
    all
}

pub(super) fn of_expect(
    cx: &Context<'_>,
    cast: &Cast<'_>,
    part: &Part<file::Expect>,
) -> Vec<Expectation> {
    let Some(expect) = part.read(&cx.scope, cx.sink) else {
        return Vec::new();
    };
    let time = |dur: Option<Dur>, default| dur.map_or(default, |Dur(time)| time);
    let terms = Terms {
        within: time(expect.within, WITHIN),
        holds: time(expect.holds, Duration::ZERO),
        never: false,
        level: expect.level,
        metric: expect.metric,
        judged: match expect.holds {
            Some(Dur(holds)) if !holds.is_zero() => Judged::Held,
            Some(_) | None => Judged::AtOnce,
        },
        span: part.tree.span,
    };
    let forms = Forms {
        rx: expect.rx,
        rate: expect.rate,
        counters: expect.counters,
        exec: expect.exec,
        packets: expect.packets,
        asked: Asked {
            neighbors: expect.neighbors,
            dr: expect.dr,
            querier: expect.querier,
            rp: expect.rp,
            mroute: expect.mroute,
            igmp: expect.igmp,
            rpf: expect.rpf,
            tree: expect.tree,
            state: expect.state,
        },
    };
    judged(cx, cast, forms, &terms)
}

pub(super) fn of_never(
    cx: &Context<'_>,
    cast: &Cast<'_>,
    part: &Part<file::Never>,
) -> Vec<Expectation> {
    let Some(never) = part.read(&cx.scope, cx.sink) else {
        return Vec::new();
    };
    let Dur(within) = never.span;
    let terms = Terms {
        within,
        holds: Duration::ZERO,
        never: true,
        level: never.level,
        metric: never.metric,
        judged: Judged::Held,
        span: part.tree.span,
    };
    let forms = Forms {
        rx: never.rx,
        rate: never.rate,
        counters: never.counters,
        exec: never.exec,
        packets: never.packets,
        asked: Asked {
            neighbors: never.neighbors,
            dr: never.dr,
            querier: never.querier,
            rp: never.rp,
            mroute: never.mroute,
            igmp: never.igmp,
            rpf: never.rpf,
            tree: never.tree,
            state: never.state,
        },
    };
    judged(cx, cast, forms, &terms)
}

fn judged(cx: &Context<'_>, cast: &Cast<'_>, forms: Forms, terms: &Terms) -> Vec<Expectation> {
    let given = [
        forms.rx.is_some(),
        forms.rate.is_some(),
        forms.counters.is_some(),
        forms.exec.is_some(),
        forms.packets.is_some(),
    ];
    let given = given
        .iter()
        .chain(&forms.asked.given())
        .filter(|given| **given)
        .count();
    if given != 1 {
        let problem = cx.problem(
            terms.span,
            "an expectation is one condition, such as `rx` or `mroute`",
        );
        let help = "write several as a list, each with its own `within`";
        cx.sink.add(problem.help(help));
        return Vec::new();
    }
    let mut checks: Vec<(Check, Span)> = Vec::new();
    if let Some(At { span, value }) = forms.rx {
        let all = rx(cx, cast, &value);
        checks.extend(
            all.into_iter()
                .map(|check| (Check::Rx(Box::new(check)), span)),
        );
    }
    if let Some(At { span, value }) = forms.rate {
        checks.extend(rate(cx, cast, &value, span).map(|check| (check, span)));
    }
    if let Some(part) = forms.counters {
        checks.extend(counters(cx, cast, &part).map(|check| (check, part.tree.span)));
    }
    if let Some(At { span, value }) = forms.exec {
        checks.extend(exec(cx, cast, value).map(|check| (check, span)));
    }
    if let Some(part) = forms.packets {
        let check = packets::packets(cx, cast, &part, terms.judged);
        let check = check.map(|check| Check::Packets(Box::new(check)));
        checks.extend(check.map(|check| (check, part.tree.span)));
    }
    checks.extend(forms.asked.checks(cx, cast));
    checks
        .into_iter()
        .map(|(check, span)| terms.of(cx, check, span))
        .collect()
}

/// What a bound is a number of.
#[derive(Clone, Copy, PartialEq)]
enum Unit {
    Count,
    Time,
}

/// The bound, where its unit is the right one. One value of a time is a most;
/// one count is exact.
fn bound(cx: &Context<'_>, limits: Option<&At<Limits>>, unit: Unit) -> Bound {
    let Some(At { span, value }) = limits else {
        return Bound::default();
    };
    match (value.sample(), unit) {
        (Quantity::Count(_), Unit::Count) => value.bound(),
        (Quantity::Time(_), Unit::Time) => at_most(*value),
        (_, Unit::Count) => {
            cx.tell(*span, "expected a number, or a map of `min` and `max`");
            Bound::default()
        }
        (_, Unit::Time) => {
            cx.tell(*span, "expected a duration such as `500ms` or `2s`");
            Bound::default()
        }
    }
}

fn at_most(limits: Limits) -> Bound {
    let bound = limits.bound();
    if limits.exact {
        return Bound { min: None, ..bound };
    }
    bound
}

fn rx(cx: &Context<'_>, cast: &Cast<'_>, written: &Rx) -> Vec<RxCheck> {
    let count = |limits: &Option<At<Limits>>| bound(cx, limits.as_ref(), Unit::Count);
    let time = |limits: &Option<At<Limits>>| bound(cx, limits.as_ref(), Unit::Time);
    let (loss, loss_share, loss_on) = loss(cx, cast, written.loss.as_ref());
    // Nothing received is nothing lost, late or doubled: without this, such a
    // check would pass on a dead network.
    let received = match written.received {
        Some(_) => count(&written.received),
        None => Bound {
            min: Some(1.0),
            max: None,
        },
    };
    let latencies = [
        (0.5, &written.p50_latency),
        (0.9, &written.p90_latency),
        (0.99, &written.p99_latency),
        (0.999, &written.p999_latency),
        (1.0, &written.max_latency),
    ];
    let latencies = latencies.into_iter().filter(|(_, limits)| limits.is_some());
    let check = RxCheck {
        by: 0,
        of: Vec::new(),
        received,
        loss,
        loss_share,
        loss_on,
        duplicates: count(&written.duplicates),
        reorder: count(&written.reorder),
        corrupted: count(&written.corrupted),
        first_within: written.first_within.map(|Dur(time)| time),
        gap_ns: time(&written.gap),
        latency_ns: latencies.map(|(q, limits)| (q, time(limits))).collect(),
        ttl: written.ttl,
        dscp: written.dscp,
        source: written.source.map(|Address(source)| source),
        source_port: written.source_port,
    };
    let OneOrMany(of) = &written.of;
    let of: Option<Vec<usize>> = of.iter().map(|name| cast.source(cx, name)).collect();
    let of = of.unwrap_or_default();
    let OneOrMany(by) = &written.by;
    let by = by.iter().filter_map(|name| cast.receiver(cx, name));
    by.map(|by| RxCheck {
        by,
        of: of.clone(),
        ..check.clone()
    })
    .collect()
}

/// What may be lost: a number, a share, and the wire that it is due to.
fn loss(
    cx: &Context<'_>,
    cast: &Cast<'_>,
    written: Option<&At<Loss>>,
) -> (Bound, Bound, Option<WireId>) {
    let open = Bound::default();
    let Some(At { span, value }) = written else {
        return (open, open, None);
    };
    match value {
        Loss::Within(limits) if matches!(limits.sample(), Quantity::Share(_)) => {
            (open, at_most(*limits), None)
        }
        Loss::Within(limits) => {
            let (span, value) = (*span, *limits);
            let count = bound(cx, Some(&At { span, value }), Unit::Count);
            (count, open, None)
        }
        Loss::Wire(name) => {
            let (span, value) = (*span, name.clone());
            (open, open, wire::wired(cx, cast, &At { span, value }))
        }
    }
}

fn rate(cx: &Context<'_>, cast: &Cast<'_>, written: &RateCheck, span: Span) -> Option<Check> {
    let name = &written.at.value;
    let place = if cast.receivers.contains(name) {
        RatePoint::Receiver(cast.receiver(cx, &written.at)?)
    } else if name.contains(':') {
        let (node, interface) = cast.interface(cx, &written.at)?;
        RatePoint::Interface(node, interface)
    } else {
        let message = format!("there is no receiver `{name}`");
        let known: Vec<&str> = cast.receivers.iter().map(String::as_str).collect();
        let advice = suggest::nearest(name, known).map_or_else(
            || "a rate is at a receiver, or at an interface as `NODE:INTERFACE`".to_owned(),
            |known| format!("did you mean `{known}`?"),
        );
        cx.sink
            .add(cx.problem(written.at.span, message).help(advice));
        return None;
    };
    let (mut pps, mut bps) = (Bound::default(), Bound::default());
    let mut put =
        |limit: &Option<At<RateValue>>, to: fn(&mut Bound) -> &mut Option<f64>| match limit
            .as_ref()
            .map(|at| at.value)
        {
            Some(RateValue(Rate::Pps(value))) => *to(&mut pps) = Some(value),
            Some(RateValue(Rate::Bps(value))) => *to(&mut bps) = Some(value),
            None => {}
        };
    put(&written.min, |bound| &mut bound.min);
    put(&written.max, |bound| &mut bound.max);
    if written.min.is_none() && written.max.is_none() {
        cx.tell(span, "a rate needs `min` or `max`");
    }
    let of = written.of.map(|Group(group)| group);
    Some(Check::Rate {
        at: place,
        of,
        pps,
        bps,
    })
}

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

fn counters(cx: &Context<'_>, cast: &Cast<'_>, part: &Part<Counters>) -> Option<Check> {
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

fn exec(cx: &Context<'_>, cast: &Cast<'_>, written: file::ExecCheck) -> Option<Check> {
    let at = cast.node(cx, &written.at)?;
    Some(Check::Exec {
        exec: Exec {
            at,
            run: written.run,
        },
        status: written.status.unwrap_or(0),
        contains: written.contains,
    })
}
