//! Data packets: UDP with the number of the flow and of the packet in it.

use std::net::Ipv4Addr;

use mcr_proto::id::{GroupAddr, IpProtocol, UnicastAddr};
use mcr_wire::IntoBytes;
use mcr_wire::ipv4::{Header, Packet};

use crate::network::FlowId;

const UDP_HEADER_LEN: usize = 8;
const PORT: u16 = 5000;

/// What a data packet tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Data {
    /// Its source.
    pub source: UnicastAddr,
    /// Its group.
    pub group: GroupAddr,
    /// Its time to live.
    pub ttl: u8,
    /// Which flow it belongs to.
    pub flow: FlowId,
    /// Which packet of the flow it is.
    pub sequence: u64,
}

impl Data {
    /// The packet as it is on the wire.
    pub fn emit(&self) -> Vec<u8> {
        let mut udp = Vec::new();
        let length = u16::try_from(UDP_HEADER_LEN + 12).unwrap_or(0);
        for word in [PORT, PORT, length, 0] {
            udp.extend(word.to_be_bytes());
        }
        udp.extend(self.flow.0.to_be_bytes());
        udp.extend(self.sequence.to_be_bytes());
        let (source, group) = (self.source.get(), self.group.get());
        let header = Header::new(source, group, IpProtocol::UDP.0, self.ttl, udp.len());
        let mut bytes = Vec::new();
        bytes.extend(header.iter().flat_map(|header| header.as_bytes().to_vec()));
        bytes.extend(udp);
        bytes
    }

    /// What the packet tells; `None` where it is no data packet of a flow.
    pub fn parse(bytes: &[u8]) -> Option<Data> {
        let packet = Packet::parse(bytes).ok()?;
        let header = packet.header();
        let payload = packet.payload().get(UDP_HEADER_LEN..)?;
        let (flow, rest) = payload.split_first_chunk()?;
        let (sequence, _) = rest.split_first_chunk()?;
        Some(Data {
            source: address(header.source())?,
            group: header.destination().try_into().ok()?,
            ttl: header.ttl,
            flow: FlowId(u32::from_be_bytes(*flow)),
            sequence: u64::from_be_bytes(*sequence),
        })
    }

    /// As a router sends it on.
    #[must_use]
    pub fn forwarded(self) -> Data {
        Data {
            ttl: self.ttl.saturating_sub(1),
            ..self
        }
    }
}

fn address(address: Ipv4Addr) -> Option<UnicastAddr> {
    address.try_into().ok()
}
