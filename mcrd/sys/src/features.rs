//! Offload features of a network device, by the names that `ethtool -k` shows.

use std::io;
use std::os::fd::AsRawFd;

use socket2::{Domain, Socket, Type};

/// Lets the kernel merge datagrams of a flow that nobody on this host receives:
/// they then pass through it, and through a relay, as one.
pub const GRO_FORWARDING: &str = "rx-udp-gro-forwarding";

/// The device cuts runs of datagrams; without it the kernel does before.
pub const UDP_SEGMENTATION: &str = "tx-udp-segmentation";

/// Packets are merged on arrival.
pub const GRO: &str = "rx-gro";

// linux/ethtool.h
const GSTRINGS: u32 = 0x1b;
const GSSET_INFO: u32 = 0x37;
const SFEATURES: u32 = 0x3b;
const FEATURES: u32 = 4;
const NAME_LEN: usize = 32;
const MAX_FEATURES: usize = 256;

/// Switches a feature of `interface` on or off, in the network namespace of the
/// calling thread. Needs CAP_NET_ADMIN there.
///
/// # Errors
/// The kernel's, or `NotFound` where it does not know the feature.
pub fn set(interface: &str, feature: &str, on: bool) -> io::Result<()> {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, None)?;
    let names = names(&socket, interface)?;
    let Some(index) = names.iter().position(|name| name == feature) else {
        return Err(io::Error::new(
            io::ErrorKind::NotFound,
            format!("this kernel has no device feature {feature}"),
        ));
    };
    let blocks = names.len().div_ceil(32);
    // struct ethtool_sfeatures: then a mask and the wanted bits for each block.
    let mut request = vec![0u32; 2 + 2 * blocks];
    (request[0], request[1]) = (SFEATURES, blocks as u32);
    let bit = 1 << (index % 32);
    request[2 + 2 * (index / 32)] = bit;
    request[3 + 2 * (index / 32)] = if on { bit } else { 0 };
    call(&socket, interface, &mut request)
}

fn names(socket: &Socket, interface: &str) -> io::Result<Vec<String>> {
    // struct ethtool_sset_info: command, reserved, mask of sets, their sizes.
    let mut info = vec![GSSET_INFO, 0, 1 << FEATURES, 0, 0];
    call(socket, interface, &mut info)?;
    let count = (info[4] as usize).min(MAX_FEATURES);
    // struct ethtool_gstrings: command, set, count, the strings.
    let mut strings = vec![0u32; 3 + count * NAME_LEN / 4];
    (strings[0], strings[1], strings[2]) = (GSTRINGS, FEATURES, count as u32);
    call(socket, interface, &mut strings)?;
    let bytes: Vec<u8> = strings[3..].iter().flat_map(|w| w.to_ne_bytes()).collect();
    let name = |name: &[u8]| {
        let end = name.iter().position(|byte| *byte == 0).unwrap_or(NAME_LEN);
        String::from_utf8_lossy(&name[..end]).into_owned()
    };
    Ok(bytes.chunks_exact(NAME_LEN).map(name).collect())
}

/// `request` has the size that the command in it implies.
fn call(socket: &Socket, interface: &str, request: &mut [u32]) -> io::Result<()> {
    if interface.len() >= libc::IFNAMSIZ {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    // SAFETY: all-zero bytes are a valid ifreq.
    let mut ifreq: libc::ifreq = unsafe { std::mem::zeroed() };
    for (to, from) in ifreq.ifr_name.iter_mut().zip(interface.bytes()) {
        *to = from.cast_signed();
    }
    ifreq.ifr_ifru.ifru_data = request.as_mut_ptr().cast();
    // SAFETY: the request outlives the call and has room for the answer.
    let result = unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCETHTOOL, &raw mut ifreq) };
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}
