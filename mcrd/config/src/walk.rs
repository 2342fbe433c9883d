//! Going through a parsed text value by value, and writing down what is wrong
//! with each, instead of stopping at the first mistake.

use std::fmt;
use std::net::Ipv4Addr;
use std::ops::{Range, RangeInclusive};

use jsonc_parser::ast::{Object, Value};
use jsonc_parser::common::Ranged;

/// The most mistakes that are kept; the others are counted.
pub(crate) const MAX_KEPT: usize = 1000;

/// One mistake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) span: Range<usize>,
    pub(crate) key: String,
    pub(crate) message: String,
    pub(crate) help: Option<String>,
    /// Another place that belongs to it, and what is there.
    pub(crate) related: Option<(Range<usize>, String)>,
}

/// Mistakes, of which the first are kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Findings {
    pub(crate) kept: Vec<Found>,
    pub(crate) total: usize,
}

impl Findings {
    pub(crate) fn report(&mut self, make: impl FnOnce() -> Found) {
        self.total += 1;
        if self.kept.len() < MAX_KEPT {
            self.kept.push(make());
        }
    }
}

/// A value that is not there, is wrong and has been reported, or is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Field<T> {
    Absent,
    Bad,
    Given(T),
}

impl<T> Field<T> {
    pub(crate) fn map<U>(self, change: impl FnOnce(T) -> U) -> Field<U> {
        match self {
            Field::Absent => Field::Absent,
            Field::Bad => Field::Bad,
            Field::Given(value) => Field::Given(change(value)),
        }
    }

    pub(crate) fn given(self) -> Option<T> {
        match self {
            Field::Absent | Field::Bad => None,
            Field::Given(value) => Some(value),
        }
    }

    /// The value of a key that can be left out; `None` where it is wrong.
    pub(crate) fn optional(self) -> Option<Option<T>> {
        match self {
            Field::Absent => Some(None),
            Field::Bad => None,
            Field::Given(value) => Some(Some(value)),
        }
    }

    /// The value, or the one that holds where the key is left out; `None`
    /// where it is wrong.
    pub(crate) fn or(self, default: T) -> Option<T> {
        self.optional().map(|value| value.unwrap_or(default))
    }
}

impl<T> From<Option<T>> for Field<T> {
    fn from(value: Option<T>) -> Field<T> {
        value.map_or(Field::Absent, Field::Given)
    }
}

/// The way to a value; it becomes text only when it is reported.
#[derive(Clone, Copy)]
pub(crate) enum Path<'p> {
    Root,
    Key(&'p Path<'p>, &'p str),
    Index(&'p Path<'p>, usize),
}

impl<'p> Path<'p> {
    pub(crate) fn key(&'p self, key: &'p str) -> Path<'p> {
        Path::Key(self, key)
    }

    pub(crate) fn index(&'p self, index: usize) -> Path<'p> {
        Path::Index(self, index)
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Path::Root => Ok(()),
            Path::Key(Path::Root, key) => f.write_str(&shown(key)),
            Path::Key(parent, key) => write!(f, "{parent}.{}", shown(key)),
            Path::Index(parent, index) => write!(f, "{parent}[{index}]"),
        }
    }
}

/// Text of the user's, fit for a message: short, and without what a terminal
/// would take for a command.
pub(crate) fn shown(text: &str) -> String {
    const LONGEST: usize = 40;
    let mut shown: String = text
        .chars()
        .take(LONGEST)
        .flat_map(|c| {
            if c == '\'' {
                vec![c]
            } else {
                c.escape_debug().collect()
            }
        })
        .collect();
    if text.chars().nth(LONGEST).is_some() {
        shown.push_str("...");
    }
    shown
}

/// The known word nearest to the one that was written, as help.
pub(crate) fn nearest(written: &str, known: &[&str]) -> String {
    let best = known
        .iter()
        .map(|word| (strsim::damerau_levenshtein(&shown(written), word), *word))
        .min();
    match best {
        Some((distance, word)) if distance <= 1 + word.len() / 4 => {
            format!("did you mean '{word}'?")
        }
        Some(_) | None => format!("known here: {}", known.join(", ")),
    }
}

/// What a value is, for a message that says it should be something else.
fn kind(value: &Value<'_>) -> &'static str {
    match value {
        Value::StringLit(_) => "a string",
        Value::NumberLit(_) => "a number",
        Value::BooleanLit(_) => "true or false",
        Value::Object(_) => "an object",
        Value::Array(_) => "a list",
        Value::NullKeyword(_) => "null",
    }
}

pub(crate) fn span(ranged: &impl Ranged) -> Range<usize> {
    let range = ranged.range();
    range.start..range.end
}

/// The members of an object that have a known key.
pub(crate) struct Members<'v, 't> {
    keys: &'static [&'static str],
    values: Vec<Option<&'v Value<'t>>>,
    span: Range<usize>,
}

impl<'v, 't> Members<'v, 't> {
    pub(crate) fn get(&self, key: &str) -> Option<&'v Value<'t>> {
        let position = self.keys.iter().position(|known| *known == key)?;
        self.values[position]
    }
}

/// The walk, with what it has found.
#[derive(Default)]
pub(crate) struct Walk {
    pub(crate) findings: Findings,
}

impl Walk {
    pub(crate) fn report(
        &mut self,
        span: Range<usize>,
        path: &Path<'_>,
        message: impl FnOnce() -> (String, Option<String>),
    ) {
        self.findings.report(|| {
            let (message, help) = message();
            Found {
                span,
                key: path.to_string(),
                message,
                help,
                related: None,
            }
        });
    }

    /// Reports a value of another kind than the one that is wanted.
    fn wrong_kind(&mut self, value: &Value<'_>, path: &Path<'_>, wanted: &str) {
        self.report(span(value), path, || {
            let quoted = wanted.contains("number")
                && matches!(value, Value::StringLit(text) if text.value.parse::<u64>().is_ok());
            let help = quoted.then(|| "write it without quotes".to_owned());
            (
                format!("{wanted} is expected here, not {}", kind(value)),
                help,
            )
        });
    }

    /// Any object's members, each key once.
    pub(crate) fn map<'v, 't>(
        &mut self,
        value: &'v Value<'t>,
        path: &Path<'_>,
    ) -> Option<&'v Object<'t>> {
        let Value::Object(object) = value else {
            self.wrong_kind(value, path, "an object");
            return None;
        };
        let mut first = std::collections::HashMap::new();
        for member in &object.properties {
            let key = member.name.as_str();
            let here = span(&member.name);
            let Some(before) = first.insert(key, here.clone()) else {
                continue;
            };
            first.insert(key, before.clone());
            self.findings.report(|| Found {
                span: here,
                key: path.key(key).to_string(),
                message: format!("the key '{}' is here a second time", shown(key)),
                help: Some("keep one of them".to_owned()),
                related: Some((before, "first here".to_owned())),
            });
        }
        Some(object)
    }

    /// The members of an object that may have these keys.
    pub(crate) fn object<'v, 't>(
        &mut self,
        value: &'v Value<'t>,
        path: &Path<'_>,
        keys: &'static [&'static str],
    ) -> Option<Members<'v, 't>> {
        let object = self.map(value, path)?;
        let mut values = vec![None; keys.len()];
        for member in &object.properties {
            let key = member.name.as_str();
            match keys.iter().position(|known| *known == key) {
                Some(position) => values[position] = Some(&member.value),
                None => self.report(span(&member.name), &path.key(key), || {
                    let message = format!("there is no key '{}' here", shown(key));
                    (message, Some(nearest(key, keys)))
                }),
            }
        }
        let start = span(value).start;
        Some(Members {
            keys,
            values,
            span: start..start + 1,
        })
    }

    /// A member that must be there.
    pub(crate) fn required<'v, 't>(
        &mut self,
        members: &Members<'v, 't>,
        path: &Path<'_>,
        key: &str,
    ) -> Option<&'v Value<'t>> {
        let value = members.get(key);
        if value.is_none() {
            self.report(members.span.clone(), &path.key(key), || {
                (format!("the key '{key}' is missing in this object"), None)
            });
        }
        value
    }

    pub(crate) fn list<'v, 't>(
        &mut self,
        value: &'v Value<'t>,
        path: &Path<'_>,
    ) -> Option<&'v [Value<'t>]> {
        let Value::Array(list) = value else {
            self.wrong_kind(value, path, "a list");
            return None;
        };
        Some(&list.elements)
    }

    pub(crate) fn string(&mut self, value: &Value<'_>, path: &Path<'_>) -> Field<String> {
        let Value::StringLit(text) = value else {
            self.wrong_kind(value, path, "a string");
            return Field::Bad;
        };
        Field::Given(text.value.clone().into_owned())
    }

    pub(crate) fn boolean(&mut self, value: &Value<'_>, path: &Path<'_>) -> Field<bool> {
        let Value::BooleanLit(given) = value else {
            self.wrong_kind(value, path, "true or false");
            return Field::Bad;
        };
        Field::Given(given.value)
    }

    /// A whole number. The range is what is said to the user; a lower bound of
    /// 1 lets 0 through, which has its own message later.
    pub(crate) fn integer<T: TryFrom<u64>>(
        &mut self,
        value: &Value<'_>,
        path: &Path<'_>,
        range: RangeInclusive<u64>,
    ) -> Field<T> {
        let (low, high) = range.into_inner();
        let wanted = || format!("a number from {low} to {high}");
        let Value::NumberLit(number) = value else {
            self.wrong_kind(value, path, &wanted());
            return Field::Bad;
        };
        let read = whole_number(number.value).filter(|number| *number <= high);
        match read.and_then(|number| T::try_from(number).ok()) {
            Some(number) => Field::Given(number),
            None => {
                self.report(span(value), path, || {
                    let message =
                        format!("{} is expected here, not {}", wanted(), shown(number.value));
                    (message, None)
                });
                Field::Bad
            }
        }
    }

    pub(crate) fn address(&mut self, value: &Value<'_>, path: &Path<'_>) -> Field<Ipv4Addr> {
        let Value::StringLit(text) = value else {
            self.wrong_kind(value, path, "an IPv4 address in quotes");
            return Field::Bad;
        };
        match text.value.parse() {
            Ok(address) => Field::Given(address),
            Err(_) => {
                self.report(span(value), path, || not_an_address(&text.value));
                Field::Bad
            }
        }
    }
}

fn not_an_address(text: &str) -> (String, Option<String>) {
    let message = format!("'{}' is not an IPv4 address", shown(text));
    let help = if text.contains(':') {
        "IPv6 and ports in an address are not supported"
    } else if text.contains('/') {
        "leave the prefix length out"
    } else {
        "an IPv4 address is four numbers from 0 to 255, as in 239.1.1.1"
    };
    (message, Some(help.to_owned()))
}

/// JSON5 allows a sign and hexadecimal digits.
fn whole_number(text: &str) -> Option<u64> {
    let text = text.strip_prefix('+').unwrap_or(text);
    match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) => u64::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}
