//! Views of the router: interfaces, neighbours, RPs, ways, memberships, trees,
//! counters.

mod igmp;
mod mroute;
mod pim;
mod reason;

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use mcr_api::ErrorCode;
use mcr_api::router::{ProtocolCounters, WatchLine};
use mcr_proto::id::{GroupAddr, IfIndex};
use mcr_proto::router::{Counters, Router, TimerId};
use mcr_proto::time::Instant;
use serde_json::json;
use tokio::sync::{broadcast, oneshot};
use tracing::debug;

use super::Answer;
use super::page::page;
use super::session::{failure, value};
use crate::event_loop::Daemon;

#[cfg(test)]
mod tests;

/// A router at a moment.
#[derive(Clone, Copy)]
struct View<'a> {
    router: &'a Router,
    now: Instant,
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

impl Daemon {
    fn view(&self) -> View<'_> {
        View {
            router: self.routing.router(),
            now: self.routing.now(),
        }
    }

    pub(crate) fn pim_interfaces(&self) -> Answer {
        value(&pim::interfaces(self.view()))
    }

    pub(crate) fn pim_neighbors(&self) -> Answer {
        value(&pim::neighbors(self.view()))
    }

    pub(crate) fn pim_rps(&self) -> Answer {
        value(&pim::rps(self.view()))
    }

    pub(crate) fn pim_rp(&self, group: Ipv4Addr) -> Answer {
        value(&pim::rp_of(self.view(), read_group(group)?))
    }

    pub(crate) fn rpf(&self, address: Ipv4Addr, group: Option<Ipv4Addr>) -> Answer {
        let group = group.map(read_group).transpose()?;
        value(&pim::rpf(self.view(), address, group))
    }

    pub(crate) fn igmp_interfaces(&self) -> Answer {
        value(&igmp::interfaces(self.view()))
    }

    pub(crate) fn igmp_groups(&self, cursor: Option<String>) -> Answer {
        let view = self.view();
        let after = cursor.as_deref().map(igmp::read_cursor).transpose()?;
        page(igmp::keys(view, after), igmp::cursor, |key| {
            igmp::group(view, *key)
        })
    }

    pub(crate) fn mroute(&self, group: Option<Ipv4Addr>, cursor: Option<String>) -> Answer {
        let view = self.view();
        let group = group.map(read_group).transpose()?;
        let after = cursor.as_deref().map(mroute::read_cursor).transpose()?;
        page(mroute::keys(view, group, after), mroute::cursor, |key| {
            mroute::entry(view, *key)
        })
    }

    pub(crate) fn stats_protocols(&self) -> Answer {
        let outside = self.routing.counters();
        value(&counters(self.view(), outside))
    }

    /// Lets a client watch.
    pub(crate) fn watch(&self, to: oneshot::Sender<broadcast::Receiver<Arc<WatchLine>>>) -> Answer {
        if to.send(self.routing.watch()).is_err() {
            debug!(target: "control", "the client left before it could watch");
        }
        Ok(json!({}))
    }
}

fn read_group(group: Ipv4Addr) -> Result<GroupAddr, mcr_api::Failure> {
    GroupAddr::try_from(group).map_err(|error| failure(ErrorCode::Invalid, error.to_string()))
}

fn bad_cursor() -> mcr_api::Failure {
    failure(ErrorCode::Invalid, "the cursor is none that a page gave")
}

/// The counters of the router and of its sockets, by interface.
fn counters(view: View<'_>, outside: &Counters) -> Vec<ProtocolCounters> {
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
