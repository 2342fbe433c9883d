//! The timers that a deadline may be written with: `2 * pim.hello`.

use std::time::Duration;

use mcr_proto::config::{IgmpInterfaceConfig, PimConfig, PimInterfaceConfig};

use super::Context;
use crate::topology::file::{self, File};
use crate::topology::model::Unicast;
use crate::topology::place::Part;
use crate::topology::times::Times;
use crate::topology::value::Dur;

/// The times of the whole file. What single nodes and interfaces have of their
/// own does not count.
pub(super) fn times(
    cx: &Context<'_>,
    file: &File,
    timers: &file::Timers,
    unicast: Unicast,
) -> Times {
    let igmp = file.igmp.as_ref().and_then(|part: &Part<file::Igmp>| {
        // Its mistakes are told where the routers are made.
        let unheard = crate::topology::decode::Sink::default();
        part.read(&cx.scope, &unheard)
    });
    let igmp = igmp.unwrap_or_default();
    let interface = PimInterfaceConfig::default();
    let router = PimConfig::default();
    let host_side = IgmpInterfaceConfig::default();
    let or = |time: Option<Dur>, default| time.map_or(default, |Dur(time)| time);
    let holdtime = |period: Duration| period * 7 / 2;

    let hello = or(timers.hello, interface.hello_interval);
    let join_prune = or(timers.join_prune, router.join_prune_interval);
    let robustness = igmp.robustness.unwrap_or(host_side.robustness);
    let query = igmp.query_interval.or(timers.igmp_query);
    let query = or(query, host_side.query_interval);
    let response = igmp.query_response_interval.or(timers.igmp_query_response);
    let response = or(response, host_side.query_response_interval);
    let last = igmp
        .last_member_query_interval
        .or(timers.igmp_last_member_query);
    let last = or(last, host_side.last_member_query_interval);
    let last_count = igmp.last_member_query_count.unwrap_or(robustness);
    let times = [
        ("pim.hello", hello),
        (
            "pim.hello_holdtime",
            or(timers.hello_holdtime, holdtime(hello)),
        ),
        (
            "pim.triggered_hello_delay",
            or(
                timers.triggered_hello_delay,
                interface.triggered_hello_delay,
            ),
        ),
        (
            "pim.propagation_delay",
            or(timers.propagation_delay, interface.propagation_delay),
        ),
        (
            "pim.override_interval",
            or(timers.override_interval, interface.override_interval),
        ),
        ("pim.join_prune", join_prune),
        ("pim.join_prune_holdtime", holdtime(join_prune)),
        (
            "pim.keepalive",
            or(timers.keepalive, router.keepalive_period),
        ),
        (
            "pim.register_suppression",
            or(timers.register_suppression, router.register_suppression),
        ),
        (
            "pim.register_probe",
            or(timers.register_probe, router.register_probe),
        ),
        ("pim.assert", or(timers.assert, router.assert_time)),
        ("igmp.query", query),
        ("igmp.query_response", response),
        ("igmp.last_member_query", last),
        // Last Member Query Time and Group Membership Interval, RFC 9776 §8.
        ("igmp.last_member", last * u32::from(last_count)),
        ("igmp.membership", query * u32::from(robustness) + response),
    ];
    let delay = unicast.follows().map(|delay| ("unicast.delay", delay));
    Times::new(times.into_iter().chain(delay))
}
