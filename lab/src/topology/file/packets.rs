//! The mirror of what is asked of messages.

use schemars::JsonSchema;
use serde::Deserialize;

use super::Name;
use crate::topology::place::{At, OneOrMany};
use crate::topology::value::{Dur, Limits};

/// A message of IGMP or PIM on any link, or a map about messages.
#[derive(Debug, JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "the schema; the entry is read as a tree")]
pub(crate) enum PacketsEntry {
    First(String),
    Packets(Box<Packets>),
}

/// Messages of IGMP and PIM on some links: a `first` one, a sequence `seq`, or a
/// `count` of those that `match`. They are written like `pim.join(*, 239.1.1.1)
/// r3>r2`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Packets {
    /// The links; all unless said otherwise.
    #[serde(default)]
    pub(crate) at: OneOrMany<Name>,
    /// In place of `at`: the links between these nodes.
    #[serde(default)]
    pub(crate) between: OneOrMany<Name>,
    /// There is such a message.
    pub(crate) first: Option<At<String>>,
    /// And it is the first of these.
    pub(crate) of: Option<At<String>>,
    /// They come in this order, whatever is between them.
    pub(crate) seq: Option<OneOrMany<At<String>>>,
    /// Those that are counted.
    #[serde(rename = "match")]
    pub(crate) matching: Option<At<String>>,
    /// How many there are.
    pub(crate) count: Option<At<Limits>>,
    /// In every span of this length; over the whole time unless said otherwise.
    pub(crate) window: Option<Dur>,
    /// Those that come earlier do not count, since the step began.
    pub(crate) after: Option<Dur>,
}
