//! Interfaces as the relay knows them, put together from links and addresses.

use std::collections::BTreeMap;
use std::io;

use ipnet::Ipv4Net;
use mcr_proto::id::{IfIndex, InterfaceName, MacAddr};
use mcr_proto::interface::{Interface, InterfaceChange};
use mcr_sys::netlink::monitor::{Address, Change, Kernel, Link};

/// Links and addresses. Every method returns what changed for the relay.
#[derive(Debug, Default)]
pub(crate) struct Interfaces {
    links: BTreeMap<u32, Link>,
    /// By link, in the kernel's order, primary addresses first.
    addresses: BTreeMap<u32, Vec<Address>>,
}

impl Interfaces {
    /// None yet.
    pub(crate) fn new() -> Interfaces {
        Interfaces::default()
    }

    /// Whether the link has no neighbour discovery.
    pub(crate) fn no_arp(&self, index: u32) -> bool {
        self.links.get(&index).is_some_and(|link| link.no_arp)
    }

    /// Takes in a change; others than those of links and addresses are none
    /// here.
    pub(crate) fn change(&mut self, change: &Change) -> Option<InterfaceChange> {
        match change {
            Change::Link(link) => {
                self.links.insert(link.index, link.clone());
                self.present(link.index)
            }
            Change::LinkGone(index) => {
                self.addresses.remove(index);
                self.links.remove(index)?;
                IfIndex::new(*index).map(InterfaceChange::Gone)
            }
            Change::Address(address) => {
                insert(self.addresses.entry(address.index).or_default(), *address);
                self.present(address.index)
            }
            Change::AddressGone(address) => {
                let addresses = self.addresses.get_mut(&address.index)?;
                addresses.retain(|known| !same(known, address));
                self.present(address.index)
            }
            Change::Neighbor(_) | Change::Routes(_) | Change::Overflow => None,
        }
    }

    /// Takes in the whole state anew.
    pub(crate) fn replace(
        &mut self,
        links: Vec<Link>,
        addresses: Vec<Address>,
    ) -> Vec<InterfaceChange> {
        let links: BTreeMap<u32, Link> = links.into_iter().map(|link| (link.index, link)).collect();
        let mut changes: Vec<InterfaceChange> = self
            .links
            .keys()
            .filter(|index| !links.contains_key(index))
            .filter_map(|index| IfIndex::new(*index).map(InterfaceChange::Gone))
            .collect();
        self.links = links;
        self.addresses.clear();
        for address in addresses {
            insert(self.addresses.entry(address.index).or_default(), address);
        }
        changes.extend(self.links.keys().filter_map(|index| self.present(*index)));
        changes
    }

    /// The interface; `None` where the link is not known, or has a name that
    /// no rule can use.
    fn present(&self, index: u32) -> Option<InterfaceChange> {
        let link = self.links.get(&index)?;
        let name: InterfaceName = link.name.parse().ok()?;
        let addresses = self.addresses.get(&index);
        Some(InterfaceChange::Present(Interface {
            index: IfIndex::new(index)?,
            name,
            up: link.up,
            mtu: link.mtu,
            mac: MacAddr(link.mac.unwrap_or_default()),
            addresses: addresses
                .into_iter()
                .flatten()
                .filter_map(|address| Ipv4Net::new(address.address, address.prefix).ok())
                .collect(),
            multicast: link.multicast,
        }))
    }
}

fn same(one: &Address, other: &Address) -> bool {
    (one.address, one.prefix) == (other.address, other.prefix)
}

fn insert(addresses: &mut Vec<Address>, new: Address) {
    // An address that is told again keeps its place, unless it was promoted.
    if addresses
        .iter()
        .any(|known| same(known, &new) && known.secondary == new.secondary)
    {
        return;
    }
    addresses.retain(|known| !same(known, &new));
    let place = if new.secondary {
        addresses.len()
    } else {
        addresses
            .iter()
            .position(|known| known.secondary)
            .unwrap_or(addresses.len())
    };
    addresses.insert(place, new);
}

/// Asks for all links and addresses.
pub(crate) async fn list(kernel: &Kernel) -> io::Result<(Vec<Link>, Vec<Address>)> {
    Ok((kernel.links().await?, kernel.addresses().await?))
}

#[cfg(test)]
mod tests;
