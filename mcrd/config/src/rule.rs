//! One rule: from what was written to what is valid, with every mistake in it.

use std::net::Ipv4Addr;

use mcr_api::rule::{Input, Output, Protocol, Rule, Source};
use mcr_proto::id::{
    Destination, Dscp, GroupAddr, InterfaceName, Invalid, IpProtocol, Port, RuleName, Ttl,
    UnicastAddr,
};
use mcr_proto::relay::{
    OutputFacts, RelayInput, RelayOutput, RelayRule, RuleError, RuleFacts, SourceAddress,
};

use crate::walk::{Field, shown};

/// The time to live of a copy where none is given.
pub const DEFAULT_TTL: Ttl = match Ttl::new(16) {
    Some(ttl) => ttl,
    None => Ttl::MIN,
};

/// A rule whose single values were looked at, or not yet.
pub(crate) struct RuleDraft {
    pub(crate) name: Field<String>,
    pub(crate) input: InputDraft,
    pub(crate) outputs: Field<Vec<OutputDraft>>,
}

pub(crate) struct InputDraft {
    pub(crate) interface: Field<String>,
    pub(crate) group: Field<Ipv4Addr>,
    pub(crate) port: Field<u16>,
    pub(crate) source: Field<Ipv4Addr>,
    pub(crate) protocol: Field<Protocol>,
}

pub(crate) struct OutputDraft {
    pub(crate) interface: Field<String>,
    pub(crate) destination: Field<Ipv4Addr>,
    pub(crate) port: Field<u16>,
    pub(crate) ttl: Field<u8>,
    pub(crate) source: Field<Source>,
    pub(crate) source_port: Field<u16>,
    pub(crate) dscp: Field<u8>,
}

/// A mistake in a rule, with the key counted from the rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mistake {
    pub(crate) key: String,
    pub(crate) message: String,
    pub(crate) help: Option<String>,
}

/// What could be made of a draft. Name and input are there also where another
/// part is wrong, so that they can be compared with those of other rules.
pub(crate) struct Checked {
    pub(crate) name: Option<RuleName>,
    pub(crate) input: Option<RelayInput>,
    pub(crate) rule: Option<RelayRule>,
    pub(crate) mistakes: Vec<Mistake>,
}

/// Checks a rule that did not come from a file. The problems have keys such as
/// `outputs[0].ttl`, and no place.
pub fn rule(rule: &Rule) -> Result<RelayRule, Vec<mcr_api::Problem>> {
    let Checked { rule, mistakes, .. } = check(RuleDraft::from(rule));
    rule.ok_or_else(|| {
        let problem = |mistake: Mistake| mcr_api::Problem {
            file: None,
            line: None,
            column: None,
            key: mistake.key,
            message: mistake.message,
            help: mistake.help,
            rendered: None,
        };
        mistakes.into_iter().map(problem).collect()
    })
}

/// The rule as it is written, without what is so anyway.
pub fn to_api(rule: &RelayRule) -> Rule {
    let RelayInput {
        interface,
        group,
        source,
        protocol,
        port,
    } = &rule.input;
    Rule {
        name: Some(rule.name.to_string()),
        input: Input {
            interface: interface.to_string(),
            group: group.get(),
            port: port.map(Port::get),
            source: source.map(UnicastAddr::get),
            protocol: match *protocol {
                IpProtocol::UDP => None,
                ESP => Some(Protocol::Name("esp".to_owned())),
                IpProtocol(number) => Some(Protocol::Number(number)),
            },
        },
        outputs: rule.outputs.iter().map(output_to_api).collect(),
    }
}

fn output_to_api(output: &RelayOutput) -> Output {
    Output {
        interface: output.interface.to_string(),
        destination: output.destination.map(Destination::address),
        port: output.port.map(Port::get),
        ttl: Some(output.ttl)
            .filter(|ttl| *ttl != DEFAULT_TTL)
            .map(Ttl::get),
        source: match output.source {
            SourceAddress::Interface => None,
            SourceAddress::Keep => Some(Source::Name("keep".to_owned())),
            SourceAddress::Address(address) => Some(Source::Address(address.get())),
        },
        source_port: output.source_port.map(Port::get),
        dscp: output.dscp.map(Dscp::get),
    }
}

const ESP: IpProtocol = IpProtocol(50);

impl From<&Rule> for RuleDraft {
    fn from(rule: &Rule) -> RuleDraft {
        let Input {
            interface,
            group,
            port,
            source,
            protocol,
        } = &rule.input;
        RuleDraft {
            name: rule.name.clone().into(),
            input: InputDraft {
                interface: Field::Given(interface.clone()),
                group: Field::Given(*group),
                port: (*port).into(),
                source: (*source).into(),
                protocol: protocol.clone().into(),
            },
            outputs: Field::Given(rule.outputs.iter().map(OutputDraft::from).collect()),
        }
    }
}

impl From<&Output> for OutputDraft {
    fn from(output: &Output) -> OutputDraft {
        OutputDraft {
            interface: Field::Given(output.interface.clone()),
            destination: output.destination.into(),
            port: output.port.into(),
            ttl: output.ttl.into(),
            source: output.source.clone().into(),
            source_port: output.source_port.into(),
            dscp: output.dscp.into(),
        }
    }
}

pub(crate) fn check(draft: RuleDraft) -> Checked {
    let mut check = Check::default();
    let name = check.value("name", draft.name, str_parse);
    let input = check.input(draft.input);
    let outputs = draft.outputs.given().map(|outputs| {
        let outputs = outputs.into_iter().enumerate();
        let outputs = outputs.map(|(position, output)| check.output(position, output));
        outputs.collect::<Vec<Part>>()
    });
    // What is wrong with the whole is said also where a part is wrong.
    let facts = RuleFacts {
        interface: input.interface.as_ref(),
        protocol: input.protocol,
        port: input.port,
        outputs: outputs
            .as_ref()
            .map(|outputs| outputs.iter().map(Part::facts).collect()),
    };
    let mut mistakes = check.mistakes;
    mistakes.extend(facts.errors().iter().map(mistake));

    let input = input.whole;
    let name = match name {
        Field::Given(name) => Some(name),
        Field::Absent => input.as_ref().map(RelayInput::derived_name),
        Field::Bad => None,
    };
    let outputs: Option<Vec<RelayOutput>> =
        outputs.and_then(|outputs| outputs.into_iter().map(|part| part.whole).collect());
    let rule = match (&name, &input, outputs) {
        (Some(name), Some(input), Some(outputs)) => {
            RelayRule::new(name.clone(), input.clone(), outputs).ok()
        }
        (_, _, _) => None,
    };
    Checked {
        name,
        input,
        rule,
        mistakes,
    }
}

fn mistake(error: &RuleError) -> Mistake {
    let (key, help) = match error {
        RuleError::ProtocolNotRelayed(_) => ("input.protocol".to_owned(), None),
        RuleError::InputPortWithoutUdp(_) => (
            "input.port".to_owned(),
            Some("leave the port out, or the protocol".to_owned()),
        ),
        RuleError::NoOutputs => (
            "outputs".to_owned(),
            Some("give it at least one, as in { interface: \"eth1\" }".to_owned()),
        ),
        RuleError::TooManyOutputs(_) => ("outputs".to_owned(), None),
        RuleError::OutputOnInput { output, .. } => (
            format!("outputs[{output}].interface"),
            Some("a relay never sends where it receives: it would loop".to_owned()),
        ),
        RuleError::OutputPortWithoutUdp { output, .. } => (format!("outputs[{output}].port"), None),
        RuleError::OutputSourcePortWithoutUdp { output, .. } => {
            (format!("outputs[{output}].source_port"), None)
        }
        RuleError::SameOutput { output, .. } => (
            format!("outputs[{output}]"),
            Some("every receiver would get each packet twice".to_owned()),
        ),
    };
    Mistake {
        key,
        message: error.to_string(),
        help,
    }
}

fn str_parse<T: std::str::FromStr<Err = Invalid>>(
    text: String,
) -> Result<T, (String, Option<String>)> {
    text.parse().map_err(|Invalid(reason)| (reason, None))
}

type Refused = (String, Option<String>);

/// What is known of an input.
struct InputPart {
    interface: Option<InterfaceName>,
    protocol: Option<IpProtocol>,
    port: bool,
    whole: Option<RelayInput>,
}

/// What is known of an output.
struct Part {
    interface: Option<InterfaceName>,
    port: bool,
    source_port: bool,
    whole: Option<RelayOutput>,
}

impl Part {
    fn facts(&self) -> OutputFacts<'_> {
        OutputFacts {
            interface: self.interface.as_ref(),
            port: self.port,
            source_port: self.source_port,
            whole: self.whole.as_ref(),
        }
    }
}

#[derive(Default)]
struct Check {
    mistakes: Vec<Mistake>,
}

impl Check {
    fn value<T, U>(
        &mut self,
        key: &str,
        field: Field<T>,
        check: impl FnOnce(T) -> Result<U, Refused>,
    ) -> Field<U> {
        match field {
            Field::Absent => Field::Absent,
            Field::Bad => Field::Bad,
            Field::Given(value) => match check(value) {
                Ok(value) => Field::Given(value),
                Err((message, help)) => {
                    self.mistakes.push(Mistake {
                        key: key.to_owned(),
                        message,
                        help,
                    });
                    Field::Bad
                }
            },
        }
    }

    fn input(&mut self, draft: InputDraft) -> InputPart {
        let interface = self.value("input.interface", draft.interface, str_parse);
        let group = self.value("input.group", draft.group, |address| {
            GroupAddr::try_from(address).map_err(|Invalid(reason)| (reason, None))
        });
        let port = self.value("input.port", draft.port, |port| {
            to_port(port, "leave the key out to match any port")
        });
        let source = self.value("input.source", draft.source, host);
        let protocol = self
            .value("input.protocol", draft.protocol, to_protocol)
            .or(IpProtocol::UDP);
        let interface = interface.given();
        let whole = || {
            Some(RelayInput {
                interface: interface.clone()?,
                group: group.given()?,
                source: source.optional()?,
                protocol: protocol?,
                port: port.optional()?,
            })
        };
        InputPart {
            whole: whole(),
            protocol,
            port: port.given().is_some(),
            interface,
        }
    }

    fn output(&mut self, position: usize, draft: OutputDraft) -> Part {
        let key = |key: &str| format!("outputs[{position}].{key}");
        let interface = self.value(&key("interface"), draft.interface, str_parse);
        let destination = self.value(&key("destination"), draft.destination, |address| {
            Destination::try_from(address).map_err(|Invalid(reason)| (reason, None))
        });
        let keep = "leave the key out to keep the packet's port";
        let port = self.value(&key("port"), draft.port, |port| to_port(port, keep));
        let ttl = self.value(&key("ttl"), draft.ttl, |ttl| {
            Ttl::new(ttl).ok_or_else(|| {
                let message = "a packet with a ttl of 0 cannot leave".to_owned();
                (message, Some("use 1 to 255".to_owned()))
            })
        });
        let source = self.value(&key("source"), draft.source, to_source);
        let source_port = self.value(&key("source_port"), draft.source_port, |port| {
            to_port(port, keep)
        });
        let dscp = self.value(&key("dscp"), draft.dscp, |dscp| {
            Dscp::try_from(dscp).map_err(|Invalid(reason)| (reason, None))
        });
        let interface = interface.given();
        let whole = || {
            Some(RelayOutput {
                interface: interface.clone()?,
                destination: destination.optional()?,
                port: port.optional()?,
                ttl: ttl.or(DEFAULT_TTL)?,
                source: source.or(SourceAddress::Interface)?,
                source_port: source_port.optional()?,
                dscp: dscp.optional()?,
            })
        };
        Part {
            whole: whole(),
            port: port.given().is_some(),
            source_port: source_port.given().is_some(),
            interface,
        }
    }
}

fn to_port(port: u16, help: &str) -> Result<Port, Refused> {
    Port::new(port).ok_or_else(|| {
        let message = "0 is not a port; ports are 1 to 65535".to_owned();
        (message, Some(help.to_owned()))
    })
}

fn host(address: Ipv4Addr) -> Result<UnicastAddr, Refused> {
    UnicastAddr::try_from(address).map_err(|Invalid(reason)| (reason, None))
}

fn to_protocol(protocol: Protocol) -> Result<IpProtocol, Refused> {
    match protocol {
        Protocol::Number(number) => Ok(IpProtocol(number)),
        Protocol::Name(name) => match name.as_str() {
            "udp" => Ok(IpProtocol::UDP),
            "esp" => Ok(ESP),
            other => {
                let message = format!("there is no protocol '{}'", shown(other));
                let help = "use 'udp', 'esp' or a number from 0 to 255".to_owned();
                Err((message, Some(help)))
            }
        },
    }
}

fn to_source(source: Source) -> Result<SourceAddress, Refused> {
    match source {
        Source::Address(address) => host(address).map(SourceAddress::Address),
        Source::Name(name) => match name.as_str() {
            "interface" => Ok(SourceAddress::Interface),
            "keep" => Ok(SourceAddress::Keep),
            other => {
                let message = format!("'{}' is not a source address", shown(other));
                let help = "use 'interface', 'keep' or an IPv4 address".to_owned();
                Err((message, Some(help)))
            }
        },
    }
}

#[cfg(test)]
mod tests;
