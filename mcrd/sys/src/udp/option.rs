//! Socket options that socket2 does not have.

use std::io;
use std::mem::size_of;
use std::os::fd::{AsRawFd, BorrowedFd};

/// Types whose bytes the kernel takes as an option's value.
///
/// # Safety
/// Every byte of the type is initialized: it has no padding.
pub(crate) unsafe trait OptionValue: Copy {}

// SAFETY: an integer has no padding.
unsafe impl OptionValue for libc::c_int {}
// SAFETY: three fields of four bytes each, so no padding.
unsafe impl OptionValue for libc::ip_mreqn {}
// SAFETY: three fields of four bytes each, so no padding.
unsafe impl OptionValue for libc::ip_mreq_source {}

// SAFETY: a field of four bytes, two of two, and eight of one, so no padding.
unsafe impl OptionValue for libc::packet_mreq {}

/// Sets an option.
pub(crate) fn set<T: OptionValue>(
    socket: BorrowedFd<'_>,
    level: libc::c_int,
    name: libc::c_int,
    value: T,
) -> io::Result<()> {
    // An option's value is a few bytes.
    let length = size_of::<T>() as libc::socklen_t;
    // SAFETY: `value` is `length` initialized bytes and outlives the call.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            level,
            name,
            (&raw const value).cast(),
            length,
        )
    };
    if result == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// Reads an option that is an array of `u32`; what the kernel does not fill
/// stays 0.
pub(super) fn get_words<const N: usize>(
    socket: BorrowedFd<'_>,
    level: libc::c_int,
    name: libc::c_int,
) -> io::Result<[u32; N]> {
    let mut words = [0_u32; N];
    let mut length = size_of::<[u32; N]>() as libc::socklen_t;
    // SAFETY: `words` has room for `length` bytes, and any bytes are a `u32`.
    let result = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            level,
            name,
            words.as_mut_ptr().cast(),
            &raw mut length,
        )
    };
    if result == 0 {
        Ok(words)
    } else {
        Err(io::Error::last_os_error())
    }
}
