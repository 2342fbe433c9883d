//! What a router knows, in the words of the control API: interfaces,
//! neighbours, RPs, ways, memberships, trees, counters. The daemon answers its
//! clients with it, and the lab asks its simulated routers so.

pub mod event;
pub mod igmp;
pub mod mroute;
pub mod pim;
mod reason;

use std::collections::BTreeMap;
use std::time::Duration;

use mcr_api::router as api;
use mcr_api::router::ProtocolCounters;
use mcr_proto::id::IfIndex;
use mcr_proto::router::event::{AssertRole, RegisterState};
use mcr_proto::router::{Counters, Router, TimerId};
use mcr_proto::time::Instant;

#[cfg(test)]
mod tests;

/// A router at a moment.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// The router.
    pub router: &'a Router,
    /// The moment.
    pub now: Instant,
}

impl View<'_> {
    /// The interface's name; its number where it has just gone.
    fn name(self, iface: IfIndex) -> String {
        match self.router.interfaces().get(iface) {
            Some(known) => known.kernel.name.to_string(),
            None => format!("#{iface}"),
        }
    }

    /// What is left of a timer, in seconds.
    fn left(self, timer: TimerId) -> Option<f64> {
        let at = self.router.timers().deadline(timer)?;
        Some(seconds(at - self.now))
    }

    /// How long ago that was, in seconds.
    fn since(self, moment: Instant) -> f64 {
        seconds(self.now - moment)
    }
}

fn seconds(time: Duration) -> f64 {
    time.as_secs_f64()
}

/// The state in the words of the control API.
pub const fn register(state: RegisterState) -> api::RegisterState {
    match state {
        RegisterState::NoInfo => api::RegisterState::NoInfo,
        RegisterState::Join => api::RegisterState::Join,
        RegisterState::JoinPending => api::RegisterState::JoinPending,
        RegisterState::Prune => api::RegisterState::Prune,
    }
}

/// The state in the words of the control API.
pub const fn assert(state: AssertRole) -> api::AssertState {
    match state {
        AssertRole::NoInfo => api::AssertState::NoInfo,
        AssertRole::Winner => api::AssertState::Winner,
        AssertRole::Loser => api::AssertState::Loser,
    }
}

/// The counters of the router and of its sockets, by interface.
pub fn counters(view: View<'_>, outside: &Counters) -> Vec<ProtocolCounters> {
    let mut all: BTreeMap<Option<IfIndex>, BTreeMap<String, u64>> = BTreeMap::new();
    for (iface, name, count) in view.router.counters().iter().chain(outside.iter()) {
        let of_iface = all.entry(iface).or_default();
        *of_iface.entry(name.to_owned()).or_default() += count;
    }
    let counters = all.into_iter().map(|(iface, counters)| ProtocolCounters {
        interface: iface.map(|iface| view.name(iface)),
        counters,
    });
    counters.collect()
}
