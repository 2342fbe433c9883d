//! Bootstrap and Candidate-RP-Advertisement (RFC 5059 §4).

use std::net::Ipv4Addr;

use super::EncodedGroup;
use super::address::{emit_unicast, unicast};
use crate::BadMessage;
use crate::reader::{Reader, counted_u8};

/// A Bootstrap message, or a fragment of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bootstrap {
    /// N: not to be forwarded.
    pub no_forward: bool,
    /// The same in all fragments of one message.
    pub fragment_tag: u16,
    /// For the hash function.
    pub hash_mask_len: u8,
    /// The sender's priority.
    pub bsr_priority: u8,
    /// The bootstrap router.
    pub bsr: Ipv4Addr,
    /// The group ranges.
    pub groups: Vec<BootstrapGroup>,
}

/// The RPs of one group range.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BootstrapGroup {
    /// The range.
    pub group: EncodedGroup,
    /// RPs of the range in the whole message.
    pub rp_count: u8,
    /// Those in this fragment.
    pub rps: Vec<BootstrapRp>,
}

/// One RP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BootstrapRp {
    /// Its address.
    pub address: Ipv4Addr,
    /// In seconds.
    pub holdtime: u16,
    /// The lower the better.
    pub priority: u8,
}

/// A Candidate-RP-Advertisement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CandidateRp {
    /// The lower the better.
    pub priority: u8,
    /// In seconds; 0 withdraws.
    pub holdtime: u16,
    /// The candidate.
    pub rp: Ipv4Addr,
    /// Its ranges; none stands for 224.0.0.0/4.
    pub groups: Vec<EncodedGroup>,
}

impl Bootstrap {
    /// After the PIM header, whose N bit is this one.
    pub(super) fn parse(no_forward: bool, mut reader: Reader<'_>) -> Result<Bootstrap, BadMessage> {
        let fragment_tag = reader.u16()?;
        let hash_mask_len = reader.u8()?;
        let bsr_priority = reader.u8()?;
        let bsr = unicast(&mut reader)?;
        if hash_mask_len > 32 {
            return Err(BadMessage::Length);
        }
        let mut reader = reader.counted();
        let mut groups = Vec::new();
        while !reader.is_empty() {
            groups.push(BootstrapGroup::parse(&mut reader)?);
        }
        Ok(Bootstrap {
            no_forward,
            fragment_tag,
            hash_mask_len,
            bsr_priority,
            bsr,
            groups,
        })
    }

    pub(super) fn emit(&self, bytes: &mut Vec<u8>) {
        bytes.extend(self.fragment_tag.to_be_bytes());
        bytes.extend([self.hash_mask_len, self.bsr_priority]);
        emit_unicast(bytes, self.bsr);
        for group in &self.groups {
            group.emit(bytes);
        }
    }
}

impl BootstrapGroup {
    fn parse(reader: &mut Reader<'_>) -> Result<BootstrapGroup, BadMessage> {
        let group = EncodedGroup::parse(reader)?;
        let rp_count = reader.u8()?;
        let here = reader.u8()?;
        let _reserved = reader.u16()?;
        let rps = (0..here)
            .map(|_| BootstrapRp::parse(reader))
            .collect::<Result<Vec<_>, _>>()?;
        Ok(BootstrapGroup {
            group,
            rp_count,
            rps,
        })
    }

    fn emit(&self, bytes: &mut Vec<u8>) {
        let (here, rps) = counted_u8(&self.rps);
        self.group.emit(bytes);
        bytes.extend([self.rp_count, here, 0, 0]);
        for rp in rps {
            emit_unicast(bytes, rp.address);
            bytes.extend(rp.holdtime.to_be_bytes());
            bytes.extend([rp.priority, 0]);
        }
    }
}

impl BootstrapRp {
    fn parse(reader: &mut Reader<'_>) -> Result<BootstrapRp, BadMessage> {
        let address = unicast(reader)?;
        let holdtime = reader.u16()?;
        let priority = reader.u8()?;
        let _reserved = reader.u8()?;
        Ok(BootstrapRp {
            address,
            holdtime,
            priority,
        })
    }
}

impl CandidateRp {
    /// After the PIM header.
    pub(super) fn parse(mut reader: Reader<'_>) -> Result<CandidateRp, BadMessage> {
        let count = reader.u8()?;
        let priority = reader.u8()?;
        let holdtime = reader.u16()?;
        let rp = unicast(&mut reader)?;
        let mut reader = reader.counted();
        let groups = (0..count)
            .map(|_| EncodedGroup::parse(&mut reader))
            .collect::<Result<Vec<_>, _>>()?;
        Ok(CandidateRp {
            priority,
            holdtime,
            rp,
            groups,
        })
    }

    pub(super) fn emit(&self, bytes: &mut Vec<u8>) {
        let (count, groups) = counted_u8(&self.groups);
        bytes.extend([count, self.priority]);
        bytes.extend(self.holdtime.to_be_bytes());
        emit_unicast(bytes, self.rp);
        for group in groups {
            group.emit(bytes);
        }
    }
}
