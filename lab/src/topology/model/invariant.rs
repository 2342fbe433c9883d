//! What must hold during a whole run.

use std::time::Duration;

/// What must hold during a whole run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invariant {
    /// The condition.
    pub what: Always,
    /// It may be untrue for so long, while routers find each other.
    pub within: Duration,
    /// So many datagrams of a step may break it.
    pub max: u64,
    /// The line in the file, for messages.
    pub line: usize,
}

/// A condition that must always hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Always {
    /// No router sends a datagram onto a link twice.
    NoLoops,
    /// No receiver gets a datagram twice.
    Duplicates,
    /// The routers of a link have one Designated Router.
    OneDr,
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

impl Always {
    /// As the file names it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Always::NoLoops => "no-loops",
            Always::Duplicates => "duplicates",
            Always::OneDr => "one-dr-per-segment",
            Always::IifIsRpf => "iif-is-rpf",
            Always::NoRegister => "no-register",
            Always::MfcMatchesDaemon => "mfc-matches-daemon",
            Always::NoUnwantedTraffic => "no-unwanted-traffic",
            Always::OneAssertWinner => "one-assert-winner",
            Always::OifIsWanted => "oif-is-wanted",
        }
    }

    /// It is broken by single datagrams, and not by a state that lasts.
    #[must_use]
    pub fn counts(self) -> bool {
        match self {
            Always::NoLoops | Always::Duplicates => true,
            Always::OneDr
            | Always::IifIsRpf
            | Always::NoRegister
            | Always::MfcMatchesDaemon
            | Always::NoUnwantedTraffic
            | Always::OneAssertWinner
            | Always::OifIsWanted => false,
        }
    }
}
