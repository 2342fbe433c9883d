//! What `mcrgen hosts` is to emulate.

use std::time::Duration;

use mcr_wire::igmp::Version;

use super::HostsArgs;
use super::flows::groups;
use crate::error::Error;
use crate::hosts::{Filter, HostsPlan, Script, Settings, most_per_host};
use crate::interface::Interface;

/// The most hosts of one process.
const MAX_HOSTS: u32 = 65_536;
/// The most memberships of one process.
const MAX_MEMBERSHIPS: usize = 1 << 20;

impl HostsArgs {
    /// What to do, or what is wrong with it.
    pub fn plan(&self) -> Result<HostsPlan, Error> {
        let usage = |text: String| Err(Error::Usage(text));
        let groups = groups(&self.group, self.groups)?;
        if let Some(host) = groups.iter().find(|group| !group.is_multicast()) {
            return usage(format!("--group {host} is no multicast group"));
        }
        if self.hosts == 0 || self.hosts > MAX_HOSTS {
            return usage(format!("--hosts must be 1 to {MAX_HOSTS}"));
        }
        let last = u32::from(self.address).checked_add(self.hosts - 1);
        if last.is_none_or(|last| last >= 0xe000_0000) || self.address.is_unspecified() {
            return usage(format!(
                "--address {} with --hosts {}: not all are hosts' addresses",
                self.address, self.hosts
            ));
        }
        let hosts = self.hosts as usize;
        let per_host = match self.per_host {
            Some(count) => count as usize,
            None => groups.len().div_ceil(hosts),
        };
        if per_host == 0 || per_host > most_per_host(&groups) {
            return usage(format!(
                "--per-host {per_host}: there are {} groups",
                groups.len()
            ));
        }
        if hosts.saturating_mul(per_host) > MAX_MEMBERSHIPS {
            return usage(format!("more than {MAX_MEMBERSHIPS} memberships"));
        }
        if !self.source.is_empty() && self.igmp < 3 {
            return usage(format!("--source needs --igmp 3, not {}", self.igmp));
        }
        if self.source.iter().any(|source| source.is_multicast()) {
            return usage("--source must not be a group".to_owned());
        }
        let positive = |rate: f64| rate.is_finite() && rate > 0.0;
        if !positive(self.join_rate) || !(self.churn == 0.0 || positive(self.churn)) {
            return usage("--join-rate and --churn must be above 0".to_owned());
        }
        let interface = Interface::find(&self.interface)?;
        Ok(HostsPlan {
            settings: self.settings(&interface),
            interface,
            hosts,
            first: self.address,
            filter: Filter {
                exclude: self.exclude || self.source.is_empty(),
                sources: self.source.iter().copied().collect(),
            },
            script: Script {
                groups,
                per_host,
                join_rate: self.join_rate,
                hold: self.hold,
                churn: self.churn,
                seed: self.seed,
            },
            leave: !self.no_leave,
            duration: self.duration,
            interval: self.interval,
        })
    }

    fn settings(&self, interface: &Interface) -> Settings {
        let (version, unsolicited) = match self.igmp {
            1 => (Version::V1, 10),
            2 => (Version::V2, 10),
            _ => (Version::V3, 1),
        };
        Settings {
            version,
            robustness: self.robustness,
            // RFC 2236 §8.10, RFC 9776 §8.11.
            unsolicited_report_interval: Duration::from_secs(unsolicited),
            mtu: interface.mtu().unwrap_or(1500),
            seed: self.seed,
        }
    }
}
