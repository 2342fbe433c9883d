//! Expectations: what must become true, or must not.

use std::time::Duration;

use super::packets::{self, Judged};
use super::question::Asked;
use super::steps::{Cast, WITHIN};
use super::{Context, counters, gate, log, received};
use crate::topology::file::{self, Counters, Level, Outage, RateCheck, Rx};
use crate::topology::model::{Check, Exec, Expectation, Gate};
use crate::topology::place::{At, Part};
use crate::topology::tree::Span;
use crate::topology::value::Dur;

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
    gate: Option<Gate>,
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
            gate: self.gate.clone(),
            line: cx.line(span),
            throughout: false,
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
    outage: Option<At<Outage>>,
    log: Option<At<file::LogOf>>,
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
        gate: gate::gate(cx, measure.gate.as_ref(), measure.metric.is_some()),
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
    for outage in measure.outage.0 {
        let outage = Some(outage);
        judge(Forms { outage, ..none() });
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
        gate: gate::gate(cx, expect.gate.as_ref(), expect.metric.is_some()),
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
        outage: expect.outage,
        log: expect.log,
        asked: Asked {
            neighbors: expect.neighbors,
            dr: expect.dr,
            querier: expect.querier,
            rp: expect.rp,
            mroute: expect.mroute,
            mfc: expect.mfc,
            mdb: expect.mdb,
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
        gate: None,
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
        outage: None,
        log: never.log,
        asked: Asked {
            neighbors: never.neighbors,
            dr: never.dr,
            querier: never.querier,
            rp: never.rp,
            mroute: never.mroute,
            mfc: never.mfc,
            mdb: never.mdb,
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
        forms.outage.is_some(),
        forms.log.is_some(),
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
    let throughout = forms.outage.is_some() && terms.judged != Judged::Measured;
    if throughout && terms.judged == Judged::Held {
        let message = "an outage is watched for the whole of `within`";
        cx.tell(terms.span, format!("{message}; take `holds` away"));
    }
    if let Some(At { span, value }) = forms.rx {
        let all = received::rx(cx, cast, &value).into_iter();
        checks.extend(all.map(|check| (Check::Rx(Box::new(check)), span)));
    }
    if let Some(At { span, value }) = forms.outage {
        let all = received::outage(cx, cast, &value).into_iter();
        checks.extend(all.map(|check| (Check::Rx(Box::new(check)), span)));
    }
    if let Some(At { span, value }) = forms.rate {
        checks.extend(received::rate(cx, cast, &value, span).map(|check| (check, span)));
    }
    if let Some(part) = forms.counters {
        checks.extend(counters::counters(cx, cast, &part).map(|check| (check, part.tree.span)));
    }
    if let Some(At { span, value }) = forms.log {
        let check = log::log(cx, cast, &value, terms.judged);
        checks.extend(check.map(|check| (Check::Log(Box::new(check)), span)));
    }
    if let Some(At { span, value }) = forms.exec {
        checks.extend(exec(cx, cast, value).map(|check| (check, span)));
    }
    if let Some(part) = forms.packets {
        let check = packets::packets(cx, cast, &part, terms.judged);
        let check = check.map(|check| Check::Packets(Box::new(check)));
        checks.extend(check.map(|check| (check, part.tree.span)));
    }
    checks.extend(forms.asked.checks(cx, cast, terms.judged));
    let expectation = |(check, span)| Expectation {
        throughout,
        ..terms.of(cx, check, span)
    };
    checks.into_iter().map(expectation).collect()
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
