//! Gates: the figures of all runs of a lab against what its file asks of them,
//! and against those of earlier runs.

mod rank;

use std::borrow::Cow;

use serde::Serialize;

use super::RunReport;
use super::baseline::{Baseline, Known, Machine};
use super::distribution::{self, Distribution, Values, shown};
use super::text;
use crate::assertion::bound;
use crate::topology::model::{Gate, Quantile, Topology};

#[cfg(test)]
mod tests;

/// Fewer values than these are compared with nothing.
const FEWEST: usize = 5;
/// A difference that chance makes so seldom is one.
const SELDOM: f64 = 0.01;
/// And it must be a difference that somebody may care about.
const MATTERS: f64 = 0.05;

/// What is to be said of one figure of a lab.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Verdict {
    /// The lab.
    pub lab: String,
    /// The figure's name.
    pub metric: String,
    /// Its unit.
    pub unit: Cow<'static, str>,
    /// How many values there are.
    pub count: usize,
    /// The median.
    pub p50: f64,
    /// 95 % are not larger.
    pub p95: f64,
    /// The largest.
    pub max: f64,
    /// How it is beside the baseline, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub beside: Option<Beside>,
    /// Which of the file's bounds are not met.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub missed: Vec<String>,
    /// It fails the test.
    pub failed: bool,
}

/// A figure beside the same one in the baseline.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Beside {
    /// What came of it.
    pub is: Comparison,
    /// How many values the baseline has.
    pub count: usize,
    /// Their median.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p50: Option<f64>,
    /// How often chance alone makes such a difference, by the rank test of Mann
    /// and Whitney.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p: Option<f64>,
}

/// What comes of a comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Comparison {
    /// The same, as far as can be told.
    WithinNoise,
    /// Worse: later, or at a lower rate.
    Slower,
    /// Better.
    Faster,
    /// The baseline has it from other machines only.
    OtherMachine,
    /// The baseline does not have it.
    NotInBaseline,
    /// There are too few values to tell.
    TooFew,
    /// More is neither better nor worse.
    NoBetterOrWorse,
}

impl Comparison {
    /// As shown to people.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Comparison::WithinNoise => "within noise",
            Comparison::Slower => "slower",
            Comparison::Faster => "faster",
            Comparison::OtherMachine => "other machine: not compared",
            Comparison::NotInBaseline => "not in the baseline",
            Comparison::TooFew => "too few runs to compare",
            Comparison::NoBetterOrWorse => "neither is better: not compared",
        }
    }
}

/// The machine that a run's figures are from.
#[must_use]
pub fn machine(runs: &[RunReport]) -> Machine {
    match runs.iter().any(|run| run.simulated.is_some()) {
        true => Machine::of_virtual_time(),
        false => Machine::this(),
    }
}

/// Judges the figures of labs: those with a gate, and all where there is a
/// baseline. Labs of which a run failed have their verdict.
#[must_use]
pub fn judge(labs: &[Topology], runs: &[RunReport], baseline: Option<&Baseline>) -> Vec<Verdict> {
    let machine = machine(runs);
    let all = passed(runs).into_iter();
    let verdicts = all.filter_map(|figure| {
        let gate = gate(labs, &figure);
        let beside = baseline.map(|baseline| compare(&figure, baseline.of(&machine, &figure)));
        if gate.is_none() && beside.is_none() {
            return None;
        }
        verdict(figure, gate, beside)
    });
    verdicts.collect()
}

/// The figures of the labs that passed every time.
#[must_use]
pub fn passed(runs: &[RunReport]) -> Vec<Values> {
    let failed = |lab: &str| {
        let mut of = runs.iter().filter(|run| run.lab == lab);
        of.any(|run| !run.outcome.is_good())
    };
    let all = distribution::values(runs).into_iter();
    all.filter(|figure| !failed(&figure.lab)).collect()
}

/// What the file asks of a figure.
fn gate<'a>(labs: &'a [Topology], figure: &Values) -> Option<&'a Gate> {
    let of = labs.iter().filter(|lab| lab.name == figure.lab);
    let mut expect = of.flat_map(|lab| lab.steps.iter().flat_map(|step| &step.expect));
    let named = |metric: &Option<String>| metric.as_deref() == Some(&figure.metric);
    expect.find_map(|one| one.gate.as_ref().filter(|_| named(&one.metric)))
}

fn verdict(figure: Values, gate: Option<&Gate>, beside: Option<Beside>) -> Option<Verdict> {
    let of = distribution::one(figure)?;
    let mut missed: Vec<String> = Vec::new();
    for one in gate.map_or(&[][..], |gate| &gate.bounds) {
        missed.extend(bound_missed(&of, one.of, &one.bound, one.unit));
    }
    let worse = beside
        .as_ref()
        .is_some_and(|one| one.is == Comparison::Slower);
    if worse && gate.is_some_and(|gate| gate.baseline) {
        missed.push("slower than in the baseline".to_owned());
    }
    Some(Verdict {
        failed: !missed.is_empty(),
        lab: of.lab,
        metric: of.metric,
        unit: of.unit,
        count: of.count,
        p50: of.p50,
        p95: of.p95,
        max: of.max,
        beside,
        missed,
    })
}

fn bound_missed(
    of: &Distribution,
    which: Quantile,
    bound: &crate::topology::model::Bound,
    unit: Option<&str>,
) -> Option<String> {
    // A plain number is one of packets, lines, or whatever is counted.
    let counts = !matches!(of.unit.as_ref(), "s" | "pps" | "bit/s");
    if unit.map_or(!counts, |unit| unit != of.unit) {
        let unit = unit.unwrap_or("a number");
        return Some(format!("the figure is in {}, its gate in {unit}", of.unit));
    }
    let value = match which {
        Quantile::P50 => of.p50,
        Quantile::P95 => of.p95,
        Quantile::Max => of.max,
    };
    bound::missed(which.word(), bound, value, |value| shown(value, &of.unit))
}

fn compare(figure: &Values, known: Known<'_>) -> Beside {
    let only = |is, count| Beside {
        is,
        count,
        p50: None,
        p: None,
    };
    let before = match known {
        Known::Values(before) => before,
        Known::OtherMachine => return only(Comparison::OtherMachine, 0),
        Known::Nothing => return only(Comparison::NotInBaseline, 0),
    };
    let more_is_better = match figure.unit.as_ref() {
        "s" => false,
        "pps" | "bit/s" => true,
        _ => return only(Comparison::NoBetterOrWorse, before.len()),
    };
    let (Some(then), Some(now)) = (median(before), median(&figure.all)) else {
        return only(Comparison::TooFew, before.len());
    };
    let mut beside = Beside {
        p50: Some(then),
        ..only(Comparison::TooFew, before.len())
    };
    if before.len().min(figure.all.len()) < FEWEST {
        return beside;
    }
    let p = rank::chance(before, &figure.all);
    let matters = (now - then).abs() > MATTERS * then.abs();
    beside.p = Some(p);
    beside.is = match (p < SELDOM && matters, (now > then) == more_is_better) {
        (false, _) => Comparison::WithinNoise,
        (true, true) => Comparison::Faster,
        (true, false) => Comparison::Slower,
    };
    beside
}

fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len().saturating_sub(1) / 2).copied()
}

impl Verdict {
    /// How it is beside the baseline, in words.
    #[must_use]
    pub fn compared(&self) -> Option<String> {
        let beside = self.beside.as_ref()?;
        let p50 = beside.p50.map(|p50| shown(p50, &self.unit));
        let p50 = p50.map(|p50| format!("baseline p50 {p50}: "));
        let p = beside.p.map(|p| format!(" (p={p:.2})"));
        Some(format!(
            "{}{}{}",
            p50.unwrap_or_default(),
            beside.is.words(),
            p.unwrap_or_default()
        ))
    }

    /// Its quantiles, in words.
    #[must_use]
    pub fn quantiles(&self) -> String {
        let shown = |value| shown(value, &self.unit);
        let (p50, p95, max) = (shown(self.p50), shown(self.p95), shown(self.max));
        format!("n={}  p50 {p50}  p95 {p95}  max {max}", self.count)
    }
}

/// As people read it, in 80 columns.
#[must_use]
pub fn lines(verdict: &Verdict) -> Vec<String> {
    let word = if verdict.failed { "FAIL" } else { "PASS" };
    let (lab, metric) = (&verdict.lab, &verdict.metric);
    let mut said = format!("{word} {lab} {metric}  {}", verdict.quantiles());
    if let Some(compared) = verdict.compared() {
        said.push_str(&format!("  {compared}"));
    }
    let mut lines = text::hanging(&said);
    for missed in &verdict.missed {
        lines.extend(text::hanging(&format!("  {missed}")));
    }
    lines
}
