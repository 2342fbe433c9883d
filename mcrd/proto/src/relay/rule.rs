//! A static relay rule: what it matches, what it sends, and what it may not be.

use std::collections::BTreeMap;

use crate::fib::FibKey;
use crate::id::{
    Destination, Dscp, GroupAddr, IfIndex, InterfaceName, IpProtocol, Port, RuleName, Ttl,
    UnicastAddr,
};

/// The most outputs a rule can have.
pub const MAX_OUTPUTS: usize = 256;

/// One relay rule; every value in it is already known to be valid.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
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
    Address(UnicastAddr),
}

/// Why values that are valid by themselves are not a rule together. Outputs
/// are numbered from 0.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    /// IGMP and PIM are between a host or router and its neighbour.
    #[error("protocol {0} is between neighbours only and cannot be relayed")]
    ProtocolNotRelayed(IpProtocol),
    /// The input names a port of a protocol without ports.
    #[error("a port is matched for UDP only, and this rule is for protocol {0}")]
    InputPortWithoutUdp(IpProtocol),
    /// There is nothing to send.
    #[error("the rule has no outputs")]
    NoOutputs,
    /// More than [`MAX_OUTPUTS`].
    #[error("the rule has {0} outputs, and the limit is {MAX_OUTPUTS}")]
    TooManyOutputs(usize),
    /// The copy would be received and relayed again.
    #[error("the output interface '{interface}' is the input interface")]
    OutputOnInput {
        /// The output.
        output: usize,
        /// The interface.
        interface: InterfaceName,
    },
    /// The output sets a port of a protocol without ports.
    #[error("a port is set for UDP only, and this rule is for protocol {protocol}")]
    OutputPortWithoutUdp {
        /// The output.
        output: usize,
        /// The rule's protocol.
        protocol: IpProtocol,
    },
    /// The output sets the source port of a protocol without ports.
    #[error("a source port is set for UDP only, and this rule is for protocol {protocol}")]
    OutputSourcePortWithoutUdp {
        /// The output.
        output: usize,
        /// The rule's protocol.
        protocol: IpProtocol,
    },
    /// Every receiver would get each packet twice.
    #[error("the output is the same as outputs[{earlier}]")]
    SameOutput {
        /// The output.
        output: usize,
        /// The one it equals.
        earlier: usize,
    },
}

impl RelayRule {
    /// The rule, or everything that is wrong with it.
    pub fn new(
        name: RuleName,
        input: RelayInput,
        outputs: Vec<RelayOutput>,
    ) -> Result<RelayRule, Vec<RuleError>> {
        let facts = RuleFacts {
            interface: Some(&input.interface),
            protocol: Some(input.protocol),
            port: input.port.is_some(),
            outputs: Some(outputs.iter().map(OutputFacts::from).collect()),
        };
        let errors = facts.errors();
        if errors.is_empty() {
            Ok(RelayRule {
                name,
                input,
                outputs,
            })
        } else {
            Err(errors)
        }
    }
}

/// What is known of a rule while some of its values may be wrong or missing:
/// enough to say what else is wrong with it.
#[derive(Clone, Debug)]
pub struct RuleFacts<'a> {
    /// The input interface.
    pub interface: Option<&'a InterfaceName>,
    /// The protocol.
    pub protocol: Option<IpProtocol>,
    /// Whether a port is matched.
    pub port: bool,
    /// The outputs.
    pub outputs: Option<Vec<OutputFacts<'a>>>,
}

/// What is known of an output.
#[derive(Clone, Copy, Debug)]
pub struct OutputFacts<'a> {
    /// Its interface.
    pub interface: Option<&'a InterfaceName>,
    /// Whether it sets the port.
    pub port: bool,
    /// Whether it sets the source port.
    pub source_port: bool,
    /// All of it.
    pub whole: Option<&'a RelayOutput>,
}

impl<'a> From<&'a RelayOutput> for OutputFacts<'a> {
    fn from(output: &'a RelayOutput) -> OutputFacts<'a> {
        OutputFacts {
            interface: Some(&output.interface),
            port: output.port.is_some(),
            source_port: output.source_port.is_some(),
            whole: Some(output),
        }
    }
}

impl RuleFacts<'_> {
    /// What is wrong with the rule, whatever the unknown values are.
    pub fn errors(&self) -> Vec<RuleError> {
        let mut errors = Vec::new();
        if let Some(protocol) = self.protocol {
            if [IpProtocol::IGMP, IpProtocol::PIM].contains(&protocol) {
                errors.push(RuleError::ProtocolNotRelayed(protocol));
            }
            if self.port && protocol != IpProtocol::UDP {
                errors.push(RuleError::InputPortWithoutUdp(protocol));
            }
        }
        match self.outputs.as_ref().map(Vec::len) {
            Some(0) => errors.push(RuleError::NoOutputs),
            None | Some(1..=MAX_OUTPUTS) => {}
            Some(more) => errors.push(RuleError::TooManyOutputs(more)),
        }
        let mut seen = BTreeMap::new();
        for (position, output) in self.outputs.iter().flatten().enumerate() {
            self.check_output(position, output, &mut errors);
            let Some(whole) = output.whole else {
                continue;
            };
            if let Some(&earlier) = seen.get(whole) {
                errors.push(RuleError::SameOutput {
                    output: position,
                    earlier,
                });
            } else {
                seen.insert(whole, position);
            }
        }
        errors
    }

    fn check_output(&self, position: usize, output: &OutputFacts<'_>, errors: &mut Vec<RuleError>) {
        if let Some(interface) = output.interface
            && self.interface == Some(interface)
        {
            errors.push(RuleError::OutputOnInput {
                output: position,
                interface: interface.clone(),
            });
        }
        let Some(protocol) = self.protocol.filter(|p| *p != IpProtocol::UDP) else {
            return;
        };
        if output.port {
            errors.push(RuleError::OutputPortWithoutUdp {
                output: position,
                protocol,
            });
        }
        if output.source_port {
            errors.push(RuleError::OutputSourcePortWithoutUdp {
                output: position,
                protocol,
            });
        }
    }
}

impl RelayInput {
    /// The key of the table entry while the input interface has this number.
    pub const fn key(&self, iif: IfIndex) -> FibKey {
        FibKey {
            iif,
            group: self.group,
            source: self.source,
            protocol: self.protocol,
            port: self.port,
        }
    }

    /// The name of a rule that was given none: `eth0:239.1.1.1:5000`, with
    /// `/esp` or `/89` in place of the port where the protocol is not UDP, and
    /// with `,10.0.0.1` where it matches one source.
    pub fn derived_name(&self) -> RuleName {
        // At most 15 + 1 + 15 + 6 + 1 + 15 bytes: within the limit of a name.
        let mut name = format!("{}:{}", self.interface, self.group);
        if self.protocol != IpProtocol::UDP {
            name.push_str(&format!("/{}", self.protocol));
        }
        if let Some(port) = self.port {
            name.push_str(&format!(":{port}"));
        }
        if let Some(source) = self.source {
            name.push_str(&format!(",{source}"));
        }
        RuleName::derived(name)
    }
}

impl RelayOutput {
    /// The address in the IP header of the copy, if the packet was sent to
    /// `group`.
    pub const fn destination_of(&self, group: GroupAddr) -> Destination {
        match self.destination {
            Some(destination) => destination,
            None => Destination::Group(group),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
