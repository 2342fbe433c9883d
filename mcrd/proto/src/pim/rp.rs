//! The RP of a group (RFC 7761 §4.7).

use crate::config::PimConfig;
use crate::id::{GroupAddr, UnicastAddr};

/// All RPs, by group range.
#[derive(Debug, Default)]
pub struct RpSet {}

impl RpSet {
    /// Takes the static RPs; whether any group's RP may differ now.
    pub fn configure(&mut self, config: &PimConfig) -> bool {
        let _unused = config;
        false
    }

    /// RP(G). `None` for a group of the SSM range, and where no range has the
    /// group.
    pub fn rp(&self, group: GroupAddr) -> Option<UnicastAddr> {
        let _unused = group;
        None
    }
}
