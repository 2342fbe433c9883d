//! The configuration file's shape. The file is JSON5; the same shape, as JSON,
//! is what `config.show` returns.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::rule::Rule;

/// The whole file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ConfigFile {
    /// The control socket.
    #[serde(skip_serializing_if = "is_default")]
    pub control: Control,
    /// Log levels.
    #[serde(skip_serializing_if = "is_default")]
    pub log: Log,
    /// The forwarding workers.
    #[serde(skip_serializing_if = "is_default")]
    pub workers: Workers,
    /// CPUs per input interface: one worker runs on each CPU listed, and the
    /// packets are spread over them by flow. An interface that is not listed
    /// has one worker that runs anywhere.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub pinning: BTreeMap<String, Vec<u32>>,
    /// The relay rules.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<Rule>,
}

/// The control socket.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Control {
    /// Its path. `/run/mcrd/control.sock`, or for an ordinary user
    /// `$XDG_RUNTIME_DIR/mcrd/control.sock`, where it is left out. Taken at
    /// start only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub socket: Option<String>,
    /// The group that may connect, beside the daemon's own user; by name.
    /// Taken at start only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
}

/// Log levels: `error`, `warn`, `info`, `debug` or `trace`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Log {
    /// The level of every facility that has none of its own; `info` where it
    /// is left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub level: Option<crate::state::LogLevel>,
    /// Levels of single facilities.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub facilities: BTreeMap<crate::state::Facility, crate::state::LogLevel>,
}

/// The forwarding workers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Workers {
    /// `false` makes workers use recvmmsg and sendmmsg even where io_uring is
    /// allowed. Taken when a worker starts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub io_uring: Option<bool>,
    /// The user that supervisor and workers run as when the daemon was started
    /// by root; `mcr` where it exists, otherwise `nobody`. Taken at start only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
