//! Hello (RFC 7761 §4.9.2).

use std::net::Ipv4Addr;

use super::address::{emit_unicast, unicast_list};
use crate::BadMessage;
use crate::reader::Reader;

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

const HOLDTIME: u16 = 1;
const LAN_PRUNE_DELAY: u16 = 2;
const DR_PRIORITY: u16 = 19;
const GENERATION_ID: u16 = 20;
const ADDRESS_LIST: u16 = 24;

/// T, in the word with the propagation delay.
const TRACKING: u16 = 0x8000;

impl Hello {
    /// After the PIM header. Of an option that comes twice the last counts.
    pub(super) fn parse(reader: Reader<'_>) -> Result<Hello, BadMessage> {
        let mut hello = Hello::default();
        let mut reader = reader.counted();
        while !reader.is_empty() {
            let kind = reader.u16()?;
            let length = reader.u16()?;
            let value = reader.bytes(usize::from(length))?;
            hello.option(kind, Reader::new(value).counted())?;
        }
        Ok(hello)
    }

    fn option(&mut self, kind: u16, mut value: Reader<'_>) -> Result<(), BadMessage> {
        match kind {
            HOLDTIME => self.holdtime = Some(value.u16()?),
            LAN_PRUNE_DELAY => {
                let word = value.u16()?;
                self.lan_prune_delay = Some(LanPruneDelay {
                    tracking: word & TRACKING != 0,
                    propagation_delay: word & !TRACKING,
                    override_interval: value.u16()?,
                });
            }
            DR_PRIORITY => self.dr_priority = Some(value.u32()?),
            GENERATION_ID => self.generation_id = Some(value.u32()?),
            ADDRESS_LIST => {
                self.address_list = unicast_list(value)?;
                return Ok(());
            }
            // §4.9.2: skipped.
            _ => {
                self.unknown_options = self.unknown_options.saturating_add(1);
                return Ok(());
            }
        }
        match value.is_empty() {
            true => Ok(()),
            false => Err(BadMessage::Length),
        }
    }

    pub(super) fn emit(&self, bytes: &mut Vec<u8>) {
        if let Some(holdtime) = self.holdtime {
            option(bytes, HOLDTIME, &holdtime.to_be_bytes());
        }
        if let Some(delay) = self.lan_prune_delay {
            let tracking = if delay.tracking { TRACKING } else { 0 };
            let propagation = delay.propagation_delay.min(!TRACKING) | tracking;
            let [a, b] = propagation.to_be_bytes();
            let [c, d] = delay.override_interval.to_be_bytes();
            option(bytes, LAN_PRUNE_DELAY, &[a, b, c, d]);
        }
        if let Some(priority) = self.dr_priority {
            option(bytes, DR_PRIORITY, &priority.to_be_bytes());
        }
        if let Some(id) = self.generation_id {
            option(bytes, GENERATION_ID, &id.to_be_bytes());
        }
        if !self.address_list.is_empty() {
            let mut list = Vec::new();
            for address in &self.address_list {
                emit_unicast(&mut list, *address);
            }
            option(bytes, ADDRESS_LIST, &list);
        }
    }
}

/// An option; one whose value is longer than can be told is left out.
fn option(bytes: &mut Vec<u8>, kind: u16, value: &[u8]) {
    if let Ok(length) = u16::try_from(value.len()) {
        bytes.extend(kind.to_be_bytes());
        bytes.extend(length.to_be_bytes());
        bytes.extend(value);
    }
}
