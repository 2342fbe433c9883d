//! What a router of any kind is known to do for a group and a source: what mcrd
//! and FRR answer, and what is seen of those that cannot be asked. What nobody
//! tells is `None`, and no value that may be wrong.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use mcr_api::router as api;

use crate::assertion::router::Neighbors;
use crate::assertion::tables::Forwarding;

/// What is known of a router.
#[derive(Clone, Debug, Default)]
pub struct Told {
    /// Where PIM runs.
    pub pim: Vec<Pim>,
    /// Its neighbours.
    pub neighbors: Neighbors,
    /// The RP of the group.
    pub rp: Option<Rp>,
    /// The ways to the source and to every RP that a router named.
    pub ways: BTreeMap<Ipv4Addr, api::RpfOf>,
    /// Where IGMP runs.
    pub igmp: Vec<Igmp>,
    /// Members of the group.
    pub members: Vec<Member>,
    /// The entries of the group.
    pub mroutes: Vec<Mroute>,
    /// The counters.
    pub counters: Option<Vec<api::ProtocolCounters>>,
    /// What its kernel forwards the group by, where that is all that it goes by.
    pub forwarding: Vec<Forwarding>,
    /// Why it answers nothing, where it should.
    pub silent: Option<Silent>,
}

/// Why a daemon answers nothing: all that is known of it is what is seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Silent {
    /// It does not run; how it ended.
    Ended(String),
    /// It gets no time to run.
    Frozen,
    /// It runs, and no Hello of it holds any more; why there is no answer.
    Hangs(String),
    /// It runs, and says Hello; why there is no answer.
    Slow(String),
}

/// PIM on an interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pim {
    /// Its name.
    pub interface: String,
    /// PIM runs: the interface is up and has an address.
    pub up: bool,
    /// Neither sends nor takes PIM messages.
    pub passive: Option<bool>,
    /// The Designated Router.
    pub dr: Option<Ipv4Addr>,
    /// It is this router.
    pub is_dr: bool,
}

/// The RP of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rp {
    /// It, where there is one.
    pub rp: Option<Ipv4Addr>,
    /// Why it is this one, or why there is none.
    pub reason: String,
    /// Only source-specific trees are for the group.
    pub source_specific: Option<bool>,
}

/// IGMP on an interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Igmp {
    /// Its name.
    pub interface: String,
    /// IGMP runs: the interface is up and has an address.
    pub up: bool,
    /// The version whose queries are sent.
    pub version: Option<u8>,
}

/// The group's members on an interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// The interface.
    pub interface: String,
    /// They want the source.
    pub takes: bool,
    /// The version of the oldest host.
    pub version: Option<u8>,
    /// Who reported it last.
    pub last_reporter: Option<Ipv4Addr>,
}

/// An entry of the multicast routing table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mroute {
    /// The source; `None` in (*,G).
    pub source: Option<Ipv4Addr>,
    /// The outgoing interfaces.
    pub olist: Option<Vec<String>>,
    /// Joined upstream.
    pub joined: Option<bool>,
    /// SPTbit.
    pub spt_bit: Option<bool>,
    /// Register state, at the DR of a connected source.
    pub register: Option<api::RegisterState>,
    /// State by interface, where there is any.
    pub interfaces: BTreeMap<String, Downstream>,
}

/// An entry's state on an interface.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Downstream {
    /// A router behind it has joined.
    pub joined: bool,
    /// Assert state.
    pub assert: api::AssertState,
    /// AssertWinner.
    pub assert_winner: Option<Ipv4Addr>,
}

impl Told {
    /// It does anything that a host does not.
    #[must_use]
    pub fn routes(&self) -> bool {
        self.speaks() || !self.forwarding.is_empty()
    }

    /// No daemon is at work there.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        match &self.silent {
            Some(Silent::Ended(_) | Silent::Frozen | Silent::Hangs(_)) => true,
            Some(Silent::Slow(_)) | None => false,
        }
    }

    /// It speaks as a router.
    #[must_use]
    pub fn speaks(&self) -> bool {
        !self.pim.is_empty() || !self.igmp.is_empty()
    }

    /// PIM on an interface.
    #[must_use]
    pub fn pim_on(&self, interface: &str) -> Option<&Pim> {
        self.pim.iter().find(|one| one.interface == interface)
    }

    /// IGMP on an interface.
    #[must_use]
    pub fn igmp_on(&self, interface: &str) -> Option<&Igmp> {
        self.igmp.iter().find(|one| one.interface == interface)
    }

    /// The entry of a source, or (*,G).
    #[must_use]
    pub fn mroute(&self, source: Option<Ipv4Addr>) -> Option<&Mroute> {
        self.mroutes.iter().find(|one| one.source == source)
    }

    /// Why the RP is the one it is, or there is none.
    #[must_use]
    pub fn why_rp(&self) -> &str {
        self.rp
            .as_ref()
            .map_or("its RP is not known", |rp| &rp.reason)
    }

    /// It is known to give the group source-specific trees only.
    #[must_use]
    pub fn is_source_specific(&self) -> bool {
        let told = self.rp.as_ref().and_then(|rp| rp.source_specific);
        told == Some(true)
    }

    /// A counter of an interface; 0 where it does not count.
    #[must_use]
    pub fn count(&self, interface: &str, name: &str) -> u64 {
        let on = |one: &&api::ProtocolCounters| one.interface.as_deref() == Some(interface);
        let all = self.counters.iter().flatten().filter(on);
        all.filter_map(|one| one.counters.get(name)).sum()
    }

    /// It counts, and has sent no Hello on an interface.
    #[must_use]
    pub fn is_silent(&self, interface: &str) -> bool {
        self.counters.is_some() && self.count(interface, "pim.tx.hello") == 0
    }

    /// A counter of all interfaces together.
    #[must_use]
    pub fn count_all(&self, name: &str) -> u64 {
        let all = self.counters.iter().flatten();
        all.filter_map(|one| one.counters.get(name)).sum()
    }
}

impl From<api::PimInterface> for Pim {
    fn from(told: api::PimInterface) -> Pim {
        Pim {
            interface: told.interface,
            up: told.up,
            passive: Some(told.passive),
            dr: told.dr,
            is_dr: told.is_dr,
        }
    }
}

impl From<api::RpOf> for Rp {
    fn from(told: api::RpOf) -> Rp {
        Rp {
            rp: told.rp,
            reason: told.reason,
            source_specific: None,
        }
    }
}

impl From<api::IgmpInterface> for Igmp {
    fn from(told: api::IgmpInterface) -> Igmp {
        Igmp {
            interface: told.interface,
            up: told.up,
            version: Some(told.version),
        }
    }
}

impl Member {
    /// What mcrd tells of a group, of one source.
    #[must_use]
    pub fn of(told: &api::IgmpGroup, source: Ipv4Addr) -> Member {
        let listed = told.sources.iter().find(|one| one.source == source);
        Member {
            interface: told.interface.clone(),
            takes: match told.mode {
                api::FilterMode::Include => listed.is_some_and(|one| one.forward),
                api::FilterMode::Exclude => listed.is_none_or(|one| one.forward),
            },
            version: Some(told.version),
            last_reporter: told.last_reporter,
        }
    }
}

impl From<api::Mroute> for Mroute {
    fn from(told: api::Mroute) -> Mroute {
        let interfaces = told.interfaces.into_iter().map(|one| {
            let state = Downstream {
                joined: one.downstream.is_some(),
                assert: one.assert,
                assert_winner: one.assert_winner,
            };
            (one.interface, state)
        });
        Mroute {
            source: told.source,
            olist: Some(told.olist),
            joined: Some(told.joined),
            spt_bit: Some(told.spt_bit),
            register: Some(told.register),
            interfaces: interfaces.collect(),
        }
    }
}
