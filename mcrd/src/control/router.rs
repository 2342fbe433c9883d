//! Views of the router: interfaces, neighbours, RPs, ways, memberships, trees,
//! counters.

use std::net::Ipv4Addr;
use std::sync::Arc;

use mcr_api::ErrorCode;
use mcr_api::router::WatchLine;
use mcr_proto::id::GroupAddr;
use mcr_view::{View, igmp, mroute, pim};
use serde_json::json;
use tokio::sync::{broadcast, oneshot};
use tracing::debug;

use super::Answer;
use super::page::page;
use super::session::{failure, value};
use crate::event_loop::Daemon;

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
        let after = read_cursor(cursor.as_deref(), igmp::read_cursor)?;
        page(igmp::keys(view, after), igmp::cursor, |key| {
            igmp::group(view, *key)
        })
    }

    pub(crate) fn mroute(&self, group: Option<Ipv4Addr>, cursor: Option<String>) -> Answer {
        let view = self.view();
        let group = group.map(read_group).transpose()?;
        let after = read_cursor(cursor.as_deref(), mroute::read_cursor)?;
        page(mroute::keys(view, group, after), mroute::cursor, |key| {
            let mut entry = mroute::entry(view, *key);
            if let Some(taken) = self.workers.taken(key.0, key.1) {
                (entry.packets, entry.bytes) = (Some(taken.packets), Some(taken.bytes));
            }
            entry
        })
    }

    pub(crate) fn stats_protocols(&self) -> Answer {
        let outside = self.routing.counters();
        value(&mcr_view::counters(self.view(), outside))
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

fn read_cursor<Key>(
    cursor: Option<&str>,
    read: impl Fn(&str) -> Option<Key>,
) -> Result<Option<Key>, mcr_api::Failure> {
    let bad = || failure(ErrorCode::Invalid, "the cursor is none that a page gave");
    let key = cursor.map(|cursor| read(cursor).ok_or_else(bad));
    key.transpose()
}
