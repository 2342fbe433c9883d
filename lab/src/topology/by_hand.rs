//! Receivers and sources that a running lab has beside those of its file: they
//! are written as there, and called by their node and group.

use std::net::Ipv4Addr;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::resolve::is_word;

/// The part of a lab file that it would stand in.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Table {
    /// Those that join.
    Receivers,
    /// Those that send.
    Sources,
}

impl Table {
    fn key(self) -> &'static str {
        match self {
            Table::Receivers => "receivers",
            Table::Sources => "sources",
        }
    }
}

/// A receiver or source that is in no file.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct ByHand {
    /// Which of both.
    pub table: Table,
    /// Its name.
    pub name: String,
    /// What a file would say of it.
    pub entry: Value,
}

impl ByHand {
    /// As a lab file of its own, to be laid upon that of the lab.
    pub(super) fn text(&self) -> String {
        json!({ self.table.key(): { &self.name: &self.entry } }).to_string()
    }

    /// The same one, whatever is said of it.
    pub(super) fn is(&self, other: &ByHand) -> bool {
        self.table == other.table && self.name == other.name
    }
}

/// What one in a node is called, for a group.
#[must_use]
pub fn name(node: &str, group: Ipv4Addr) -> String {
    format!("{node}:{group}")
}

/// Whether something is called so.
pub(super) fn is_name(name: &str) -> bool {
    let parts = name.split_once(':');
    parts.is_some_and(|(node, group)| is_word(node, 32) && group.parse::<Ipv4Addr>().is_ok())
}
