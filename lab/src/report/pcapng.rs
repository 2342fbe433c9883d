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

/// A file that frames are added to.
pub struct Recording<W: Write>(PcapNgWriter<W>);

impl<W: Write> Recording<W> {
    /// Begins a file with one interface block for each name.
    ///
    /// # Errors
    /// The writer's.
    pub fn begin<'a>(
        writer: W,
        names: impl Iterator<Item = &'a str>,
        snaplen: usize,
    ) -> Result<Self, Box<dyn std::error::Error>> {
        let mut file = PcapNgWriter::new(writer)?;
        let snaplen = u32::try_from(snaplen)?;
        for name in names {
            let mut block = InterfaceDescriptionBlock::new(DataLink::ETHERNET, snaplen);
            block.options = vec![
                InterfaceDescriptionOption::IfName(Cow::from(name)),
                InterfaceDescriptionOption::IfTsResol(InterfaceTsResolution::NANO),
            ];
            file.write_pcapng_block(block)?;
        }
        Ok(Self(file))
    }

    /// Adds a frame that was seen at the point of this number, with comments.
    ///
    /// # Errors
    /// The writer's.
    pub fn frame<'a>(
        &mut self,
        point: usize,
        frame: &Frame,
        comments: impl Iterator<Item = Cow<'a, str>>,
    ) -> Result<(), Box<dyn std::error::Error>> {
        let comments = comments.map(CommonOption::Comment);
        self.0.write_pcapng_block(EnhancedPacketBlock {
            interface_id: u32::try_from(point)?,
            timestamp: Duration::from_nanos(frame.at_ns),
            original_len: frame.length,
            data: Cow::from(&*frame.bytes),
            options: comments.map(EnhancedPacketOption::Common).collect(),
        })?;
        Ok(())
    }

    /// Hands on what is buffered.
    ///
    /// # Errors
    /// The writer's.
    pub fn flush(&mut self) -> std::io::Result<()> {
        self.0.get_mut().flush()
    }
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
    let mut file = Recording::begin(writer, names.iter().map(String::as_str), LONGEST)?;
    let mut markers = markers.iter().peekable();
    for (position, (point, frame)) in frames.iter().enumerate() {
        let mut comments: Vec<Cow<'_, str>> = Vec::new();
        while let Some(marker) = markers.next_if(|marker| marker.at_ns <= frame.at_ns) {
            comments.push(Cow::from(marker.text.as_str()));
        }
        if position + 1 == frames.len() {
            let later = markers.by_ref();
            comments.extend(later.map(|marker| format!("after this: {}", marker.text).into()));
        }
        file.frame(*point, frame, comments.into_iter())?;
    }
    file.flush()?;
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
