//! The mirror of what a figure must be over many runs.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::topology::place::At;
use crate::topology::value::Limits;

/// What a figure with a name must be over all runs of a file. One value is the
/// most that is allowed.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct GateOf {
    /// The median.
    pub(crate) p50: Option<At<Limits>>,
    /// What 95 % are not larger than.
    pub(crate) p95: Option<At<Limits>>,
    /// The largest.
    pub(crate) max: Option<At<Limits>>,
    /// `true`: it must not be worse than in the baseline of `lab test
    /// --baseline`.
    #[serde(default)]
    pub(crate) baseline: bool,
}
