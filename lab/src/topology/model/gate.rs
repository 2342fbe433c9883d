//! What a figure must be over many runs.

use super::Bound;

/// What a figure must be over all runs of a lab.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Gate {
    /// Its quantiles.
    pub bounds: Vec<GateBound>,
    /// It must not be worse than in the baseline.
    pub baseline: bool,
}

/// What a quantile must be.
#[derive(Clone, Debug, PartialEq)]
pub struct GateBound {
    /// Which.
    pub of: Quantile,
    /// The bound, in this unit.
    pub bound: Bound,
    /// The unit; `None` is a plain number.
    pub unit: Option<&'static str>,
}

/// A quantile that a gate may ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quantile {
    /// The median.
    P50,
    /// 95 % are not larger.
    P95,
    /// The largest.
    Max,
}

impl Quantile {
    /// Its name.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Quantile::P50 => "p50",
            Quantile::P95 => "p95",
            Quantile::Max => "max",
        }
    }
}
