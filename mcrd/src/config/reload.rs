//! What a load changes, in the words of the control API.

use std::collections::BTreeSet;

use mcr_api::config::ConfigFile;
use mcr_api::state::{Changed, ConfigChange, Facility, LogLevel};
use mcr_proto::id::RuleName;
use mcr_proto::relay::{RelayRule, RuleChanges};

/// The most names of each kind that are told.
const MAX_NAMES: usize = 100;

/// The settings after a load. With `merge`, what the file does not say stays.
pub(crate) fn target(running: &ConfigFile, file: &ConfigFile, merge: bool) -> ConfigFile {
    let mut target = ConfigFile {
        rules: Vec::new(),
        ..file.clone()
    };
    if merge {
        let old = running.clone();
        target.control.socket = target.control.socket.or(old.control.socket);
        target.control.group = target.control.group.or(old.control.group);
        target.log.level = target.log.level.or(old.log.level);
        for (facility, level) in old.log.facilities {
            target.log.facilities.entry(facility).or_insert(level);
        }
        target.workers.io_uring = target.workers.io_uring.or(old.workers.io_uring);
        target.workers.user = target.workers.user.or(old.workers.user);
        for (interface, cpus) in old.pinning {
            target.pinning.entry(interface).or_insert(cpus);
        }
    }
    target
}

/// The difference.
pub(crate) fn describe(
    rules: &RuleChanges,
    running: &ConfigFile,
    target: &ConfigFile,
) -> ConfigChange {
    ConfigChange {
        rules: Changed {
            added: names(rules.added.iter().map(name)),
            removed: names(rules.removed.iter()),
            changed: names(rules.changed.iter().map(name)),
        },
        added: rules.added.len(),
        removed: rules.removed.len(),
        changed: rules.changed.len(),
        settings: settings(running, target),
        at_restart: at_restart(running, target),
    }
}

/// Settings that are taken when the daemon starts.
fn at_restart(running: &ConfigFile, target: &ConfigFile) -> Vec<String> {
    let mut out = Vec::new();
    let control = (&running.control, &target.control);
    compare(
        &mut out,
        "control.socket",
        control.0.socket.clone(),
        control.1.socket.clone(),
    );
    compare(
        &mut out,
        "control.group",
        control.0.group.clone(),
        control.1.group.clone(),
    );
    compare(
        &mut out,
        "workers.user",
        running.workers.user.clone(),
        target.workers.user.clone(),
    );
    out
}

/// Settings that are taken at once.
fn settings(running: &ConfigFile, target: &ConfigFile) -> Vec<String> {
    let mut out = Vec::new();
    compare(
        &mut out,
        "workers.io_uring",
        running.workers.io_uring.map(|on| on.to_string()),
        target.workers.io_uring.map(|on| on.to_string()),
    );
    compare(
        &mut out,
        "log.level",
        running.log.level.map(level),
        target.log.level.map(level),
    );
    for facility in Facility::ALL {
        compare(
            &mut out,
            &format!("log.facilities.{}", facility.name()),
            running.log.facilities.get(&facility).copied().map(level),
            target.log.facilities.get(&facility).copied().map(level),
        );
    }
    let interfaces: BTreeSet<&String> = running
        .pinning
        .keys()
        .chain(target.pinning.keys())
        .collect();
    for interface in interfaces {
        compare(
            &mut out,
            &format!("pinning.{interface}"),
            running
                .pinning
                .get(interface)
                .map(|cpus| format!("{cpus:?}")),
            target
                .pinning
                .get(interface)
                .map(|cpus| format!("{cpus:?}")),
        );
    }
    out
}

fn compare(out: &mut Vec<String>, key: &str, old: Option<String>, new: Option<String>) {
    if old != new {
        let shown = |value: Option<String>| value.unwrap_or_else(|| "default".to_owned());
        out.push(format!("{key}: {} -> {}", shown(old), shown(new)));
    }
}

fn level(level: LogLevel) -> String {
    level.name().to_owned()
}

const fn name(rule: &RelayRule) -> &RuleName {
    &rule.name
}

fn names<'a>(names: impl Iterator<Item = &'a RuleName>) -> Vec<String> {
    names.take(MAX_NAMES).map(ToString::to_string).collect()
}

/// One line for the log.
pub(crate) fn summary(change: &ConfigChange) -> String {
    let mut parts = vec![format!(
        "rules: {} added, {} removed, {} changed",
        change.added, change.removed, change.changed
    )];
    parts.extend(change.settings.iter().cloned());
    parts.extend(
        change
            .at_restart
            .iter()
            .map(|setting| format!("{setting} (at the next start)")),
    );
    parts.join("; ")
}

#[cfg(test)]
mod tests;
