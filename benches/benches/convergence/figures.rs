//! From a run's packets to figures. The scenario says by the titles of its
//! steps what each step is; times are in milliseconds.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use mcr_wire::igmp::{Message, RecordType};
use mcr_wire::pim::JoinPrune;

use crate::capture::{Capture, Packet, What};

/// A step of a run.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    /// Its kind, and what it is about.
    pub(crate) title: String,
    /// When its first action was begun.
    pub(crate) begin: u64,
    /// When the application's join call returned, or its action began.
    pub(crate) called: Option<u64>,
    /// When the step ended.
    pub(crate) end: u64,
}

/// The link of the receiver, the source's, and the direct one between the
/// routers next to them, as every scenario names them.
const RECEIVER: &str = "rcv";
const SOURCE: &str = "src";

/// After a repair this long, in nanoseconds, duplicates are not counted: the
/// old way and the new one overlap on purpose.
const OVERLAP: u64 = 100_000_000;

/// A gap that is owed to a change of a link begins within this time of it, in
/// nanoseconds.
const OWED: u64 = 1_000_000_000;

/// Between two packets of the source, in nanoseconds.
const PACKET_GAP: u64 = 2_000_000;

/// How long a LAN may take to settle on one forwarder, in nanoseconds.
const SETTLE: u64 = 1_000_000_000;

/// The figures of a run by name.
pub(crate) fn figures(capture: &Capture, steps: &[Step]) -> Vec<(String, f64)> {
    let mut figures = Vec::new();
    for step in steps {
        let part = Part::new(capture, step);
        let (kind, what) = step.title.split_once(' ').unwrap_or((&step.title, ""));
        match kind {
            "join" => join(&part, what, &mut figures),
            "leave" => leave(&part, what, &mut figures),
            "start" => start(&part, what, &mut figures),
            "switch" => switch(&part, what, &mut figures),
            "gap" => gap(&part, what, &mut figures),
            "lan" => lan(&part, what, &mut figures),
            "path" => path(&part, what, &mut figures),
            _ => {}
        }
    }
    figures
}

/// What happened during a step.
struct Part<'a> {
    step: &'a Step,
    packets: Vec<&'a Packet>,
    /// Those before it, the last one first.
    earlier: Vec<&'a Packet>,
}

impl<'a> Part<'a> {
    fn new(capture: &'a Capture, step: &'a Step) -> Part<'a> {
        let during = |packet: &&Packet| (step.begin..step.end).contains(&packet.at);
        let earlier = capture.packets.iter().rev();
        Part {
            step,
            packets: capture.packets.iter().filter(during).collect(),
            earlier: earlier.filter(|packet| packet.at < step.begin).collect(),
        }
    }

    /// Datagrams on links whose name has the word: time and number.
    fn data(&self, word: &str) -> Vec<(u64, u64)> {
        data(&self.packets, word).collect()
    }

    /// The last of them before the step.
    fn before(&self, word: &str) -> Option<(u64, u64)> {
        data(&self.earlier, word).next()
    }

    /// The first IGMP message on the receiver's link that joins or leaves.
    fn report(&self, wanted: fn(&Message) -> bool) -> Option<u64> {
        let packets = self.packets.iter().filter(|packet| has(packet, RECEIVER));
        packets
            .filter_map(|packet| match &packet.what {
                What::Igmp(message) if wanted(message) => Some(packet.at),
                What::Igmp(_) | What::Data(_) | What::JoinPrune(_) | What::Pim => None,
            })
            .next()
    }
}

fn data(packets: &[&Packet], word: &str) -> impl Iterator<Item = (u64, u64)> {
    let packets = packets.iter().filter(move |packet| has(packet, word));
    packets.filter_map(|packet| match packet.what {
        What::Data(sequence) => Some((packet.at, sequence)),
        What::Igmp(_) | What::JoinPrune(_) | What::Pim => None,
    })
}

/// A link is named by its two ends.
fn has(packet: &Packet, word: &str) -> bool {
    packet
        .link
        .split(['-', ' ', '(', ')'])
        .any(|end| end == word)
}

fn milliseconds(from: u64, to: u64) -> f64 {
    (to as f64 - from as f64) / 1e6
}

fn joins(message: &Message) -> bool {
    let routed = |group: Ipv4Addr| group.octets()[..3] != [224, 0, 0];
    match message {
        Message::ReportV1(group) | Message::ReportV2(group) => routed(*group),
        Message::ReportV3(records) => records.iter().any(|record| match record.record_type {
            RecordType::ToExclude | RecordType::IsExclude => routed(record.group),
            RecordType::Allow | RecordType::ToInclude | RecordType::IsInclude => {
                routed(record.group) && !record.sources.is_empty()
            }
            RecordType::Block => false,
        }),
        Message::Query(_) | Message::Leave(_) | Message::Unknown(_) => false,
    }
}

fn leaves(message: &Message) -> bool {
    match message {
        Message::Leave(_) => true,
        Message::ReportV3(records) => records.iter().any(|record| match record.record_type {
            RecordType::ToInclude => record.sources.is_empty(),
            RecordType::Block => true,
            RecordType::ToExclude
            | RecordType::IsExclude
            | RecordType::Allow
            | RecordType::IsInclude => false,
        }),
        Message::Query(_) | Message::ReportV1(_) | Message::ReportV2(_) | Message::Unknown(_) => {
            false
        }
    }
}

fn join(part: &Part<'_>, what: &str, figures: &mut Vec<(String, f64)>) {
    let Some((first, _)) = part.data(RECEIVER).first().copied() else {
        return;
    };
    let call = milliseconds(part.step.called.unwrap_or(part.step.begin), first);
    figures.push((format!("{what} join: call to first packet"), call));
    if let Some(report) = part.report(joins) {
        let wire = milliseconds(report, first);
        figures.push((format!("{what} join: Report to first packet"), wire));
    }
}

fn leave(part: &Part<'_>, what: &str, figures: &mut Vec<(String, f64)>) {
    let last = part.data(RECEIVER).last().copied();
    if let (Some(report), Some((last, _))) = (part.report(leaves), last) {
        let wire = milliseconds(report, last);
        figures.push((format!("{what} leave: message to last packet"), wire));
    }
}

fn start(part: &Part<'_>, what: &str, figures: &mut Vec<(String, f64)>) {
    let (sent, got) = (part.data(SOURCE), part.data(RECEIVER));
    if let (Some((sent, _)), Some((got, _))) = (sent.first(), got.first()) {
        let first = milliseconds(*sent, *got);
        figures.push((format!("{what} source start: first packet"), first));
    }
    figures.push((format!("{what} source start: lost"), lost(&sent, &got)));
}

fn switch(part: &Part<'_>, what: &str, figures: &mut Vec<(String, f64)>) {
    let (sent, got) = (part.data(SOURCE), part.data(RECEIVER));
    figures.push((format!("{what} switch: duplicates"), duplicates(&got)));
    figures.push((format!("{what} switch: lost"), lost(&sent, &got)));
    // The direct link between first and last hop is the source's own tree.
    let native = part.packets.iter().find(|packet| {
        let data = matches!(packet.what, What::Data(_));
        data && has(packet, "r1") && has(packet, "r3")
    });
    let prune = part.packets.iter().find(|packet| match &packet.what {
        What::JoinPrune(message) => has(packet, "r2") && has(packet, "r3") && prunes_rpt(message),
        What::Data(_) | What::Igmp(_) | What::Pim => false,
    });
    if let (Some(native), Some(prune)) = (native, prune) {
        let after = milliseconds(native.at, prune.at);
        figures.push((format!("{what} switch: (S,G,rpt) prune after"), after));
    }
}

fn prunes_rpt(message: &JoinPrune) -> bool {
    let mut prunes = message.groups.iter().flat_map(|group| &group.prunes);
    prunes.any(|source| source.rpt && !source.wildcard)
}

/// The longest gap at the receiver that the step brought: one in which packets
/// were lost, or after which they came another way. Others are the machine's,
/// on which each router has to wait for its turn. What the source itself was
/// late is taken off.
fn gap(part: &Part<'_>, what: &str, figures: &mut Vec<(String, f64)>) {
    let (late, ways) = (late(part), ways(part));
    let got = part.data(RECEIVER);
    // The gap begins with the last packet before the step.
    let before = part.before(RECEIVER).into_iter();
    let times: Vec<(u64, u64)> = before.chain(got.clone()).collect();
    let owed = |pair: &&[(u64, u64)]| {
        let ((begin, from), (_, to)) = (pair[0], pair[1]);
        begin < part.step.begin + OWED && (to != from + 1 || ways.get(&from) != ways.get(&to))
    };
    let gap = |pair: &[(u64, u64)]| {
        let ((begin, from), (end, to)) = (pair[0], pair[1]);
        let late: u64 = late
            .range(from + 1..=to.max(from + 1))
            .map(|(_, late)| late)
            .sum();
        milliseconds(begin + late, end)
    };
    let longest = times.windows(2).filter(owed).map(gap).fold(0.0, f64::max);
    figures.push((format!("{what}: longest gap"), longest));
    let later: Vec<_> = got
        .into_iter()
        .filter(|(at, _)| *at > part.step.begin + OVERLAP)
        .collect();
    let name = format!("{what}: duplicates after 100 ms");
    figures.push((name, duplicates(&later)));
}

/// The links between the routers that each packet was seen on.
fn ways<'a>(part: &Part<'a>) -> BTreeMap<u64, BTreeSet<&'a str>> {
    let mut ways: BTreeMap<u64, BTreeSet<&str>> = BTreeMap::new();
    for packet in part.packets.iter().chain(&part.earlier) {
        if let What::Data(sequence) = packet.what
            && !has(packet, SOURCE)
            && !has(packet, RECEIVER)
        {
            ways.entry(sequence).or_default().insert(&packet.link);
        }
    }
    ways
}

/// By how much each packet of the source came late after the one before.
fn late(part: &Part<'_>) -> BTreeMap<u64, u64> {
    let sent = part.before(SOURCE).into_iter().chain(part.data(SOURCE));
    let sent: Vec<(u64, u64)> = sent.collect();
    let pairs = sent.windows(2).map(|pair| {
        let between = pair[1].0.saturating_sub(pair[0].0);
        (pair[1].1, between.saturating_sub(PACKET_GAP))
    });
    pairs.collect()
}

fn lan(part: &Part<'_>, what: &str, figures: &mut Vec<(String, f64)>) {
    let (sent, got) = (part.data(SOURCE), part.data(RECEIVER));
    let begin = sent.first().map_or(part.step.begin, |(at, _)| *at) + SETTLE;
    let later = |packets: &[(u64, u64)]| -> Vec<(u64, u64)> {
        let packets = packets.iter().filter(|(at, _)| *at > begin);
        packets.copied().collect()
    };
    let name = format!("{what}: duplicates after 1 s");
    figures.push((name, duplicates(&later(&got))));
    let name = format!("{what}: lost after 1 s");
    figures.push((name, lost(&later(&sent), &got)));
}

/// From the source's link to the receiver's, for each of the routers between.
fn path(part: &Part<'_>, what: &str, figures: &mut Vec<(String, f64)>) {
    let Ok(routers) = what.split(' ').next().unwrap_or_default().parse::<u32>() else {
        return;
    };
    let sent: BTreeMap<u64, u64> = part
        .data(SOURCE)
        .into_iter()
        .map(|(at, sequence)| (sequence, at))
        .collect();
    let got = part.data(RECEIVER).into_iter();
    let mut times: Vec<f64> = got
        .filter_map(|(at, sequence)| Some(milliseconds(*sent.get(&sequence)?, at)))
        .map(|time| time * 1000.0 / f64::from(routers))
        .collect();
    times.sort_by(f64::total_cmp);
    for (name, share) in [("median", 0.5), ("99 %", 0.99)] {
        let position = (times.len() as f64 * share) as usize;
        if let Some(time) = times.get(position) {
            figures.push((format!("forwarding, us a router: {name}"), *time));
        }
    }
}

fn duplicates(got: &[(u64, u64)]) -> f64 {
    let mut times: BTreeMap<u64, u64> = BTreeMap::new();
    for (_, sequence) in got {
        *times.entry(*sequence).or_default() += 1;
    }
    times.values().map(|times| times - 1).sum::<u64>() as f64
}

/// Sent and not received; the last few may be on their way still.
fn lost(sent: &[(u64, u64)], got: &[(u64, u64)]) -> f64 {
    const UNDER_WAY: usize = 5;
    let got: BTreeSet<u64> = got.iter().map(|(_, sequence)| *sequence).collect();
    let sent = &sent[..sent.len().saturating_sub(UNDER_WAY)];
    let lost = sent.iter().filter(|(_, sequence)| !got.contains(sequence));
    lost.count() as f64
}
