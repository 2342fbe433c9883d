//! The latencies that a receiver tells, by flow, and those of the span.

use std::collections::BTreeMap;
use std::mem;
use std::rc::Rc;

use mcrgen::latency::Latencies;
use mcrgen::report::RecvReport;

use super::session::{FlowKey, LegKey};

type Key = (FlowKey, LegKey);

/// Latencies of a span, by flow and where it arrived.
pub(super) type ByLeg = BTreeMap<Key, Rc<Latencies>>;

/// What was told.
#[derive(Clone, Debug, Default)]
pub(super) struct Told {
    /// Since the receiver began.
    all: BTreeMap<Key, Latencies>,
    span: Rc<ByLeg>,
}

impl Told {
    /// Takes the latencies out of a report. A receiver's last one has all of
    /// them once more.
    pub(super) fn take(&mut self, report: &mut RecvReport) {
        let mut told: BTreeMap<Key, Latencies> = BTreeMap::new();
        for flow in &mut report.flows {
            let latencies = mem::take(&mut flow.latencies);
            if !latencies.is_empty() {
                let key = ((flow.run, flow.flow), (flow.group, flow.port));
                told.entry(key).or_default().merge(&latencies);
            }
        }
        for (key, told) in told {
            let all = self.all.entry(key).or_default();
            let new = match report.last {
                true => told.since(all),
                false => told,
            };
            all.merge(&new);
            let span = Rc::make_mut(&mut self.span);
            Rc::make_mut(span.entry(key).or_default()).merge(&new);
        }
    }

    pub(super) fn begin_span(&mut self) {
        self.span = Rc::default();
    }

    /// Those of the span by now.
    pub(super) fn of_span(&self) -> Rc<ByLeg> {
        Rc::clone(&self.span)
    }
}
