//! What a load changes, in the words of the control API.

use std::collections::BTreeSet;

use mcr_api::config::ConfigFile;
use mcr_api::state::{Changed, ConfigChange};
use mcr_config::{Loaded, Problems};
use mcr_proto::id::RuleName;
use mcr_proto::relay::{RelayRule, RuleChanges};
use serde_json::{Map, Value};
use tracing::error;

/// The most names of each kind that are told.
const MAX_NAMES: usize = 100;

/// The most characters of one value that are told.
const MAX_SHOWN: usize = 200;

/// The settings after a load that does not merge: those of the file.
pub(crate) fn replaced(file: ConfigFile) -> ConfigFile {
    ConfigFile {
        rules: Vec::new(),
        ..file
    }
}

/// The settings after a load that merges: what the file does not say stays, and
/// lists are taken whole (RFC 7396). What is right alone can be wrong together.
pub(crate) fn merged(running: &ConfigFile, file: ConfigFile) -> Result<Loaded, Problems> {
    let file = tree(&replaced(file));
    let mut whole = tree(running);
    patch(&mut whole, file);
    mcr_config::parse(
        "the running configuration with this one",
        &whole.to_string(),
    )
}

fn patch(whole: &mut Value, part: Value) {
    match (whole, part) {
        (Value::Object(whole), Value::Object(part)) => {
            for (key, value) in part {
                patch(whole.entry(key).or_insert(Value::Null), value);
            }
        }
        (whole, part) => *whole = part,
    }
}

/// What is not said is not in it.
fn tree(file: &ConfigFile) -> Value {
    serde_json::to_value(file).unwrap_or_else(|error| {
        error!(target: "config", %error, "settings that cannot be compared");
        Value::Null
    })
}

/// The difference.
pub(crate) fn describe(
    rules: &RuleChanges,
    running: &ConfigFile,
    target: &ConfigFile,
) -> ConfigChange {
    let mut all = Vec::new();
    compare(&mut all, "", Some(&tree(running)), Some(&tree(target)));
    let (at_restart, settings) = all.into_iter().partition(|line: &String| {
        let key = line.split_once(':').map_or("", |(key, _)| key);
        is_of_start(key)
    });
    ConfigChange {
        rules: Changed {
            added: names(rules.added.iter().map(name)),
            removed: names(rules.removed.iter()),
            changed: names(rules.changed.iter().map(name)),
        },
        added: rules.added.len(),
        removed: rules.removed.len(),
        changed: rules.changed.len(),
        settings,
        at_restart,
    }
}

/// Whether the setting is taken when the daemon starts, and not before.
fn is_of_start(key: &str) -> bool {
    key.starts_with("control.") || key == "workers.user"
}

/// One line for each setting that differs.
fn compare(out: &mut Vec<String>, key: &str, old: Option<&Value>, new: Option<&Value>) {
    let empty = Map::new();
    let members = |value: Option<&'_ Value>| match value {
        Some(Value::Object(members)) => Some(members.clone()),
        None => Some(empty.clone()),
        Some(_) => None,
    };
    // An interface that is listed takes part, whatever is said of it.
    let is_interface = key.rsplit_once('.').is_some_and(|(section, _)| {
        section.ends_with(".interfaces") && (old.is_none() || new.is_none())
    });
    match (members(old), members(new)) {
        _ if old == new => {}
        (Some(old), Some(new)) if !is_interface => {
            let keys: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
            for member in keys {
                let path = match key {
                    "" => member.clone(),
                    _ => format!("{key}.{member}"),
                };
                compare(out, &path, old.get(member), new.get(member));
            }
        }
        _ => {
            let absent = if is_interface { "none" } else { "default" };
            let shown = |value: Option<&Value>| value.map_or_else(|| absent.to_owned(), shown);
            out.push(format!("{key}: {} -> {}", shown(old), shown(new)));
        }
    }
}

fn shown(value: &Value) -> String {
    let mut text = match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => {
            let items = items.iter().take(MAX_NAMES).map(shown);
            format!("[{}]", items.collect::<Vec<_>>().join(", "))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => value.to_string(),
    };
    if let Some((end, _)) = text.char_indices().nth(MAX_SHOWN) {
        text.truncate(end);
        text.push_str("...");
    }
    text
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
