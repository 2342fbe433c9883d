//! Rules as they are written on the command line.

use std::net::Ipv4Addr;
use std::str::FromStr;

use mcr_api::rule::{Input, Output, Protocol, Source};

#[cfg(test)]
mod tests;

/// `INTERFACE:GROUP[:PORT]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct InputArg(pub(crate) Input);

/// `INTERFACE[:ADDRESS[:PORT]][,OPTION=VALUE...]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OutputArg(pub(crate) Output);

impl FromStr for InputArg {
    type Err = String;

    fn from_str(text: &str) -> Result<InputArg, String> {
        let mut parts = text.split(':');
        let (Some(interface), Some(group), port, None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err("write it as INTERFACE:GROUP or INTERFACE:GROUP:PORT".to_owned());
        };
        Ok(InputArg(Input {
            interface: self::interface(interface)?,
            group: address(group)?,
            port: port.map(self::port).transpose()?,
            source: None,
            protocol: None,
        }))
    }
}

impl FromStr for OutputArg {
    type Err = String;

    fn from_str(text: &str) -> Result<OutputArg, String> {
        let (place, options) = text.split_once(',').unwrap_or((text, ""));
        let mut parts = place.split(':');
        let (Some(interface), destination, port, None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err("write it as INTERFACE:ADDRESS:PORT".to_owned());
        };
        // `eth1::6000` keeps the group and changes the port.
        let destination = destination.filter(|text| !text.is_empty());
        let mut output = Output {
            interface: self::interface(interface)?,
            destination: destination.map(address).transpose()?,
            port: port.map(self::port).transpose()?,
            ttl: None,
            source: None,
            source_port: None,
            dscp: None,
        };
        for option in options.split(',').filter(|option| !option.is_empty()) {
            set(&mut output, option)?;
        }
        Ok(OutputArg(output))
    }
}

fn set(output: &mut Output, option: &str) -> Result<(), String> {
    let Some((key, value)) = option.split_once('=') else {
        return Err(format!("{option:?} is no OPTION=VALUE"));
    };
    let twice = match key {
        "ttl" => output.ttl.replace(ttl(value)?).is_some(),
        "source" => output.source.replace(source(value)?).is_some(),
        "source-port" => output.source_port.replace(port(value)?).is_some(),
        "dscp" => output.dscp.replace(dscp(value)?).is_some(),
        other => {
            return Err(format!(
                "no option {other:?}; there are ttl, source, source-port and dscp"
            ));
        }
    };
    if twice {
        return Err(format!("{key} is given twice"));
    }
    Ok(())
}

fn interface(text: &str) -> Result<String, String> {
    if text.is_empty() {
        return Err("the interface is missing".to_owned());
    }
    Ok(text.to_owned())
}

fn address(text: &str) -> Result<Ipv4Addr, String> {
    text.parse()
        .map_err(|_| format!("{text:?} is no IPv4 address"))
}

fn port(text: &str) -> Result<u16, String> {
    match text.parse() {
        Ok(0) | Err(_) => Err(format!("{text:?} is no port (1 to 65535)")),
        Ok(port) => Ok(port),
    }
}

fn ttl(text: &str) -> Result<u8, String> {
    match text.parse() {
        Ok(0) | Err(_) => Err(format!("{text:?} is no time to live (1 to 255)")),
        Ok(ttl) => Ok(ttl),
    }
}

fn source(text: &str) -> Result<Source, String> {
    if text == "interface" || text == "keep" {
        return Ok(Source::Name(text.to_owned()));
    }
    text.parse()
        .map(Source::Address)
        .map_err(|_| format!("{text:?} is neither interface, keep nor an IPv4 address"))
}

/// A code point by number, or by the names of RFC 2474 §4.2.2 (CS), RFC 2597 §6
/// (AF), RFC 3246 (EF) and RFC 5865 §2.3 (VA).
fn dscp(text: &str) -> Result<u8, String> {
    let digits: Vec<u8> = text
        .bytes()
        .skip(2)
        .map(|byte| byte.wrapping_sub(b'0'))
        .collect();
    let known = match (text.get(..2), digits.as_slice()) {
        (Some("cs"), [class @ 0..=7]) => Some(class * 8),
        (Some("af"), [class @ 1..=4, drop @ 1..=3]) => Some(class * 8 + drop * 2),
        (Some("ef"), []) => Some(46),
        (Some("va"), []) => Some(44),
        _ => text.parse().ok().filter(|number| *number <= 63),
    };
    known.ok_or_else(|| format!("{text:?} is no DSCP (0 to 63, or as ef, cs5, af41)"))
}

/// `udp`, `esp` or a number.
pub(crate) fn protocol(text: &str) -> Result<Protocol, String> {
    if text == "udp" || text == "esp" {
        return Ok(Protocol::Name(text.to_owned()));
    }
    text.parse()
        .map(Protocol::Number)
        .map_err(|_| "it is udp, esp or a number from 0 to 255".to_owned())
}
