//! The datagrams that links showed, for conditions that ask for them by an
//! expression. Messages of IGMP and PIM are elsewhere: they are kept longer.

use std::collections::BTreeMap;

use mcr_sim::packet_expr::Packet;

use super::capture::{self, Frame, datagram, ip_packet};
use super::control::Control;
use super::messages::{HELD_NS, SAME_NS, Shown, Source};
use crate::topology::model::LinkId;

#[cfg(test)]
mod tests;

/// Where the next look begins, and what was told of late.
#[derive(Debug, Default)]
pub struct Cursor {
    points: BTreeMap<usize, Place>,
    shown: BTreeMap<(LinkId, Box<[u8]>), Shown>,
}

/// Where the next look begins at a point.
#[derive(Clone, Copy, Debug)]
struct Place {
    /// The number of the next frame.
    next: u64,
    /// Frames that the kernel had dropped.
    missed: u64,
}

/// What is looked for.
pub struct Asked<'a> {
    /// On these links.
    pub links: &'a [LinkId],
    /// From this time on.
    pub since_ns: u64,
    /// Those that are meant.
    pub meant: &'a dyn Fn(&Packet<'_>) -> bool,
}

/// Datagrams that were asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// They, point by point.
    pub datagrams: Vec<Control>,
    /// So many frames are not kept any more that may have been some.
    pub missed: u64,
}

impl Cursor {
    /// What points show since the last look. What several members of a segment
    /// show is told once.
    pub fn look(&mut self, points: &[(Source, &capture::Seen)], asked: &Asked<'_>) -> Told {
        let mut told = Told::default();
        for (position, (source, seen)) in points.iter().enumerate() {
            if !asked.links.contains(&source.link) {
                continue;
            }
            let skip = self.begin(position, seen, asked.since_ns, &mut told.missed);
            for frame in seen.frames.iter().skip(skip) {
                if let Some(found) = found(source.link, frame, asked)
                    && self.is_new(position, *source, frame)
                {
                    told.datagrams.push(found);
                }
            }
        }
        self.forget();
        told
    }

    /// How many of the frames kept at a point were looked at; notes that all
    /// are.
    fn begin(
        &mut self,
        position: usize,
        seen: &capture::Seen,
        since_ns: u64,
        missed: &mut u64,
    ) -> usize {
        let place = Place {
            next: seen.evicted + seen.frames.len() as u64,
            missed: seen.missed,
        };
        match self.points.insert(position, place) {
            Some(old) => {
                *missed += seen.evicted.saturating_sub(old.next) + seen.missed - old.missed;
                usize::try_from(old.next.saturating_sub(seen.evicted)).unwrap_or(usize::MAX)
            }
            None => {
                let skip = seen.frames.partition_point(|one| one.at_ns < since_ns);
                // Whether those that are gone were earlier is not known.
                *missed += if skip == 0 { seen.evicted } else { 0 };
                skip
            }
        }
    }

    /// Whether no other member of a segment has shown it.
    fn is_new(&mut self, point: usize, source: Source, frame: &Frame) -> bool {
        if !source.repeats {
            return true;
        }
        let key = (source.link, frame.bytes.clone());
        if let Some(known) = self.shown.get_mut(&key)
            && known.again(point, frame.at_ns, source.held)
        {
            return false;
        }
        self.shown.insert(key, Shown::first(point, frame.at_ns));
        true
    }

    /// Forgets what no other member can show any more.
    fn forget(&mut self) {
        let newest = self.shown.values().map(Shown::latest_ns).max();
        let known = newest.unwrap_or(0).saturating_sub(SAME_NS + HELD_NS);
        self.shown.retain(|_, one| one.latest_ns() >= known);
    }
}

fn found(link: LinkId, frame: &Frame, asked: &Asked<'_>) -> Option<Control> {
    if frame.at_ns < asked.since_ns || datagram(&frame.bytes).is_none() {
        return None;
    }
    let packet = ip_packet(&frame.bytes)?;
    let meant = (asked.meant)(&Packet {
        source: packet.source,
        destination: packet.destination,
        ttl: packet.ttl,
        protocol: packet.protocol,
        payload: packet.payload,
    });
    meant.then(|| Control {
        at_ns: frame.at_ns,
        link,
        source: packet.source,
        destination: packet.destination,
        ttl: packet.ttl,
        protocol: packet.protocol,
        payload: packet.payload.into(),
    })
}
