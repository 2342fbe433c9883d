//! Bootstrap and Candidate-RP-Advertisement (RFC 5059 §4).

use std::net::Ipv4Addr;

use super::EncodedGroup;

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
