//! Values as people read them.

use std::fmt::Display;

use mcr_api::rule::{Input, Output, Protocol, Source};
use mcr_api::state::{Changed, ConfigChange};

#[cfg(test)]
mod tests;

/// `eth0 239.1.1.1:5000 from 10.0.0.1 esp`
pub(crate) fn input(input: &Input) -> String {
    let mut text = format!("{} {}", input.interface, place(input.group, input.port));
    if let Some(source) = input.source {
        text.push_str(&format!(" from {source}"));
    }
    match &input.protocol {
        Some(Protocol::Name(name)) if name == "udp" => {}
        Some(Protocol::Name(name)) => text.push_str(&format!(" {name}")),
        Some(Protocol::Number(number)) => text.push_str(&format!(" protocol {number}")),
        None => {}
    }
    text
}

/// `eth1 239.2.2.2:6000 ttl 8 source keep`: only what was asked for.
pub(crate) fn output(output: &Output) -> String {
    let mut text = output.interface.clone();
    match (output.destination, output.port) {
        (Some(destination), port) => {
            text.push_str(&format!(" {}", place(destination, port)));
        }
        (None, Some(port)) => text.push_str(&format!(" port {port}")),
        (None, None) => {}
    }
    if let Some(ttl) = output.ttl {
        text.push_str(&format!(" ttl {ttl}"));
    }
    match &output.source {
        Some(Source::Address(address)) => text.push_str(&format!(" source {address}")),
        Some(Source::Name(name)) => text.push_str(&format!(" source {name}")),
        None => {}
    }
    if let Some(port) = output.source_port {
        text.push_str(&format!(" source-port {port}"));
    }
    if let Some(dscp) = output.dscp {
        text.push_str(&format!(" dscp {dscp}"));
    }
    text
}

/// An address, with its port if there is one.
pub(crate) fn place(address: impl Display, port: Option<u16>) -> String {
    port.map_or_else(|| address.to_string(), |port| format!("{address}:{port}"))
}

/// `3h 12m 5s`
pub(crate) fn duration(seconds: u64) -> String {
    let parts = [
        (seconds / 86400, 'd'),
        (seconds / 3600 % 24, 'h'),
        (seconds / 60 % 60, 'm'),
        (seconds % 60, 's'),
    ];
    let first = parts.iter().position(|(number, _)| *number > 0);
    parts[first.unwrap_or(3)..]
        .iter()
        .map(|(number, unit)| format!("{number}{unit}"))
        .collect::<Vec<_>>()
        .join(" ")
}

/// `12.3 Mbit/s`
pub(crate) fn bit_rate(bits_per_second: f64) -> String {
    let units = ["bit/s", "kbit/s", "Mbit/s", "Gbit/s", "Tbit/s"];
    let mut value = bits_per_second;
    let mut unit = 0;
    while value >= 1000.0 && unit + 1 < units.len() {
        value /= 1000.0;
        unit += 1;
    }
    let digits = usize::from(unit > 0);
    format!("{value:.digits$} {}", units[unit])
}

/// `1 rule`, `2 rules`
pub(crate) fn count(number: usize, what: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {what}{plural}")
}

/// What a change of rules did, a line a rule.
pub(crate) fn changed(changed: &Changed) -> String {
    let mut text = String::new();
    for (sign, names) in [
        ('+', &changed.added),
        ('-', &changed.removed),
        ('~', &changed.changed),
    ] {
        for name in names {
            text.push_str(&format!("{sign} {name}\n"));
        }
    }
    text
}

/// What a configuration load did or would do.
pub(crate) fn config_change(change: &ConfigChange) -> String {
    let mut text = format!(
        "{} added, {} removed, {} changed\n",
        count(change.added, "rule"),
        change.removed,
        change.changed
    );
    text.push_str(&changed(&change.rules));
    let all = change.added + change.removed + change.changed;
    let named = change.rules.added.len() + change.rules.removed.len() + change.rules.changed.len();
    if all > named {
        text.push_str(&format!("... and {} more\n", all - named));
    }
    for setting in &change.settings {
        text.push_str(&format!("~ {setting}\n"));
    }
    for setting in &change.at_restart {
        text.push_str(&format!("at the next start: {setting}\n"));
    }
    text
}
