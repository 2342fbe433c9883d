//! `mcrctl show`

mod igmp;
mod mroute;
mod pim;

use std::io::Write;

use mcr_api::Method;
use mcr_api::client::Client;
use mcr_api::router::{
    IgmpGroup, IgmpInterface, Mroute, Neighbor, PimInterface, ProtocolCounters, Rp, RpOf, RpfOf,
};

use crate::args::{Show, ShowIgmp};
use crate::error::Error;
use crate::render::Output;
use crate::render::table::{Column, Sheet};

#[cfg(test)]
mod tests;

pub(crate) fn run(
    what: &Show,
    client: &mut Client,
    out: &mut Output<impl Write>,
) -> Result<(), Error> {
    match what {
        Show::Interfaces => {
            let interfaces: Vec<PimInterface> = client.call(Method::PimInterfaces {})?;
            out.show(&interfaces, |interfaces| pim::interfaces(interfaces))?;
        }
        Show::Neighbors => {
            let neighbors: Vec<Neighbor> = client.call(Method::PimNeighbors {})?;
            out.show(&neighbors, |neighbors| pim::neighbors(neighbors))?;
        }
        Show::Rp { group: None } => {
            let rps: Vec<Rp> = client.call(Method::PimRps {})?;
            out.show(&rps, |rps| pim::rps(rps))?;
        }
        Show::Rp { group: Some(group) } => {
            let rp: RpOf = client.call(Method::PimRp { group: *group })?;
            out.show(&rp, pim::rp_of)?;
        }
        Show::Rpf { address, group } => {
            let (address, group) = (*address, *group);
            let rpf: RpfOf = client.call(Method::Rpf { address, group })?;
            out.show(&rpf, pim::rpf)?;
        }
        Show::Igmp {
            what: ShowIgmp::Groups,
        } => {
            let groups: Vec<IgmpGroup> = client.pages(|cursor| Method::IgmpGroups { cursor })?;
            out.show(&groups, |groups| igmp::groups(groups))?;
        }
        Show::Igmp {
            what: ShowIgmp::Interfaces,
        } => {
            let interfaces: Vec<IgmpInterface> = client.call(Method::IgmpInterfaces {})?;
            out.show(&interfaces, |interfaces| igmp::interfaces(interfaces))?;
        }
        Show::Mroute { group, detail } => {
            let group = *group;
            let entries: Vec<Mroute> = client.pages(|cursor| Method::Mroute { group, cursor })?;
            out.show(&entries, |entries| {
                if *detail {
                    mroute::detail(entries)
                } else {
                    mroute::table(entries)
                }
            })?;
        }
        Show::Counters => {
            let counters: Vec<ProtocolCounters> = client.call(Method::StatsProtocols {})?;
            out.show(&counters, |counters| counts(counters))?;
        }
    }
    Ok(())
}

fn counts(counters: &[ProtocolCounters]) -> String {
    let mut sheet = Sheet::new(&[
        ("INTERFACE", Column::Word),
        ("COUNTER", Column::Text),
        ("COUNT", Column::Number),
    ]);
    for of_interface in counters {
        let interface = of_interface.interface.as_deref().unwrap_or("-");
        for (name, count) in &of_interface.counters {
            sheet.row([interface.to_owned(), name.clone(), count.to_string()]);
        }
    }
    or_none(sheet, "Nothing was counted.\n")
}

/// The table, or a sentence where it has no row.
fn or_none(sheet: Sheet, none: &str) -> String {
    if sheet.is_empty() {
        none.to_owned()
    } else {
        sheet.text()
    }
}

/// A value, or a dash.
fn or_dash<T: ToString>(value: Option<T>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| value.to_string())
}

/// A time as it is told of timers: `1.5s` below 10 s, then whole seconds.
fn time(seconds: f64) -> String {
    if seconds < 10.0 {
        return format!("{seconds:.1}s");
    }
    // As a cast from a float does, it stops at the limits.
    let whole = seconds.round() as u64;
    crate::render::text::duration(whole)
}

fn time_or_dash(seconds: Option<f64>) -> String {
    or_dash(seconds.map(time))
}
