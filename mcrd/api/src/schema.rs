//! The JSON Schema of the lines, for programs in other languages. The same
//! types that the daemon reads and writes make it, so it cannot differ.

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Map, Value, json};

use crate::router::{
    IgmpGroup, IgmpInterface, Mroute, Neighbor, PimInterface, ProtocolCounters, Rp, RpOf, RpfOf,
    WatchLine,
};
use crate::state::{
    ConfigChange, InputStats, Interface, LogLevels, Page, RuleStats, RuleStatus, Saved, Status,
    Version, Worker,
};
use crate::{Hello, MAX_LINE, PROTOCOL, Reply, Request, config, state};

#[cfg(test)]
mod tests;

/// The schema: any line matches it, and `x-results` says what the result of
/// each method is.
#[must_use]
pub fn schema() -> Value {
    let mut generator = SchemaSettings::draft2020_12().into_generator();
    let lines = [
        reference::<Hello>(&mut generator),
        reference::<Request>(&mut generator),
        reference::<Reply>(&mut generator),
        reference::<WatchLine>(&mut generator),
    ];
    let results = results(&mut generator);
    let mut schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "mcrd control API",
        "description": format!(
            "Protocol {PROTOCOL}: lines of JSON, at most {MAX_LINE} bytes each."
        ),
        "anyOf": lines,
        "x-results": results,
        "$defs": generator.take_definitions(true),
    });
    plain_descriptions(&mut schema);
    schema
}

/// The schema of the configuration file.
#[must_use]
pub fn config_schema() -> Value {
    let generator = SchemaSettings::draft2020_12().into_generator();
    let mut schema = generator
        .into_root_schema_for::<config::ConfigFile>()
        .to_value();
    plain_descriptions(&mut schema);
    schema
}

/// The descriptions are the types' documentation, whose links lead nowhere
/// outside rustdoc: what remains of a link is the last part of its name.
fn plain_descriptions(value: &mut Value) {
    match value {
        Value::Object(map) => {
            if let Some(Value::String(text)) = map.get_mut("description") {
                *text = without_links(text);
            }
            map.values_mut().for_each(plain_descriptions);
        }
        Value::Array(items) => items.iter_mut().for_each(plain_descriptions),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn without_links(text: &str) -> String {
    let mut parts = text.split("[`");
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (link, rest) = part.split_once("`]").unwrap_or((part, ""));
        let name = link.rsplit("::").next().unwrap_or(link);
        plain.push('`');
        plain.push_str(name);
        plain.push('`');
        plain.push_str(rest);
    }
    plain
}

fn reference<T: JsonSchema>(generator: &mut SchemaGenerator) -> Value {
    generator.subschema_for::<T>().to_value()
}

/// What each method returns.
fn results(generator: &mut SchemaGenerator) -> Map<String, Value> {
    let nothing = json!({ "type": "object", "maxProperties": 0 });
    let changed = reference::<state::Changed>(generator);
    let config_change = reference::<ConfigChange>(generator);
    let log_levels = reference::<LogLevels>(generator);
    [
        ("version", reference::<Version>(generator)),
        ("status", reference::<Status>(generator)),
        ("rules.list", reference::<Page<RuleStatus>>(generator)),
        ("rules.show", reference::<RuleStatus>(generator)),
        ("rules.add", changed.clone()),
        ("rules.remove", changed),
        ("stats.rules", reference::<Page<RuleStats>>(generator)),
        ("stats.inputs", reference::<Vec<InputStats>>(generator)),
        ("workers", reference::<Vec<Worker>>(generator)),
        ("interfaces", reference::<Vec<Interface>>(generator)),
        ("pim.interfaces", reference::<Vec<PimInterface>>(generator)),
        ("pim.neighbors", reference::<Vec<Neighbor>>(generator)),
        ("pim.rps", reference::<Vec<Rp>>(generator)),
        ("pim.rp", reference::<RpOf>(generator)),
        ("rpf", reference::<RpfOf>(generator)),
        (
            "igmp.interfaces",
            reference::<Vec<IgmpInterface>>(generator),
        ),
        ("igmp.groups", reference::<Page<IgmpGroup>>(generator)),
        ("mroute", reference::<Page<Mroute>>(generator)),
        (
            "stats.protocols",
            reference::<Vec<ProtocolCounters>>(generator),
        ),
        ("watch", nothing.clone()),
        ("config.show", reference::<config::ConfigFile>(generator)),
        ("config.begin", nothing.clone()),
        ("config.put", nothing),
        ("config.check", config_change.clone()),
        ("config.load", config_change.clone()),
        ("config.reload", config_change.clone()),
        ("config.diff", config_change),
        ("config.save", reference::<Saved>(generator)),
        ("log.get", log_levels.clone()),
        ("log.set", log_levels),
    ]
    .into_iter()
    .map(|(method, result)| (method.to_owned(), result))
    .collect()
}
