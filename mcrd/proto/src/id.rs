//! Values that cannot hold the wrong thing: the check is the constructor.

use std::fmt;
use std::net::Ipv4Addr;
use std::num::{NonZeroU8, NonZeroU16, NonZeroU32};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Why a value was refused; the text is shown to the user as it is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Invalid(pub String);

/// The kernel's number of a network interface; never 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct IfIndex(NonZeroU32);

impl IfIndex {
    /// The least.
    pub const MIN: IfIndex = IfIndex(NonZeroU32::MIN);

    /// `None` for 0, which the kernel uses for "no interface".
    pub const fn new(index: u32) -> Option<IfIndex> {
        match NonZeroU32::new(index) {
            Some(index) => Some(IfIndex(index)),
            None => None,
        }
    }

    /// The number.
    pub const fn get(self) -> u32 {
        self.0.get()
    }
}

impl fmt::Display for IfIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A network interface's name as the kernel accepts it: 1 to 15 bytes, no `/`,
/// no white space, not `.` or `..`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct InterfaceName(String);

impl InterfaceName {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for InterfaceName {
    type Err = Invalid;

    fn from_str(name: &str) -> Result<InterfaceName, Invalid> {
        // Linux: IFNAMSIZ is 16 with the closing NUL; dev_valid_name().
        let reason = if name.is_empty() {
            "an interface name cannot be empty".to_owned()
        } else if name.len() > 15 {
            format!("interface name '{name}' is longer than 15 bytes")
        } else if name == "." || name == ".." {
            format!("'{name}' is not an interface name")
        } else if let Some(bad) = name
            .chars()
            .find(|c| *c == '/' || *c == ':' || c.is_whitespace() || c.is_control())
        {
            format!("interface name '{}' contains {bad:?}", name.escape_debug())
        } else {
            return Ok(InterfaceName(name.to_owned()));
        };
        Err(Invalid(reason))
    }
}

impl TryFrom<String> for InterfaceName {
    type Error = Invalid;

    fn try_from(name: String) -> Result<InterfaceName, Invalid> {
        name.parse()
    }
}

impl From<InterfaceName> for String {
    fn from(name: InterfaceName) -> String {
        name.0
    }
}

impl fmt::Display for InterfaceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// A group that may be forwarded: 224.0.0.0/4 without 224.0.0.0/24, which
/// never leaves its link (RFC 5771 §4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "Ipv4Addr", into = "Ipv4Addr")]
pub struct GroupAddr(Ipv4Addr);

impl GroupAddr {
    /// The address.
    pub const fn get(self) -> Ipv4Addr {
        self.0
    }
}

impl TryFrom<Ipv4Addr> for GroupAddr {
    type Error = Invalid;

    fn try_from(address: Ipv4Addr) -> Result<GroupAddr, Invalid> {
        if !address.is_multicast() {
            return Err(Invalid(format!(
                "{address} is not a multicast group (224.0.0.0/4)"
            )));
        }
        if address.octets()[..3] == [224, 0, 0] {
            return Err(Invalid(format!(
                "{address} is in 224.0.0.0/24, which is never forwarded"
            )));
        }
        Ok(GroupAddr(address))
    }
}

impl From<GroupAddr> for Ipv4Addr {
    fn from(group: GroupAddr) -> Ipv4Addr {
        group.0
    }
}

impl fmt::Display for GroupAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// An address that one host can have: not multicast, not broadcast, not
/// 0.0.0.0/8, not 127.0.0.0/8, not 240.0.0.0/4.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "Ipv4Addr", into = "Ipv4Addr")]
pub struct UnicastAddr(Ipv4Addr);

impl UnicastAddr {
    /// The address.
    pub const fn get(self) -> Ipv4Addr {
        self.0
    }
}

impl TryFrom<Ipv4Addr> for UnicastAddr {
    type Error = Invalid;

    fn try_from(address: Ipv4Addr) -> Result<UnicastAddr, Invalid> {
        let what = match address.octets()[0] {
            224..=239 => "is a multicast group, not a host's address",
            240..=255 => "is reserved or broadcast, not a host's address",
            0 => "is in 0.0.0.0/8, not a host's address",
            127 => "is a loopback address, which cannot be on a network",
            _ => return Ok(UnicastAddr(address)),
        };
        Err(Invalid(format!("{address} {what}")))
    }
}

impl From<UnicastAddr> for Ipv4Addr {
    fn from(address: UnicastAddr) -> Ipv4Addr {
        address.0
    }
}

impl fmt::Display for UnicastAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Where a copy goes: a group on the output interface, or one host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Destination {
    /// A multicast group.
    Group(GroupAddr),
    /// One host, reached through the kernel's route and neighbour.
    Unicast(UnicastAddr),
}

impl Destination {
    /// The address that stands in the IP header.
    pub const fn address(self) -> Ipv4Addr {
        match self {
            Destination::Group(group) => group.get(),
            Destination::Unicast(host) => host.get(),
        }
    }
}

impl TryFrom<Ipv4Addr> for Destination {
    type Error = Invalid;

    fn try_from(address: Ipv4Addr) -> Result<Destination, Invalid> {
        if address.is_multicast() {
            GroupAddr::try_from(address).map(Destination::Group)
        } else {
            UnicastAddr::try_from(address).map(Destination::Unicast)
        }
    }
}

/// A UDP port; never 0.
pub type Port = NonZeroU16;

/// A time to live that a packet can leave with; never 0.
pub type Ttl = NonZeroU8;

/// An IP protocol number (IANA "Assigned Internet Protocol Numbers").
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct IpProtocol(pub u8);

impl IpProtocol {
    /// ICMP.
    pub const ICMP: IpProtocol = IpProtocol(1);
    /// IGMP, which is never relayed.
    pub const IGMP: IpProtocol = IpProtocol(2);
    /// UDP, the only protocol whose ports are matched and rewritten.
    pub const UDP: IpProtocol = IpProtocol(17);
    /// PIM, which is never relayed.
    pub const PIM: IpProtocol = IpProtocol(103);
}

impl fmt::Display for IpProtocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            IpProtocol::IGMP => f.write_str("igmp"),
            IpProtocol::PIM => f.write_str("pim"),
            IpProtocol::UDP => f.write_str("udp"),
            IpProtocol(50) => f.write_str("esp"),
            IpProtocol(number) => number.fmt(f),
        }
    }
}

/// A DiffServ code point, 0 to 63 (RFC 2474 §3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub struct Dscp(u8);

impl Dscp {
    /// The six bits, not shifted.
    pub const fn get(self) -> u8 {
        self.0
    }
}

impl TryFrom<u8> for Dscp {
    type Error = Invalid;

    fn try_from(value: u8) -> Result<Dscp, Invalid> {
        if value > 63 {
            return Err(Invalid(format!("DSCP {value} is above 63")));
        }
        Ok(Dscp(value))
    }
}

impl From<Dscp> for u8 {
    fn from(dscp: Dscp) -> u8 {
        dscp.0
    }
}

/// A link-layer address.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
pub struct MacAddr(pub [u8; 6]);

impl MacAddr {
    /// The address frames to `group` carry: 01:00:5e and the group's low 23
    /// bits (RFC 1112 §6.4).
    pub const fn of_group(group: Ipv4Addr) -> MacAddr {
        let [_, b, c, d] = group.octets();
        MacAddr([0x01, 0x00, 0x5e, b & 0x7f, c, d])
    }
}

impl fmt::Display for MacAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

/// A rule's name: 1 to 63 bytes of printable text without white space. It
/// identifies the rule in the file, the control API and the counters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RuleName(String);

impl RuleName {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A name made of parts that are valid and together short enough.
    pub(crate) fn derived(name: String) -> RuleName {
        debug_assert!(name.parse::<RuleName>().is_ok(), "{name}");
        RuleName(name)
    }
}

impl FromStr for RuleName {
    type Err = Invalid;

    fn from_str(name: &str) -> Result<RuleName, Invalid> {
        if name.is_empty() || name.len() > 63 {
            return Err(Invalid(format!(
                "a rule name has 1 to 63 bytes, this has {}",
                name.len()
            )));
        }
        if let Some(bad) = name.chars().find(|c| c.is_whitespace() || c.is_control()) {
            return Err(Invalid(format!(
                "rule name '{}' contains {bad:?}",
                name.escape_debug()
            )));
        }
        Ok(RuleName(name.to_owned()))
    }
}

impl TryFrom<String> for RuleName {
    type Error = Invalid;

    fn try_from(name: String) -> Result<RuleName, Invalid> {
        name.parse()
    }
}

impl From<RuleName> for String {
    fn from(name: RuleName) -> String {
        name.0
    }
}

impl fmt::Display for RuleName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests;
