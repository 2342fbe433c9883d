//! pimd's configuration of a router's settings. Its Hello interval is 30
//! seconds or more, and most timers are not settable.

use std::fmt::Write;

use crate::topology::router::Router;

/// The file. The order of its lines matters to pimd.
pub(super) fn pimd(router: &Router) -> String {
    let mut text = String::new();
    let mut add = |line: &dyn std::fmt::Display| {
        // Writing to a String cannot fail.
        writeln!(text, "{line}").unwrap_or_default();
    };
    for interface in &router.pim {
        let igmp = router.igmp.iter().find(|igmp| igmp.name == interface.name);
        let version = match igmp.and_then(|igmp| igmp.version) {
            Some(2) => "igmpv2",
            Some(_) | None => "igmpv3",
        };
        let priority = interface.dr_priority.map(|dr| format!(" dr-priority {dr}"));
        add(&format_args!(
            "phyint {} enable {version}{}",
            interface.name,
            priority.unwrap_or_default()
        ));
    }
    let query = router.igmp.iter().filter_map(|igmp| igmp.query_interval);
    if let Some(query) = query.min() {
        add(&format_args!(
            "igmp-query-interval {}",
            query.as_secs().max(1)
        ));
    }
    for rp in &router.rps {
        for range in &rp.groups {
            add(&format_args!("rp-address {} {range}", rp.address));
        }
    }
    if router.never_switch {
        add(&"spt-threshold infinity");
    } else {
        // Its shortest interval is 5 seconds.
        add(&"spt-threshold packets 0 interval 5");
    }
    text
}
