//! What may be lost: so much, or what a wire took.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserialize, Deserializer, Error, MapAccess, Unexpected, Visitor};

use super::value::{Limits, QUANTITY, Quantity, checked, exact};

/// In the file: a bound, or `{equals: wire(a--b)}`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Loss {
    /// So much.
    Within(Limits),
    /// What this link's wire dropped or changed, and nothing else.
    Wire(String),
}

/// `wire(a--b)`, as its link.
fn of_wire(text: &str) -> Option<String> {
    let inner = text.trim().strip_prefix("wire(")?.strip_suffix(')')?;
    let inner = inner.trim();
    (!inner.is_empty()).then(|| inner.to_owned())
}

impl<'de> Deserialize<'de> for Loss {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;

        impl<'de> Visitor<'de> for Any {
            type Value = Loss;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{QUANTITY}, or a map of `min` and `max`, or of `equals`")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Loss, E> {
                exact(text).map(Loss::Within)
            }

            fn visit_u64<E: Error>(self, value: u64) -> Result<Loss, E> {
                exact(value).map(Loss::Within)
            }

            fn visit_f64<E: Error>(self, value: f64) -> Result<Loss, E> {
                exact(value).map(Loss::Within)
            }

            fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Loss, A::Error> {
                let (mut min, mut max, mut equals) = (None, None, None);
                while let Some(key) = access.next_key::<String>()? {
                    match key.as_str() {
                        "min" => min = Some(access.next_value::<Quantity>()?),
                        "max" => max = Some(access.next_value::<Quantity>()?),
                        "equals" => equals = Some(access.next_value::<String>()?),
                        _ => {
                            let message =
                                format!("a loss has `min` and `max`, or `equals`, not `{key}`");
                            return Err(A::Error::custom(message));
                        }
                    }
                }
                let Some(equals) = equals else {
                    let limits = checked(min, max).map_err(A::Error::custom)?;
                    return Ok(Loss::Within(limits));
                };
                if min.is_some() || max.is_some() {
                    return Err(A::Error::custom("`equals` stands alone"));
                }
                of_wire(&equals).map(Loss::Wire).ok_or_else(|| {
                    let other = Unexpected::Str(&equals);
                    A::Error::invalid_value(other, &"a wire such as `wire(a--b)`")
                })
            }
        }

        deserializer.deserialize_any(Any)
    }
}

impl JsonSchema for Loss {
    fn schema_name() -> Cow<'static, str> {
        "Loss".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let limits = generator.subschema_for::<Limits>();
        json_schema!({
            "anyOf": [
                limits,
                {
                    "type": "object",
                    "properties": { "equals": { "type": "string", "pattern": r"^\s*wire\(.+\)\s*$" } },
                    "required": ["equals"],
                    "additionalProperties": false
                }
            ]
        })
    }
}
