//! What is asked of receivers: what they got, how long they got nothing, and
//! rates.

use super::Context;
use super::bounds::{Unit, at_most, bound};
use super::steps::Cast;
use super::wire;
use crate::topology::file::{Outage, RateCheck, Rx};
use crate::topology::loss::Loss;
use crate::topology::model::{Bound, Check, Rate, RatePoint, RxCheck, WireId};
use crate::topology::place::{At, OneOrMany};
use crate::topology::suggest;
use crate::topology::tree::Span;
use crate::topology::value::{Address, Dur, Group, Limits, Quantity, RateValue};

pub(super) fn rx(cx: &Context<'_>, cast: &Cast<'_>, written: &Rx) -> Vec<RxCheck> {
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
    between(cx, cast, &written.by, &written.of)
        .into_iter()
        .map(|one| RxCheck {
            by: one.by,
            of: one.of,
            ..check.clone()
        })
        .collect()
}

/// The longest time without a datagram, and nothing else of what arrived.
pub(super) fn outage(cx: &Context<'_>, cast: &Cast<'_>, written: &Outage) -> Vec<RxCheck> {
    let Dur(max) = written.max;
    let most = Bound {
        min: None,
        max: Some(max.as_secs_f64() * 1e9),
    };
    between(cx, cast, &written.by, &written.of)
        .into_iter()
        .map(|check| RxCheck {
            gap_ns: most,
            ..check
        })
        .collect()
}

/// Conditions without bounds, one for each receiver.
pub(super) fn between(
    cx: &Context<'_>,
    cast: &Cast<'_>,
    OneOrMany(by): &OneOrMany<At<String>>,
    OneOrMany(of): &OneOrMany<At<String>>,
) -> Vec<RxCheck> {
    let of: Option<Vec<usize>> = of.iter().map(|name| cast.source(cx, name)).collect();
    let of = of.unwrap_or_default();
    let by = by.iter().filter_map(|name| cast.receiver(cx, name));
    by.map(|by| RxCheck {
        by,
        of: of.clone(),
        ..RxCheck::default()
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

pub(super) fn rate(
    cx: &Context<'_>,
    cast: &Cast<'_>,
    written: &RateCheck,
    span: Span,
) -> Option<Check> {
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
