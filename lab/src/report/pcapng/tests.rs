//! The file read back: names, order, times, comments.

use std::time::Duration;

use pcap_file::pcapng::blocks::enhanced_packet::EnhancedPacketOption;
use pcap_file::pcapng::blocks::interface_description::InterfaceDescriptionOption;
use pcap_file::pcapng::blocks::opt_common::CommonOption;
use pcap_file::pcapng::{Block, PcapNgReader};

use super::{Marker, write};
use crate::run::capture::Frame;

fn frame(point: usize, at_ns: u64) -> (usize, Frame) {
    let frame = Frame {
        at_ns,
        length: 1000,
        bytes: vec![at_ns as u8; 60].into(),
    };
    (point, frame)
}

#[test]
fn links_frames_and_markers_come_back() {
    let base = 1_790_000_000_000_000_000;
    let names = ["src--r1".to_owned(), "r1--rcv".to_owned()];
    let frames = [frame(0, base + 1), frame(1, base + 2), frame(0, base + 3)];
    let marker = |at_ns, text: &str| Marker {
        at_ns,
        text: text.to_owned(),
    };
    let markers = [
        marker(base, "step 1"),
        marker(base + 2, "step 2"),
        marker(base + 9, "the end"),
    ];
    let mut file = Vec::new();
    write(&mut file, &names, &frames, &markers).unwrap();

    let mut found = Vec::new();
    let mut packets = Vec::new();
    let mut reader = PcapNgReader::new(file.as_slice()).unwrap();
    while let Some(read) = reader.next_block() {
        let (block, _) = read.unwrap();
        if let Block::InterfaceDescription(interface) = &block {
            for option in &interface.options {
                if let InterfaceDescriptionOption::IfName(name) = option {
                    found.push(name.to_string());
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
    assert_eq!(found, names);
    let at = Duration::from_nanos;
    assert_eq!(
        packets,
        [
            (0, at(base + 1), Some("step 1".to_owned())),
            (1, at(base + 2), Some("step 2".to_owned())),
            (0, at(base + 3), Some("after this: the end".to_owned())),
        ]
    );
}
