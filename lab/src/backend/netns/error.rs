//! What can go wrong with a network, told with the names of the topology.

use std::io;

use ipnet::Ipv4Net;

/// Something that the network could not do.
#[derive(Debug, thiserror::Error)]
pub enum NetError {
    /// A position that is not in the topology.
    #[error("the topology has no such node, interface or link")]
    Unknown,
    /// A link that is a plain veth pair is to drop or delay frames.
    #[error(
        "{link} leads over no wire, which it was made without; give it `wire: always` in the \
         file, and `lab apply` the file"
    )]
    NoWire {
        /// Its name.
        link: String,
    },
    /// More descriptors are needed than the system allows.
    #[error(
        "{needed} open files are needed and {limit} allowed; raise the hard \
         limit (ulimit -Hn)"
    )]
    Files {
        /// How many the network takes.
        needed: u64,
        /// The hard limit.
        limit: u64,
    },
    /// A namespace could not be made.
    #[error("cannot make the network namespace of {name}: {source}")]
    Create {
        /// The node or segment.
        name: String,
        /// The reason.
        source: io::Error,
    },
    /// A namespace could not be entered.
    #[error("cannot work in the network namespace of {node}: {source}")]
    Enter {
        /// The node or segment.
        node: String,
        /// The reason.
        source: io::Error,
    },
    /// A sysctl could not be set.
    #[error("{node}: cannot set sysctl {name} to {value:?}: {source}")]
    Sysctl {
        /// The node or segment.
        node: String,
        /// The sysctl.
        name: String,
        /// The value.
        value: String,
        /// The reason.
        source: io::Error,
    },
    /// A link could not be made.
    #[error("cannot make link {link} (mtu {mtu}): {source}")]
    Link {
        /// The link.
        link: String,
        /// Its MTU, the usual reason.
        mtu: u32,
        /// The reason.
        source: io::Error,
    },
    /// Something could not be done to an interface.
    #[error("cannot {action} {interface}: {source}")]
    Interface {
        /// What was to be done.
        action: &'static str,
        /// The interface, as `node:interface`.
        interface: String,
        /// The reason.
        source: io::Error,
    },
    /// An interface that does not exist at the moment.
    #[error("{interface} does not exist at the moment")]
    Absent {
        /// The interface, as `node:interface`.
        interface: String,
    },
    /// A link was to be made that is there.
    #[error("link {link} is there already")]
    Present {
        /// The link.
        link: String,
    },
    /// A link was to be changed at a node that it does not reach.
    #[error("link {link} does not reach {node}")]
    NotOnLink {
        /// The link.
        link: String,
        /// The node.
        node: String,
    },
    /// A route could not be set.
    #[error("{node}: cannot route {to}: {source}")]
    Route {
        /// The node.
        node: String,
        /// The destination.
        to: Ipv4Net,
        /// The reason.
        source: io::Error,
    },
    /// A process could not be started.
    #[error("{node}: cannot run {program}: {source}")]
    Spawn {
        /// The node.
        node: String,
        /// The program.
        program: String,
        /// The reason.
        source: io::Error,
    },
    /// A process could not be ended.
    #[error("cannot end process {pid}: {source}")]
    End {
        /// The process.
        pid: i32,
        /// The reason.
        source: io::Error,
    },
    /// A namespace could not be removed.
    #[error("cannot remove the network namespace of {name}: {source}")]
    Remove {
        /// The node or segment.
        name: String,
        /// The reason.
        source: io::Error,
    },
    /// The deployment failed, and cleaning up after it did too.
    #[error("{first}; and then {} more, the first: {second}", .others + 1)]
    Several {
        /// Why the deployment failed.
        first: Box<NetError>,
        /// The first failure of the clean-up.
        second: Box<NetError>,
        /// How many more there were.
        others: usize,
    },
}

impl NetError {
    /// This error, with what failed in the clean-up after it.
    pub(super) fn followed_by(self, cleanup: Vec<Self>) -> Self {
        let others = cleanup.len().saturating_sub(1);
        match cleanup.into_iter().next() {
            Some(second) => Self::Several {
                first: Box::new(self),
                second: Box::new(second),
                others,
            },
            None => self,
        }
    }
}
