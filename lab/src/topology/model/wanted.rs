//! The sources that a host wants of a group (RFC 9776 section 2).

use std::net::Ipv4Addr;

/// The sources that a host wants of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// These only.
    Only(Vec<Ipv4Addr>),
    /// All but these.
    AllBut(Vec<Ipv4Addr>),
}

impl Default for Wanted {
    fn default() -> Wanted {
        Wanted::AllBut(Vec::new())
    }
}

impl Wanted {
    /// Packets of this source are.
    #[must_use]
    pub fn takes(&self, source: Ipv4Addr) -> bool {
        match self {
            Wanted::Only(sources) => sources.contains(&source),
            Wanted::AllBut(sources) => !sources.contains(&source),
        }
    }

    /// It names the sources that it wants, as SSM does.
    #[must_use]
    pub fn is_specific(&self) -> bool {
        match self {
            Wanted::Only(_) => true,
            Wanted::AllBut(_) => false,
        }
    }

    /// As words of `mcrgen`'s command line.
    #[must_use]
    pub fn words(&self) -> Vec<String> {
        let (sources, exclude) = match self {
            Wanted::Only(sources) => (sources, false),
            Wanted::AllBut(sources) => (sources, !sources.is_empty()),
        };
        let named = sources.iter();
        let named = named.flat_map(|source| ["--source".to_owned(), source.to_string()]);
        named
            .chain(exclude.then(|| "--exclude".to_owned()))
            .collect()
    }
}
