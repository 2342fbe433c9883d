//! ospfd: its configuration, and zebra and it beside a router that runs something
//! else.

use std::fmt::Write;
use std::fs;

use super::{Place, config, config_file, installed, prepare, processes, space};
use crate::backend::netns::Child;
use crate::node::{NodeError, Unfit};
use crate::topology::model::Ospf;

#[cfg(test)]
mod tests;

/// What runs beside a router of another kind.
pub(in crate::node) const DAEMONS: [&str; 2] = ["zebra", "ospfd"];

/// ospfd's configuration. Its timers are short: a neighbour is gone after four
/// seconds, and nothing waits for others to gather.
pub(super) fn config(name: &str, ospf: &Ospf) -> String {
    let mut text = format!("hostname {name}\n");
    let mut add = |line: std::fmt::Arguments<'_>| {
        // Writing to a String cannot fail.
        writeln!(text, "{line}").unwrap_or_default();
    };
    for interface in &ospf.interfaces {
        add(format_args!("!\ninterface {}", interface.name));
        add(format_args!(" ip ospf cost {}", interface.cost));
        add(format_args!(" ip ospf hello-interval 1"));
        add(format_args!(" ip ospf dead-interval 4"));
        add(format_args!(" ip ospf retransmit-interval 1"));
        if interface.point_to_point {
            add(format_args!(" ip ospf network point-to-point"));
        }
        if interface.passive {
            add(format_args!(" ip ospf passive"));
        }
    }
    add(format_args!("!\nrouter ospf"));
    add(format_args!(" ospf router-id {}", ospf.router_id));
    add(format_args!(" timers throttle spf 10 100 1000"));
    add(format_args!(" timers throttle lsa all 100"));
    add(format_args!(" timers lsa min-arrival 50"));
    let interfaces = ospf.interfaces.iter().flat_map(|one| &one.addresses);
    for address in interfaces.chain(&ospf.loopback) {
        add(format_args!(" network {address} area 0"));
    }
    text
}

/// Whether both are installed.
pub(in crate::node) fn check() -> Result<(), Unfit> {
    installed(&DAEMONS)
}

/// Starts both.
pub(in crate::node) fn start(place: &Place<'_>, ospf: &Ospf) -> Result<Vec<Child>, NodeError> {
    let folder = space(place.name);
    prepare(&folder, &place.folders.sockets).map_err(|source| place.file_error(&folder, source))?;
    let files = [config::zebra(place.name), config(place.name, ospf)];
    for (daemon, text) in DAEMONS.into_iter().zip(files) {
        let path = config_file(place, daemon);
        fs::write(&path, text).map_err(|source| place.file_error(&path, source))?;
    }
    let log = log(place);
    let processes = processes(place, &DAEMONS)?;
    let processes = processes.into_iter().map(|mut process| {
        (process.stdout, process.stderr) = place.to(&log)?;
        Ok(place.network.spawn(place.node, process)?)
    });
    processes.collect()
}

/// Where both write.
pub(in crate::node) fn log(place: &Place<'_>) -> std::path::PathBuf {
    place.folders.logs.join(format!("{}.ospf.log", place.name))
}
