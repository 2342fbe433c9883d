//! FRR's configuration of a router's settings.
//!
//! What FRR 8.4 has no words for is written as a comment, so that a reader of
//! the file sees what this router does not do.

use std::fmt::Write;
use std::time::Duration;

use crate::topology::router::{IgmpInterface, PimInterface, Router};

#[cfg(test)]
mod tests;

/// The shortest join-prune interval that FRR takes, in seconds.
const JOIN_PRUNE: u64 = 5;
/// The shortest Register_Suppression_Time: more than twice its probe time,
/// which is 5 seconds.
const REGISTER_SUPPRESSION: u64 = 11;
/// The shortest Keepalive_Period worth its name beside them.
const KEEPALIVE: u64 = 1;

/// A configuration in the making.
struct Lines(String);

impl Lines {
    fn add(&mut self, line: impl std::fmt::Display) {
        // Writing to a String cannot fail.
        writeln!(self.0, "{line}").unwrap_or_default();
    }

    fn lacks(&mut self, what: &str, value: Option<impl std::fmt::Debug>) {
        if let Some(value) = value {
            self.add(format_args!("! FRR 8.4 has no {what} ({value:?})"));
        }
    }
}

/// zebra's.
pub(super) fn zebra(name: &str) -> String {
    let mut lines = Lines(String::new());
    lines.add(format_args!("hostname {name}"));
    lines.add("ip forwarding");
    lines.0
}

/// pimd's.
pub(super) fn pimd(name: &str, router: &Router) -> String {
    let mut lines = Lines(String::new());
    lines.add(format_args!("hostname {name}"));
    for rp in &router.rps {
        for range in &rp.groups {
            lines.add(format_args!("ip pim rp {} {range}", rp.address));
        }
    }
    if router.never_switch {
        lines.add("ip pim spt-switchover infinity-and-beyond");
    }
    if let Some(ranges) = &router.ssm_range {
        for (position, range) in ranges.iter().enumerate() {
            let number = 5 * (position + 1);
            // `le 32`: the groups of the range, not the range itself.
            let le = if range.prefix_len() < 32 {
                " le 32"
            } else {
                ""
            };
            lines.add(format_args!(
                "ip prefix-list ssm seq {number} permit {range}{le}"
            ));
        }
        lines.add("ip pim ssm prefix-list ssm");
    }
    let timers = &router.timers;
    whole(
        &mut lines,
        "ip pim join-prune-interval",
        timers.join_prune,
        JOIN_PRUNE,
    );
    whole(
        &mut lines,
        "ip pim keep-alive-timer",
        timers.keepalive,
        KEEPALIVE,
    );
    whole(
        &mut lines,
        "ip pim register-suppress-time",
        timers.register_suppression,
        REGISTER_SUPPRESSION,
    );
    lines.lacks("Register_Probe_Time", timers.register_probe);
    lines.lacks("Assert_Time", timers.assert);
    for interface in &router.pim {
        let igmp = router.igmp.iter().find(|igmp| igmp.name == interface.name);
        lines.add("!");
        lines.add(format_args!("interface {}", interface.name));
        pim(&mut lines, interface);
        if let Some(igmp) = igmp {
            self::igmp(&mut lines, igmp);
        }
    }
    for interface in &router.igmp {
        if !router.pim.iter().any(|pim| pim.name == interface.name) {
            lines.add("!");
            lines.add(format_args!("interface {}", interface.name));
            igmp(&mut lines, interface);
        }
    }
    lines.add("!");
    // Without it the RP does not take its own address for its own.
    lines.add("interface lo");
    lines.add(" ip pim");
    lines.0
}

/// A time in whole seconds, rounded up, and at least what FRR takes.
fn whole(lines: &mut Lines, word: &str, time: Option<Duration>, least: u64) {
    let Some(time) = time else { return };
    let seconds = seconds(time).max(least);
    if Duration::from_secs(seconds) != time {
        lines.add(format_args!(
            "! not {time:?}: FRR takes whole seconds from {least}"
        ));
    }
    lines.add(format_args!("{word} {seconds}"));
}

fn seconds(time: Duration) -> u64 {
    time.as_secs() + u64::from(time.subsec_nanos() > 0)
}

fn deciseconds(time: Duration) -> u128 {
    time.as_millis().div_ceil(100).max(1)
}

fn pim(lines: &mut Lines, own: &PimInterface) {
    lines.add(" ip pim");
    if own.passive {
        lines.add(" ip pim passive");
    }
    if let Some(priority) = own.dr_priority {
        lines.add(format_args!(" ip pim drpriority {priority}"));
    }
    if let Some(hello) = own.hello {
        let interval = seconds(hello).max(1);
        let holdtime = own.hello_holdtime.unwrap_or(hello * 7 / 2);
        // FRR refuses a holdtime that is not longer than the interval.
        let holdtime = seconds(holdtime).max(interval + 1);
        lines.add(format_args!(" ip pim hello {interval} {holdtime}"));
    }
    lines.lacks("Triggered_Hello_Delay", own.triggered_hello_delay);
    lines.lacks("Propagation_Delay", own.propagation_delay);
    lines.lacks("Override_Interval", own.override_interval);
}

fn igmp(lines: &mut Lines, own: &IgmpInterface) {
    lines.add(" ip igmp");
    if let Some(version) = own.version {
        lines.add(format_args!(" ip igmp version {version}"));
    }
    // The response interval comes first: it must not be longer than the query
    // interval at any moment.
    if let Some(response) = own.query_response_interval {
        lines.add(format_args!(
            " ip igmp query-max-response-time {}",
            deciseconds(response)
        ));
    }
    if let Some(interval) = own.query_interval {
        lines.add(format_args!(
            " ip igmp query-interval {}",
            seconds(interval)
        ));
    }
    if let Some(interval) = own.last_member_query_interval {
        lines.add(format_args!(
            " ip igmp last-member-query-interval {}",
            deciseconds(interval)
        ));
    }
    if let Some(count) = own.last_member_query_count {
        lines.add(format_args!(" ip igmp last-member-query-count {count}"));
    }
    for (group, source) in &own.static_groups {
        let source = source
            .map(|source| format!(" {source}"))
            .unwrap_or_default();
        lines.add(format_args!(" ip igmp join {group}{source}"));
    }
    lines.lacks("Robustness Variable", own.robustness);
    lines.lacks("immediate leave", own.immediate_leave);
    lines.lacks("limit of groups", own.max_groups);
    lines.lacks("limit of sources", own.max_sources);
    lines.lacks("filter of groups", own.groups.as_ref());
}
