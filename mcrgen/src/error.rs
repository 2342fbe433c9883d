//! Why a run cannot start or go on.

use std::io;
use std::net::Ipv4Addr;

use mcr_sys::udp::OpenError;

/// What was wrong, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The command line asks for something impossible; exit status 2.
    #[error("{0}")]
    Usage(String),
    /// A socket could not be opened as asked.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// No interface has this name or address.
    #[error("no interface has the name or address {wanted}; there are: {there}")]
    NoInterface {
        /// What was asked for.
        wanted: String,
        /// The names that exist.
        there: String,
    },
    /// A source-specific join names the interface by its address.
    #[error("{0} has no IPv4 address, which a join with --source needs")]
    NoAddress(String),
    /// Writing force_igmp_version failed.
    #[error(
        "cannot force IGMPv{version} on {interface}: {path}: {source} \
         (--igmp needs root in this network namespace)"
    )]
    IgmpVersion {
        /// The version that was asked for.
        version: u8,
        /// The interface.
        interface: String,
        /// The file.
        path: String,
        /// What the kernel said.
        source: io::Error,
    },
    /// More groups than sockets.
    #[error(
        "{opened} of {wanted} groups joined, then no file descriptor was left \
         at {group}: raise the limit (ulimit -n)"
    )]
    Descriptors {
        /// Groups joined.
        opened: usize,
        /// Groups to join.
        wanted: usize,
        /// The group that failed.
        group: Ipv4Addr,
    },
    /// A system call that has no reason to fail did.
    #[error("{what}: {source}")]
    System {
        /// What was tried.
        what: &'static str,
        /// What the kernel said.
        source: io::Error,
    },
}

/// Names the system call that failed.
pub(crate) trait Context<T> {
    fn context(self, what: &'static str) -> Result<T, Error>;
}

impl<T, E: Into<io::Error>> Context<T> for Result<T, E> {
    fn context(self, what: &'static str) -> Result<T, Error> {
        self.map_err(|error| Error::System {
            what,
            source: error.into(),
        })
    }
}
