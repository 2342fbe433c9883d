//! Assert (RFC 7761 §4.9.6).

use std::net::Ipv4Addr;

use super::EncodedGroup;
use super::address::{emit_unicast, unicast};
use crate::BadMessage;
use crate::reader::Reader;

/// An Assert.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Assert {
    /// The group.
    pub group: EncodedGroup,
    /// The source; 0.0.0.0 in a (*,G) Assert.
    pub source: Ipv4Addr,
    /// How good the sender's route is.
    pub metric: AssertMetric,
}

/// What the message tells of the route. The order is the one of RFC 7761
/// §4.6.1, without its last step, the address: the lower is the better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AssertMetric {
    /// R: the packet came down the RP tree.
    pub rpt: bool,
    /// 31 bits.
    pub preference: u32,
    /// The metric.
    pub metric: u32,
}

impl AssertMetric {
    /// What an AssertCancel carries (RFC 7761 §4.6.4).
    pub const INFINITE: AssertMetric = AssertMetric {
        rpt: true,
        preference: 0x7fff_ffff,
        metric: 0xffff_ffff,
    };
}

/// R, in the word with the preference.
const RPT: u32 = 0x8000_0000;

impl Assert {
    /// After the PIM header.
    pub(super) fn parse(mut reader: Reader<'_>) -> Result<Assert, BadMessage> {
        let group = EncodedGroup::parse(&mut reader)?;
        let source = unicast(&mut reader)?;
        let word = reader.u32()?;
        Ok(Assert {
            group,
            source,
            metric: AssertMetric {
                rpt: word & RPT != 0,
                preference: word & !RPT,
                metric: reader.u32()?,
            },
        })
    }

    pub(super) fn emit(&self, bytes: &mut Vec<u8>) {
        let rpt = if self.metric.rpt { RPT } else { 0 };
        let word = self.metric.preference.min(!RPT) | rpt;
        self.group.emit(bytes);
        emit_unicast(bytes, self.source);
        bytes.extend(word.to_be_bytes());
        bytes.extend(self.metric.metric.to_be_bytes());
    }
}
