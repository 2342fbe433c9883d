//! The values of the file that have a form of their own: durations, rates,
//! addresses, bounds.

use std::borrow::Cow;
use std::fmt;
use std::net::Ipv4Addr;
use std::time::Duration;

use ipnet::Ipv4Net;
use mcr_sim::wire::Share;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};

use super::decode::TIME;
use super::model::{Bound, Rate};

/// Makes a type that is read from text by a function, and described by a
/// pattern in the schema.
macro_rules! text_value {
    ($name:ident($inner:ty), $parse:path, $what:literal, $pattern:literal) => {
        text_value!($name($inner), $parse, $what, $pattern, deserialize_any());
    };
    ($name:ident($inner:ty), $parse:path, $what:literal, $pattern:literal,
        $read:ident($($as:expr)?)) => {
        #[doc = concat!("In the file: ", $what, ".")]
        #[derive(Clone, Copy, Debug, PartialEq)]
        pub(crate) struct $name(pub(crate) $inner);

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Text;

                impl Visitor<'_> for Text {
                    type Value = $name;

                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str($what)
                    }

                    fn visit_str<E: Error>(self, text: &str) -> Result<$name, E> {
                        $parse(text.trim()).map($name).ok_or_else(|| {
                            E::custom(format!("expected {}, found `{text}`", $what))
                        })
                    }
                }

                deserializer.$read($($as,)? Text)
            }
        }

        impl JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "string", "description": $what, "pattern": $pattern })
            }
        }
    };
}

text_value!(
    Dur(Duration),
    duration,
    "a duration such as `500ms` or `2s`",
    r"^\s*([0-9]+\s*[a-zµ]+\s*)+$|\b(pim|igmp|unicast)\.[a-z]|^[^$]+[*+]",
    deserialize_newtype_struct(TIME)
);
text_value!(
    RateValue(Rate),
    rate,
    "a rate such as `1000pps` or `10Mbit/s`",
    r"^[0-9.]+ *[kMG]?(pps|bit/s)$"
);
text_value!(
    Percent(Share),
    share,
    "a share such as `0.5%`",
    r"^\s*[0-9.]+ *%\s*$"
);
text_value!(
    BitRate(u64),
    bit_rate,
    "a rate such as `10Mbit/s`",
    r"^[0-9.]+ *[kMG]?bit/s$"
);
text_value!(
    Address(Ipv4Addr),
    parsed,
    "an IPv4 address",
    r"^([0-9]{1,3}\.){3}[0-9]{1,3}$"
);
text_value!(
    Group(Ipv4Addr),
    group,
    "a multicast address, 224.0.0.0 to 239.255.255.255",
    r"^(22[4-9]|23[0-9])(\.[0-9]{1,3}){3}$"
);
text_value!(
    Net(Ipv4Net),
    net,
    "an IPv4 network such as `10.1.0.0/24`",
    r"^([0-9]{1,3}\.){3}[0-9]{1,3}/[0-9]{1,2}$"
);
text_value!(
    GroupRange(Ipv4Net),
    group_range,
    "a range of groups such as `239.1.0.0/16`, or one group",
    r"^(22[4-9]|23[0-9])(\.[0-9]{1,3}){3}(/[0-9]{1,2})?$"
);
text_value!(
    Cidr(Ipv4Net),
    unicast,
    "an IPv4 address with its prefix length such as `10.1.0.7/24`",
    r"^([0-9]{1,3}\.){3}[0-9]{1,3}/[0-9]{1,2}$"
);
text_value!(
    Loopback(Option<Ipv4Net>),
    loopback,
    "`auto` or an IPv4 address such as `192.0.2.1/32`",
    r"^(auto|([0-9]{1,3}\.){3}[0-9]{1,3}(/[0-9]{1,2})?)$"
);
text_value!(
    Route((Ipv4Net, Ipv4Addr)),
    route,
    "a route such as `10.9.0.0/16 via 10.1.0.1` or `default via 10.1.0.1`",
    r"^\S+ +via +\S+$"
);

fn duration(text: &str) -> Option<Duration> {
    // The same unit as elsewhere in the lab; a day is more than any run.
    let duration = humantime::parse_duration(text).ok()?;
    (duration <= Duration::from_secs(86_400)).then_some(duration)
}

fn percent(text: &str) -> Option<f64> {
    let percent: f64 = text.strip_suffix('%')?.trim_end().parse().ok()?;
    (0.0..=100.0).contains(&percent).then_some(percent / 100.0)
}

fn share(text: &str) -> Option<Share> {
    percent(text).map(Share::new)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "within the bounds, to the bit"
)]
fn bit_rate(text: &str) -> Option<u64> {
    match rate(text)? {
        Rate::Bps(bits) => (1e3..=1e12).contains(&bits).then_some(bits as u64),
        Rate::Pps(_) => None,
    }
}

fn parsed<T: std::str::FromStr>(text: &str) -> Option<T> {
    text.parse().ok()
}

fn group(text: &str) -> Option<Ipv4Addr> {
    parsed(text).filter(Ipv4Addr::is_multicast)
}

fn net(text: &str) -> Option<Ipv4Net> {
    let net: Ipv4Net = parsed(text)?;
    (net.addr() == net.network() && !net.addr().is_multicast()).then_some(net)
}

fn group_range(text: &str) -> Option<Ipv4Net> {
    let net = parsed::<Ipv4Net>(text).or_else(|| parsed::<Ipv4Addr>(text).map(Ipv4Net::from))?;
    let whole = net.prefix_len() >= 4 && net.addr() == net.network();
    (whole && net.addr().is_multicast()).then_some(net)
}

fn unicast(text: &str) -> Option<Ipv4Net> {
    let net: Ipv4Net = parsed(text)?;
    let address = net.addr();
    let wrong = address.is_multicast() || address.is_broadcast() || address.is_unspecified();
    let reserved = net.prefix_len() < 31 && [net.network(), net.broadcast()].contains(&address);
    (!wrong && !reserved && net.prefix_len() > 0).then_some(net)
}

fn loopback(text: &str) -> Option<Option<Ipv4Net>> {
    if text == "auto" {
        return Some(None);
    }
    if text.contains('/') {
        return unicast(text).map(Some);
    }
    unicast(&format!("{text}/32")).map(Some)
}

fn route(text: &str) -> Option<(Ipv4Net, Ipv4Addr)> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let ["default" | "0.0.0.0/0", "via", hop] = words.as_slice() else {
        let [to, "via", hop] = words.as_slice() else {
            return None;
        };
        let to: Ipv4Net = match parsed::<Ipv4Addr>(to) {
            Some(host) => host.into(),
            None => parsed(to)?,
        };
        return Some((to.trunc(), parsed(hop)?));
    };
    Some((Ipv4Net::default(), parsed(hop)?))
}

fn rate(text: &str) -> Option<Rate> {
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.')?;
    let (number, unit) = text.split_at(digits);
    let number: f64 = number.parse().ok()?;
    let unit = unit.trim_start();
    let (factor, unit) = match unit.chars().next()? {
        'k' => (1e3, &unit[1..]),
        'M' => (1e6, &unit[1..]),
        'G' => (1e9, &unit[1..]),
        _ => (1.0, unit),
    };
    let value = number * factor;
    match unit {
        "pps" => Some(Rate::Pps(value)),
        "bit/s" => Some(Rate::Bps(value)),
        _ => None,
    }
}

/// One number with its unit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Quantity {
    /// Without unit.
    Count(f64),
    /// `1%`, as 0.01.
    Share(f64),
    /// Nanoseconds.
    Time(f64),
    /// Datagrams per second.
    Pps(f64),
    /// Bits per second.
    Bps(f64),
}

impl Quantity {
    fn parse(text: &str) -> Option<Quantity> {
        if text.ends_with('%') {
            return percent(text).map(Quantity::Share);
        }
        match rate(text) {
            Some(Rate::Pps(value)) => return Some(Quantity::Pps(value)),
            Some(Rate::Bps(value)) => return Some(Quantity::Bps(value)),
            None => {}
        }
        #[expect(
            clippy::cast_precision_loss,
            reason = "a day in nanoseconds is less than 2^53"
        )]
        duration(text).map(|duration| Quantity::Time(duration.as_nanos() as f64))
    }

    /// The number.
    pub(crate) fn number(self) -> f64 {
        match self {
            Quantity::Count(value)
            | Quantity::Share(value)
            | Quantity::Time(value)
            | Quantity::Pps(value)
            | Quantity::Bps(value) => value,
        }
    }

    /// Whether both have the same unit.
    fn same_unit(self, other: Quantity) -> bool {
        std::mem::discriminant(&self) == std::mem::discriminant(&other)
    }
}

pub(super) const QUANTITY: &str = "a number, `1%`, `10ms` or `1000pps`";

impl<'de> Deserialize<'de> for Quantity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;

        impl Visitor<'_> for Text {
            type Value = Quantity;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(QUANTITY)
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Quantity, E> {
                Quantity::parse(text.trim())
                    .ok_or_else(|| E::custom(format!("expected {QUANTITY}, found `{text}`")))
            }

            fn visit_u64<E>(self, value: u64) -> Result<Quantity, E> {
                #[expect(clippy::cast_precision_loss, reason = "a counter, compared as f64")]
                Ok(Quantity::Count(value as f64))
            }

            fn visit_f64<E: Error>(self, value: f64) -> Result<Quantity, E> {
                if value < 0.0 || !value.is_finite() {
                    return Err(E::custom(format!("expected {QUANTITY}, found {value}")));
                }
                Ok(Quantity::Count(value))
            }
        }

        deserializer.deserialize_newtype_struct(TIME, Text)
    }
}

impl JsonSchema for Quantity {
    fn schema_name() -> Cow<'static, str> {
        "Quantity".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": QUANTITY,
            "anyOf": [
                { "type": "number", "minimum": 0 },
                {
                    "type": "string",
                    "pattern": r"^[0-9.]+ *(%|[kMG]?(pps|bit/s)|([0-9]|[a-zµ]| )+)$|\b(pim|igmp|unicast)\.[a-z]"
                }
            ]
        })
    }
}

/// What a number must be: exactly this, or `{min, max}`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Limits {
    pub(crate) min: Option<Quantity>,
    pub(crate) max: Option<Quantity>,
    /// Written as one value.
    pub(crate) exact: bool,
}

impl Limits {
    /// The bound, whatever its unit.
    pub(crate) fn bound(self) -> Bound {
        Bound {
            min: self.min.map(Quantity::number),
            max: self.max.map(Quantity::number),
        }
    }

    /// One of the limits, to tell the unit by.
    pub(crate) fn sample(self) -> Quantity {
        self.min.or(self.max).unwrap_or(Quantity::Count(0.0))
    }
}

impl<'de> Deserialize<'de> for Limits {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;

        impl<'de> Visitor<'de> for Any {
            type Value = Limits;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{QUANTITY}, or a map of `min` and `max`")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Limits, E> {
                exact(text)
            }

            fn visit_u64<E: Error>(self, value: u64) -> Result<Limits, E> {
                exact(value)
            }

            fn visit_f64<E: Error>(self, value: f64) -> Result<Limits, E> {
                exact(value)
            }

            fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Limits, A::Error> {
                let (mut min, mut max) = (None, None);
                while let Some(key) = access.next_key::<String>()? {
                    match key.as_str() {
                        "min" => min = Some(access.next_value::<Quantity>()?),
                        "max" => max = Some(access.next_value::<Quantity>()?),
                        _ => {
                            let message = format!("a bound has `min` and `max`, not `{key}`");
                            return Err(A::Error::custom(message));
                        }
                    }
                }
                checked(min, max).map_err(A::Error::custom)
            }
        }

        deserializer.deserialize_newtype_struct(TIME, Any)
    }
}

pub(super) fn exact<'de, E: Error, T>(value: T) -> Result<Limits, E>
where
    T: serde::de::IntoDeserializer<'de, E>,
{
    let value = Some(Quantity::deserialize(value.into_deserializer())?);
    let exact = true;
    Ok(Limits {
        min: value,
        max: value,
        exact,
    })
}

pub(super) fn checked(
    min: Option<Quantity>,
    max: Option<Quantity>,
) -> Result<Limits, &'static str> {
    match (min, max) {
        (None, None) => Err("a bound needs `min` or `max`"),
        (Some(min), Some(max)) if !min.same_unit(max) => {
            Err("`min` and `max` have different units")
        }
        (Some(min), Some(max)) if min.number() > max.number() => Err("`min` is more than `max`"),
        (_, _) => Ok(Limits {
            min,
            max,
            exact: false,
        }),
    }
}

impl JsonSchema for Limits {
    fn schema_name() -> Cow<'static, str> {
        "Limits".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let quantity = generator.subschema_for::<Quantity>();
        json_schema!({
            "anyOf": [
                quantity,
                {
                    "type": "object",
                    "properties": { "min": quantity, "max": quantity },
                    "additionalProperties": false,
                    "minProperties": 1
                }
            ]
        })
    }
}
