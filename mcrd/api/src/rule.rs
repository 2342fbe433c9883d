//! A relay rule as people and programs write it: in the configuration file and
//! in the control API alike. Nothing here is checked beyond its shape; the
//! daemon turns it into a rule that is valid by construction.

use std::net::Ipv4Addr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One relay rule: packets that match `input` are sent again on every output.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Unique name, 1 to 63 characters without white space. Made from the
    /// input where it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What is matched.
    pub input: Input,
    /// The copies, 1 to 256.
    pub outputs: Vec<Output>,
}

/// What a rule matches. The most specific rule wins: with `source` before
/// without, then with `port` before without.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// The network interface the packets arrive on. It need not exist yet.
    pub interface: String,
    /// The multicast group, not in 224.0.0.0/24.
    pub group: Ipv4Addr,
    /// The UDP destination port, 1 to 65535. Any port where it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// The source address. Any source where it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Ipv4Addr>,
    /// The IP protocol: `udp` (where it is left out), `esp`, or a number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protocol: Option<Protocol>,
}

/// An IP protocol by name or number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Protocol {
    /// The number, 0 to 255.
    Number(u8),
    /// `udp` or `esp`.
    Name(String),
}

/// One copy that a rule makes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Output {
    /// The network interface the copy leaves on; not the input interface.
    pub interface: String,
    /// A multicast group, or one host's address. The input's group where it is
    /// left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub destination: Option<Ipv4Addr>,
    /// The UDP destination port. Kept where it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// The time to live the copy starts with, 1 to 255; 16 where it is left
    /// out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl: Option<u8>,
    /// The copy's source address: `interface` (the output interface's own
    /// address, where it is left out), `keep` (the packet's), or an address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Source>,
    /// The UDP source port. Kept where it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_port: Option<u16>,
    /// The DiffServ code point, 0 to 63. Kept where it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dscp: Option<u8>,
}

/// A copy's source address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Source {
    /// This address.
    Address(Ipv4Addr),
    /// `interface` or `keep`.
    Name(String),
}
