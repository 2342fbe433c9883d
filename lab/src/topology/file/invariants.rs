//! The mirror of `invariants`.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::topology::place::At;
use crate::topology::value::Dur;

/// What must hold during the whole run: its name, or a map of that and its
/// terms.
#[derive(Debug, JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "the schema; the entry is read as a tree")]
pub(crate) enum InvariantEntry {
    Name(InvariantName),
    Terms(Box<InvariantTerms>),
}

/// What must always hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum InvariantName {
    /// No router sends a datagram onto a link twice.
    NoLoops,
    /// No receiver gets a datagram twice.
    Duplicates,
    /// The routers of a link have one Designated Router.
    OneDrPerSegment,
    /// Packets are taken in where unicast routes lead back to their source.
    IifIsRpf,
    /// No datagram travels in Registers.
    NoRegister,
    /// The entries of the routers are what is forwarded.
    MfcMatchesDaemon,
    /// No link carries datagrams that nobody on it wants.
    NoUnwantedTraffic,
    /// The routers of a link agree on who has won an Assert.
    OneAssertWinner,
    /// Entries lead only to where somebody has joined.
    OifIsWanted,
}

/// Invariants with their terms.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct InvariantTerms {
    /// No router sends a datagram onto a link twice.
    pub(crate) no_loops: Option<At<AtMost>>,
    /// No receiver gets a datagram twice.
    pub(crate) duplicates: Option<At<AtMost>>,
    /// The routers of a link have one Designated Router.
    pub(crate) one_dr_per_segment: Option<At<Lasting>>,
    /// Packets are taken in where unicast routes lead back to their source.
    pub(crate) iif_is_rpf: Option<At<Lasting>>,
    /// No datagram travels in Registers.
    pub(crate) no_register: Option<At<Lasting>>,
    /// The entries of the routers are what is forwarded.
    pub(crate) mfc_matches_daemon: Option<At<Lasting>>,
    /// No link carries datagrams that nobody on it wants.
    pub(crate) no_unwanted_traffic: Option<At<Lasting>>,
    /// The routers of a link agree on who has won an Assert.
    pub(crate) one_assert_winner: Option<At<Lasting>>,
    /// Entries lead only to where somebody has joined.
    pub(crate) oif_is_wanted: Option<At<Lasting>>,
}

/// The terms of an invariant that single datagrams break.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AtMost {
    /// So many datagrams of each step may break it; 0 unless said otherwise.
    pub(crate) max: Option<u64>,
}

/// The terms of an invariant that a state breaks.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Lasting {
    /// It may be untrue for so long; 10s unless said otherwise.
    pub(crate) within: Option<Dur>,
}
