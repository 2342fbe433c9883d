//! Captured packets as a pcapng file: one interface block a link, with its
//! name; steps are comments on the first packet after them.

use std::borrow::Cow;
use std::io::Write;
use std::time::Duration;

use pcap_file::DataLink;
use pcap_file::pcapng::PcapNgWriter;
use pcap_file::pcapng::blocks::enhanced_packet::{EnhancedPacketBlock, EnhancedPacketOption};
use pcap_file::pcapng::blocks::interface_description::{
    InterfaceDescriptionBlock, InterfaceDescriptionOption, InterfaceTsResolution,
};
use pcap_file::pcapng::blocks::opt_common::CommonOption;

use crate::run::capture::{Frame, SNAPLEN, Seen};

#[cfg(test)]
mod tests;

/// A moment to be marked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Marker {
    /// CLOCK_REALTIME, in nanoseconds.
    pub at_ns: u64,
    /// What happened.
    pub text: String,
}

/// Writes all frames in the order of their time.
///
/// # Errors
/// The writer's.
pub fn write(
    writer: impl Write,
    points: &[Seen],
    markers: &[Marker],
) -> Result<(), Box<dyn std::error::Error>> {
    let mut file = PcapNgWriter::new(writer)?;
    for point in points {
        let snaplen = u32::try_from(SNAPLEN)?;
        let mut block = InterfaceDescriptionBlock::new(DataLink::ETHERNET, snaplen);
        let name = Cow::from(point.name.as_str());
        block.options = vec![
            InterfaceDescriptionOption::IfName(name),
            InterfaceDescriptionOption::IfTsResol(InterfaceTsResolution::NANO),
        ];
        file.write_pcapng_block(block)?;
    }
    let mut frames: Vec<(usize, &Frame)> = points
        .iter()
        .enumerate()
        .flat_map(|(point, seen)| seen.frames.iter().map(move |frame| (point, frame)))
        .collect();
    frames.sort_by_key(|(point, frame)| (frame.at_ns, *point));
    let mut markers = markers.iter().peekable();
    for (point, frame) in frames {
        let mut options = Vec::new();
        while let Some(marker) = markers.next_if(|marker| marker.at_ns <= frame.at_ns) {
            let text = Cow::from(marker.text.as_str());
            options.push(EnhancedPacketOption::Common(CommonOption::Comment(text)));
        }
        file.write_pcapng_block(EnhancedPacketBlock {
            interface_id: u32::try_from(point)?,
            timestamp: Duration::from_nanos(frame.at_ns),
            original_len: frame.length,
            data: Cow::from(&*frame.bytes),
            options,
        })?;
    }
    file.into_inner().flush()?;
    Ok(())
}
