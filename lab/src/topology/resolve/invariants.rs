//! What must hold during the whole run.

use std::time::Duration;

use super::Context;
use crate::topology::decode::decode_timed;
use crate::topology::file::{AtMost, File, InvariantEntry, InvariantName, InvariantTerms, Lasting};
use crate::topology::model::{Always, Invariant};
use crate::topology::place::{At, Part};
use crate::topology::tree::{Tree, Value};
use crate::topology::value::Dur;

/// How long a state may last that breaks an invariant.
const WITHIN: Duration = Duration::from_secs(10);

pub(super) fn invariants(cx: &Context<'_>, file: &File) -> Vec<Invariant> {
    let mut all: Vec<Invariant> = Vec::new();
    for part in &file.invariants {
        for invariant in entry(cx, part) {
            if all.iter().any(|known| known.what == invariant.what) {
                let message = format!("`{}` is here twice", invariant.what.word());
                cx.tell(part.tree.span, message);
            }
            all.push(invariant);
        }
    }
    all
}

fn entry(cx: &Context<'_>, part: &Part<InvariantEntry>) -> Vec<Invariant> {
    let line = cx.line(part.tree.span);
    let Some(tree) = cx.scope.interpolate(&part.tree, cx.sink) else {
        return Vec::new();
    };
    let terms = match &tree.value {
        Value::Map(_) => decode_timed(&tree, cx.scope.times(), cx.sink),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::List(_) => {
            named(cx, &tree)
        }
    };
    terms.map_or_else(Vec::new, |terms| of_terms(terms, line))
}

fn named(cx: &Context<'_>, tree: &Tree) -> Option<InvariantTerms> {
    let At { span, value } = decode_timed::<At<InvariantName>>(tree, cx.scope.times(), cx.sink)?;
    let mut terms = InvariantTerms::default();
    let most = At {
        span,
        value: AtMost::default(),
    };
    let lasting = At {
        span,
        value: Lasting::default(),
    };
    match value {
        InvariantName::NoLoops => terms.no_loops = Some(most),
        InvariantName::Duplicates => terms.duplicates = Some(most),
        InvariantName::OneDrPerSegment => terms.one_dr_per_segment = Some(lasting),
        InvariantName::IifIsRpf => terms.iif_is_rpf = Some(lasting),
        InvariantName::NoRegister => terms.no_register = Some(lasting),
        InvariantName::MfcMatchesDaemon => terms.mfc_matches_daemon = Some(lasting),
        InvariantName::NoUnwantedTraffic => terms.no_unwanted_traffic = Some(lasting),
        InvariantName::OneAssertWinner => terms.one_assert_winner = Some(lasting),
        InvariantName::OifIsWanted => terms.oif_is_wanted = Some(lasting),
    }
    Some(terms)
}

fn of_terms(terms: InvariantTerms, line: usize) -> Vec<Invariant> {
    let counted = [
        (Always::NoLoops, terms.no_loops),
        (Always::Duplicates, terms.duplicates),
    ];
    let counted = counted.into_iter().filter_map(|(what, terms)| {
        let max = terms?.value.max.unwrap_or(0);
        Some(Invariant {
            what,
            within: Duration::ZERO,
            max,
            line,
        })
    });
    let lasting = [
        (Always::OneDr, terms.one_dr_per_segment),
        (Always::IifIsRpf, terms.iif_is_rpf),
        (Always::NoRegister, terms.no_register),
        (Always::MfcMatchesDaemon, terms.mfc_matches_daemon),
        (Always::NoUnwantedTraffic, terms.no_unwanted_traffic),
        (Always::OneAssertWinner, terms.one_assert_winner),
        (Always::OifIsWanted, terms.oif_is_wanted),
    ];
    let lasting = lasting.into_iter().filter_map(|(what, terms)| {
        let within = terms?.value.within.map_or(WITHIN, |Dur(within)| within);
        Some(Invariant {
            what,
            within,
            max: 0,
            line,
        })
    });
    counted.chain(lasting).collect()
}
