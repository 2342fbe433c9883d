//! The mirror of `repeat`: a number of times, or once at every event.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{Name, Verbs};
use crate::topology::place::{At, OneOrMany, Part};

/// How often a step is done: a number of times, or at every event of the steps
/// before it.
#[derive(Debug, JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "the schema; the entry is read as a tree")]
pub(crate) enum RepeatEntry {
    Times(#[schemars(range(min = 1, max = 1000))] u32),
    Sweep(Box<SweepOf>),
}

/// A fault sweep, in virtual time: for every event of the steps before this one,
/// the lab is run anew up to that moment, and there `each` is done.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SweepOf {
    /// The events: `events(pim)`, or any other expression over messages of IGMP
    /// and PIM, as `events(pim.join or pim.register)`.
    pub(crate) over: Part<At<String>>,
    /// The title of an earlier step: what was before it is no event.
    pub(crate) since: Option<Part<At<String>>>,
    /// The most events that are taken, the earliest first; 200 unless said
    /// otherwise.
    #[schemars(range(min = 1, max = 2000))]
    pub(crate) limit: Option<Part<At<u32>>>,
    /// What is done at each event, and expected from there on: verbs of a step
    /// but `snap`, `repeat` and `measure`. What `config` and `fault` lay upon
    /// something, they lay upon what it is after all the steps before.
    pub(crate) each: Part<Verbs>,
    /// What is told of all of them.
    pub(crate) report: Option<Part<SweepReportOf>>,
}

/// The longest time that receivers got nothing, of all the runs of a sweep.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SweepReportOf {
    /// `outage`: from the event on, or between two datagrams.
    #[serde(rename = "worst")]
    pub(crate) _worst: WorstOf,
    /// The receiver; of several, each.
    pub(crate) by: OneOrMany<Name>,
    /// The sources; all that send to it where there are none.
    #[serde(default)]
    pub(crate) of: OneOrMany<Name>,
    /// A name for the longest, shown and kept in the result.
    #[serde(rename = "as")]
    pub(crate) metric: Option<String>,
}

/// What is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum WorstOf {
    /// The longest time without a datagram.
    Outage,
}
