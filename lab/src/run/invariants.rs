//! Watches what must hold during the whole run: beside the steps, as often as
//! may be noticed, and what single datagrams break at the end of each step.

mod asserts;
mod look;
mod wanted;

use std::collections::BTreeMap;
use std::future::Future;
use std::net::Ipv4Addr;
use std::time::Duration;

use futures_util::future::{Either, select};

use super::stage::Stage;
use crate::assertion::Outcome;
use crate::reference::Situation;
use crate::report::ExpectationReport;
use crate::topology::model::{Invariant, LinkId, Topology};

#[cfg(test)]
mod tests;

/// How often they are looked at.
const EVERY: Duration = Duration::from_millis(500);

/// The invariants of a run, and what was seen of them.
#[derive(Debug, Default)]
pub(super) struct Invariants {
    all: Vec<Watched>,
    next: Duration,
    memory: Memory,
    broken: Vec<ExpectationReport>,
}

/// What one look remembers for the next.
#[derive(Debug, Default)]
pub(super) struct Memory {
    /// Registers sent, by router.
    registers: BTreeMap<String, u64>,
    /// Datagrams by group and link.
    carried: BTreeMap<Ipv4Addr, BTreeMap<LinkId, u64>>,
    /// Copies that receivers got, by receiver.
    copies: BTreeMap<usize, u64>,
    /// When loops were looked for.
    looped_ns: u64,
}

#[derive(Debug)]
struct Watched {
    invariant: Invariant,
    /// Since when it does not hold.
    since: Option<Duration>,
    /// That was told.
    told: bool,
}

impl Invariants {
    /// Those of a lab.
    pub(super) fn of(topology: &Topology) -> Invariants {
        let watched = |invariant: &Invariant| Watched {
            invariant: invariant.clone(),
            since: None,
            told: false,
        };
        Invariants {
            all: topology.invariants.iter().map(watched).collect(),
            ..Invariants::default()
        }
    }

    /// Does some work, and looks again and again while it is under way.
    pub(super) async fn during<S: Stage, T>(
        &mut self,
        stage: &S,
        situation: &Situation,
        work: impl Future<Output = T>,
    ) -> T {
        let mut work = std::pin::pin!(work);
        if self.all.is_empty() {
            return work.await;
        }
        loop {
            self.next = self.next.max(stage.elapsed());
            let wait = std::pin::pin!(stage.sleep_until(self.next));
            match select(work.as_mut(), wait).await {
                Either::Left((done, _)) => return done,
                Either::Right(((), _)) => self.look(stage, situation).await,
            }
            self.next = stage.elapsed() + EVERY;
        }
    }

    async fn look<S: Stage>(&mut self, stage: &S, situation: &Situation) {
        let seen = look::look(stage, situation, &self.all, &mut self.memory).await;
        let now = stage.elapsed();
        for (watched, findings) in self.all.iter_mut().zip(seen) {
            // What is not known now neither breaks it nor mends it.
            let Some(findings) = findings else { continue };
            self.broken.extend(watched.judge(now, findings));
        }
    }

    /// What was found broken since the last step, and by its datagrams.
    pub(super) fn step_ended<S: Stage>(&mut self, stage: &S) -> Vec<ExpectationReport> {
        for watched in self.all.iter().filter(|one| one.invariant.what.counts()) {
            let counted = look::count(stage, watched.invariant.what, &mut self.memory);
            for (whose, count) in counted {
                if count > watched.invariant.max {
                    let finding = format!("{whose}, at most {} allowed", watched.invariant.max);
                    self.broken.push(watched.report(vec![finding], 0.0));
                }
            }
        }
        std::mem::take(&mut self.broken)
    }
}

impl Watched {
    /// A state is looked at: it breaks the invariant once it has lasted.
    fn judge(&mut self, now: Duration, findings: Vec<String>) -> Option<ExpectationReport> {
        if findings.is_empty() {
            (self.since, self.told) = (None, false);
            return None;
        }
        let since = *self.since.get_or_insert(now);
        if self.told || now - since < self.invariant.within {
            return None;
        }
        self.told = true;
        Some(self.report(findings, (now - since).as_secs_f64()))
    }

    fn report(&self, missed: Vec<String>, lasted: f64) -> ExpectationReport {
        let within = self.invariant.within.as_secs_f64();
        let measured = match self.invariant.what.counts() {
            true => "broken in this step".to_owned(),
            false => format!("broken for {lasted:.1}s, {within:.1}s allowed"),
        };
        ExpectationReport {
            about: format!("invariant {}", self.invariant.what.word()),
            line: self.invariant.line,
            outcome: Outcome::Fail,
            warn: false,
            never: false,
            became_true: None,
            within: 0.0,
            measured,
            missed,
            metric: None,
            figure: None,
        }
    }
}
