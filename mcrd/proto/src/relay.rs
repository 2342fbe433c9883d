//! Static relay rules, and the table that is computed from them.

use std::net::Ipv4Addr;

use crate::id::{
    Destination, Dscp, GroupAddr, InterfaceName, IpProtocol, Port, RuleName, Ttl, UnicastAddr,
};

/// The most outputs a rule can have.
pub const MAX_OUTPUTS: usize = 256;

/// The most rules one input interface can have.
pub const MAX_RULES_PER_INTERFACE: usize = 10_000;

/// One relay rule; every value in it is already known to be valid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelayRule {
    /// Its identity.
    pub name: RuleName,
    /// What it matches.
    pub input: RelayInput,
    /// The copies it makes: 1 to [`MAX_OUTPUTS`], none on the input interface.
    pub outputs: Vec<RelayOutput>,
}

/// What a rule matches. No two rules have the same input.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RelayInput {
    /// The input interface.
    pub interface: InterfaceName,
    /// The group.
    pub group: GroupAddr,
    /// The source; `None` is any.
    pub source: Option<UnicastAddr>,
    /// The IP protocol.
    pub protocol: IpProtocol,
    /// The UDP destination port; `None` is any.
    pub port: Option<Port>,
}

/// One copy that a rule makes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RelayOutput {
    /// The output interface.
    pub interface: InterfaceName,
    /// Where the copy goes; `None` keeps the group.
    pub destination: Option<Destination>,
    /// The UDP destination port; `None` keeps it.
    pub port: Option<Port>,
    /// The time to live the copy starts with.
    pub ttl: Ttl,
    /// The source address.
    pub source: SourceAddress,
    /// The UDP source port; `None` keeps it.
    pub source_port: Option<Port>,
    /// The DiffServ code point; `None` keeps it.
    pub dscp: Option<Dscp>,
}

/// The source address of a copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SourceAddress {
    /// The output interface's primary address, as it is at the moment.
    Interface,
    /// The address the packet arrived with.
    Keep,
    /// This address.
    Address(Ipv4Addr),
}
