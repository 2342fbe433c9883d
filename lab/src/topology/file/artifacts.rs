//! The mirror of `artifacts`.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::topology::place::{At, Part};
use crate::topology::value::Dur;

/// What a run leaves, beside its result, the configurations and the logs.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ArtifactsOf {
    /// When it leaves the packets of all links; `on-failure` unless said otherwise.
    /// With `always` the HTML report is there too, which one that failed leaves in
    /// any case. `--capture` and `--html` go over it.
    pub(crate) keep: Option<KeepName>,
    /// Which packets.
    pub(crate) capture: Option<At<CaptureOf>>,
}

/// When a run leaves packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum KeepName {
    /// When it failed.
    OnFailure,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// Which packets a run leaves, of those that links still have in memory. Where
/// one is left out: all in `packets.pcapng`, and `{ around: 2s }` in the file of a
/// failed step.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CaptureOf {
    /// Messages of IGMP and PIM.
    pub(crate) control: Option<Part<ExtentOf>>,
    /// All other packets.
    pub(crate) data: Option<Part<ExtentOf>>,
}

/// How many packets of one sort: a word, or `{ around: 5s }`.
#[derive(Debug, JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "the schema; the entry is read as a tree")]
pub(crate) enum ExtentOf {
    Name(ExtentName),
    Around(AroundOf),
}

/// How many packets of one sort.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ExtentName {
    /// All of them.
    All,
    /// None.
    None,
}

/// Those of failed steps.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AroundOf {
    /// And of so long before and after each.
    pub(crate) around: Dur,
}
