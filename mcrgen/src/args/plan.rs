//! Checks what single arguments cannot show, and looks up the interface.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::net::Ipv4Addr;

use super::flows::{MAX_PORTS, flows, groups};
use super::{RecvArgs, SendArgs};
use crate::error::Error;
use crate::interface::Interface;
use crate::pacer::Limit;
use crate::payload::Template;
use crate::receiver::{ReceiverConfig, RecvPlan};
use crate::sender::{SendPlan, SenderConfig};

/// From this rate on one packet of many segments is handed to the kernel.
const SEGMENTATION_PPS: f64 = 200_000.0;

impl SendArgs {
    /// What to do, or what is wrong with it.
    pub fn plan(&self) -> Result<SendPlan, Error> {
        let usage = |error: &dyn std::fmt::Display| Error::Usage(error.to_string());
        let template = Template::new(self.size).map_err(|error| usage(&format!("--{error}")))?;
        let groups = groups(&self.group, self.groups)?;
        let group = groups.iter().find(|group| group.is_multicast());
        if let (None, Some(group)) = (&self.interface, group) {
            return Err(usage(&format!(
                "--group {group} is a group: say by which --interface to send"
            )));
        }
        if self.source.is_some_and(|source| source.is_multicast()) {
            return Err(usage(&"--source must not be a group"));
        }
        let flows = flows(&groups, self.flows, self.flow_base)?;
        let pps = self.rate.pps(template.length());
        Ok(SendPlan {
            pps,
            limit: match (self.count, self.duration) {
                (Some(count), _) => Limit::Count(count),
                (None, Some(time)) => {
                    Limit::Duration(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX))
                }
                (None, None) => Limit::None,
            },
            interval: self.common.interval,
            sender: SenderConfig {
                source_ports: self.source_ports()?,
                interface: self.interface.as_deref().map(Interface::find).transpose()?,
                source: self.source_address(),
                port: self.port,
                flows,
                size: self.size,
                ttl: self.ttl,
                dscp: self.dscp,
                multicast_loop: !self.no_loop,
                segmentation: !self.no_gso && pps >= SEGMENTATION_PPS,
                run: self.common.run.unwrap_or_else(random_run),
            },
        })
    }

    /// An interface that is named by its address means that source address.
    fn source_address(&self) -> Ipv4Addr {
        let by_interface = || self.interface.as_ref().and_then(|name| name.parse().ok());
        self.source
            .or_else(by_interface)
            .unwrap_or(Ipv4Addr::UNSPECIFIED)
    }

    fn source_ports(&self) -> Result<Vec<u16>, Error> {
        let ports = self.flows.min(MAX_PORTS);
        let Some(first) = self.source_port else {
            return Ok(vec![0; ports as usize]);
        };
        (0..ports)
            .map(|m| u16::try_from(u32::from(first) + m))
            .collect::<Result<_, _>>()
            .map_err(|_| {
                Error::Usage(format!(
                    "--source-port {first} with --flows {}: ports would pass 65535",
                    self.flows
                ))
            })
    }
}

impl RecvArgs {
    /// What to do, or what is wrong with it.
    pub fn plan(&self) -> Result<RecvPlan, Error> {
        let groups = groups(&self.group, self.groups)?;
        let host = groups.iter().find(|group| !group.is_multicast());
        if let Some(host) = host.filter(|_| !self.source.is_empty()) {
            return Err(Error::Usage(format!(
                "--source needs groups to join, and {host} is a host"
            )));
        }
        if self.source.iter().any(|source| source.is_multicast()) {
            return Err(Error::Usage("--source must not be a group".to_owned()));
        }
        if i32::try_from(self.buffer).is_err() {
            return Err(Error::Usage(format!(
                "--buffer {} is more than a socket can have ({})",
                self.buffer,
                i32::MAX
            )));
        }
        Ok(RecvPlan {
            receiver: ReceiverConfig {
                interface: Interface::find(&self.interface)?,
                groups,
                port: self.port,
                sources: self.source.clone(),
                exclude: self.exclude,
                igmp: self.igmp,
                buffer: self.buffer,
            },
            run: self.common.run,
            trust_clocks: self.trust_clocks,
            max_flows: self.max_flows,
            count: self.count,
            duration: self.duration,
            interval: self.common.interval,
        })
    }
}

/// A number that no other run has. Below 2^53, so that every JSON reader keeps
/// it whole.
fn random_run() -> u64 {
    RandomState::new().build_hasher().finish() >> 11
}
