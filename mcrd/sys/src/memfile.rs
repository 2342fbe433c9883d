//! Memory that two processes share: an anonymous file whose size is sealed, so
//! that neither can make the other fault by cutting it off.

use std::io;
use std::num::NonZeroUsize;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::ptr::NonNull;
use std::sync::atomic::AtomicU64;

use nix::fcntl::{FcntlArg, SealFlag, fcntl};
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::mman::{MapFlags, ProtFlags, mmap, munmap};
use nix::sys::stat::fstat;
use nix::unistd::ftruncate;

const SEALS: SealFlag = SealFlag::F_SEAL_SHRINK.union(SealFlag::F_SEAL_GROW);

/// A sealed memory file, mapped. Pages that nobody has written take no memory.
#[derive(Debug)]
pub struct SharedWords {
    file: OwnedFd,
    start: NonNull<AtomicU64>,
    words: usize,
}

// SAFETY: the mapping belongs to the value, and it is only read and written
// through atomics.
unsafe impl Send for SharedWords {}
// SAFETY: as above.
unsafe impl Sync for SharedWords {}

impl SharedWords {
    /// A new file of `words` words, all zero. The name is for diagnosis only.
    pub fn create(name: &str, words: usize) -> io::Result<SharedWords> {
        let file = memfd_create(name, MFdFlags::MFD_CLOEXEC | MFdFlags::MFD_ALLOW_SEALING)?;
        let bytes = words.checked_mul(size_of::<u64>());
        let Some(length) = bytes.and_then(|bytes| i64::try_from(bytes).ok()) else {
            return Err(io::ErrorKind::InvalidInput.into());
        };
        ftruncate(&file, length)?;
        fcntl(&file, FcntlArg::F_ADD_SEALS(SEALS | SealFlag::F_SEAL_SEAL))?;
        SharedWords::map(file, words)
    }

    /// Maps a file that another process made, if its size is sealed.
    pub fn open(file: OwnedFd) -> io::Result<SharedWords> {
        let seals = SealFlag::from_bits_retain(fcntl(&file, FcntlArg::F_GET_SEALS)?);
        if !seals.contains(SEALS) {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "the size of the memory file is not sealed",
            ));
        }
        let bytes = usize::try_from(fstat(&file)?.st_size).unwrap_or(0);
        SharedWords::map(file, bytes / size_of::<u64>())
    }

    fn map(file: OwnedFd, words: usize) -> io::Result<SharedWords> {
        let Some(length) = NonZeroUsize::new(words * size_of::<u64>()) else {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "the memory file is empty",
            ));
        };
        // SAFETY: a new mapping at an address of the kernel's choice replaces
        // nothing; the sealed size keeps all of it backed.
        let start = unsafe {
            mmap(
                None,
                length,
                ProtFlags::PROT_READ | ProtFlags::PROT_WRITE,
                MapFlags::MAP_SHARED,
                &file,
                0,
            )
        }?;
        Ok(SharedWords {
            file,
            start: start.cast(),
            words,
        })
    }

    /// The words.
    pub fn words(&self) -> &[AtomicU64] {
        // SAFETY: the mapping has this many words, is page aligned, lives as
        // long as self, and any bit pattern is a valid word.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr(), self.words) }
    }
}

impl AsFd for SharedWords {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

impl Drop for SharedWords {
    fn drop(&mut self) {
        // SAFETY: the mapping was made in `map` with this length, and no
        // reference into it can outlive self.
        let unmapped = unsafe { munmap(self.start.cast(), self.words * size_of::<u64>()) };
        debug_assert_eq!(unmapped, Ok(()));
    }
}

#[cfg(test)]
mod tests;
