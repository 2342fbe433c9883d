//! Gates: bounds get the units of figures.

use super::Context;
use super::bounds::at_most;
use crate::topology::file::GateOf;
use crate::topology::model::{Bound, Gate, GateBound, Quantile};
use crate::topology::place::At;
use crate::topology::value::{Limits, Quantity};

/// Nanoseconds of a second.
const SECOND: f64 = 1e9;

pub(super) fn gate(cx: &Context<'_>, written: Option<&At<GateOf>>, named: bool) -> Option<Gate> {
    let At { span, value } = written?;
    if !named {
        let problem = cx.problem(*span, "a gate is for a figure with a name");
        let help = "give the value a name: `as: reconverge`";
        cx.sink.add(problem.help(help));
    }
    let all = [
        (Quantile::P50, &value.p50),
        (Quantile::P95, &value.p95),
        (Quantile::Max, &value.max),
    ];
    let bounds: Vec<GateBound> = all
        .into_iter()
        .filter_map(|(of, limits)| bound(cx, of, limits.as_ref()?))
        .collect();
    let asks = value.p50.is_some() || value.p95.is_some() || value.max.is_some();
    if !asks && !value.baseline {
        let problem = cx.problem(*span, "this gate lets everything pass");
        let help = "write `gate: { p95: 1.5s }` or `gate: { baseline: true }`";
        cx.sink.add(problem.help(help));
    }
    Some(Gate {
        bounds,
        baseline: value.baseline,
    })
}

fn bound(cx: &Context<'_>, of: Quantile, limits: &At<Limits>) -> Option<GateBound> {
    let bound = at_most(limits.value);
    let (unit, scale) = match limits.value.sample() {
        Quantity::Count(_) => (None, 1.0),
        Quantity::Time(_) => (Some("s"), SECOND),
        Quantity::Pps(_) => (Some("pps"), 1.0),
        Quantity::Bps(_) => (Some("bit/s"), 1.0),
        Quantity::Share(_) => {
            cx.tell(limits.span, "no figure is a share");
            return None;
        }
    };
    let scaled = |value: Option<f64>| value.map(|value| value / scale);
    Some(GateBound {
        of,
        bound: Bound {
            min: scaled(bound.min),
            max: scaled(bound.max),
        },
        unit,
    })
}
