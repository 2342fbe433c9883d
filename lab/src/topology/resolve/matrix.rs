//! Variables with several values, and how often a lab is run.

use super::Context;
use crate::topology::decode::{Problem, Sink};
use crate::topology::place::At;
use crate::topology::tree::{Key, Tree, Value};

/// The most variables of a matrix.
const MAX_NAMES: usize = 8;

/// The most values of one.
const MAX_VALUES: usize = 32;

/// Variables, each with its values, of which it has one at least.
pub(super) struct Matrix(Vec<(String, Vec<Tree>)>);

/// Reads `matrix`; mistakes go to the sink.
pub(super) fn read(root: &Tree, sink: &Sink) -> Matrix {
    let written = root.get("matrix");
    let entries = written.map(Tree::entries).unwrap_or_default();
    if let Some((key, _)) = entries.get(MAX_NAMES) {
        let message = format!("a matrix has {MAX_NAMES} variables at most");
        sink.add(Problem::new(key.span, message));
    }
    let variable = |(key, tree): &(Key, Tree)| {
        if let Value::List(values) = &tree.value
            && (1..=MAX_VALUES).contains(&values.len())
        {
            return Some((key.text.clone(), values.clone()));
        }
        let message = format!("expected 1 to {MAX_VALUES} values, found {}", tree.value);
        let help = format!("write `{}: [mcrd, frr]`", key.text);
        sink.add(Problem::new(tree.span, message).help(help));
        None
    };
    Matrix(entries.iter().filter_map(variable).collect())
}

impl Matrix {
    /// The value that each has where none is chosen.
    pub(super) fn first(&self) -> impl Iterator<Item = (String, Tree)> {
        let variables = self.0.iter();
        variables.filter_map(|(name, values)| Some((name.clone(), values.first()?.clone())))
    }

    /// Names and values as text, as the command line gives them.
    pub(super) fn values(&self) -> Vec<(String, Vec<String>)> {
        let text = |tree: &Tree| match &tree.value {
            Value::String(text) => text.clone(),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::List(_) | Value::Map(_) => {
                tree.to_json().to_string()
            }
        };
        let variables = self.0.iter();
        variables
            .map(|(name, values)| (name.clone(), values.iter().map(text).collect()))
            .collect()
    }
}

/// How often the file is run.
pub(super) fn repeat(cx: &Context<'_>, repeat: Option<&At<u32>>) -> u32 {
    let Some(At { span, value }) = repeat else {
        return 1;
    };
    if !(1..=100_000).contains(value) {
        cx.tell(*span, "`repeat` is 1 to 100000");
    }
    *value
}
