//! Memberships and queriers.

use mcr_api::router::{FilterMode, IgmpGroup, IgmpInterface};

use super::{or_dash, or_none, time, time_or_dash};
use crate::render::table::{Column, Sheet};

pub(super) fn groups(groups: &[IgmpGroup]) -> String {
    let mut sheet = Sheet::new(&[
        ("INTERFACE", Column::Word),
        ("GROUP", Column::Word),
        ("HOSTS", Column::Word),
        ("EXPIRES", Column::Word),
        ("SOURCES", Column::Text),
    ]);
    for group in groups {
        let hosts = match (group.last_reporter, group.is_static) {
            (None, true) => "static".to_owned(),
            (_, false) => format!("v{}", group.version),
            (Some(_), true) => format!("v{}, static", group.version),
        };
        sheet.row([
            group.interface.clone(),
            group.group.to_string(),
            hosts,
            time_or_dash(group.expires),
            sources(group),
        ]);
    }
    or_none(sheet, "No memberships.\n")
}

fn sources(group: &IgmpGroup) -> String {
    let mut lines = match group.mode {
        FilterMode::Include => Vec::new(),
        FilterMode::Exclude => vec!["any".to_owned()],
    };
    for source in &group.sources {
        let expires = match source.expires {
            Some(seconds) => format!(" {}", time(seconds)),
            None => String::new(),
        };
        let not = if source.forward { "" } else { "not " };
        lines.push(format!("{not}{}{expires}", source.source));
    }
    lines.join("\n")
}

pub(super) fn interfaces(interfaces: &[IgmpInterface]) -> String {
    let mut sheet = Sheet::new(&[
        ("INTERFACE", Column::Word),
        ("STATE", Column::Word),
        ("IGMP", Column::Word),
        ("QUERIER", Column::Text),
        ("EXPIRES", Column::Word),
        ("NEXT QUERY", Column::Word),
        ("GROUPS", Column::Number),
    ]);
    for interface in interfaces {
        let state = if interface.up { "up" } else { "down" };
        let querier = if interface.is_querier {
            "this router".to_owned()
        } else {
            or_dash(interface.querier)
        };
        sheet.row([
            interface.interface.clone(),
            state.to_owned(),
            format!("v{}", interface.version),
            querier,
            time_or_dash(interface.other_querier_expires),
            time_or_dash(interface.next_query),
            interface.groups.to_string(),
        ]);
    }
    or_none(sheet, "IGMP runs on no interface.\n")
}
