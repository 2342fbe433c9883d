//! The file's sections.

use std::collections::{BTreeMap, BTreeSet};

use jsonc_parser::ast::Value;
use mcr_api::rule::{Protocol, Source};
use mcr_api::state::{Facility, LogLevel};
use mcr_proto::config::Config as RouterConfig;
use mcr_proto::id::{InterfaceName, Invalid};
use mcr_proto::relay::RelayRule;

use crate::across::Across;
use crate::router::router;
use crate::rule::{InputDraft, OutputDraft, RuleDraft, check};
use crate::walk::{Field, Findings, Found, Members, Path, Walk, nearest, shown, span};
use crate::{Loaded, MAX_CPU, syntax};

pub(crate) const FILE: &[&str] = &[
    "control", "log", "workers", "pinning", "pim", "igmp", "mroutes", "rules",
];
pub(crate) const CONTROL: &[&str] = &["socket", "group"];
pub(crate) const LOG: &[&str] = &["level", "facilities"];
pub(crate) const WORKERS: &[&str] = &["io_uring", "user"];
pub(crate) const RULE: &[&str] = &["name", "input", "outputs"];
pub(crate) const INPUT: &[&str] = &["interface", "group", "port", "source", "protocol"];
pub(crate) const OUTPUT: &[&str] = &[
    "interface",
    "destination",
    "port",
    "ttl",
    "source",
    "source_port",
    "dscp",
];

/// The longest path of a Unix socket: `sun_path` with its closing NUL has 108
/// bytes (unix(7)).
const MAX_SOCKET_PATH: usize = 107;

/// Everything that is in the text, or everything that is wrong with it.
pub(crate) fn read(text: &str) -> Result<Loaded, Findings> {
    let one = |found: Box<Found>| Findings {
        kept: vec![*found],
        total: 1,
    };
    let root = syntax::tree(text).map_err(one)?;
    let mut walk = Walk::default();
    let (pinning, rules, router) = file(&mut walk, &root);
    if walk.findings.total == 0 {
        let file = syntax::settings(text).map_err(one)?;
        return Ok(Loaded {
            file,
            rules,
            pinning,
            router,
        });
    }
    if let Err(found) = syntax::strict(text) {
        walk.findings.report(|| *found);
    }
    walk.findings.kept.sort_by_key(|found| found.span.start);
    Err(walk.findings)
}

type Pinning = BTreeMap<InterfaceName, Vec<u32>>;

fn file(walk: &mut Walk, root: &Value<'_>) -> (Pinning, Vec<RelayRule>, RouterConfig) {
    let Some(members) = walk.object(root, &Path::Root, FILE) else {
        return Default::default();
    };
    let section = |key: &'static str| members.get(key).map(|value| (value, Path::Root.key(key)));
    if let Some((value, path)) = section("control") {
        control(walk, value, &path);
    }
    if let Some((value, path)) = section("log") {
        log(walk, value, &path);
    }
    if let Some((value, path)) = section("workers") {
        workers(walk, value, &path);
    }
    let pinning = section("pinning").map(|(value, path)| pinning(walk, value, &path));
    let rules = section("rules").map(|(value, path)| rules(walk, value, &path));
    let router = router(walk, &members);
    (
        pinning.unwrap_or_default(),
        rules.unwrap_or_default(),
        router,
    )
}

/// A key that can be left out, or be null, which says the same.
fn optional<'v, 't>(members: &Members<'v, 't>, key: &str) -> Option<&'v Value<'t>> {
    members
        .get(key)
        .filter(|value| !matches!(value, Value::NullKeyword(_)))
}

fn control(walk: &mut Walk, value: &Value<'_>, path: &Path<'_>) {
    let Some(members) = walk.object(value, path, CONTROL) else {
        return;
    };
    if let Some(value) = optional(&members, "socket") {
        let path = path.key("socket");
        if let Field::Given(socket) = walk.string(value, &path) {
            let reason = if !socket.starts_with('/') {
                Some("the socket's path must be absolute".to_owned())
            } else if socket.len() > MAX_SOCKET_PATH {
                Some(format!(
                    "the socket's path has {} bytes, and the limit is {MAX_SOCKET_PATH}",
                    socket.len()
                ))
            } else {
                None
            };
            if let Some(reason) = reason {
                walk.report(span(value), &path, || (reason, None));
            }
        }
    }
    account(walk, &members, path, "group");
}

fn account(walk: &mut Walk, members: &Members<'_, '_>, path: &Path<'_>, key: &str) {
    let Some(value) = optional(members, key) else {
        return;
    };
    let path = path.key(key);
    if let Field::Given(name) = walk.string(value, &path)
        && name.is_empty()
    {
        walk.report(span(value), &path, || {
            (format!("the name of the {key} is empty"), None)
        });
    }
}

fn log(walk: &mut Walk, value: &Value<'_>, path: &Path<'_>) {
    let Some(members) = walk.object(value, path, LOG) else {
        return;
    };
    if let Some(value) = optional(&members, "level") {
        level(walk, value, &path.key("level"));
    }
    let Some(facilities) = members.get("facilities") else {
        return;
    };
    let path = path.key("facilities");
    let Some(facilities) = walk.map(facilities, &path) else {
        return;
    };
    for member in &facilities.properties {
        let name = member.name.as_str();
        if !Facility::ALL.iter().any(|known| known.name() == name) {
            walk.report(span(&member.name), &path.key(name), || {
                let known = Facility::ALL.map(Facility::name);
                let message = format!("there is no log facility '{}'", shown(name));
                (message, Some(nearest(name, &known)))
            });
        }
        level(walk, &member.value, &path.key(name));
    }
}

fn level(walk: &mut Walk, value: &Value<'_>, path: &Path<'_>) {
    if let Field::Given(name) = walk.string(value, path)
        && !LogLevel::ALL.iter().any(|known| known.name() == name)
    {
        walk.report(span(value), path, || {
            let message = format!("there is no log level '{}'", shown(&name));
            (
                message,
                Some(nearest(&name, &LogLevel::ALL.map(LogLevel::name))),
            )
        });
    }
}

fn workers(walk: &mut Walk, value: &Value<'_>, path: &Path<'_>) {
    let Some(members) = walk.object(value, path, WORKERS) else {
        return;
    };
    if let Some(value) = optional(&members, "io_uring") {
        // The value itself is read with the file's shape.
        walk.boolean(value, &path.key("io_uring"));
    }
    account(walk, &members, path, "user");
}

fn pinning(walk: &mut Walk, value: &Value<'_>, path: &Path<'_>) -> Pinning {
    let mut pinning = Pinning::new();
    let Some(object) = walk.map(value, path) else {
        return pinning;
    };
    for member in &object.properties {
        let name = member.name.as_str();
        let path = path.key(name);
        let interface = match name.parse::<InterfaceName>() {
            Ok(interface) => Some(interface),
            Err(Invalid(reason)) => {
                walk.report(span(&member.name), &path, || (reason, None));
                None
            }
        };
        let cpus = cpus(walk, &member.value, &path);
        if let Some(interface) = interface {
            pinning.insert(interface, cpus);
        }
    }
    pinning
}

fn cpus(walk: &mut Walk, value: &Value<'_>, path: &Path<'_>) -> Vec<u32> {
    let Some(list) = walk.list(value, path) else {
        return Vec::new();
    };
    if list.is_empty() {
        walk.report(span(value), path, || {
            let help = "leave the interface out to let its worker run anywhere";
            ("no CPU is listed".to_owned(), Some(help.to_owned()))
        });
    }
    let mut seen = BTreeSet::new();
    let mut cpus = Vec::new();
    for (position, value) in list.iter().enumerate() {
        let path = path.index(position);
        let Field::Given(cpu) = walk.integer::<u32>(value, &path, 0..=u64::from(MAX_CPU)) else {
            continue;
        };
        if !seen.insert(cpu) {
            walk.report(span(value), &path, || {
                let help = "one worker runs on each CPU of the list";
                (format!("CPU {cpu} is listed twice"), Some(help.to_owned()))
            });
        }
        cpus.push(cpu);
    }
    cpus
}

fn rules(walk: &mut Walk, value: &Value<'_>, path: &Path<'_>) -> Vec<RelayRule> {
    let mut rules = Vec::new();
    let mut across = Across::default();
    for (position, value) in walk.list(value, path).into_iter().flatten().enumerate() {
        let path = path.index(position);
        let Some(draft) = rule(walk, value, &path) else {
            continue;
        };
        let named = matches!(draft.name, Field::Given(_));
        let checked = check(draft);
        for mistake in &checked.mistakes {
            walk.findings.report(|| Found {
                span: locate(value, &mistake.key),
                key: format!("{path}.{}", mistake.key),
                message: mistake.message.clone(),
                help: mistake.help.clone(),
                related: None,
            });
        }
        across.rule(walk, position, value, &checked, named);
        rules.extend(checked.rule);
    }
    rules
}

fn rule(walk: &mut Walk, value: &Value<'_>, path: &Path<'_>) -> Option<RuleDraft> {
    let members = walk.object(value, path, RULE)?;
    let name = match optional(&members, "name") {
        Some(value) => walk.string(value, &path.key("name")),
        None => Field::Absent,
    };
    let input = match walk.required(&members, path, "input") {
        Some(value) => input(walk, value, &path.key("input")),
        None => None,
    };
    let outputs = match walk.required(&members, path, "outputs") {
        Some(value) => {
            let path = path.key("outputs");
            walk.list(value, &path).map(|list| {
                let list = list.iter().enumerate();
                list.map(|(position, value)| output(walk, value, &path.index(position)))
                    .collect()
            })
        }
        None => None,
    };
    Some(RuleDraft {
        name,
        input: input.unwrap_or(InputDraft {
            interface: Field::Bad,
            group: Field::Bad,
            port: Field::Absent,
            source: Field::Absent,
            protocol: Field::Bad,
        }),
        outputs: outputs.map_or(Field::Bad, Field::Given),
    })
}

fn input(walk: &mut Walk, value: &Value<'_>, path: &Path<'_>) -> Option<InputDraft> {
    let members = walk.object(value, path, INPUT)?;
    let interface = match walk.required(&members, path, "interface") {
        Some(value) => walk.string(value, &path.key("interface")),
        None => Field::Bad,
    };
    let group = match walk.required(&members, path, "group") {
        Some(value) => walk.address(value, &path.key("group")),
        None => Field::Bad,
    };
    let source = match optional(&members, "source") {
        Some(value) => walk.address(value, &path.key("source")),
        None => Field::Absent,
    };
    let protocol = match optional(&members, "protocol") {
        Some(Value::StringLit(name)) => {
            Field::Given(Protocol::Name(name.value.clone().into_owned()))
        }
        Some(value) => walk
            .integer(value, &path.key("protocol"), 0..=255)
            .map(Protocol::Number),
        None => Field::Absent,
    };
    Some(InputDraft {
        interface,
        group,
        port: port(walk, &members, path, "port"),
        source,
        protocol,
    })
}

fn port(walk: &mut Walk, members: &Members<'_, '_>, path: &Path<'_>, key: &str) -> Field<u16> {
    match optional(members, key) {
        Some(value) => walk.integer(value, &path.key(key), 1..=65535),
        None => Field::Absent,
    }
}

fn output(walk: &mut Walk, value: &Value<'_>, path: &Path<'_>) -> OutputDraft {
    let Some(members) = walk.object(value, path, OUTPUT) else {
        return OutputDraft {
            interface: Field::Bad,
            destination: Field::Absent,
            port: Field::Absent,
            ttl: Field::Absent,
            source: Field::Absent,
            source_port: Field::Absent,
            dscp: Field::Absent,
        };
    };
    let interface = match walk.required(&members, path, "interface") {
        Some(value) => walk.string(value, &path.key("interface")),
        None => Field::Bad,
    };
    let destination = match optional(&members, "destination") {
        Some(value) => walk.address(value, &path.key("destination")),
        None => Field::Absent,
    };
    let ttl = match optional(&members, "ttl") {
        Some(value) => walk.integer(value, &path.key("ttl"), 1..=255),
        None => Field::Absent,
    };
    let source = match optional(&members, "source") {
        Some(value) => walk.string(value, &path.key("source")).map(|text| {
            text.parse()
                .map_or_else(|_| Source::Name(text), Source::Address)
        }),
        None => Field::Absent,
    };
    let dscp = match optional(&members, "dscp") {
        Some(value) => walk.integer(value, &path.key("dscp"), 0..=63),
        None => Field::Absent,
    };
    OutputDraft {
        interface,
        destination,
        port: port(walk, &members, path, "port"),
        ttl,
        source,
        source_port: port(walk, &members, path, "source_port"),
        dscp,
    }
}

/// Where the value of a key such as `outputs[0].ttl` stands, or the part of
/// the way to it that there is.
pub(crate) fn locate(value: &Value<'_>, key: &str) -> std::ops::Range<usize> {
    let mut value = value;
    for part in key.split(['.', '[']) {
        let next = match value {
            Value::Object(object) => object
                .properties
                .iter()
                .find(|member| member.name.as_str() == part)
                .map(|member| &member.value),
            Value::Array(list) => part
                .trim_end_matches(']')
                .parse()
                .ok()
                .and_then(|index: usize| list.elements.get(index)),
            Value::StringLit(_)
            | Value::NumberLit(_)
            | Value::BooleanLit(_)
            | Value::NullKeyword(_) => None,
        };
        match next {
            Some(next) => value = next,
            None => break,
        }
    }
    span(value)
}
