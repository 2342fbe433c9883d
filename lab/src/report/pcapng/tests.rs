//! The file read back: names, order, times, comments.

use std::time::Duration;

use pcap_file::pcapng::blocks::enhanced_packet::EnhancedPacketOption;
use pcap_file::pcapng::blocks::interface_description::InterfaceDescriptionOption;
use pcap_file::pcapng::blocks::opt_common::CommonOption;
use pcap_file::pcapng::{Block, PcapNgReader};

use super::{Marker, write};
use crate::run::capture::{Frame, Seen};

fn point(name: &str, times: &[u64]) -> Seen {
    let frame = |&at_ns: &u64| Frame {
        at_ns,
        length: 1000,
        bytes: vec![at_ns as u8; 60].into(),
    };
    Seen::of(name, times.iter().map(frame))
}

#[test]
fn links_frames_and_markers_come_back() {
    let base = 1_790_000_000_000_000_000;
    let points = [
        point("src--r1", &[base + 1, base + 3]),
        point("r1--rcv", &[base + 2]),
    ];
    let marker = |at_ns, text: &str| Marker {
        at_ns,
        text: text.to_owned(),
    };
    let markers = [marker(base, "step 1"), marker(base + 2, "step 2")];
    let mut file = Vec::new();
    write(&mut file, &points, &markers).unwrap();

    let mut names = Vec::new();
    let mut packets = Vec::new();
    let mut reader = PcapNgReader::new(file.as_slice()).unwrap();
    while let Some(read) = reader.next_block() {
        let (block, _) = read.unwrap();
        if let Block::InterfaceDescription(interface) = &block {
            for option in &interface.options {
                if let InterfaceDescriptionOption::IfName(name) = option {
                    names.push(name.to_string());
                }
            }
        }
        if let Block::EnhancedPacket(packet) = &block {
            let comment = packet.options.iter().find_map(|option| {
                let EnhancedPacketOption::Common(CommonOption::Comment(text)) = option else {
                    return None;
                };
                Some(text.to_string())
            });
            assert_eq!((packet.data.len(), packet.original_len), (60, 1000));
            packets.push((packet.interface_id, packet.timestamp, comment));
        }
    }
    assert_eq!(names, ["src--r1", "r1--rcv"]);
    let at = Duration::from_nanos;
    assert_eq!(
        packets,
        [
            (0, at(base + 1), Some("step 1".to_owned())),
            (1, at(base + 2), Some("step 2".to_owned())),
            (0, at(base + 3), None),
        ]
    );
}
