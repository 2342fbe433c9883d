//! Receivers of a simulated network: they count as `mcrgen` does.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use mcr_proto::id::UnicastAddr;
use mcr_sim::Filter;
use mcr_sim::packet::Data;
use mcrgen::ledger::{Arrival, Clock, Ledger};
use mcrgen::payload::Header;
use mcrgen::report::RecvReport;

use crate::topology::model::{Receiver, Source, Wanted};

/// The most flows that a receiver tells apart.
const FLOWS: usize = 4096;
/// The UDP source port where none is asked for.
const EPHEMERAL: u16 = 32_768;

/// What is not in a simulated packet of a flow.
pub(super) struct Sent {
    pub(super) run: u64,
    pub(super) number: u32,
    pub(super) group: Ipv4Addr,
    pub(super) size: u64,
    port: u16,
    source_port: u16,
    dscp: u8,
}

impl Sent {
    /// The flow of a source's group at this position.
    pub(super) fn new(run: u64, number: u32, source: &Source) -> Sent {
        let position = usize::try_from(number).unwrap_or(usize::MAX);
        let group = source.groups.get(position).copied();
        Sent {
            run,
            number,
            group: group.unwrap_or(Ipv4Addr::UNSPECIFIED),
            size: source.size.into(),
            port: source.port,
            source_port: source.source_port.unwrap_or(EPHEMERAL),
            dscp: source.dscp,
        }
    }
}

/// A receiver that has joined.
pub(super) struct Listener {
    pub(super) session: usize,
    joined_ns: u64,
    ledger: Ledger,
}

impl Listener {
    pub(super) fn new(session: usize, joined_ns: u64) -> Listener {
        Listener {
            session,
            joined_ns,
            ledger: Ledger::new(FLOWS, Clock::Any),
        }
    }

    /// Takes a packet that came to its host, where it is one of its own.
    pub(super) fn heard(
        &mut self,
        model: &Receiver,
        flow: &Sent,
        data: &Data,
        sent_ns: u64,
        at_ns: u64,
    ) {
        let source = data.source.get();
        let wanted = model.groups.contains(&flow.group)
            && model.port == flow.port
            && model.wanted.takes(source);
        if !wanted || at_ns < self.joined_ns {
            return;
        }
        self.ledger.note(&Arrival {
            source,
            group: flow.group,
            port: flow.port,
            source_port: flow.source_port,
            header: Header {
                clock: 0,
                flow: flow.number,
                run: flow.run,
                sequence: data.sequence,
                sent_ns,
            },
            length: flow.size,
            arrival_ns: at_ns,
            ttl: Some(data.ttl),
            dscp: Some(flow.dscp),
            socket: 0,
            drops: 0,
        });
    }

    pub(super) fn report(&mut self, now_ns: u64) -> RecvReport {
        let mut flows = self.ledger.report(0, |_| self.joined_ns);
        self.ledger.tell_latencies(&mut flows, false);
        self.ledger.latencies_told();
        RecvReport {
            at_ns: now_ns,
            joined_ns: self.joined_ns,
            flows,
            ..RecvReport::default()
        }
    }
}

/// What a host wants of a group for receivers that have joined it: what any of
/// them does (RFC 9776 section 3.2).
pub(super) fn filter<'a>(receivers: impl Iterator<Item = &'a Receiver>) -> Filter {
    let mut wanted = BTreeSet::new();
    let mut unwanted: Option<BTreeSet<UnicastAddr>> = None;
    for receiver in receivers {
        match &receiver.wanted {
            Wanted::Only(sources) => wanted.extend(addresses(sources)),
            Wanted::AllBut(sources) => {
                let of_this: BTreeSet<UnicastAddr> = addresses(sources).collect();
                unwanted = Some(match unwanted {
                    Some(others) => others.intersection(&of_this).copied().collect(),
                    None => of_this,
                });
            }
        }
    }
    match unwanted {
        Some(unwanted) => Filter::Exclude(unwanted.difference(&wanted).copied().collect()),
        None => Filter::Include(wanted),
    }
}

/// What one host wants of a group.
pub(super) fn filter_of(wanted: &Wanted) -> Filter {
    match wanted {
        Wanted::Only(sources) => Filter::Include(addresses(sources).collect()),
        Wanted::AllBut(sources) => Filter::Exclude(addresses(sources).collect()),
    }
}

fn addresses(all: &[Ipv4Addr]) -> impl Iterator<Item = UnicastAddr> {
    all.iter()
        .filter_map(|one| UnicastAddr::try_from(*one).ok())
}

#[cfg(test)]
mod tests;
