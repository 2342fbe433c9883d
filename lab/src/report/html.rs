//! A run as one HTML file that needs nothing else: what was found, drawn, in
//! time, and with everything that was kept.

pub mod layout;

use std::fs;
use std::io;
use std::path::Path;

use serde_json::{Map, Value, json};

use super::RunReport;
use super::junit::escape;
use super::live::Live;
use super::svg;
use crate::files::end_of;
use crate::run::evidence;
use crate::topology::model::{LinkId, Medium, Topology};

#[cfg(test)]
mod tests;

const PAGE: &str = include_str!("html/page.html");
const STYLE: &str = include_str!("html/page.css");
/// One script, in whose own scope all is.
const SCRIPT: &str = concat!(
    "'use strict';\n(() => {\n",
    include_str!("html/page/base.js"),
    include_str!("html/page/steps.js"),
    include_str!("html/page/network.js"),
    include_str!("html/page/time.js"),
    include_str!("html/page/ledger.js"),
    include_str!("html/page/histogram.js"),
    include_str!("html/page/show.js"),
    "})();\n",
);

/// What of one file is shown.
const FILE_BYTES: u64 = 64 * 1024;
/// What of all files together is shown.
const FILES_BYTES: u64 = 4 * 1024 * 1024;
/// Events that are shown.
const EVENTS: usize = 20_000;

/// The name of the report in the run's folder.
pub const NAME: &str = "index.html";

/// Writes the report beside what was kept of the run.
///
/// # Errors
/// The file system's.
pub fn write(folder: &Path, run: &RunReport, topology: &Topology) -> io::Result<()> {
    fs::write(folder.join(NAME), document(folder, run, topology)?)
}

/// The report of a run, from what its folder holds.
///
/// # Errors
/// The file system's.
pub fn document(folder: &Path, run: &RunReport, topology: &Topology) -> io::Result<String> {
    let (events, left_out) = events(folder)?;
    let data = json!({
        "run": evidence::as_json(run),
        "about": topology.about,
        "nodes": nodes(topology),
        "links": links(topology),
        "receivers": receivers(topology),
        "sources": sources(topology),
        "events": events,
        "left_out": left_out,
        "files": files(folder)?,
    });
    // A script ends at its first `</script`, also inside a string.
    let data = data.to_string().replace('<', "\\u003c");
    let title = format!("{} {}: {}", run.lab, run.run, run.outcome.word());
    let parts = [
        ("{{title}}", escape(&title)),
        ("{{style}}", STYLE.to_owned()),
        ("{{network}}", svg::draw(topology, &Live::default())),
        ("{{data}}", data),
        ("{{script}}", SCRIPT.to_owned()),
    ];
    Ok(filled(PAGE, &parts))
}

/// The page with each place filled once; what is put in is not looked at again.
fn filled(page: &str, parts: &[(&str, String)]) -> String {
    let mut text = String::new();
    let mut rest = page;
    for (place, content) in parts {
        let Some((before, after)) = rest.split_once(place) else {
            continue;
        };
        text.push_str(before);
        text.push_str(content);
        rest = after;
    }
    text.push_str(rest);
    text
}

/// The diary in the order of time, and how many of its lines are left out.
fn events(folder: &Path) -> io::Result<(Vec<Value>, usize)> {
    let path = folder.join("events.ndjson");
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((Vec::new(), 0)),
        Err(error) => return Err(error),
    };
    let lines = text
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok());
    let mut events: Vec<Value> = lines.collect();
    let is_message = |event: &Value| event["event"] == "message" || event["event"] == "notice";
    let too_many = events.len().saturating_sub(EVENTS);
    // The end of a run tells more of a failure than its beginning.
    let mut leave = too_many;
    events.retain(|event| {
        let out = leave > 0 && is_message(event);
        leave -= usize::from(out);
        !out
    });
    events.sort_by_key(|event| event["at_ns"].as_u64().unwrap_or(0));
    Ok((events, too_many - leave))
}

/// The network as data, with what is to be told of its links, and the file that
/// it was made from.
#[must_use]
pub fn network(topology: &Topology, live: &Live) -> Value {
    let mut links = links(topology);
    for (position, link) in links.iter_mut().enumerate() {
        let told = live.link(LinkId(position));
        let from = told.from.iter().map(|node| node.0).collect::<Vec<_>>();
        link["up"] = json!(!told.down);
        link["wire"] = json!(told.wire);
        link["from"] = json!(from);
    }
    let origin = topology.origin.as_ref();
    json!({
        "lab": topology.name,
        "about": topology.about,
        "nodes": nodes(topology),
        "links": links,
        "receivers": receivers(topology),
        "sources": sources(topology),
        "file": origin.map(|origin| &origin.text),
        "vars": origin.map(|origin| &origin.vars),
    })
}

fn nodes(topology: &Topology) -> Vec<Value> {
    let nodes = topology.nodes.iter().map(|node| {
        let interfaces = node.interfaces.iter();
        let addresses: Vec<String> = interfaces
            .flat_map(|interface| &interface.addresses)
            .chain(&node.loopback)
            .map(|address| address.addr().to_string())
            .collect();
        let interfaces = node.interfaces.iter().map(|interface| {
            let all: Vec<String> = interface
                .addresses
                .iter()
                .map(ToString::to_string)
                .collect();
            json!({ "name": interface.name, "link": interface.link.0, "addresses": all })
        });
        json!({
            "name": node.name,
            "kind": node.kind.word(),
            "groups": node.groups,
            "addresses": addresses,
            "interfaces": interfaces.collect::<Vec<_>>(),
        })
    });
    nodes.collect()
}

fn links(topology: &Topology) -> Vec<Value> {
    let links = topology.links.iter().map(|link| {
        let ends: Vec<usize> = link.ends.iter().map(|(node, _)| node.0).collect();
        json!({
            "name": link.name,
            "net": link.net,
            "segment": matches!(link.medium, Medium::Bridge { .. }),
            "ends": ends,
        })
    });
    links.collect()
}

fn receivers(topology: &Topology) -> Vec<Value> {
    let receivers = topology.receivers.iter();
    receivers
        .map(|one| json!({ "name": one.name, "at": one.at.0, "groups": one.groups }))
        .collect()
}

fn sources(topology: &Topology) -> Vec<Value> {
    let sources = topology.sources.iter();
    sources
        .map(|one| json!({ "name": one.name, "at": one.at.0, "groups": one.groups }))
        .collect()
}

/// The texts that were kept, by folder and name. Of a long one the end is
/// shown.
fn files(folder: &Path) -> io::Result<Value> {
    let mut space = FILES_BYTES;
    let mut all = Map::new();
    for kind in ["configs", "logs", "state"] {
        let entries = match fs::read_dir(folder.join(kind)) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        };
        let mut paths: Vec<_> = entries
            .map(|entry| entry.map(|entry| entry.path()))
            .collect::<io::Result<_>>()?;
        paths.sort();
        for path in paths.iter().filter(|path| path.is_file()) {
            let (bytes, left_out) = end_of(path, FILE_BYTES.min(space))?;
            space = space.saturating_sub(bytes.len() as u64);
            let text = String::from_utf8_lossy(&bytes);
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let file = json!({ "text": text, "left_out": left_out });
            all.insert(format!("{kind}/{name}"), file);
        }
    }
    Ok(Value::Object(all))
}
