//! The multicast routing table.

use mcr_api::router::{AssertState, DownstreamState, Mroute, MrouteInterface, RegisterState};

use super::{or_dash, time, time_or_dash};
use crate::render::table::{Column, Sheet};

const FLAGS: &str = "\
J joined  T source tree  R registered  P pruned off the RP tree
";

pub(super) fn table(entries: &[Mroute]) -> String {
    if entries.is_empty() {
        return none();
    }
    let mut sheet = Sheet::new(&[
        ("SOURCE", Column::Word),
        ("GROUP", Column::Word),
        ("FLAGS", Column::Word),
        ("IN", Column::Word),
        ("OUT", Column::Text),
    ]);
    for entry in entries {
        sheet.row([
            entry
                .source
                .map_or("*".to_owned(), |source| source.to_string()),
            entry.group.to_string(),
            flags(entry),
            or_dash(entry.iif.as_ref()),
            outputs(entry),
        ]);
    }
    sheet.text() + FLAGS
}

fn none() -> String {
    "No entries.\n".to_owned()
}

fn flags(entry: &Mroute) -> String {
    let all = [
        (entry.joined, 'J'),
        (entry.spt_bit, 'T'),
        (entry.register == RegisterState::Join, 'R'),
        (entry.rpt_pruned, 'P'),
    ];
    all.into_iter()
        .filter_map(|(set, flag)| set.then_some(flag))
        .collect()
}

fn outputs(entry: &Mroute) -> String {
    if entry.olist.is_empty() {
        "-".to_owned()
    } else {
        entry.olist.join(" ")
    }
}

pub(super) fn detail(entries: &[Mroute]) -> String {
    if entries.is_empty() {
        return none();
    }
    let entries: Vec<String> = entries.iter().map(facts).collect();
    entries.join("\n")
}

fn facts(entry: &Mroute) -> String {
    let source = entry
        .source
        .map_or("*".to_owned(), |source| source.to_string());
    let mut sheet = Sheet::facts();
    sheet.row(["in", &input(entry)]);
    sheet.row(["out", &outputs(entry)]);
    sheet.row(["upstream", &upstream(entry)]);
    if let Some(rp) = entry.rp {
        sheet.row(["RP", &rp.to_string()]);
    }
    if let Some(keepalive) = entry.keepalive {
        sheet.row(["keepalive", &time(keepalive)]);
    }
    if let Some(register) = register(entry) {
        sheet.row(["register", &register]);
    }
    if let Some(packets) = entry.packets {
        let bytes = or_dash(entry.bytes);
        sheet.row(["packets", &format!("{packets}, {bytes} bytes")]);
    }
    for interface in &entry.interfaces {
        sheet.row([interface.interface.as_str(), &state(interface)]);
    }
    format!("({source}, {})\n{}", entry.group, indent(&sheet.text()))
}

fn indent(text: &str) -> String {
    text.lines().map(|line| format!("  {line}\n")).collect()
}

fn input(entry: &Mroute) -> String {
    match (&entry.iif, entry.rpf_neighbor) {
        (Some(iif), Some(neighbor)) => format!("{iif} from {neighbor}"),
        (iif, _) => or_dash(iif.as_ref()),
    }
}

fn upstream(entry: &Mroute) -> String {
    let mut parts = vec![match (entry.joined, entry.join_timer) {
        (true, Some(timer)) => format!("joined, next Join in {}", time(timer)),
        (true, None) => "joined".to_owned(),
        (false, _) => "not joined".to_owned(),
    }];
    if entry.spt_bit {
        parts.push("on the source's own tree".to_owned());
    }
    if entry.rpt_pruned {
        parts.push("pruned off the RP tree".to_owned());
    }
    parts.join(", ")
}

fn register(entry: &Mroute) -> Option<String> {
    let state = match entry.register {
        RegisterState::NoInfo => return None,
        RegisterState::Join => "packets go to the RP",
        RegisterState::JoinPending => "stopped, a probe is out",
        RegisterState::Prune => "stopped by the RP",
    };
    Some(match entry.register_timer {
        Some(timer) => format!("{state}, for {}", time(timer)),
        None => state.to_owned(),
    })
}

fn state(interface: &MrouteInterface) -> String {
    let mut parts = Vec::new();
    match interface.downstream {
        None => {}
        Some(DownstreamState::Join) => {
            parts.push(format!(
                "joined, expires in {}",
                time_or_dash(interface.expires)
            ));
        }
        Some(DownstreamState::PrunePending) => {
            parts.push(format!(
                "prune pending, for {}",
                time_or_dash(interface.expires)
            ));
        }
    }
    if interface.local_members {
        parts.push("local members".to_owned());
    }
    if interface.rpt_pruned {
        parts.push("pruned off the RP tree".to_owned());
    }
    let winner = or_dash(interface.assert_winner);
    let timer = time_or_dash(interface.assert_timer);
    match interface.assert {
        AssertState::NoInfo => {}
        AssertState::Winner => parts.push(format!("Assert won, for {timer}")),
        AssertState::Loser => parts.push(format!("Assert lost to {winner}, for {timer}")),
    }
    parts.join("; ")
}
