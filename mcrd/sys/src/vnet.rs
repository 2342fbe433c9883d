//! The virtio header in front of each frame of a packet socket with
//! PACKET_VNET_HDR (linux/virtio_net.h): what the kernel knows of the frame's
//! checksum, and how it is, or is to be, cut into several packets.

/// Its length.
pub const LEN: usize = 10;

const NEEDS_CSUM: u8 = 1;
const DATA_VALID: u8 = 2;
const GSO_NONE: u8 = 0;
const GSO_UDP_L4: u8 = 5;

/// What is known of the transport checksum, or wanted for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checksum {
    /// Nothing: it stands in the packet, right or wrong.
    Unknown,
    /// It was verified.
    Valid,
    /// The field holds the sum of the pseudo header only; the rest is to be
    /// added over the bytes from `start` on and stored at `start + offset`.
    Partial {
        /// From the start of the frame.
        start: u16,
        /// From `start`.
        offset: u16,
    },
}

/// Whether the frame stands for several packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gso {
    /// It is one packet.
    None,
    /// It is a run of UDP datagrams with `size` bytes of payload each, the last
    /// one possibly less.
    UdpL4 {
        /// Never 0.
        size: u16,
    },
    /// It is cut in a way that is of no use here.
    Other,
}

/// The header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// The checksum's state.
    pub checksum: Checksum,
    /// The cutting.
    pub gso: Gso,
    /// The length of all headers of the frame, of use with [`Gso::UdpL4`].
    pub header_len: u16,
}

impl Header {
    /// A single packet whose checksum is as it stands.
    pub const PLAIN: Header = Header {
        checksum: Checksum::Unknown,
        gso: Gso::None,
        header_len: 0,
    };

    /// Reads the header at the start of `bytes`; `None` if it is not whole.
    pub fn parse(bytes: &[u8]) -> Option<Header> {
        let [flags, gso_type, hl, hh, sl, sh, cl, ch, ol, oh] = *bytes.first_chunk::<LEN>()?;
        // The fields are in the byte order of the host (no VIRTIO_F_VERSION_1).
        let size = u16::from_ne_bytes([sl, sh]);
        Some(Header {
            checksum: if flags & NEEDS_CSUM != 0 {
                Checksum::Partial {
                    start: u16::from_ne_bytes([cl, ch]),
                    offset: u16::from_ne_bytes([ol, oh]),
                }
            } else if flags & DATA_VALID != 0 {
                Checksum::Valid
            } else {
                Checksum::Unknown
            },
            gso: match (gso_type, size) {
                (GSO_NONE, _) => Gso::None,
                (GSO_UDP_L4, 1..) => Gso::UdpL4 { size },
                _ => Gso::Other,
            },
            header_len: u16::from_ne_bytes([hl, hh]),
        })
    }

    /// The bytes to put in front of a frame that is sent.
    pub fn emit(self) -> [u8; LEN] {
        let (gso_type, size) = match self.gso {
            Gso::UdpL4 { size } => (GSO_UDP_L4, size),
            Gso::None | Gso::Other => (GSO_NONE, 0),
        };
        let (flags, start, offset) = match self.checksum {
            Checksum::Partial { start, offset } => (NEEDS_CSUM, start, offset),
            Checksum::Unknown | Checksum::Valid => (0, 0, 0),
        };
        let [hl, hh] = self.header_len.to_ne_bytes();
        let [sl, sh] = size.to_ne_bytes();
        let [cl, ch] = start.to_ne_bytes();
        let [ol, oh] = offset.to_ne_bytes();
        [flags, gso_type, hl, hh, sl, sh, cl, ch, ol, oh]
    }
}

#[cfg(test)]
mod tests;
