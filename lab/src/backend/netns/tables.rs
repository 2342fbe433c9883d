//! What the kernels of a network have learned: routes of packets, and members
//! behind the ports of its switches.

use std::collections::BTreeMap;
use std::os::fd::AsFd;

use mcr_sys::namespace;
use mcr_sys::netlink::mdb::{self, Learned};
use mcr_sys::netlink::notices::{self, Notice};

use super::Network;
use crate::assertion::tables::{Database, Forwarding};
use crate::topology::model::{LinkId, NodeId};

impl Network {
    /// The entries of a node's multicast forwarding cache that lead anywhere.
    ///
    /// # Errors
    /// In one sentence, why the kernel does not tell them.
    pub fn forwarding(&self, node: NodeId) -> Result<Vec<Forwarding>, String> {
        let told = self.in_namespace(node, notices::now).map_err(sentence)?;
        let told = told.map_err(sentence)?;
        let mut names = BTreeMap::new();
        for notice in &told {
            if let Notice::Link { index, name, .. } = notice {
                names.insert(*index, name.clone());
            }
        }
        let name = |index: &u32| {
            let name = names.get(index).cloned();
            name.unwrap_or_else(|| format!("#{index}"))
        };
        let entries = told.iter().filter_map(|notice| match notice {
            Notice::Mroute {
                source,
                group,
                iif: Some(iif),
                oifs,
                packets,
                gone: false,
            } => Some(Forwarding {
                source: (!source.is_unspecified()).then_some(*source),
                group: *group,
                iif: Some(name(iif)),
                oif: oifs.iter().map(name).collect(),
                packets: packets.unwrap_or(0),
            }),
            Notice::Mroute { .. } | Notice::Link { .. } | Notice::LinkGone(_) | Notice::Missed => {
                None
            }
        });
        Ok(entries.collect())
    }

    /// What a segment's bridge has learned.
    ///
    /// # Errors
    /// In one sentence, why the kernel does not tell it.
    pub fn database(&self, link: LinkId) -> Result<Database, String> {
        let space = self.segment(link).map_err(sentence)?;
        let told = namespace::in_namespace(space.namespace.as_fd(), mdb::list).map_err(sentence)?;
        let mut database = Database::default();
        for learned in told.map_err(sentence)? {
            match learned {
                Learned::Group { port, group } => {
                    // The bridge itself may be a member, too.
                    if let Some(name) = self.behind(link, port) {
                        database.groups.entry(group).or_default().insert(name);
                    }
                }
                Learned::Router(port) => database.routers.extend(self.behind(link, port)),
            }
        }
        Ok(database)
    }

    /// The node at a port.
    fn behind(&self, link: LinkId, port: u32) -> Option<String> {
        let ends = &self.topology.links.get(link.0)?.ends;
        let at = ends.iter().find(|(node, interface)| {
            let state = self.interface(*node, *interface);
            state.is_ok_and(|state| state.port.get() == Some(port))
        });
        let (node, _) = at?;
        Some(self.topology.nodes.get(node.0)?.name.clone())
    }
}

pub(super) fn sentence(error: impl ToString) -> String {
    error.to_string()
}
