//! From a [`Tree`] to the types of `file`, by serde. Unlike a plain
//! deserializer it tells every unknown key, not only the first, and every
//! mistake has its place.

use std::fmt::Display;

use serde::de::value::StrDeserializer;
use serde::de::{
    self, DeserializeSeed, Deserializer, Error as _, Expected, IntoDeserializer, MapAccess,
    SeqAccess, Unexpected, VariantAccess, Visitor,
};
use serde::forward_to_deserialize_any;

use super::expression::{self, Fault};
pub(crate) use super::problem::{Problem, Sink};
use super::suggest;
use super::times::Times;
use super::tree::{Key, Span, Tree, Value};

/// The name of the newtype that asks for a value's place: it is given a
/// sequence of start, end and value.
pub(super) const PLACE: &str = "$lab::place";

/// The name of the newtype that takes one value for a list of one.
pub(super) const ONE_OR_MANY: &str = "$lab::one-or-many";

/// The name of the newtype that takes a duration, or one that is written in the
/// protocols' times; its visitor is given plain text.
pub(super) const TIME: &str = "$lab::time";

/// Reads a value of a tree; mistakes go to the sink.
pub(crate) fn decode<T: de::DeserializeOwned>(tree: &Tree, sink: &Sink) -> Option<T> {
    decode_timed(tree, None, sink)
}

/// The same where durations may be written in the protocols' times.
pub(super) fn decode_timed<T: de::DeserializeOwned>(
    tree: &Tree,
    times: Option<&Times>,
    sink: &Sink,
) -> Option<T> {
    match T::deserialize(Decoder { tree, times, sink }) {
        Ok(value) => Some(value),
        Err(error) => {
            let mut problem = Problem::new(error.span.unwrap_or(tree.span), error.message);
            problem.help = error.help;
            sink.add(problem);
            None
        }
    }
}

/// A mistake on its way to the first value that knows its place.
#[derive(Debug)]
struct DecodeError {
    span: Option<Span>,
    message: String,
    help: Option<String>,
}

impl std::error::Error for DecodeError {}

impl From<Fault> for DecodeError {
    fn from(Fault { message, help }: Fault) -> DecodeError {
        let span = None;
        DecodeError {
            span,
            message,
            help,
        }
    }
}

impl Display for DecodeError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

/// What serde calls a type, in the words of the file.
fn plain(expected: &dyn Expected) -> String {
    let said = expected.to_string();
    match said.as_str() {
        "u8" => "a number from 0 to 255".to_owned(),
        "u16" => "a number from 0 to 65535".to_owned(),
        "u32" | "u64" | "usize" => "a whole number, 0 or more".to_owned(),
        "i32" | "i64" => "a whole number".to_owned(),
        "f64" => "a number".to_owned(),
        "a boolean" => "`true` or `false`".to_owned(),
        "a string" => "text".to_owned(),
        "a sequence" => "a list".to_owned(),
        other if other.starts_with("struct ") => "a map".to_owned(),
        other => other.to_owned(),
    }
}

fn found(unexpected: Unexpected<'_>) -> String {
    match unexpected {
        Unexpected::Bool(value) => format!("`{value}`"),
        Unexpected::Unsigned(value) => format!("the number {value}"),
        Unexpected::Signed(value) => format!("the number {value}"),
        Unexpected::Float(value) => format!("the number {value}"),
        Unexpected::Str(value) => format!("`{value}`"),
        Unexpected::Unit | Unexpected::Option => "nothing".to_owned(),
        Unexpected::Seq => "a list".to_owned(),
        Unexpected::Map => "a map".to_owned(),
        Unexpected::Char(_)
        | Unexpected::Bytes(_)
        | Unexpected::NewtypeStruct
        | Unexpected::Enum
        | Unexpected::UnitVariant
        | Unexpected::NewtypeVariant
        | Unexpected::TupleVariant
        | Unexpected::StructVariant
        | Unexpected::Other(_) => unexpected.to_string(),
    }
}

impl de::Error for DecodeError {
    fn custom<T: Display>(message: T) -> Self {
        DecodeError {
            span: None,
            message: message.to_string(),
            help: None,
        }
    }

    fn invalid_type(unexpected: Unexpected<'_>, expected: &dyn Expected) -> Self {
        let (expected, found) = (plain(expected), found(unexpected));
        Self::custom(format!("expected {expected}, found {found}"))
    }

    fn invalid_value(unexpected: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::invalid_type(unexpected, expected)
    }

    fn missing_field(field: &'static str) -> Self {
        Self::custom(format!("the key `{field}` is missing"))
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        DecodeError {
            span: None,
            message: format!("`{variant}` is not known here"),
            help: suggest::advice(variant, expected.iter().copied()),
        }
    }
}

/// Gives one value of a tree to serde.
#[derive(Clone, Copy)]
struct Decoder<'a> {
    tree: &'a Tree,
    times: Option<&'a Times>,
    sink: &'a Sink,
}

impl<'a> Decoder<'a> {
    fn at(self, tree: &'a Tree) -> Decoder<'a> {
        Decoder { tree, ..self }
    }

    fn placed<T>(self, result: Result<T, DecodeError>) -> Result<T, DecodeError> {
        result.map_err(|mut error| {
            error.span.get_or_insert(self.tree.span);
            error
        })
    }

    /// Plain text for what is written in the protocols' times.
    fn time<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        let Value::String(text) = &self.tree.value else {
            return self.deserialize_any(visitor);
        };
        if !expression::is_expression(text) {
            return self.deserialize_any(visitor);
        }
        let nanos = match self.times {
            Some(times) => times.evaluate(text.trim()).map_err(DecodeError::from),
            None => Err(DecodeError {
                span: None,
                message: format!("`{text}`: the timers are not known here"),
                help: Some("durations of steps may be written with them".to_owned()),
            }),
        };
        self.placed(nanos.and_then(|nanos| visitor.visit_str(&format!("{nanos:.0}ns"))))
    }

    fn any<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match &self.tree.value {
            Value::Null => visitor.visit_unit(),
            Value::Bool(value) => visitor.visit_bool(*value),
            Value::String(value) => visitor.visit_str(value),
            Value::Number(value) => match (value.as_u64(), value.as_i64(), value.as_f64()) {
                (Some(value), _, _) => visitor.visit_u64(value),
                (None, Some(value), _) => visitor.visit_i64(value),
                (None, None, Some(value)) => visitor.visit_f64(value),
                (None, None, None) => Err(DecodeError::custom("this number is too large")),
            },
            Value::List(items) => visitor.visit_seq(Items {
                decoder: self,
                items: items.iter(),
            }),
            Value::Map(entries) => visitor.visit_map(Entries::new(self, entries, None)),
        }
    }
}

impl<'de> Deserializer<'de> for Decoder<'_> {
    type Error = DecodeError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        self.placed(self.any(visitor))
    }

    /// A number is text where text is wanted: `status: 5`, a node named 7.
    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match &self.tree.value {
            Value::Number(number) => self.placed(visitor.visit_str(&number.to_string())),
            Value::Null | Value::Bool(_) | Value::String(_) | Value::List(_) | Value::Map(_) => {
                self.deserialize_any(visitor)
            }
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match self.tree.value {
            Value::Null => visitor.visit_none(),
            Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::List(_)
            | Value::Map(_) => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        if name == PLACE {
            return visitor.visit_seq(Placed {
                decoder: self,
                next: 0,
            });
        }
        if name == TIME {
            return self.time(visitor);
        }
        if name == ONE_OR_MANY && !matches!(self.tree.value, Value::List(_)) {
            let items = std::slice::from_ref(self.tree).iter();
            let decoder = self;
            return self.placed(visitor.visit_seq(Items { decoder, items }));
        }
        if name == ONE_OR_MANY {
            return self.deserialize_any(visitor);
        }
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        let Value::Map(entries) = &self.tree.value else {
            let message = format!("expected a map, found {}", self.tree.value);
            return self.placed(Err(DecodeError::custom(message)));
        };
        for (key, _) in entries {
            if !fields.contains(&key.text.as_str()) {
                let message = format!("the key `{}` is not known here", key.text);
                let advice = suggest::advice(&key.text, fields.iter().copied());
                self.sink
                    .add(Problem::new(key.span, message).advice(advice));
            }
        }
        self.placed(visitor.visit_map(Entries::new(self, entries, Some(fields))))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        let Value::String(text) = &self.tree.value else {
            let message = format!("expected a word, found {}", self.tree.value);
            return self.placed(Err(DecodeError::custom(message)));
        };
        self.placed(visitor.visit_enum(Word(text)))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char bytes
        byte_buf unit unit_struct seq tuple tuple_struct map identifier
        ignored_any
    }
}

/// The items of a list.
struct Items<'a> {
    decoder: Decoder<'a>,
    items: std::slice::Iter<'a, Tree>,
}

impl<'de> SeqAccess<'de> for Items<'_> {
    type Error = DecodeError;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, DecodeError> {
        match self.items.next() {
            Some(item) => seed.deserialize(self.decoder.at(item)).map(Some),
            None => Ok(None),
        }
    }
}

/// The entries of a map; of a struct, the known ones.
struct Entries<'a> {
    decoder: Decoder<'a>,
    entries: std::slice::Iter<'a, (Key, Tree)>,
    fields: Option<&'static [&'static str]>,
    value: Option<&'a Tree>,
}

impl<'a> Entries<'a> {
    fn new(
        decoder: Decoder<'a>,
        entries: &'a [(Key, Tree)],
        fields: Option<&'static [&'static str]>,
    ) -> Self {
        Entries {
            decoder,
            entries: entries.iter(),
            fields,
            value: None,
        }
    }
}

impl<'de> MapAccess<'de> for Entries<'_> {
    type Error = DecodeError;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, DecodeError> {
        let fields = self.fields;
        let known = |key: &Key| fields.is_none_or(|fields| fields.contains(&key.text.as_str()));
        let Some((key, value)) = self.entries.find(|(key, _)| known(key)) else {
            return Ok(None);
        };
        self.value = Some(value);
        let tree = Tree {
            span: key.span,
            value: Value::String(key.text.clone()),
        };
        let (times, sink) = (None, self.decoder.sink);
        let tree = &tree;
        seed.deserialize(Decoder { tree, times, sink }).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(
        &mut self,
        seed: V,
    ) -> Result<V::Value, DecodeError> {
        match self.value.take() {
            Some(value) => seed.deserialize(self.decoder.at(value)),
            None => Err(DecodeError::custom("a value was asked for before its key")),
        }
    }
}

/// A value's place and the value, for the newtype [`PLACE`].
struct Placed<'a> {
    decoder: Decoder<'a>,
    next: u8,
}

impl<'de> SeqAccess<'de> for Placed<'_> {
    type Error = DecodeError;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, DecodeError> {
        let Span { start, end } = self.decoder.tree.span;
        self.next += 1;
        match self.next {
            1 => seed.deserialize(start.into_deserializer()).map(Some),
            2 => seed.deserialize(end.into_deserializer()).map(Some),
            3 => seed.deserialize(self.decoder).map(Some),
            _ => Ok(None),
        }
    }
}

/// A word that stands for a variant without content.
struct Word<'a>(&'a str);

impl<'de> de::EnumAccess<'de> for Word<'_> {
    type Error = DecodeError;
    type Variant = NoContent;

    fn variant_seed<V: DeserializeSeed<'de>>(
        self,
        seed: V,
    ) -> Result<(V::Value, NoContent), DecodeError> {
        let word: StrDeserializer<'_, DecodeError> = self.0.into_deserializer();
        Ok((seed.deserialize(word)?, NoContent))
    }
}

/// The content of a variant that has none.
struct NoContent;

impl<'de> VariantAccess<'de> for NoContent {
    type Error = DecodeError;

    fn unit_variant(self) -> Result<(), DecodeError> {
        Ok(())
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(
        self,
        _seed: T,
    ) -> Result<T::Value, DecodeError> {
        Err(DecodeError::custom("expected a map"))
    }

    fn tuple_variant<V: Visitor<'de>>(
        self,
        _len: usize,
        _visitor: V,
    ) -> Result<V::Value, DecodeError> {
        Err(DecodeError::custom("expected a list"))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _fields: &'static [&'static str],
        _visitor: V,
    ) -> Result<V::Value, DecodeError> {
        Err(DecodeError::custom("expected a map"))
    }
}
