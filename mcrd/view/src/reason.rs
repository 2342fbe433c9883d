//! Why an RP or a way is the one it is, in a sentence.

use std::net::Ipv4Addr;

use mcr_proto::id::GroupAddr;
use mcr_proto::pim::World;
use mcr_proto::pim::rp::{DecidedBy, NoRp, RpChoice};
use mcr_proto::rpf::{Found, NoWay, Rpf, RpfOrigin};

pub(super) fn rp(group: GroupAddr, choice: Result<RpChoice, NoRp>) -> String {
    let choice = match choice {
        Ok(choice) => choice,
        Err(NoRp::Ssm(range)) => {
            return format!("{group} is in the source-specific range {range}, which has no RPs.");
        }
        Err(NoRp::NoRange) => return format!("No RP's range has {group}."),
    };
    let range = choice.mapping.groups;
    match choice.by {
        DecidedBy::Only => format!("It is the only RP for {group}, by its range {range}."),
        DecidedBy::Range => {
            format!("Of all ranges that have {group}, its range {range} is the longest.")
        }
        DecidedBy::Priority => format!(
            "Its priority {} is the lowest number of those with the range {range}.",
            choice.mapping.priority
        ),
        DecidedBy::Hash => {
            format!("Its hash value for {group} is the highest of those with the range {range}.")
        }
        DecidedBy::Address => format!(
            "Its address is the highest of those with the range {range} and its hash value."
        ),
    }
}

pub(super) fn rpf(address: Ipv4Addr, found: Result<Found, NoWay>) -> String {
    let found = match found {
        Ok(found) => found,
        Err(NoWay::NoRoute) => return format!("No route leads to {address}."),
        Err(NoWay::Refused(network)) => {
            return format!("The kernel's route to {network} refuses packets.");
        }
        Err(NoWay::Down(network)) => {
            return format!("No way of the route to {network} is over an interface that is up.");
        }
    };
    let network = found.network;
    let way = match found.rpf.origin {
        RpfOrigin::StaticMroute => format!("By the static multicast route to {network}"),
        RpfOrigin::Kernel(protocol) => {
            let protocol = protocol_name(protocol);
            format!("By the kernel's route to {network}, from {protocol}")
        }
    };
    match found.ways {
        0 | 1 => format!("{way}."),
        ways => format!("{way}, one of {ways} ways."),
    }
}

/// Why no Join can be sent this way.
pub(super) fn no_join(world: World<'_>, rpf: Rpf, neighbor: Option<Ipv4Addr>) -> Option<String> {
    let next_hop = rpf.next_hop?;
    let iface = world.interfaces.get(rpf.iface)?;
    if iface.pim().is_none() {
        Some(format!("PIM does not run on {}.", iface.kernel.name))
    } else if neighbor.is_none() {
        Some(format!("{next_hop} is not a PIM neighbor."))
    } else {
        None
    }
}

/// RTPROT_* of linux/rtnetlink.h.
fn protocol_name(protocol: u8) -> String {
    match protocol {
        2 => "the kernel itself".to_owned(),
        3 => "the start of the system".to_owned(),
        4 => "an administrator".to_owned(),
        186 => "BGP".to_owned(),
        187 => "IS-IS".to_owned(),
        188 => "OSPF".to_owned(),
        189 => "RIP".to_owned(),
        192 => "EIGRP".to_owned(),
        other => format!("protocol {other}"),
    }
}
