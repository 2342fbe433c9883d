//! Classic BPF programs on sockets: what the kernel does not hand up at all.

use std::io;
use std::mem;
use std::os::fd::{AsFd, AsRawFd};

pub(crate) const LOAD: u32 = libc::BPF_LD | libc::BPF_W | libc::BPF_ABS;
pub(crate) const LOAD_HALF: u32 = libc::BPF_LD | libc::BPF_H | libc::BPF_ABS;
pub(crate) const LOAD_BYTE: u32 = libc::BPF_LD | libc::BPF_B | libc::BPF_ABS;
/// Loads how long the frame is.
pub(crate) const LENGTH: u32 = libc::BPF_LD | libc::BPF_W | libc::BPF_LEN;
pub(crate) const EQUAL: u32 = libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K;
pub(crate) const GREATER: u32 = libc::BPF_JMP | libc::BPF_JGT | libc::BPF_K;
pub(crate) const AND: u32 = libc::BPF_ALU | libc::BPF_AND | libc::BPF_K;
pub(crate) const RETURN: u32 = libc::BPF_RET | libc::BPF_K;

const ANCILLARY: u32 = libc::SKF_AD_OFF as u32;
/// Where to load the number of the interface from.
pub(crate) const INTERFACE: u32 = ANCILLARY.wrapping_add(libc::SKF_AD_IFINDEX as u32);
/// Whether the frame has a VLAN tag.
pub(crate) const TAGGED: u32 = ANCILLARY.wrapping_add(libc::SKF_AD_VLAN_TAG_PRESENT as u32);
/// Whom the frame was sent to, a `PACKET_HOST` or the like.
pub(crate) const PACKET_TYPE: u32 = ANCILLARY.wrapping_add(libc::SKF_AD_PKTTYPE as u32);

/// One instruction; the jumps count from the one after it.
pub(crate) const fn step(code: u32, jt: u8, jf: u8, k: u32) -> libc::sock_filter {
    libc::sock_filter {
        code: code as u16,
        jt,
        jf,
        k,
    }
}

/// Gives the program to the socket.
pub(crate) fn attach(socket: impl AsFd, program: &mut [libc::sock_filter]) -> io::Result<()> {
    let filter = libc::sock_fprog {
        len: u16::try_from(program.len()).map_err(io::Error::other)?,
        filter: program.as_mut_ptr(),
    };
    // SAFETY: filter and the program it points to live during the call; the
    // kernel checks the program and copies it.
    let result = unsafe {
        libc::setsockopt(
            socket.as_fd().as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_ATTACH_FILTER,
            (&raw const filter).cast(),
            mem::size_of_val(&filter) as libc::socklen_t,
        )
    };
    if result == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}
