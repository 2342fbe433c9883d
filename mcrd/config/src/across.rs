//! What the rules of a file must not be together.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::ops::Range;

use jsonc_parser::ast::Value;
use mcr_proto::id::{InterfaceName, RuleName};
use mcr_proto::relay::{MAX_RULES, MAX_RULES_PER_INTERFACE, RelayInput};

use crate::file::locate;
use crate::rule::Checked;
use crate::walk::{Found, Walk};

/// The rules seen so far.
#[derive(Default)]
pub(crate) struct Across {
    names: HashMap<RuleName, (usize, Range<usize>)>,
    inputs: HashMap<RelayInput, (usize, Range<usize>)>,
    per_interface: HashMap<InterfaceName, usize>,
    all: usize,
}

impl Across {
    /// Compares one more rule. Names that were derived are the same only where
    /// the inputs are, so they are not compared with each other.
    pub(crate) fn rule(
        &mut self,
        walk: &mut Walk,
        position: usize,
        value: &Value<'_>,
        checked: &Checked,
        named: bool,
    ) {
        let report = |walk: &mut Walk, key: &str, message: String, help, related| {
            walk.findings.report(|| Found {
                span: locate(value, key),
                key: format!("rules[{position}].{key}"),
                message,
                help,
                related,
            });
        };
        let mut same_input = false;
        if let Some(input) = &checked.input {
            match self.inputs.entry(input.clone()) {
                Entry::Occupied(first) => {
                    let (first, place) = first.get().clone();
                    same_input = true;
                    let message = format!("rules[{first}] has the same input");
                    let help = "put all outputs of one input into one rule";
                    let related = Some((place, "first here".to_owned()));
                    report(walk, "input", message, Some(help.to_owned()), related);
                }
                Entry::Vacant(free) => {
                    free.insert((position, locate(value, "input")));
                }
            }
            let count = self
                .per_interface
                .entry(input.interface.clone())
                .or_default();
            *count += 1;
            if *count == MAX_RULES_PER_INTERFACE + 1 {
                let message = format!(
                    "more than {MAX_RULES_PER_INTERFACE} rules have the input interface '{}'",
                    input.interface
                );
                report(walk, "input.interface", message, None, None);
            }
        }
        if let Some(name) = checked.name.as_ref().filter(|_| named || !same_input) {
            match self.names.entry(name.clone()) {
                Entry::Occupied(first) => {
                    let (first, place) = first.get().clone();
                    let message = format!("rules[{first}] has the name '{name}' too");
                    let related = Some((place, "first here".to_owned()));
                    report(walk, "name", message, None, related);
                }
                Entry::Vacant(free) => {
                    free.insert((position, locate(value, "name")));
                }
            }
        }
        self.all += 1;
        if self.all == MAX_RULES + 1 {
            let message = format!("there are more than {MAX_RULES} rules");
            report(walk, "", message, None, None);
        }
    }
}
