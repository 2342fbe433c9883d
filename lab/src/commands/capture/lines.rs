//! Packets as lines.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::run::capture::{Frame, datagram, ip_packet};
use crate::run::control::said as said_by;
use crate::run::messages::SAME_NS;
use crate::rundir::PointState;

/// Frames that are remembered to know the same one at another member.
const REMEMBERED: usize = 1024;

/// A line for each packet. All members of a segment show the same frame; it is
/// told once.
pub(super) struct Lines {
    /// The link's name, by point.
    links: Vec<String>,
    width: usize,
    latest: BTreeMap<Box<[u8]>, (usize, u64)>,
}

impl Lines {
    pub(super) fn of(points: &[PointState]) -> Self {
        let links: Vec<_> = points.iter().map(|point| point.link.clone()).collect();
        let width = links.iter().map(String::len).max().unwrap_or_default();
        let latest = BTreeMap::new();
        Self {
            links,
            width,
            latest,
        }
    }

    /// The line of a frame; `None` where another member has shown it.
    pub(super) fn line(&mut self, point: usize, frame: &Frame) -> Option<String> {
        let link = self.links.get(point)?;
        if let Some((other, at_ns)) = self.latest.get(&frame.bytes)
            && *other != point
            && self.links.get(*other) == Some(link)
            && frame.at_ns.saturating_sub(*at_ns) < SAME_NS
        {
            return None;
        }
        let width = self.width;
        let line = format!("{}  {link:<width$}  {}", time(frame.at_ns), said(frame));
        if self.latest.len() >= REMEMBERED {
            self.latest.clear();
        }
        self.latest
            .insert(frame.bytes.clone(), (point, frame.at_ns));
        Some(line.trim_end().to_owned())
    }
}

fn time(at_ns: u64) -> String {
    let Ok(time) = Timestamp::from_nanosecond(at_ns.into()) else {
        return String::new();
    };

    time.strftime("%H:%M:%S%.6f").to_string()
}

fn said(frame: &Frame) -> String {
    let packet = ip_packet(&frame.bytes);
    if let Some(packet) = packet
        && let Some(said) = said_by(packet.protocol, packet.payload)
    {
        let (from, to) = (packet.source, packet.destination);
        return format!("{from} > {to}  {} {}", said.kind, said.text);
    }
    if let Some(datagram) = datagram(&frame.bytes) {
        let (from, to) = (datagram.source, datagram.destination);
        return format!("{from} > {to}  udp {} bytes", datagram.payload_length);
    }
    if let Some(packet) = packet {
        let (from, to) = (packet.source, packet.destination);
        let (protocol, length) = (packet.protocol, packet.length);
        return format!("{from} > {to}  protocol {protocol} {length} bytes");
    }
    match frame.bytes.get(12..14) {
        Some([0x08, 0x06]) => "arp".to_owned(),
        Some([high, low]) => format!("ethertype {high:02x}{low:02x} {} bytes", frame.length),
        Some(_) | None => format!("{} bytes", frame.length),
    }
}

#[cfg(test)]
mod tests;
