//! YAML text to a [`Tree`]. The only place that knows the YAML library.

use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Number;
use serde_yaml::{Location, Spanned};

use super::decode::{Problem, Sink};
use super::texts;
use super::tree::{Key, Span, Tree, Value};

/// The most bytes of a lab file.
pub(super) const MAX_BYTES: usize = 4 << 20;

/// Parses a document whose offsets begin at `base`; on a mistake the sink is
/// told.
pub(crate) fn parse(text: &str, base: usize, sink: &Sink) -> Option<Tree> {
    let at = |span: Span| Span {
        start: base + span.start,
        end: base + span.end,
    };
    if text.len() > MAX_BYTES {
        let message = format!("the file is larger than {} MiB", MAX_BYTES >> 20);
        sink.add(Problem::new(at(Span::default()), message));
        return None;
    }
    // Aliases may repeat a part, but must not blow a small file up.
    let options = serde_yaml::options! {
        budget: serde_yaml::budget! {
            max_nodes: 250_000,
            max_events: 600_000,
            max_depth: 64,
            max_documents: 1,
            max_aliases: 1_000,
            max_anchors: 1_000,
        },
        alias_limits: serde_yaml::alias_limits! {
            max_total_replayed_events: 50_000,
            max_replay_stack_depth: 8,
        },
        strict_booleans: true,
        with_snippet: false,
    };
    match serde_yaml::from_str_with_options::<Yaml>(text, options) {
        Ok(Yaml(tree)) => Some(texts::moved(tree, base)),
        Err(error) => {
            let mut problem = problem(text, &error);
            problem.span = at(problem.span);
            sink.add(problem);
            None
        }
    }
}

fn problem(text: &str, error: &serde_yaml::Error) -> Problem {
    let span = error.location().map_or(Span::default(), |location| {
        span_of(&location).unwrap_or_else(|| span_at(text, location.line(), location.column()))
    });
    let said = error.without_snippet().to_string();
    // The place is told by the snippet already, and the options are not the
    // reader's.
    let said = said.split(" at line ").next().unwrap_or(&said);
    let said = said
        .split(", set DuplicateKeyPolicy")
        .next()
        .unwrap_or(said);
    match said.strip_prefix("duplicate mapping key: ") {
        Some(key) => Problem::new(span, format!("the key `{key}` is there twice"))
            .help("keep one of the two"),
        None => Problem::new(span, format!("this is not YAML: {said}")),
    }
}

fn span_of(location: &Location) -> Option<Span> {
    let span = location.span();
    let start = usize::try_from(span.byte_offset()?).ok()?;
    let length = usize::try_from(span.byte_len().unwrap_or(0)).ok()?;
    Some(Span {
        start,
        end: start + length,
    })
}

/// The place of a line and a column, both counted from 1, in characters.
fn span_at(text: &str, line: u64, column: u64) -> Span {
    let line = usize::try_from(line)
        .unwrap_or(usize::MAX)
        .saturating_sub(1);
    let column = usize::try_from(column)
        .unwrap_or(usize::MAX)
        .saturating_sub(1);
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let before: usize = lines.iter().take(line).map(|line| line.len()).sum();
    let within: usize = lines.get(line).map_or(0, |line| {
        line.chars().take(column).map(char::len_utf8).sum()
    });
    let start = (before + within).min(text.len());
    Span { start, end: start }
}

/// A [`Tree`] as the YAML library gives it.
struct Yaml(Tree);

/// A [`Key`] as the YAML library gives it.
struct YamlKey(Key);

struct YamlValue(Value);

impl<'de> Deserialize<'de> for Yaml {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = Spanned::<YamlValue>::deserialize(deserializer)?;
        let span = span_of(&spanned.defined).unwrap_or_default();
        let value = spanned.value.0;
        Ok(Yaml(Tree { span, value }))
    }
}

impl<'de> Deserialize<'de> for YamlKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = Spanned::<String>::deserialize(deserializer)?;
        let span = span_of(&spanned.defined).unwrap_or_default();
        let text = spanned.value;
        Ok(YamlKey(Key { span, text }))
    }
}

impl<'de> Deserialize<'de> for YamlValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer
            .deserialize_any(ValueVisitor::<Yaml, YamlKey>::default())
            .map(YamlValue)
    }
}

impl From<Yaml> for Tree {
    fn from(yaml: Yaml) -> Tree {
        yaml.0
    }
}

impl From<YamlKey> for Key {
    fn from(yaml: YamlKey) -> Key {
        yaml.0
    }
}

/// Builds a [`Value`] of what any self-describing format gives; `T` and `K`
/// read the parts with their places.
pub(super) struct ValueVisitor<T, K>(PhantomData<fn() -> (T, K)>);

impl<T, K> Default for ValueVisitor<T, K> {
    fn default() -> Self {
        ValueVisitor(PhantomData)
    }
}

impl<'de, T, K> Visitor<'de> for ValueVisitor<T, K>
where
    T: Deserialize<'de> + Into<Tree>,
    K: Deserialize<'de> + Into<Key>,
{
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = access.next_element::<T>()? {
            items.push(item.into());
        }
        Ok(Value::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut entries = Vec::new();
        while let Some(key) = access.next_key::<K>()? {
            entries.push((key.into(), access.next_value::<T>()?.into()));
        }
        Ok(Value::Map(entries))
    }
}
