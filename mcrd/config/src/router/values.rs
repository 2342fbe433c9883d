//! Values of one kind: times, networks, group ranges, names.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::time::Duration;

use ipnet::Ipv4Net;
use jsonc_parser::ast::Value;
use mcr_proto::id::{GroupAddr, InterfaceName, Invalid, UnicastAddr};

use crate::walk::{Field, Members, Path, Walk, shown, span};

/// A key that can be left out, or be null, which says the same.
pub(super) fn optional<'v, 't>(members: &Members<'v, 't>, key: &str) -> Option<&'v Value<'t>> {
    members
        .get(key)
        .filter(|value| !matches!(value, Value::NullKeyword(_)))
}

/// A time in seconds. `None` where the key is left out, or the value was
/// reported.
pub(super) fn seconds(
    walk: &mut Walk,
    members: &Members<'_, '_>,
    path: &Path<'_>,
    key: &str,
    range: RangeInclusive<f64>,
) -> Option<Duration> {
    let value = optional(members, key)?;
    let number = match value {
        Value::NumberLit(number) => number.value.parse::<f64>().ok(),
        Value::StringLit(_)
        | Value::BooleanLit(_)
        | Value::Object(_)
        | Value::Array(_)
        | Value::NullKeyword(_) => None,
    };
    match number.filter(|number| range.contains(number)) {
        Some(number) => Some(Duration::from_secs_f64(number)),
        None => {
            walk.report(span(value), &path.key(key), || {
                let (least, most) = (range.start(), range.end());
                let message = format!("a time in seconds from {least} to {most} is expected here");
                (message, None)
            });
            None
        }
    }
}

/// A whole number. `None` where the key is left out, or the value was reported.
pub(super) fn number<T: TryFrom<u64>>(
    walk: &mut Walk,
    members: &Members<'_, '_>,
    path: &Path<'_>,
    key: &str,
    range: RangeInclusive<u64>,
) -> Option<T> {
    let value = optional(members, key)?;
    let least = *range.start();
    let path = path.key(key);
    let given = walk.integer::<u64>(value, &path, range.clone()).given()?;
    if given < least {
        walk.report(span(value), &path, || {
            let message = format!(
                "a number from {least} to {} is expected here, not {given}",
                range.end()
            );
            (message, None)
        });
        return None;
    }
    T::try_from(given).ok()
}

/// True or false. `None` where the key is left out, or the value was reported.
pub(super) fn boolean(
    walk: &mut Walk,
    members: &Members<'_, '_>,
    path: &Path<'_>,
    key: &str,
) -> Option<bool> {
    let value = optional(members, key)?;
    walk.boolean(value, &path.key(key)).given()
}

/// A list, of which the items that are right are kept.
pub(super) fn list<T>(
    walk: &mut Walk,
    value: &Value<'_>,
    path: &Path<'_>,
    mut item: impl FnMut(&mut Walk, &Value<'_>, &Path<'_>) -> Option<T>,
) -> Vec<T> {
    let items = walk.list(value, path).into_iter().flatten().enumerate();
    items
        .filter_map(|(position, value)| item(walk, value, &path.index(position)))
        .collect()
}

/// A list that can be left out.
pub(super) fn optional_list<T>(
    walk: &mut Walk,
    members: &Members<'_, '_>,
    path: &Path<'_>,
    key: &str,
    item: impl FnMut(&mut Walk, &Value<'_>, &Path<'_>) -> Option<T>,
) -> Option<Vec<T>> {
    optional(members, key).map(|value| list(walk, value, &path.key(key), item))
}

/// An object with an interface's name for each key.
pub(super) fn interfaces<T>(
    walk: &mut Walk,
    value: &Value<'_>,
    path: &Path<'_>,
    mut item: impl FnMut(&mut Walk, &Value<'_>, &Path<'_>) -> Option<T>,
) -> BTreeMap<InterfaceName, T> {
    let mut found = BTreeMap::new();
    let Some(object) = walk.map(value, path) else {
        return found;
    };
    for member in &object.properties {
        let name = member.name.as_str();
        let path = path.key(name);
        let item = item(walk, &member.value, &path);
        match name.parse::<InterfaceName>() {
            Ok(name) => {
                found.extend(item.map(|item| (name, item)));
            }
            Err(Invalid(reason)) => {
                walk.report(span(&member.name), &path, || (reason, None));
            }
        }
    }
    found
}

/// An interface's name.
pub(super) fn interface(
    walk: &mut Walk,
    value: &Value<'_>,
    path: &Path<'_>,
) -> Option<InterfaceName> {
    let name = walk.string(value, path).given()?;
    checked(walk, value, path, name.parse())
}

/// A host's address.
pub(super) fn unicast(walk: &mut Walk, value: &Value<'_>, path: &Path<'_>) -> Option<UnicastAddr> {
    let address = walk.address(value, path).given()?;
    checked(walk, value, path, UnicastAddr::try_from(address))
}

/// A group's address.
pub(super) fn group(walk: &mut Walk, value: &Value<'_>, path: &Path<'_>) -> Option<GroupAddr> {
    let address = walk.address(value, path).given()?;
    checked(walk, value, path, GroupAddr::try_from(address))
}

fn checked<T>(
    walk: &mut Walk,
    value: &Value<'_>,
    path: &Path<'_>,
    result: Result<T, Invalid>,
) -> Option<T> {
    match result {
        Ok(value) => Some(value),
        Err(Invalid(reason)) => {
            walk.report(span(value), path, || (reason, None));
            None
        }
    }
}

/// A network, as `10.0.0.0/8`; a bare address is a network of one.
pub(super) fn network(walk: &mut Walk, value: &Value<'_>, path: &Path<'_>) -> Option<Ipv4Net> {
    let Field::Given(text) = walk.string(value, path) else {
        return None;
    };
    let net = text
        .parse::<Ipv4Net>()
        .or_else(|_| text.parse::<std::net::Ipv4Addr>().map(Ipv4Net::from));
    match net {
        Ok(net) if net.trunc() == net => Some(net),
        Ok(net) => {
            walk.report(span(value), path, || {
                let message = format!("'{}' has bits beyond its prefix length", shown(&text));
                (message, Some(format!("write {}", net.trunc())))
            });
            None
        }
        Err(_) => {
            walk.report(span(value), path, || {
                let message = format!("'{}' is not an IPv4 network", shown(&text));
                let help = "a network is an address with a prefix length, as in 10.1.0.0/16";
                (message, Some(help.to_owned()))
            });
            None
        }
    }
}

/// A range of groups, as `239.1.0.0/16`.
pub(super) fn group_range(walk: &mut Walk, value: &Value<'_>, path: &Path<'_>) -> Option<Ipv4Net> {
    let range = network(walk, value, path)?;
    if range.prefix_len() >= 4 && range.addr().is_multicast() {
        return Some(range);
    }
    walk.report(span(value), path, || {
        let message = format!("{range} is not a range of multicast groups");
        (message, Some("groups are in 224.0.0.0/4".to_owned()))
    });
    None
}
