//! Captured packets as a pcapng file: one interface block a link, with its
//! name; steps are comments on the first packet after them.

use std::borrow::Cow;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::time::Duration;

use pcap_file::DataLink;
use pcap_file::pcapng::PcapNgWriter;
use pcap_file::pcapng::blocks::enhanced_packet::{EnhancedPacketBlock, EnhancedPacketOption};
use pcap_file::pcapng::blocks::interface_description::{
    InterfaceDescriptionBlock, InterfaceDescriptionOption, InterfaceTsResolution,
};
use pcap_file::pcapng::blocks::opt_common::CommonOption;

use crate::run::capture::{Frame, LONGEST};

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

/// Writes these frames, each with the position of its link's name. A moment is
/// a comment of the first frame after it; the last frame has those after all.
///
/// # Errors
/// The writer's.
pub fn write(
    writer: impl Write,
    names: &[String],
    frames: &[(usize, Frame)],
    markers: &[Marker],
) -> Result<(), Box<dyn std::error::Error>> {
    let mut file = PcapNgWriter::new(writer)?;
    for name in names {
        let snaplen = u32::try_from(LONGEST)?;
        let mut block = InterfaceDescriptionBlock::new(DataLink::ETHERNET, snaplen);
        block.options = vec![
            InterfaceDescriptionOption::IfName(Cow::from(name.as_str())),
            InterfaceDescriptionOption::IfTsResol(InterfaceTsResolution::NANO),
        ];
        file.write_pcapng_block(block)?;
    }
    let comment = |text: String| EnhancedPacketOption::Common(CommonOption::Comment(text.into()));
    let mut markers = markers.iter().peekable();
    for (position, (point, frame)) in frames.iter().enumerate() {
        let mut options = Vec::new();
        while let Some(marker) = markers.next_if(|marker| marker.at_ns <= frame.at_ns) {
            options.push(comment(marker.text.clone()));
        }
        if position + 1 == frames.len() {
            let later = markers.by_ref();
            options.extend(later.map(|marker| comment(format!("after this: {}", marker.text))));
        }
        file.write_pcapng_block(EnhancedPacketBlock {
            interface_id: u32::try_from(*point)?,
            timestamp: Duration::from_nanos(frame.at_ns),
            original_len: frame.length,
            data: Cow::from(&*frame.bytes),
            options,
        })?;
    }
    file.into_inner().flush()?;
    Ok(())
}

/// The same, to a new file.
///
/// # Errors
/// What could not be done, in one sentence.
pub fn write_file(
    path: &Path,
    names: &[String],
    frames: &[(usize, Frame)],
    markers: &[Marker],
) -> Result<(), String> {
    let failed =
        |error: &dyn std::fmt::Display| format!("cannot write {}: {error}", path.display());
    let file = File::create(path).map_err(|error| failed(&error))?;
    write(BufWriter::new(file), names, frames, markers).map_err(|error| failed(&error))
}
