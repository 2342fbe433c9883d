//! The mirror of what is asked of routers.

use mcr_api::router::RegisterState;
use schemars::JsonSchema;
use serde::Deserialize;

use super::Name;
use crate::topology::place::{At, OneOrMany};
use crate::topology::value::{Address, Group, Limits};

/// Pairs of routers that see each other, or a map about one router.
#[derive(Debug, JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "the schema; the entry is read as a tree")]
pub(crate) enum NeighborsEntry {
    Pair(String),
    Pairs(Vec<String>),
    At(Neighbors),
}

/// Neighbours of one router.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Neighbors {
    /// The router.
    pub(crate) at: Name,
    /// Routers that it sees.
    #[serde(default)]
    pub(crate) has: OneOrMany<Name>,
    /// Routers that it does not see.
    #[serde(default)]
    pub(crate) not: OneOrMany<Name>,
}

/// The Designated Router or the IGMP querier of a link or segment, as its
/// routers see it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Elected {
    /// The link or segment.
    pub(crate) at: Name,
    /// The router.
    pub(crate) is: Name,
    /// Who is asked; all of its routers unless said otherwise.
    #[serde(default)]
    pub(crate) by: OneOrMany<Name>,
}

/// The RP of a group.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RpOf {
    /// The routers that are asked.
    pub(crate) at: OneOrMany<Name>,
    /// The group.
    pub(crate) group: Group,
    /// The RP's address; `none` where there must be none.
    pub(crate) is: At<String>,
}

/// Names that must be there: a list of exactly these, or a map.
#[derive(Debug, JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "the schema; the entry is read as a tree")]
pub(crate) enum NamesEntry {
    One(String),
    Exact(Vec<String>),
    Pattern(Names),
}

/// Names that must be there, and others that must not.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Names {
    /// These at least.
    #[serde(default)]
    pub(crate) has: OneOrMany<Name>,
    /// None of these.
    #[serde(default)]
    pub(crate) not: OneOrMany<Name>,
}

/// An entry of a multicast routing table.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Mroute {
    /// The routers that are asked.
    pub(crate) at: OneOrMany<Name>,
    /// The group.
    pub(crate) group: Group,
    /// The source; without one, the (*,G) entry is meant.
    pub(crate) source: Option<Address>,
    /// There must be no such entry.
    #[serde(default)]
    pub(crate) absent: bool,
    /// The incoming interface.
    pub(crate) iif: Option<Name>,
    /// The outgoing interfaces.
    pub(crate) oif: Option<crate::topology::place::Part<NamesEntry>>,
    /// Joined upstream.
    pub(crate) joined: Option<bool>,
    /// SPTbit.
    pub(crate) spt: Option<bool>,
    /// Register state, at the DR of the source.
    pub(crate) register: Option<RegisterState>,
    /// Interfaces on which it is the Assert winner.
    #[serde(default)]
    pub(crate) winner: OneOrMany<Name>,
    /// Interfaces on which it is an Assert loser.
    #[serde(default)]
    pub(crate) loser: OneOrMany<Name>,
}

/// An entry of the table that packets are forwarded by: mcrd's data plane's, or
/// the kernel's multicast forwarding cache.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MfcOf {
    /// The nodes that are asked.
    pub(crate) at: OneOrMany<Name>,
    /// The group.
    pub(crate) group: Group,
    /// The source; without one, the (*,G) entry is meant.
    pub(crate) source: Option<Address>,
    /// There must be no such entry.
    #[serde(default)]
    pub(crate) absent: bool,
    /// The incoming interface.
    pub(crate) iif: Option<Name>,
    /// The outgoing interfaces.
    pub(crate) oif: Option<crate::topology::place::Part<NamesEntry>>,
    /// How many packets it took since the step's actions were done.
    pub(crate) packets: Option<At<Limits>>,
}

/// What the switch of a segment has learned by snooping IGMP: the ports of a
/// group, or those of routers.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MdbOf {
    /// The segment.
    pub(crate) at: Name,
    /// The group: some port has members of it.
    pub(crate) group: Option<Group>,
    /// Whose ports have members of it.
    pub(crate) members: Option<crate::topology::place::Part<NamesEntry>>,
    /// Instead of a group: whose ports are those of routers.
    pub(crate) routers: Option<crate::topology::place::Part<NamesEntry>>,
}

/// A group's members on an interface.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct IgmpOf {
    /// The router.
    pub(crate) at: Name,
    /// Its interface.
    pub(crate) interface: Name,
    /// The group; without one, `groups` is asked for.
    pub(crate) group: Option<Group>,
    /// How many groups have members there.
    pub(crate) groups: Option<usize>,
    /// There must be no member.
    #[serde(default)]
    pub(crate) absent: bool,
    /// Exactly these sources are forwarded.
    pub(crate) sources: Option<OneOrMany<Address>>,
    /// The filter mode.
    pub(crate) mode: Option<Mode>,
    /// The IGMP version of its oldest host: 1, 2 or 3.
    #[schemars(range(min = 1, max = 3))]
    pub(crate) version: Option<u8>,
}

/// The filter mode of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Mode {
    /// From the listed sources only.
    Include,
    /// From all but the blocked sources.
    Exclude,
}

/// The links that carry a group's datagrams, measured on the links.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TreeOf {
    /// The group.
    pub(crate) group: Group,
    /// Links and segments: exactly these, or a map of `has` and `not`.
    pub(crate) links: Option<crate::topology::place::Part<NamesEntry>>,
    /// It is the tree of the reference model, computed from the network, the
    /// memberships, the sources and what is down; instead of `links`.
    pub(crate) matches: Option<Matches>,
}

/// What all routers know: neighbours, DR and querier, RPs, members, entries.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct StateOf {
    /// The name of an earlier `snap`.
    pub(crate) same_as: Option<String>,
    /// What of it is as in the reference model; instead of `same_as`.
    pub(crate) same_as_model: Option<OneOrMany<ModelPart>>,
}

/// What the reference model knows of a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ModelPart {
    /// All of these.
    All,
    /// The trees, by the routers' multicast routing tables.
    Mroute,
    /// The trees, by what packets are forwarded by, and the links that carry them.
    Mfc,
    /// The PIM neighbours of each router.
    Neighbors,
    /// The Designated Router of each link, as each router there sees it.
    Dr,
    /// The RP of each group, as each router sees it.
    Rp,
}

/// What a tree is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Matches {
    /// The reference model.
    Model,
}

/// The way to an address.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RpfOf {
    /// The router.
    pub(crate) at: Name,
    /// The address.
    pub(crate) address: Address,
    /// The interface; `none` where there must be no way.
    pub(crate) interface: Option<Name>,
    /// The next router, by name or address; `none` where the address is
    /// connected.
    pub(crate) neighbor: Option<At<String>>,
}
