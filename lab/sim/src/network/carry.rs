//! What becomes of a frame on a wire, or on the cable to a switch's port.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use mcr_proto::time::Instant;

use super::FlowId;
use super::run::Frame;
use crate::link::Cable;
use crate::rules::Rules;
use crate::wire::Lane;

impl Cable {
    /// A frame goes over it, to the switch or from it: when it arrives, and how
    /// often.
    pub(super) fn carry(
        &mut self,
        direction: usize,
        sent: Instant,
        frame: &Frame,
        keep: bool,
    ) -> Option<(Instant, usize)> {
        let lane = self.lanes.get_mut(direction)?;
        carried(lane, &mut self.rules, &mut self.gone, sent, frame, keep)
    }
}

/// When a frame arrives, and how often; `None` where it gets lost, which is
/// noted. Corrupted packets are discarded where they arrive: by their checksum.
pub(super) fn carried(
    lane: &mut Lane,
    rules: &mut Rules,
    gone: &mut BTreeMap<FlowId, BTreeSet<u64>>,
    sent: Instant,
    frame: &Frame,
    keep: bool,
) -> Option<(Instant, usize)> {
    match lane.take_by(sent.as_micros() * 1_000, 0, frame.judged_by(rules)) {
        Some(passage) if passage.corrupted.is_none() => {
            let at = Instant::ZERO + Duration::from_nanos(passage.at_ns);
            Some((at, 1 + usize::from(passage.copied)))
        }
        Some(_) | None => {
            if let (Frame::Data(data), true) = (frame, keep) {
                gone.entry(data.flow).or_default().insert(data.sequence);
            }
            None
        }
    }
}
