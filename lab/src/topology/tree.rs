//! A YAML document in which every value and key knows its place.

use std::fmt;

use indexmap::IndexMap;
use serde_json::Number;

/// A place in the text: a range of bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Span {
    /// Its first byte.
    pub(crate) start: usize,
    /// The byte after its last.
    pub(crate) end: usize,
}

/// A value and its place; of a map or a list, the place where it begins.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Tree {
    pub(crate) span: Span,
    pub(crate) value: Value,
}

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Null,
    Bool(bool),
    Number(Number),
    String(String),
    List(Vec<Tree>),
    Map(Vec<(Key, Tree)>),
}

/// A key of a map and its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Key {
    pub(crate) span: Span,
    pub(crate) text: String,
}

impl Tree {
    /// The value of a key, where this is a map that has it.
    pub(crate) fn get(&self, key: &str) -> Option<&Tree> {
        self.entries()
            .iter()
            .find(|(known, _)| known.text == key)
            .map(|(_, value)| value)
    }

    /// The entries, where this is a map.
    pub(crate) fn entries(&self) -> &[(Key, Tree)] {
        match &self.value {
            Value::Map(entries) => entries,
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::List(_) => {
                &[]
            }
        }
    }

    /// The same without some of its keys, where it is a map.
    pub(crate) fn without(self, keys: &[&str]) -> Tree {
        let Value::Map(mut entries) = self.value else {
            return self;
        };
        entries.retain(|(key, _)| !keys.contains(&key.text.as_str()));
        let value = Value::Map(entries);
        Tree {
            span: self.span,
            value,
        }
    }

    /// The same with this list under a key, where it is a map.
    pub(crate) fn with_list(self, key: &str, list: Vec<Tree>) -> Tree {
        let span = list.first().map_or(self.span, |first| first.span);
        let mut tree = self.without(&[key]);
        if let Value::Map(entries) = &mut tree.value {
            let text = key.to_owned();
            let value = Value::List(list);
            entries.push((Key { span, text }, Tree { span, value }));
        }
        tree
    }

    /// Lays `over` upon this: maps are merged key by key, anything else is
    /// replaced, and null takes the inherited value away.
    pub(crate) fn overlay(self, over: Tree) -> Tree {
        let (mut entries, upper) = match (self.value, over.value) {
            (Value::Map(lower), Value::Map(upper)) => (lower, upper),
            (_, value) => {
                return Tree {
                    span: over.span,
                    value,
                };
            }
        };
        for (key, value) in upper {
            let place = entries.iter().position(|(known, _)| known.text == key.text);
            match (place, &value.value) {
                (Some(place), Value::Null) => {
                    entries.remove(place);
                }
                (Some(place), _) => {
                    let (_, lower) = entries.remove(place);
                    entries.insert(place, (key, lower.overlay(value)));
                }
                (None, Value::Null) => {}
                (None, _) => entries.push((key, value)),
            }
        }
        Tree {
            span: over.span,
            value: Value::Map(entries),
        }
    }

    /// The same without places.
    pub(crate) fn to_json(&self) -> serde_json::Value {
        match &self.value {
            Value::Null => serde_json::Value::Null,
            Value::Bool(value) => serde_json::Value::Bool(*value),
            Value::Number(value) => serde_json::Value::Number(value.clone()),
            Value::String(value) => serde_json::Value::String(value.clone()),
            Value::List(items) => items.iter().map(Tree::to_json).collect(),
            Value::Map(entries) => serde_json::Value::Object(
                entries
                    .iter()
                    .map(|(key, value)| (key.text.clone(), value.to_json()))
                    .collect(),
            ),
        }
    }

    /// A document without places of its own: all of it lies at `span`.
    pub(crate) fn from_json(json: &serde_json::Value, span: Span) -> Tree {
        let value = match json {
            serde_json::Value::Null => Value::Null,
            serde_json::Value::Bool(value) => Value::Bool(*value),
            serde_json::Value::Number(value) => Value::Number(value.clone()),
            serde_json::Value::String(value) => Value::String(value.clone()),
            serde_json::Value::Array(items) => Value::List(
                items
                    .iter()
                    .map(|item| Tree::from_json(item, span))
                    .collect(),
            ),
            serde_json::Value::Object(entries) => Value::Map(
                entries
                    .iter()
                    .map(|(text, value)| {
                        let text = text.clone();
                        (Key { span, text }, Tree::from_json(value, span))
                    })
                    .collect(),
            ),
        };
        Tree { span, value }
    }

    /// The keys and positions that lead to the value at `offset`, as
    /// `nodes.r1.lo` or `links[2]`.
    pub(crate) fn path_at(&self, offset: usize) -> String {
        let mut path = String::new();
        let mut here = self;
        loop {
            here = match &here.value {
                Value::Map(entries) => {
                    let begun = entries.iter().filter(|(key, _)| key.span.start <= offset);
                    let Some((key, value)) = begun.max_by_key(|(key, _)| key.span.start) else {
                        return path;
                    };
                    if !path.is_empty() {
                        path.push('.');
                    }
                    path.push_str(&key.text);
                    value
                }
                Value::List(items) => {
                    let begun = items.iter().enumerate();
                    let begun = begun.filter(|(_, item)| item.begin() <= offset);
                    let Some((position, item)) = begun.max_by_key(|(_, item)| item.begin()) else {
                        return path;
                    };
                    path.push_str(&format!("[{position}]"));
                    item
                }
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => return path,
            };
        }
    }

    /// The place of what a path as `rules[0].input` leads to, and whether all
    /// of the path is there; otherwise the place where it ends.
    pub(crate) fn span_of(&self, path: &str) -> (Span, bool) {
        let mut here = self;
        let words = path.split(['.', '[']).filter(|word| !word.is_empty());
        for word in words {
            let next = match &here.value {
                Value::List(items) => {
                    let position = word.trim_end_matches(']').parse::<usize>().ok();
                    position.and_then(|position| items.get(position))
                }
                Value::Map(_) => here.get(word.trim_matches('"')),
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
            };
            match next {
                Some(next) => here = next,
                None => return (here.span, false),
            }
        }
        (here.span, true)
    }

    /// Where it begins: of a block map, at its first key.
    fn begin(&self) -> usize {
        match self.entries().first() {
            Some((key, _)) => key.span.start.min(self.span.start),
            None => self.span.start,
        }
    }
}

impl fmt::Display for Value {
    /// Names the value in a message.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Null => write!(f, "nothing"),
            Value::Bool(value) => write!(f, "`{value}`"),
            Value::Number(value) => write!(f, "the number {value}"),
            Value::String(value) => write!(f, "`{value}`"),
            Value::List(_) => write!(f, "a list"),
            Value::Map(_) => write!(f, "a map"),
        }
    }
}

/// Nodes laid upon others: `r1: frr` changes the kind alone, and `r1:` nothing.
pub(crate) fn nodes_over(below: Vec<(Key, Tree)>, own: Vec<(Key, Tree)>) -> Vec<(Key, Tree)> {
    let below = below.into_iter();
    let mut all: IndexMap<String, (Key, Tree)> = below
        .map(|(key, tree)| (key.text.clone(), (key, of_kind(tree))))
        .collect();
    for (key, tree) in own {
        let tree = match all.get(&key.text) {
            Some((_, lower)) => lower.clone().overlay(of_kind(tree)),
            None => of_kind(tree),
        };
        all.insert(key.text.clone(), (key, tree));
    }
    all.into_values().collect()
}

/// `mcrd` is short for `{kind: mcrd}`, and nothing for `{}`.
fn of_kind(tree: Tree) -> Tree {
    let span = tree.span;
    let entries = match tree.value {
        Value::Null => Vec::new(),
        Value::String(_) => {
            let text = "kind".to_owned();
            vec![(Key { span, text }, tree)]
        }
        Value::Bool(_) | Value::Number(_) | Value::List(_) | Value::Map(_) => return tree,
    };
    let value = Value::Map(entries);
    Tree { span, value }
}
