//! The router's interfaces: what the kernel says of them, with what the
//! configuration wants on them.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

use crate::config::{Config, IgmpInterfaceConfig, InterfaceConfig, PimInterfaceConfig};
use crate::id::{IfIndex, InterfaceName};
use crate::interface::{Interface, InterfaceChange};

/// All interfaces of the machine, by number.
#[derive(Clone, Debug, Default)]
pub struct Interfaces {
    known: BTreeMap<IfIndex, RouterInterface>,
}

/// One interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouterInterface {
    /// As the kernel has it.
    pub kernel: Interface,
    /// As the configuration wants it.
    pub config: InterfaceConfig,
}

impl RouterInterface {
    /// Its number.
    pub fn index(&self) -> IfIndex {
        self.kernel.index
    }

    /// PIM's settings, while PIM can run: configured, up, with an address.
    pub fn pim(&self) -> Option<&PimInterfaceConfig> {
        self.config.pim.as_ref().filter(|_| self.is_usable())
    }

    /// IGMP's settings, while IGMP can run: configured, up, with an address.
    pub fn igmp(&self) -> Option<&IgmpInterfaceConfig> {
        self.config.igmp.as_ref().filter(|_| self.is_usable())
    }

    /// Multicast is to be routed here, as soon as the interface is up.
    pub fn is_configured(&self) -> bool {
        self.config.pim.is_some() || self.config.igmp.is_some()
    }

    /// Multicast is routed here now.
    pub fn routes(&self) -> bool {
        self.pim().is_some() || self.igmp().is_some()
    }

    /// Its primary address.
    pub fn address(&self) -> Option<Ipv4Addr> {
        self.kernel.primary_address()
    }

    /// One of its own addresses.
    pub fn owns(&self, address: Ipv4Addr) -> bool {
        self.kernel
            .addresses
            .iter()
            .any(|net| net.addr() == address)
    }

    /// The address is on one of its networks.
    pub fn on_link(&self, address: Ipv4Addr) -> bool {
        self.kernel
            .addresses
            .iter()
            .any(|net| net.contains(&address))
    }

    fn is_usable(&self) -> bool {
        self.kernel.up && self.kernel.primary_address().is_some()
    }
}

impl Interfaces {
    /// The interface with this number.
    pub fn get(&self, iface: IfIndex) -> Option<&RouterInterface> {
        self.known.get(&iface)
    }

    /// The interface of this name.
    pub fn by_name(&self, name: &InterfaceName) -> Option<&RouterInterface> {
        self.iter().find(|iface| iface.kernel.name == *name)
    }

    /// All of them, by number.
    pub fn iter(&self) -> impl Iterator<Item = &RouterInterface> {
        self.known.values()
    }

    /// The address is one of this router's own, on any interface that is up.
    pub fn is_mine(&self, address: Ipv4Addr) -> bool {
        self.iter()
            .any(|iface| iface.kernel.up && iface.owns(address))
    }

    /// The interface one of whose networks has the address on link, the longest
    /// prefix first.
    pub fn connected(&self, address: Ipv4Addr) -> Option<IfIndex> {
        let nets = self
            .iter()
            .filter(|iface| iface.kernel.up)
            .flat_map(|iface| {
                let nets = iface.kernel.addresses.iter();
                nets.map(|net| (net, iface.index()))
            });
        nets.filter(|(net, _)| net.contains(&address))
            .max_by_key(|(net, index)| (Ipv4Net::prefix_len(net), std::cmp::Reverse(*index)))
            .map(|(_, index)| index)
    }

    /// Takes a change in; the numbers of the interfaces that differ now.
    pub(crate) fn apply(&mut self, change: InterfaceChange, config: &Config) -> Vec<IfIndex> {
        match change {
            InterfaceChange::Gone(index) => self
                .known
                .remove(&index)
                .map(|_| index)
                .into_iter()
                .collect(),
            InterfaceChange::Present(kernel) => {
                let index = kernel.index;
                let mut differ = Vec::new();
                // A name is one interface's at a time: another number under it
                // means that the old interface has gone.
                let old = self
                    .iter()
                    .find(|old| old.kernel.name == kernel.name && old.index() != index);
                if let Some(old) = old.map(RouterInterface::index) {
                    self.known.remove(&old);
                    differ.push(old);
                }
                let wanted = config
                    .interfaces
                    .get(&kernel.name)
                    .cloned()
                    .unwrap_or_default();
                let new = RouterInterface {
                    kernel,
                    config: wanted,
                };
                if self.known.get(&index) != Some(&new) {
                    self.known.insert(index, new);
                    differ.push(index);
                }
                differ
            }
        }
    }

    /// Takes a configuration in; the numbers of the interfaces that differ now.
    pub(crate) fn configure(&mut self, config: &Config) -> Vec<IfIndex> {
        let mut differ = Vec::new();
        for (index, iface) in &mut self.known {
            let wanted = config
                .interfaces
                .get(&iface.kernel.name)
                .cloned()
                .unwrap_or_default();
            if iface.config != wanted {
                iface.config = wanted;
                differ.push(*index);
            }
        }
        differ
    }
}
