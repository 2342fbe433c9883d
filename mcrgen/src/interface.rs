//! Finding the interface that the user names by name or by address.

use std::net::Ipv4Addr;

use nix::ifaddrs::getifaddrs;
use nix::net::if_::if_nametoindex;

use crate::error::{Context, Error};

/// An interface of this network namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    /// Its name.
    pub name: String,
    /// Its number.
    pub index: u32,
    /// Its first IPv4 address, or the one it was asked for by.
    pub address: Option<Ipv4Addr>,
}

impl Interface {
    /// Finds it by its name or by one of its addresses.
    pub fn find(wanted: &str) -> Result<Self, Error> {
        let by_address: Option<Ipv4Addr> = wanted.parse().ok();
        let mut names = Vec::new();
        let mut found: Option<Self> = None;
        for entry in getifaddrs().context("listing the interfaces")? {
            let storage = entry.address.as_ref();
            let address = storage.and_then(|a| a.as_sockaddr_in()).map(|a| a.ip());
            let fits = match by_address {
                Some(wanted) => address == Some(wanted),
                None => entry.interface_name == wanted,
            };
            if fits && found.as_ref().is_none_or(|f| f.address.is_none()) {
                found = Some(Self {
                    index: if_nametoindex(entry.interface_name.as_str())
                        .context("asking for an interface's number")?,
                    name: entry.interface_name.clone(),
                    address,
                });
            }
            if !names.contains(&entry.interface_name) {
                names.push(entry.interface_name);
            }
        }
        found.ok_or_else(|| Error::NoInterface {
            wanted: wanted.to_owned(),
            there: names.join(", "),
        })
    }

    /// Its number now: another one after it was deleted and made again, `None`
    /// while it is gone.
    pub fn index_now(&self) -> Option<u32> {
        if_nametoindex(self.name.as_str()).ok()
    }

    /// The largest IP packet it sends, in bytes, where the kernel tells.
    pub fn mtu(&self) -> Option<usize> {
        let path = format!("/sys/class/net/{}/mtu", self.name);
        std::fs::read_to_string(path).ok()?.trim().parse().ok()
    }
}
