//! Which of the packets that links still have a run leaves in a file.

use std::time::Duration;

use super::capture::{Frame, control};
use crate::topology::model::{Extent, Kept};

#[cfg(test)]
mod tests;

/// A step's file has what was so long before it, unless the lab file says
/// otherwise.
const BEFORE: Duration = Duration::from_secs(2);

/// When a step that failed began and ended, on the clock of the reports.
pub type Failed = (u64, u64);

/// The packets of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chosen {
    control: Times,
    data: Times,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Times {
    Always,
    /// In one of these, both ends included; never where there are none.
    In(Vec<(u64, u64)>),
}

impl Chosen {
    /// Those of a step's file.
    #[must_use]
    pub fn of_step(kept: Kept, failed: Failed) -> Chosen {
        Chosen::by(kept, |extent| match extent {
            Extent::Usual => Times::around(&[failed], BEFORE),
            Extent::All => Times::Always,
            Extent::None => Times::In(Vec::new()),
            Extent::Around(time) => Times::around(&[failed], time),
        })
    }

    /// Those of the file of a whole run.
    #[must_use]
    pub fn of_run(kept: Kept, failed: &[Failed]) -> Chosen {
        Chosen::by(kept, |extent| match extent {
            Extent::Usual | Extent::All => Times::Always,
            Extent::None => Times::In(Vec::new()),
            Extent::Around(time) => Times::around(failed, time),
        })
    }

    fn by(kept: Kept, times: impl Fn(Extent) -> Times) -> Chosen {
        Chosen {
            control: times(kept.control),
            data: times(kept.data),
        }
    }

    /// Whether a frame is one of them.
    #[must_use]
    pub fn has(&self, frame: &Frame) -> bool {
        let times = match control(&frame.bytes) {
            Some(_) => &self.control,
            None => &self.data,
        };
        times.have(frame.at_ns)
    }

    /// No frame before this time is.
    #[must_use]
    pub fn since_ns(&self) -> u64 {
        [&self.control, &self.data]
            .into_iter()
            .map(Times::first)
            .min()
            .unwrap_or(0)
    }
}

impl Times {
    fn around(failed: &[Failed], time: Duration) -> Times {
        let time = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        let widened = failed
            .iter()
            .map(|(began, ended)| (began.saturating_sub(time), ended.saturating_add(time)));
        Times::In(widened.collect())
    }

    fn have(&self, at_ns: u64) -> bool {
        match self {
            Times::Always => true,
            Times::In(spans) => spans
                .iter()
                .any(|(from, to)| (*from..=*to).contains(&at_ns)),
        }
    }

    fn first(&self) -> u64 {
        match self {
            Times::Always => 0,
            Times::In(spans) => spans
                .iter()
                .map(|(from, _)| *from)
                .min()
                .unwrap_or(u64::MAX),
        }
    }
}
