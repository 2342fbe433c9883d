//! Copies of data packets that the supervisor sends itself: the first of a
//! flow, until the workers have its route, and those out of Registers.

use std::io;

use mcr_proto::id::{IfIndex, MacAddr};
use mcr_proto::pim::register::fragment::{self, NotSent};
use mcr_sys::packet::Sender;
use mcr_wire::ipv4::Packet;
use tracing::{debug, trace};

/// The socket.
#[derive(Debug)]
pub(crate) struct Copies(Sender);

impl Copies {
    pub(crate) fn open() -> io::Result<Copies> {
        Sender::open().map(Copies)
    }

    /// Sends a copy of the packet with one off its time to live (RFC 1812
    /// §5.3.1), cut where the interface takes less and it may be (RFC 791
    /// §3.2). An error is the name of the counter of the drop.
    pub(crate) fn send(&self, packet: &[u8], oif: IfIndex, mtu: u32) -> Result<(), &'static str> {
        let mtu = u16::try_from(mtu).unwrap_or(u16::MAX);
        // The rule for what goes into a Register is the one for what goes out.
        let parts = fragment::for_register(packet, mtu).map_err(|reason| match reason {
            NotSent::TimeToLive => "forward.drop.ttl-expired",
            NotSent::DontFragment => "forward.drop.too-big",
            NotSent::Malformed => "forward.drop.malformed",
        })?;
        for part in &parts {
            let header = Packet::parse(part).map_err(|_| "forward.drop.malformed")?;
            let group = header.header().destination();
            let to = MacAddr::of_group(group);
            if let Err(error) = self.0.send(oif.get(), to.0, part) {
                debug!(target: "router", oif = oif.get(), %group, %error, "no copy sent");
                return Err("forward.drop.send-error");
            }
            trace!(target: "router", oif = oif.get(), %group, len = part.len(), "copy sent");
        }
        Ok(())
    }
}
