//! The packet inside a Register: its TTL is one less, and what is larger than
//! the tunnel takes is cut before (RFC 7761 §4.4.1, RFC 791 §3.2).

use mcr_wire::IntoBytes;
use mcr_wire::checksum;
use mcr_wire::ipv4::{Header, MIN_HEADER_LEN, Packet};

/// Why a packet is not registered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotSent {
    /// Its TTL ends here.
    TimeToLive,
    /// It is too large and must not be cut.
    DontFragment,
    /// It is no IPv4 packet, or its headers leave no room.
    Malformed,
}

const DONT_FRAGMENT: u16 = 0x4000;
const MORE_FRAGMENTS: u16 = 0x2000;

/// The packet, or its parts, each of at most `mtu` bytes, with a TTL less by
/// one.
///
/// # Errors
/// Why it cannot be registered.
pub fn for_register(bytes: &[u8], mtu: u16) -> Result<Vec<Vec<u8>>, NotSent> {
    let packet = Packet::parse(bytes).map_err(|_| NotSent::Malformed)?;
    let mut header = *packet.header();
    if header.ttl <= 1 {
        return Err(NotSent::TimeToLive);
    }
    header.ttl -= 1;
    let mtu = usize::from(mtu);
    if usize::from(header.total_length.get()) <= mtu {
        let flags = header.flags_fragment.get();
        let part = build(header, packet.options(), packet.payload(), flags);
        return part.map(|part| vec![part]).ok_or(NotSent::Malformed);
    }
    let flags = header.flags_fragment.get();
    if flags & DONT_FRAGMENT != 0 {
        return Err(NotSent::DontFragment);
    }
    cut(header, packet, mtu).ok_or(NotSent::Malformed)
}

fn cut(header: Header, packet: Packet<'_>, mtu: usize) -> Option<Vec<Vec<u8>>> {
    let flags = header.flags_fragment.get();
    // The first part has all options, and so the least room; parts are multiples
    // of 8 bytes.
    let room = mtu.checked_sub(MIN_HEADER_LEN + packet.options().len())? / 8 * 8;
    if room == 0 {
        return None;
    }
    let copied = copied_options(packet.options());
    let chunks: Vec<&[u8]> = packet.payload().chunks(room).collect();
    let last = chunks.len().saturating_sub(1);
    let step = u16::try_from(room / 8).ok()?;
    let mut parts = Vec::with_capacity(chunks.len());
    let mut offset = flags;
    for (number, chunk) in chunks.into_iter().enumerate() {
        let more = match number < last {
            true => MORE_FRAGMENTS,
            // The packet may be a part itself.
            false => flags & MORE_FRAGMENTS,
        };
        let options = match number {
            0 => packet.options(),
            _ => &copied,
        };
        let flags = offset & !MORE_FRAGMENTS | more;
        parts.push(build(header, options, chunk, flags)?);
        offset = offset.checked_add(step)?;
    }
    Some(parts)
}

/// The options that every part has: those with the copied flag (RFC 791 §3.1),
/// padded to words.
fn copied_options(options: &[u8]) -> Vec<u8> {
    const END: u8 = 0;
    const NO_OPERATION: u8 = 1;
    const COPIED: u8 = 0x80;
    let mut copied = Vec::new();
    let mut rest = options;
    while let [kind, tail @ ..] = rest {
        match *kind {
            END => break,
            NO_OPERATION => rest = tail,
            kind => {
                let len = usize::from(tail.first().copied().unwrap_or(0));
                let Some((option, tail)) = rest.split_at_checked(len).filter(|_| len >= 2) else {
                    break;
                };
                if kind & COPIED != 0 {
                    copied.extend(option);
                }
                rest = tail;
            }
        }
    }
    copied.resize(copied.len().next_multiple_of(4), END);
    copied
}

fn build(mut header: Header, options: &[u8], payload: &[u8], flags: u16) -> Option<Vec<u8>> {
    let header_len = MIN_HEADER_LEN + options.len();
    header.version_ihl = 0x40 | u8::try_from(header_len / 4).ok()?;
    header.total_length = u16::try_from(header_len + payload.len()).ok()?.into();
    header.flags_fragment = flags.into();
    header.checksum = 0.into();
    let mut bytes = Vec::with_capacity(header_len + payload.len());
    bytes.extend(header.as_bytes());
    bytes.extend(options);
    header.checksum = checksum::internet(&bytes).into();
    bytes.clear();
    bytes.extend(header.as_bytes());
    bytes.extend(options);
    bytes.extend(payload);
    Some(bytes)
}

#[cfg(test)]
mod tests;
