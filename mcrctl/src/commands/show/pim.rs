//! PIM's interfaces, neighbours, RPs and ways.

use std::net::Ipv4Addr;

use mcr_api::router::{Neighbor, PimInterface, Rp, RpOf, RpfOf};

use super::{or_dash, or_none, time};
use crate::render::table::{Column, Sheet};

pub(super) fn interfaces(interfaces: &[PimInterface]) -> String {
    let mut sheet = Sheet::new(&[
        ("INTERFACE", Column::Word),
        ("STATE", Column::Word),
        ("ADDRESS", Column::Word),
        ("DR", Column::Text),
        ("PRIORITY", Column::Number),
        ("NEIGHBORS", Column::Number),
    ]);
    for interface in interfaces {
        let state = match (interface.up, interface.passive) {
            (false, _) => "down",
            (true, true) => "passive",
            (true, false) => "up",
        };
        sheet.row([
            interface.interface.clone(),
            state.to_owned(),
            or_dash(interface.address),
            dr(interface),
            interface.dr_priority.to_string(),
            interface.neighbors.to_string(),
        ]);
    }
    or_none(sheet, "PIM runs on no interface.\n")
}

fn dr(interface: &PimInterface) -> String {
    if interface.is_dr {
        "this router".to_owned()
    } else {
        or_dash(interface.dr)
    }
}

pub(super) fn neighbors(neighbors: &[Neighbor]) -> String {
    let mut sheet = Sheet::new(&[
        ("INTERFACE", Column::Word),
        ("ADDRESS", Column::Word),
        ("UPTIME", Column::Text),
        ("EXPIRES", Column::Word),
        ("PRIORITY", Column::Number),
        ("DR", Column::Word),
    ]);
    for neighbor in neighbors {
        let mut addresses = vec![neighbor.address.to_string()];
        let others = neighbor.secondary_addresses.iter();
        addresses.extend(others.map(Ipv4Addr::to_string));
        sheet.row([
            neighbor.interface.clone(),
            addresses.join("\n"),
            time(neighbor.uptime),
            neighbor.expires.map_or("never".to_owned(), time),
            or_dash(neighbor.dr_priority),
            if neighbor.is_dr { "yes" } else { "no" }.to_owned(),
        ]);
    }
    or_none(sheet, "No neighbors.\n")
}

pub(super) fn rps(rps: &[Rp]) -> String {
    let mut sheet = Sheet::new(&[
        ("GROUPS", Column::Word),
        ("RP", Column::Word),
        ("PRIORITY", Column::Number),
        ("ORIGIN", Column::Word),
        ("STATE", Column::Text),
    ]);
    for rp in rps {
        let state = match (rp.is_me, rp.reachable) {
            (true, _) => "this router",
            (false, true) => "reachable",
            (false, false) => "no way to it",
        };
        sheet.row([
            rp.groups.clone(),
            rp.address.to_string(),
            rp.priority.to_string(),
            rp.origin.clone(),
            state.to_owned(),
        ]);
    }
    or_none(sheet, "No RPs.\n")
}

pub(super) fn rp_of(of: &RpOf) -> String {
    let mut sheet = Sheet::facts();
    sheet.row(["group", &of.group.to_string()]);
    let rp = match (of.rp, of.is_me) {
        (Some(rp), true) => format!("{rp}, this router"),
        (rp, _) => or_dash(rp),
    };
    sheet.row(["RP", &rp]);
    sheet.row(["reason", &of.reason]);
    sheet.text()
}

pub(super) fn rpf(of: &RpfOf) -> String {
    let mut sheet = Sheet::facts();
    let address = match (of.is_me, of.connected) {
        (true, _) => format!("{}, this router", of.address),
        (false, true) => format!("{}, connected", of.address),
        (false, false) => of.address.to_string(),
    };
    sheet.row(["address", &address]);
    sheet.row(["interface", &or_dash(of.interface.as_ref())]);
    sheet.row(["next hop", &or_dash(of.next_hop)]);
    sheet.row(["neighbor", &or_dash(of.neighbor)]);
    sheet.row(["preference", &or_dash(of.preference)]);
    sheet.row(["metric", &or_dash(of.metric)]);
    sheet.row(["reason", &of.reason]);
    sheet.text()
}
