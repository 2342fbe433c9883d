//! Files that may be long.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

/// The last bytes of a file, and how many there are before them.
///
/// # Errors
/// The file system's.
pub fn end_of(path: &Path, bytes: u64) -> io::Result<(Vec<u8>, u64)> {
    let mut file = File::open(path)?;
    let before = file.metadata()?.len().saturating_sub(bytes);
    file.seek(SeekFrom::Start(before))?;
    let mut end = Vec::new();
    file.take(bytes).read_to_end(&mut end)?;
    Ok((end, before))
}

/// At most so many bytes of a file, from a place on.
///
/// # Errors
/// The file system's.
pub fn part_of(path: &Path, from: u64, bytes: u64) -> io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    file.seek(SeekFrom::Start(from))?;
    let mut part = Vec::new();
    file.take(bytes).read_to_end(&mut part)?;
    Ok(part)
}

#[cfg(test)]
mod tests;
