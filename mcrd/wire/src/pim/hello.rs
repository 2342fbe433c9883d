//! Hello (RFC 7761 §4.9.2).

use std::net::Ipv4Addr;

/// Holdtime: the neighbour never times out.
pub const HOLDTIME_FOREVER: u16 = 0xffff;

/// A Hello; an option that is not there is `None`, an unknown one is skipped.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hello {
    /// Option 1, in seconds; 0 ends the neighbour, 0xffff keeps it for ever.
    pub holdtime: Option<u16>,
    /// Option 2.
    pub lan_prune_delay: Option<LanPruneDelay>,
    /// Option 19.
    pub dr_priority: Option<u32>,
    /// Option 20.
    pub generation_id: Option<u32>,
    /// Option 24: the IPv4 addresses of it.
    pub address_list: Vec<Ipv4Addr>,
    /// Options that were skipped because they are not known.
    pub unknown_options: u16,
}

/// LAN Prune Delay (RFC 7761 §4.9.2, §4.3.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LanPruneDelay {
    /// T: the sender can disable join suppression.
    pub tracking: bool,
    /// In milliseconds, 15 bits.
    pub propagation_delay: u16,
    /// In milliseconds.
    pub override_interval: u16,
}
