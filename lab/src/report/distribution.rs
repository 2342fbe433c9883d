//! Figures of many runs of the same lab: quantiles and a histogram.

use std::borrow::Cow;

use indexmap::IndexMap;
use serde::Serialize;

use super::{RunReport, text};

/// The most bars of a histogram.
const BARS: usize = 8;

/// The longest bar, in characters.
const LONGEST: usize = 40;

/// How one figure is distributed over the runs of a lab.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Distribution {
    /// The lab.
    pub lab: String,
    /// The figure's name, as the file gives it with `as`.
    pub metric: String,
    /// Its unit.
    pub unit: Cow<'static, str>,
    /// How many values there are.
    pub count: usize,
    /// The smallest.
    pub min: f64,
    /// The median.
    pub p50: f64,
    /// 90 % are not larger.
    pub p90: f64,
    /// 95 % are not larger.
    pub p95: f64,
    /// The largest.
    pub max: f64,
    /// The histogram, without bars at its ends that are empty.
    pub bars: Vec<Bar>,
}

/// A bar of a histogram.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Bar {
    /// From this value on.
    pub from: f64,
    /// Up to and without this one.
    pub to: f64,
    /// So many values.
    pub count: usize,
}

/// The values of a lab's figure.
#[derive(Clone, Debug, PartialEq)]
pub struct Values {
    /// The lab.
    pub lab: String,
    /// The figure's name.
    pub metric: String,
    /// Its unit.
    pub unit: Cow<'static, str>,
    /// The values, in the order of the runs.
    pub all: Vec<f64>,
}

/// The values of all figures with a name, in the order of the labs and the steps.
#[must_use]
pub fn values(runs: &[RunReport]) -> Vec<Values> {
    let mut values: IndexMap<(&str, &str, &Cow<'static, str>), Vec<f64>> = IndexMap::new();
    for run in runs {
        let expectations = run.steps.iter().flat_map(|step| &step.expectations);
        for expectation in expectations {
            if let (Some(metric), Some(figure)) = (&expectation.metric, &expectation.figure) {
                let of = values.entry((&run.lab, metric, &figure.unit)).or_default();
                of.push(figure.value);
            }
        }
    }
    let all = values.into_iter().map(|((lab, metric, unit), all)| Values {
        lab: lab.to_owned(),
        metric: metric.to_owned(),
        unit: unit.clone(),
        all,
    });
    all.collect()
}

/// The distributions of all figures that several runs of a lab have.
#[must_use]
pub fn of(runs: &[RunReport]) -> Vec<Distribution> {
    let all = values(runs).into_iter();
    let several = all.filter(|values| values.all.len() > 1);
    several.filter_map(one).collect()
}

/// How values are distributed, where there are any.
#[must_use]
pub fn one(figure: Values) -> Option<Distribution> {
    let mut values = figure.all;
    values.sort_by(f64::total_cmp);
    let (min, max) = (*values.first()?, *values.last()?);
    Some(Distribution {
        lab: figure.lab,
        metric: figure.metric,
        unit: figure.unit,
        count: values.len(),
        min,
        p50: quantile(&values, 50)?,
        p90: quantile(&values, 90)?,
        p95: quantile(&values, 95)?,
        max,
        bars: bars(&values, min, max),
    })
}

/// The smallest value that so many per cent are not larger than.
fn quantile(sorted: &[f64], percent: usize) -> Option<f64> {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.saturating_sub(1)).copied()
}

/// Bars of a round width: 1, 2 or 5 of some power of ten.
fn bars(sorted: &[f64], min: f64, max: f64) -> Vec<Bar> {
    #[expect(clippy::cast_precision_loss, reason = "a handful of bars")]
    let least = (max - min) / (BARS - 1) as f64;
    if least <= 0.0 || !least.is_finite() {
        let (from, to, count) = (min, max, sorted.len());
        return vec![Bar { from, to, count }];
    }
    let power = 10_f64.powf(least.log10().floor());
    let factors = [1.0, 2.0, 5.0, 10.0];
    let mut widths = factors.iter().map(|factor| factor * power);
    let width = widths.find(|width| *width >= least).unwrap_or(least);
    let start = (min / width).floor();
    let edge = |bar: u8| (start + f64::from(bar)) * width;
    let mut bars = Vec::new();
    for bar in (0..).take_while(|bar| edge(*bar) <= max) {
        let (from, to) = (edge(bar), edge(bar + 1));
        let within = |value: &&f64| (from..to).contains(*value);
        let count = sorted.iter().filter(within).count();
        bars.push(Bar { from, to, count });
    }
    bars
}

/// A value with its unit.
#[must_use]
pub fn shown(value: f64, unit: &str) -> String {
    match unit {
        "s" => text::seconds(value),
        unit => format!("{value:.1} {unit}"),
    }
}

/// As people read it, in 80 columns.
#[must_use]
pub fn lines(of: &Distribution) -> Vec<String> {
    let shown = |value: f64| shown(value, &of.unit);
    let quantiles = [("p50", of.p50), ("p95", of.p95), ("max", of.max)];
    let quantiles = quantiles.map(|(name, value)| format!("{name} {}", shown(value)));
    let heading = format!(
        "{} {}  n={}  {}",
        of.lab,
        of.metric,
        of.count,
        quantiles.join("  ")
    );
    let mut lines = text::hanging(&heading);
    let most = of
        .bars
        .iter()
        .map(|bar| bar.count)
        .max()
        .unwrap_or(1)
        .max(1);
    for bar in &of.bars {
        let length = (bar.count * LONGEST).div_ceil(most);
        let bar_text = "#".repeat(length);
        lines.push(format!(
            "  {:>14} |{bar_text:<LONGEST$} {}",
            shown(bar.from),
            bar.count
        ));
    }
    lines
}

#[cfg(test)]
mod tests;
