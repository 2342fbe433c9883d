//! The mirror of the verb about daemons.

use schemars::JsonSchema;
use serde::Deserialize;

use super::Name;
use crate::topology::place::{At, OneOrMany};
use crate::topology::value::Net;

/// What happens to daemons.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DaemonVerb {
    /// Start it.
    pub(crate) start: Option<OneOrMany<Name>>,
    /// Ask it to end, and wait for that.
    pub(crate) stop: Option<OneOrMany<Name>>,
    /// Send it a signal that ends it, and wait for that.
    pub(crate) kill: Option<OneOrMany<Name>>,
    /// Which signal `kill` sends; `KILL` unless said otherwise.
    pub(crate) signal: Option<At<SignalName>>,
    /// Networks to which no router has a route from the same moment on, each
    /// after the time that routes take to follow a change.
    #[serde(default)]
    pub(crate) withdraw: OneOrMany<At<Net>>,
    /// SIGKILL to mcrd's workers.
    pub(crate) kill_workers: Option<OneOrMany<Name>>,
    /// Stop it, and start it again.
    pub(crate) restart: Option<OneOrMany<Name>>,
    /// SIGHUP.
    pub(crate) reload: Option<OneOrMany<Name>>,
    /// SIGSTOP: it gets no time to run, and what it set in the kernel stays.
    pub(crate) freeze: Option<OneOrMany<Name>>,
    /// SIGCONT: it goes on.
    pub(crate) thaw: Option<OneOrMany<Name>>,
}

/// A signal that ends a daemon.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum SignalName {
    /// It ends at once, and knows nothing of it.
    Kill,
    /// It is asked to end, and does so in order.
    Term,
    /// The same, as by Ctrl-C.
    Int,
    /// As by Ctrl-\.
    Quit,
    /// As when it gives itself up.
    Abrt,
    /// As when it reads memory that it does not have.
    Segv,
}
