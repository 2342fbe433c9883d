//! What a wire does to frames: losses, delays, copies. The n-th frame's fate
//! depends on nothing but the seed, the link, the direction and n; the
//! simulator and the lab's wires of user space share it.

use std::fmt;
use std::time::Duration;

use mcr_proto::rng::Rng;

use crate::rules::Verdict;

/// The longest a frame waits for its turn where a rate is set; one that would
/// wait longer is dropped.
pub const LONGEST_QUEUE: Duration = Duration::from_millis(100);

/// A share of all frames.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Share(u64);

impl Share {
    /// None.
    pub const NONE: Share = Share(0);
    /// All.
    pub const ALL: Share = Share(Share::WHOLE);
    const WHOLE: u64 = 1_000_000_000;

    /// Of a number from 0 to 1; what is beyond is brought back to that.
    #[must_use]
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "from 0 to a thousand million"
    )]
    pub fn new(share: f64) -> Share {
        Share((share.clamp(0.0, 1.0) * Share::WHOLE as f64).round() as u64)
    }

    fn has(self, rng: &mut Rng) -> bool {
        rng.below(Share::WHOLE) < self.0
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // In millionths of a percent.
        let (whole, rest) = (self.0 / 10_000_000, self.0 % 10_000_000);
        let rest = format!("{rest:07}");
        match rest.trim_end_matches('0') {
            "" => write!(f, "{whole}%"),
            rest => write!(f, "{whole}.{rest}%"),
        }
    }
}

/// What one direction of a wire does. The default does nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Impairment {
    /// Frames that get lost.
    pub loss: Share,
    /// How long a frame takes.
    pub delay: Duration,
    /// It takes so much more or less; frames keep their order.
    pub jitter: Duration,
    /// Frames that arrive twice.
    pub dup: Share,
    /// Frames that take no delay, and so overtake others.
    pub reorder: Share,
    /// Frames in which one bit behind the Ethernet header is another.
    pub corrupt: Share,
    /// Bits a second.
    pub rate: Option<u64>,
}

/// As a file would say it: `loss 10%, delay 5ms`; nothing where it does nothing.
impl fmt::Display for Impairment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = Vec::new();
        for (name, share) in [
            ("loss", self.loss),
            ("dup", self.dup),
            ("reorder", self.reorder),
            ("corrupt", self.corrupt),
        ] {
            if share > Share::NONE {
                parts.push(format!("{name} {share}"));
            }
        }
        for (name, time) in [("delay", self.delay), ("jitter", self.jitter)] {
            if !time.is_zero() {
                parts.push(format!("{name} {time:?}"));
            }
        }
        parts.extend(self.rate.map(|rate| format!("rate {rate}bit/s")));
        write!(f, "{}", parts.join(", "))
    }
}

/// What happens to one frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fate {
    /// It gets lost.
    pub lost: bool,
    /// It arrives twice.
    pub copied: bool,
    /// It takes no delay.
    pub jumps: bool,
    /// One bit changes: this one, counted modulo those that the frame has.
    pub corrupted: Option<u64>,
    /// How long it takes otherwise.
    pub delay: Duration,
}

/// One direction of a wire, and how many frames it has had.
#[derive(Clone, Debug)]
pub struct Lane {
    key: u64,
    impairment: Impairment,
    counts: Counts,
    free_ns: u64,
    latest_ns: u64,
}

/// What became of the frames of a lane.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Frames that came.
    pub frames: u64,
    /// Lost, as asked for.
    pub lost: u64,
    /// Sent twice, as asked for.
    pub copied: u64,
    /// Sent ahead of others, as asked for.
    pub jumped: u64,
    /// Changed, as asked for.
    pub corrupted: u64,
    /// Held up, as asked for.
    pub delayed: u64,
    /// Dropped because the rate was exceeded for too long.
    pub queue_full: u64,
    /// Messages that rules named, dropped or not.
    pub named: u64,
    /// Those of them that were dropped.
    pub named_lost: u64,
}

impl Counts {
    /// Dropped for any of the reasons.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.lost + self.queue_full + self.named_lost
    }

    /// What came since an earlier look.
    #[must_use]
    pub fn since(&self, earlier: &Counts) -> Counts {
        Counts {
            frames: self.frames.saturating_sub(earlier.frames),
            lost: self.lost.saturating_sub(earlier.lost),
            copied: self.copied.saturating_sub(earlier.copied),
            jumped: self.jumped.saturating_sub(earlier.jumped),
            corrupted: self.corrupted.saturating_sub(earlier.corrupted),
            delayed: self.delayed.saturating_sub(earlier.delayed),
            queue_full: self.queue_full.saturating_sub(earlier.queue_full),
            named: self.named.saturating_sub(earlier.named),
            named_lost: self.named_lost.saturating_sub(earlier.named_lost),
        }
    }
}

/// A frame that goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Passage {
    /// When it arrives, in nanoseconds of the caller's clock.
    pub at_ns: u64,
    /// It arrives twice.
    pub copied: bool,
    /// One bit changes: this one, counted modulo those that the frame has.
    pub corrupted: Option<u64>,
}

impl Lane {
    /// A direction of a link: 0 from its first end, 1 from its second.
    #[must_use]
    pub fn new(seed: u64, link: &str, direction: u64, impairment: Impairment) -> Lane {
        // FNV-1a: names of links differ in few bits.
        let name = link.bytes().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        let mut key = Rng::new(seed);
        let mut key = Rng::new(key.bits() ^ name);
        let mut key = Rng::new(key.bits() ^ direction);
        Lane {
            key: key.bits(),
            impairment,
            counts: Counts::default(),
            free_ns: 0,
            latest_ns: 0,
        }
    }

    /// From the next frame on it does this.
    pub fn set(&mut self, impairment: Impairment) {
        self.impairment = impairment;
    }

    /// What became of the frames so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// The fate of the n-th frame.
    #[must_use]
    pub fn fate(&self, n: u64) -> Fate {
        let of = &self.impairment;
        // A generator of its own for each frame; all are asked for the same
        // things in the same order, so that no option changes what another
        // one decides.
        let mut rng = Rng::new(self.key.wrapping_add(n));
        let mut rng = Rng::new(rng.bits());
        let lost = of.loss.has(&mut rng);
        let copied = of.dup.has(&mut rng);
        let jumps = of.reorder.has(&mut rng);
        let corrupted = of.corrupt.has(&mut rng);
        let bit = rng.bits();
        let jitter = u64::try_from(of.jitter.as_nanos()).unwrap_or(u64::MAX / 4);
        let jitter = Duration::from_nanos(rng.below(jitter.saturating_mul(2).saturating_add(1)));
        Fate {
            lost,
            copied,
            jumps,
            corrupted: corrupted.then_some(bit),
            delay: (of.delay + jitter).saturating_sub(of.jitter),
        }
    }

    /// The next frame, of so many bytes; `None` where it does not go on.
    pub fn take(&mut self, now_ns: u64, bytes: usize) -> Option<Passage> {
        self.take_by(now_ns, bytes, Verdict::default())
    }

    /// The next frame, of which rules say something.
    pub fn take_by(&mut self, now_ns: u64, bytes: usize, verdict: Verdict) -> Option<Passage> {
        let fate = self.fate(self.counts.frames);
        self.counts.frames += 1;
        self.counts.named += u64::from(!verdict.is_nothing());
        if verdict.dropped {
            self.counts.named_lost += 1;
            return None;
        }
        if fate.lost {
            self.counts.lost += 1;
            return None;
        }
        let Some(ready_ns) = self.turn(now_ns, bytes) else {
            self.counts.queue_full += 1;
            return None;
        };
        let at_ns = if fate.jumps {
            self.counts.jumped += 1;
            ready_ns
        } else {
            let at_ns = ready_ns.saturating_add(nanoseconds(fate.delay));
            self.latest_ns = self.latest_ns.max(at_ns);
            self.latest_ns
        };
        // What a rule holds up holds up no others.
        let at_ns = at_ns.saturating_add(nanoseconds(verdict.delay));
        let copied = fate.copied || verdict.doubled;
        self.counts.delayed += u64::from(at_ns > now_ns);
        self.counts.copied += u64::from(copied);
        self.counts.corrupted += u64::from(fate.corrupted.is_some());
        Some(Passage {
            at_ns,
            copied,
            corrupted: fate.corrupted,
        })
    }

    /// When the last bit of the frame is on the wire.
    fn turn(&mut self, now_ns: u64, bytes: usize) -> Option<u64> {
        let Some(rate) = self.impairment.rate else {
            return Some(now_ns);
        };
        let begins = self.free_ns.max(now_ns);
        if begins - now_ns > nanoseconds(LONGEST_QUEUE) {
            return None;
        }
        let bits = u128::try_from(bytes).unwrap_or(0) * 8;
        let takes = bits * 1_000_000_000 / u128::from(rate.max(1));
        self.free_ns = begins.saturating_add(u64::try_from(takes).unwrap_or(u64::MAX));
        Some(self.free_ns)
    }
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
