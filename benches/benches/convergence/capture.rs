//! The packets of a run, read back from its capture: what each was, on which
//! link, when.

use std::fs::File;
use std::path::Path;

use anyhow::Context;
use mcr_wire::{igmp, ipv4, pim};
use pcap_file::pcapng::{Block, PcapNgReader};

/// A packet on a link.
#[derive(Clone, Debug)]
pub(crate) struct Packet {
    /// When, in nanoseconds.
    pub(crate) at: u64,
    /// The link, as the lab names it.
    pub(crate) link: String,
    /// What it is.
    pub(crate) what: What,
}

/// What a packet is.
#[derive(Clone, Debug)]
pub(crate) enum What {
    /// A measured datagram, with the number that its sender gave it.
    Data(u64),
    /// IGMP.
    Igmp(igmp::Message),
    /// PIM Join/Prune.
    JoinPrune(pim::JoinPrune),
    /// PIM, another type.
    Pim,
}

/// A run's packets in the order of their time, and when its steps started.
#[derive(Debug, Default)]
pub(crate) struct Capture {
    /// All packets that are of interest.
    pub(crate) packets: Vec<Packet>,
}

/// Reads a capture that the lab wrote.
pub(crate) fn read(path: &Path) -> anyhow::Result<Capture> {
    let file = File::open(path).with_context(|| path.display().to_string())?;
    let mut reader = PcapNgReader::new(file)?;
    let mut links: Vec<String> = Vec::new();
    let mut capture = Capture::default();
    while let Some(block) = reader.next_block() {
        let (block, _) = block?;
        if let Block::InterfaceDescription(interface) = &block {
            links.push(name(interface));
        }
        if let Block::EnhancedPacket(packet) = block {
            let link = links.get(usize::try_from(packet.interface_id)?);
            let link = link.context("a packet of an interface that is not described")?;
            let at = u64::try_from(packet.timestamp.as_nanos())?;
            let found = decode(&packet.data).map(|what| Packet {
                at,
                link: link.clone(),
                what,
            });
            capture.packets.extend(found);
        }
    }
    capture.packets.sort_by_key(|packet| packet.at);
    Ok(capture)
}

fn name(
    interface: &pcap_file::pcapng::blocks::interface_description::InterfaceDescriptionBlock<'_>,
) -> String {
    use pcap_file::pcapng::blocks::interface_description::InterfaceDescriptionOption::IfName;
    let mut options = interface.options.iter();
    let name = options.find_map(|option| {
        let IfName(name) = option else {
            return None;
        };
        Some(name.to_string())
    });
    name.unwrap_or_default()
}

fn decode(frame: &[u8]) -> Option<What> {
    if let Some(datagram) = lab::run::capture::datagram(frame) {
        let header = mcrgen::payload::peek(datagram.payload)?;
        return Some(What::Data(header.sequence));
    }
    let packet = ipv4::Packet::parse(frame.get(14..)?).ok()?;
    match packet.header().protocol {
        igmp::PROTOCOL => igmp::Message::parse(packet.payload()).map(What::Igmp).ok(),
        pim::PROTOCOL => Some(match pim::Message::parse(packet.payload()) {
            Ok(pim::Message::JoinPrune(message)) => What::JoinPrune(message),
            Ok(_) | Err(_) => What::Pim,
        }),
        _ => None,
    }
}
