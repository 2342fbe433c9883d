//! The ways of a node's kernel, by its main table of routes.

use std::fs;
use std::net::Ipv4Addr;

use super::Network;
use super::tables::sentence;
use crate::assertion::router::Rpf;
use crate::topology::model::NodeId;

#[cfg(test)]
mod tests;

/// linux/route.h: RTF_UP and RTF_REJECT.
const UP: u16 = 0x1;
const REJECT: u16 = 0x200;

impl Network {
    /// The way of a node's kernel to an address.
    ///
    /// # Errors
    /// In one sentence, why the kernel does not tell it.
    pub fn way(&self, node: NodeId, to: Ipv4Addr) -> Result<Rpf, String> {
        let read = || fs::read_to_string("/proc/thread-self/net/route");
        let told = self.in_namespace(node, read).map_err(sentence)?;
        way_in(&told.map_err(sentence)?, to)
    }
}

/// The route with the longest prefix, and of those that with the least metric.
fn way_in(table: &str, to: Ipv4Addr) -> Result<Rpf, String> {
    let mut best: Option<(u32, u32, Option<Rpf>)> = None;
    for line in table.lines().skip(1) {
        let route = route(line).ok_or_else(|| format!("the kernel's route is not read: {line}"))?;
        let Route {
            net, mask, metric, ..
        } = route;
        if u32::from(to) & mask != net || route.flags & UP == 0 {
            continue;
        }
        let better = best.as_ref().is_none_or(|(other, least, _)| {
            (mask, std::cmp::Reverse(metric)) > (*other, std::cmp::Reverse(*least))
        });
        if better {
            let leads = route.flags & REJECT == 0;
            best = Some((mask, metric, leads.then_some(route.way)));
        }
    }
    Ok(best.and_then(|(_, _, way)| way).unwrap_or_default())
}

struct Route {
    net: u32,
    mask: u32,
    metric: u32,
    flags: u16,
    way: Rpf,
}

/// Iface Destination Gateway Flags RefCnt Use Metric Mask MTU Window IRTT
fn route(line: &str) -> Option<Route> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let [interface, net, gateway, flags, _, _, metric, mask, ..] = words[..] else {
        return None;
    };
    // As the bytes are in memory, which is the network's order.
    let address = |word: &str| {
        let bytes = u32::from_str_radix(word, 16).ok()?.to_ne_bytes();
        Some(u32::from_be_bytes(bytes))
    };
    let gateway = Ipv4Addr::from(address(gateway)?);
    Some(Route {
        net: address(net)?,
        mask: address(mask)?,
        metric: metric.parse().ok()?,
        flags: u16::from_str_radix(flags, 16).ok()?,
        way: Rpf {
            interface: Some(interface.to_owned()),
            neighbor: (!gateway.is_unspecified()).then_some(gateway),
        },
    })
}
