//! The lines themselves: hello, request, reply.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::rule::Rule;
use crate::state::{Facility, LogLevel};

#[cfg(test)]
mod tests;

/// The first line, from the server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Hello {
    /// The protocol's version, [`crate::PROTOCOL`].
    pub mcr: u32,
    /// The daemon's version.
    pub version: String,
}

/// A request line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Request {
    /// Returned in the reply.
    pub id: u64,
    /// What to do.
    #[serde(flatten)]
    pub method: Method,
}

/// What a request asks for. On the line, `method` is the name and `params` an
/// object with the fields.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "method", content = "params", deny_unknown_fields)]
pub enum Method {
    /// Returns [`crate::state::Version`].
    #[serde(rename = "version")]
    Version {},
    /// Returns [`crate::state::Status`].
    #[serde(rename = "status")]
    Status {},
    /// Returns a [`crate::state::Page`] of [`crate::state::RuleStatus`], by
    /// name.
    #[serde(rename = "rules.list")]
    RulesList {
        /// Where the page starts: the `next` of the page before.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cursor: Option<String>,
    },
    /// Returns [`crate::state::RuleStatus`].
    #[serde(rename = "rules.show")]
    RulesShow {
        /// The rule's name.
        name: String,
    },
    /// Adds the rules: all of them, or none. Returns
    /// [`crate::state::Changed`].
    #[serde(rename = "rules.add")]
    RulesAdd {
        /// The rules.
        rules: Vec<Rule>,
    },
    /// Removes the rules: all of them, or none. Returns
    /// [`crate::state::Changed`].
    #[serde(rename = "rules.remove")]
    RulesRemove {
        /// Their names.
        names: Vec<String>,
    },
    /// Returns a [`crate::state::Page`] of [`crate::state::RuleStats`], by
    /// name.
    #[serde(rename = "stats.rules")]
    StatsRules {
        /// Where the page starts: the `next` of the page before.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cursor: Option<String>,
    },
    /// Returns a list of [`crate::state::InputStats`].
    #[serde(rename = "stats.inputs")]
    StatsInputs {},
    /// Returns a list of [`crate::state::Worker`].
    #[serde(rename = "workers")]
    Workers {},
    /// Returns a list of [`crate::state::Interface`].
    #[serde(rename = "interfaces")]
    Interfaces {},
    /// Returns a list of [`crate::router::PimInterface`].
    #[serde(rename = "pim.interfaces")]
    PimInterfaces {},
    /// Returns a list of [`crate::router::Neighbor`].
    #[serde(rename = "pim.neighbors")]
    PimNeighbors {},
    /// Returns a list of [`crate::router::Rp`].
    #[serde(rename = "pim.rps")]
    PimRps {},
    /// Returns [`crate::router::RpOf`].
    #[serde(rename = "pim.rp")]
    PimRp {
        /// The group.
        group: std::net::Ipv4Addr,
    },
    /// Returns [`crate::router::RpfOf`].
    #[serde(rename = "rpf")]
    Rpf {
        /// The address of a source or RP.
        address: std::net::Ipv4Addr,
        /// The group, which takes part in the choice among equal ways.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        group: Option<std::net::Ipv4Addr>,
    },
    /// Returns a list of [`crate::router::IgmpInterface`].
    #[serde(rename = "igmp.interfaces")]
    IgmpInterfaces {},
    /// Returns a [`crate::state::Page`] of [`crate::router::IgmpGroup`], by
    /// interface and group.
    #[serde(rename = "igmp.groups")]
    IgmpGroups {
        /// Where the page starts: the `next` of the page before.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cursor: Option<String>,
    },
    /// Returns a [`crate::state::Page`] of [`crate::router::Mroute`], by group
    /// and source.
    #[serde(rename = "mroute")]
    Mroute {
        /// This group's only.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        group: Option<std::net::Ipv4Addr>,
        /// Where the page starts: the `next` of the page before.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cursor: Option<String>,
    },
    /// Returns a list of [`crate::router::ProtocolCounters`].
    #[serde(rename = "stats.protocols")]
    StatsProtocols {},
    /// Returns `{}`, and from then on a line for each event, which is a
    /// [`crate::router::WatchLine`], until the client closes; no other request
    /// is answered on this connection.
    #[serde(rename = "watch")]
    Watch {},
    /// Returns the running configuration without its rules
    /// ([`crate::config::ConfigFile`]); `rules.list` has those.
    #[serde(rename = "config.show")]
    ConfigShow {},
    /// Starts a new text of a configuration file on this connection, and
    /// forgets an earlier one. Returns `{}`.
    #[serde(rename = "config.begin")]
    ConfigBegin {
        /// The name that error messages show.
        name: String,
    },
    /// Adds to the text. Returns `{}`.
    #[serde(rename = "config.put")]
    ConfigPut {
        /// The next part, cut between characters.
        text: String,
    },
    /// Checks the text and changes nothing. Returns
    /// [`crate::state::ConfigChange`], the difference that a load would make.
    #[serde(rename = "config.check")]
    ConfigCheck {
        /// As in `config.load`.
        #[serde(default)]
        merge: bool,
    },
    /// Makes the text the running configuration: all of it, or nothing.
    /// Returns [`crate::state::ConfigChange`].
    #[serde(rename = "config.load")]
    ConfigLoad {
        /// Keep rules that the text does not name.
        #[serde(default)]
        merge: bool,
    },
    /// Reads the start-up file again, as SIGHUP does. Returns
    /// [`crate::state::ConfigChange`].
    #[serde(rename = "config.reload")]
    ConfigReload {},
    /// The difference between the running configuration and the start-up file:
    /// what a reload would do. Returns [`crate::state::ConfigChange`].
    #[serde(rename = "config.diff")]
    ConfigDiff {},
    /// Writes the running configuration, whole. Returns
    /// [`crate::state::Saved`].
    #[serde(rename = "config.save")]
    ConfigSave {
        /// Where to; the start-up file where it is left out.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        path: Option<String>,
    },
    /// Returns [`crate::state::LogLevels`].
    #[serde(rename = "log.get")]
    LogGet {},
    /// Sets a level; workers get it too, also those that start later. Returns
    /// [`crate::state::LogLevels`].
    #[serde(rename = "log.set")]
    LogSet {
        /// The facility; the general level where it is left out.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        facility: Option<Facility>,
        /// The level; `None` makes the facility follow the general level.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        level: Option<LogLevel>,
    },
}

/// A reply line: `result` or `error`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Reply {
    /// The request's id; `None` where the request could not be read.
    pub id: Option<u64>,
    /// What the method returns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<Value>,
    /// Why it was refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Failure>,
}

/// Why a request was refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Failure {
    /// The kind of reason.
    pub code: ErrorCode,
    /// One sentence for the user.
    pub message: String,
    /// Each single mistake, where there are several or they have places.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<Problem>,
}

/// The kind of reason for a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ErrorCode {
    /// The line is not a request, or longer than [`crate::MAX_LINE`].
    BadRequest,
    /// There is no such method.
    UnknownMethod,
    /// A value is not acceptable.
    Invalid,
    /// The thing named does not exist.
    NotFound,
    /// It exists already.
    Exists,
    /// A limit is reached.
    Limit,
    /// The daemon could not do it; the message says why.
    Failed,
}

/// One mistake and its place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Problem {
    /// The file, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The line, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    /// The column in characters, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<usize>,
    /// The key, as in `rules[3].outputs[0].ttl`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub key: String,
    /// What is wrong.
    pub message: String,
    /// What to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
    /// The whole message with the source lines, ready to print.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rendered: Option<String>,
}
