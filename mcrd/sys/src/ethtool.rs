//! Device features that only the ethtool ioctl can set.

use std::io;
use std::os::fd::AsRawFd;

use nix::errno::Errno;
use socket2::{Domain, Socket, Type};

/// The command of linux/ethtool.h that sets transmit checksum offload.
const ETHTOOL_STXCSUM: u32 = 0x17;

/// `ethtool_value` of linux/ethtool.h.
#[repr(C)]
struct Value {
    cmd: u32,
    data: u32,
}

/// A socket for device settings; it acts in the network namespace in which it
/// was opened, from wherever it is used.
#[derive(Debug)]
pub struct DeviceControl(Socket);

impl DeviceControl {
    /// Opens one in the calling thread's namespace.
    ///
    /// # Errors
    /// The kernel's.
    pub fn open() -> io::Result<Self> {
        Socket::new(Domain::IPV4, Type::DGRAM, None).map(Self)
    }

    /// Turns transmit checksum offload of a device off.
    ///
    /// # Errors
    /// ENODEV where there is no such device.
    pub fn disable_tx_checksum(&self, interface: &str) -> io::Result<()> {
        if interface.len() >= libc::IFNAMSIZ {
            return Err(Errno::EINVAL.into());
        }
        let mut value = Value {
            cmd: ETHTOOL_STXCSUM,
            data: 0,
        };
        // SAFETY: all-zero bytes are a valid ifreq.
        let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
        for (to, from) in request.ifr_name.iter_mut().zip(interface.bytes()) {
            *to = from.cast_signed();
        }
        request.ifr_ifru.ifru_data = (&raw mut value).cast();
        // SAFETY: the request points to a value that lives until the call
        // returns, in the layout that ETHTOOL_STXCSUM takes.
        let result =
            unsafe { libc::ioctl(self.0.as_raw_fd(), libc::SIOCETHTOOL, &raw mut request) };
        Errno::result(result)?;
        Ok(())
    }
}
