//! Receivers and sources.

use std::net::Ipv4Addr;
use std::ops::RangeInclusive;

use mcrgen::payload;

use super::Context;
use super::network::Network;
use crate::topology::by_hand;
use crate::topology::file::{self, File};
use crate::topology::model::{NodeId, Rate, Receiver, Source, Wanted};
use crate::topology::place::{At, Named, OneOrMany, Part};
use crate::topology::tree::Span;
use crate::topology::value::{Address, Dur, Group, RateValue};

/// The port of receivers and sources that name none.
const PORT: u16 = 5000;

/// What the generator can fill.
#[expect(clippy::cast_possible_truncation, reason = "both are less than 2^16")]
const SIZES: RangeInclusive<u32> = payload::HEADER_LEN as u32..=payload::MAX_LEN as u32;

/// The most sources that a host names: as many as the namespaces of labs let a
/// socket have (`igmp_max_msf`) would make reports too long to be read.
const MAX_SOURCES: usize = 100;

/// The most groups of a receiver or source.
const MAX_GROUPS: u32 = 10_000;

pub(super) fn receivers(cx: &Context<'_>, file: &File, network: &Network) -> Vec<Receiver> {
    read_all(cx, &file.receivers, |name, written| {
        receiver(cx, network, name, written)
    })
}

pub(super) fn sources(cx: &Context<'_>, file: &File, network: &Network) -> Vec<Source> {
    read_all(cx, &file.sources, |name, written| {
        source(cx, network, name, written)
    })
}

fn read_all<W: serde::de::DeserializeOwned, T>(
    cx: &Context<'_>,
    entries: &Named<Part<W>>,
    make: impl Fn(&At<String>, W) -> Option<T>,
) -> Vec<T> {
    let mut made = Vec::new();
    for (name, part) in &entries.0 {
        if !super::is_word(&name.value, 32) && !by_hand::is_name(&name.value) {
            let problem = cx.problem(name.span, format!("`{}` cannot be a name", name.value));
            let help = "letters, digits, `-` and `_`, at most 32";
            cx.sink.add(problem.help(help));
        }
        let written = part.read(&cx.scope, cx.sink);
        made.extend(written.and_then(|written| make(name, written)));
    }
    made
}

/// The node, and its interface: the named one, or its only one.
fn place(
    cx: &Context<'_>,
    network: &Network,
    at: &At<String>,
    interface: Option<&At<String>>,
) -> Option<(NodeId, usize)> {
    let Some(node) = network.node(&at.value) else {
        cx.unknown("node", &at.value, at.span, network.node_names());
        return None;
    };
    let known = network.interface_names(node);
    if let Some(name) = interface {
        let place = network.interface(node, &name.value);
        if place.is_none() && network.whole {
            let what = format!("interface of `{}` named", at.value);
            cx.unknown(&what, &name.value, name.span, known);
        }
        return Some((node, place?));
    }
    match known.len() {
        1 => Some((node, 0)),
        0 if network.whole => {
            cx.tell(at.span, format!("`{}` is on no link", at.value));
            None
        }
        _ => {
            let message = format!(
                "`{}` has several interfaces: {}",
                at.value,
                known.join(", ")
            );
            let problem = cx.problem(at.span, message);
            cx.sink.add(problem.help("say which with `interface`"));
            None
        }
    }
}

/// The groups, each written one the first of `count`.
fn groups(cx: &Context<'_>, first: &[Ipv4Addr], count: Option<&At<u32>>) -> Option<Vec<Ipv4Addr>> {
    let Some(At { span, value }) = count else {
        return Some(first.to_vec());
    };
    if !(1..=MAX_GROUPS).contains(value) {
        cx.tell(
            *span,
            format!("groups are from 1 to {MAX_GROUPS}, not {value}"),
        );
        return None;
    }
    let mut all = Vec::new();
    for group in first {
        let last = group
            .to_bits()
            .checked_add(value - 1)
            .map(Ipv4Addr::from_bits);
        if last.is_none_or(|last| last.is_multicast() != group.is_multicast()) {
            let message = format!("{value} groups from {group} go beyond 239.255.255.255");
            cx.tell(*span, message);
            return None;
        }
        all.extend((0..*value).map(|offset| Ipv4Addr::from_bits(group.to_bits() + offset)));
    }
    Some(all)
}

fn positive(cx: &Context<'_>, port: Option<&At<u16>>) -> Option<u16> {
    let At { span, value } = port?;
    if *value == 0 {
        cx.tell(*span, "0 is not a port");
    }
    Some(*value)
}

fn receiver(
    cx: &Context<'_>,
    network: &Network,
    name: &At<String>,
    written: file::Receiver,
) -> Option<Receiver> {
    let (at, interface) = place(cx, network, &written.at, written.interface.as_ref())?;
    if written.group.0.is_empty() {
        cx.tell(name.span, format!("`{}` joins no group", name.value));
    }
    let own = &network.nodes[at.0];
    let own_addresses = own
        .interfaces
        .iter()
        .flat_map(|interface| &interface.addresses);
    let own_addresses: Vec<Ipv4Addr> = own_addresses.map(|address| address.addr()).collect();
    let mut first = Vec::new();
    for At { span, value } in &written.group.0 {
        let Address(group) = value;
        if !group.is_multicast() && !own_addresses.contains(group) {
            let message = format!(
                "{group} is neither a group nor an address of `{}`",
                own.name
            );
            cx.tell(*span, message);
        }
        first.push(*group);
    }
    let groups = groups(cx, &first, written.groups.as_ref())?;
    if let Some(At { span, value }) = &written.igmp
        && !(1..=3).contains(value)
    {
        cx.tell(*span, format!("IGMP has versions 1, 2 and 3, not {value}"));
    }
    let (source, exclude) = (&written.source, &written.exclude);
    let wanted = wanted(cx, name.span, source, exclude, written.igmp.as_ref())?;
    Some(Receiver {
        name: name.value.clone(),
        at,
        interface,
        groups,
        port: positive(cx, written.port.as_ref()).unwrap_or(PORT),
        wanted,
        igmp: written.igmp.map(|igmp| igmp.value),
    })
}

/// The sources that are wanted.
pub(super) fn wanted(
    cx: &Context<'_>,
    span: Span,
    OneOrMany(source): &OneOrMany<Address>,
    OneOrMany(exclude): &OneOrMany<Address>,
    igmp: Option<&At<u8>>,
) -> Option<Wanted> {
    let plain = |all: &[Address]| all.iter().map(|Address(one)| *one).collect::<Vec<_>>();
    let all = [plain(source), plain(exclude)].concat();
    if let Some(group) = all.iter().find(|one| one.is_multicast()) {
        cx.tell(span, format!("{group} is a group, not a source"));
        return None;
    }
    if all.len() > MAX_SOURCES {
        cx.tell(span, format!("there are at most {MAX_SOURCES} sources"));
        return None;
    }
    if let (Some(At { span, value: 1 | 2 }), false) = (igmp, all.is_empty()) {
        cx.tell(*span, "a source is joined with IGMP version 3 only");
    }
    match (source.is_empty(), exclude.is_empty()) {
        (false, false) => {
            let problem = cx.problem(span, "`source` and `exclude` exclude each other");
            let help = "name the sources that are wanted, or those that are not";
            cx.sink.add(problem.help(help));
            None
        }
        (false, true) => Some(Wanted::Only(plain(source))),
        (true, _) => Some(Wanted::AllBut(plain(exclude))),
    }
}

fn source(
    cx: &Context<'_>,
    network: &Network,
    name: &At<String>,
    written: file::Source,
) -> Option<Source> {
    let (at, interface) = place(cx, network, &written.at, written.interface.as_ref())?;
    let mut first: Vec<Ipv4Addr> = written.group.0.iter().map(|Group(group)| *group).collect();
    if let Some(At { span, value }) = &written.host {
        let Address(host) = value;
        if host.is_multicast() {
            let problem = cx.problem(*span, format!("{host} is a group, not a host"));
            cx.sink.add(problem.help("write it as `group`"));
        }
        first.push(*host);
    }
    if first.is_empty() {
        let message = format!("`{}` has neither `group` nor `host`", name.value);
        cx.tell(name.span, message);
    }
    let groups = groups(cx, &first, written.groups.as_ref())?;
    let rate = written.rate.map_or(Rate::Pps(100.0), |rate| {
        let RateValue(value) = rate.value;
        let (Rate::Pps(number) | Rate::Bps(number)) = value;
        if number <= 0.0 || !number.is_finite() {
            cx.tell(rate.span, "a source's rate is more than 0");
        }
        value
    });
    let ranged = |value: Option<&At<u32>>, default, range: RangeInclusive<u32>| {
        let Some(At { span, value }) = value else {
            return default;
        };
        if !range.contains(value) {
            let (start, end) = (range.start(), range.end());
            cx.tell(*span, format!("from {start} to {end}, not {value}"));
        }
        *value
    };
    let small = |value: Option<&At<u8>>, default, range: RangeInclusive<u32>| {
        let wide = value.map(|At { span, value }| At {
            span: *span,
            value: u32::from(*value),
        });
        u8::try_from(ranged(wide.as_ref(), default, range)).unwrap_or(u8::MAX)
    };
    let size = ranged(written.size.as_ref(), 200, SIZES);
    Some(Source {
        name: name.value.clone(),
        at,
        interface,
        groups,
        port: positive(cx, written.port.as_ref()).unwrap_or(PORT),
        rate,
        size,
        ttl: small(written.ttl.as_ref(), 16, 1..=255),
        dscp: small(written.dscp.as_ref(), 0, 0..=63),
        source_port: positive(cx, written.source_port.as_ref()),
        count: count(
            cx,
            written.count.as_ref(),
            written.span.as_ref(),
            (rate, size),
        ),
    })
}

/// How many it sends, where there is an end to it.
fn count(
    cx: &Context<'_>,
    count: Option<&At<u64>>,
    time: Option<&At<Dur>>,
    (rate, size): (Rate, u32),
) -> Option<u64> {
    let Some(At { span, value }) = time else {
        return count.map(|count| count.value);
    };
    if count.is_some() {
        cx.tell(*span, "`count` and `for` exclude each other");
    }
    let Dur(time) = value;
    if time.is_zero() {
        cx.tell(*span, "a source sends for some time");
    }
    let pps = match rate {
        Rate::Pps(pps) => pps,
        Rate::Bps(bps) => bps / 8.0 / f64::from(size),
    };
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "more than 0, and so large a number is no end"
    )]
    let due = (pps * time.as_secs_f64()).ceil() as u64;
    Some(due)
}
