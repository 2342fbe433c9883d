//! What arrives of IGMP and PIM. Each socket is read by a task of its own, and
//! all tasks fill one bounded queue by turns, so that a flood on one interface,
//! or of one protocol, costs its own packets and not those of others.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::time::Duration;

use mcr_proto::id::{IfIndex, IpProtocol};
use mcr_proto::router::io::Packet;
use mcr_sys::router::{Listen, Unicast, listen};
use mcr_sys::slow_close::SlowClose;
use mcr_wire::Malformed;
use mcr_wire::ipv4;
use tokio::io::unix::AsyncFd;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};
use tracing::debug;

/// Packets that one turn takes from one socket.
const BATCH: usize = 32;

/// Batches that wait for the event loop, of all sockets together.
pub(crate) const QUEUE: usize = 8;

/// The largest IP packet.
const MAX_PACKET: usize = 65_535;

/// How long after packets arrived the kernel is asked whether it dropped some.
const ASK_AFTER: Duration = Duration::from_millis(500);

/// What one turn found on one socket.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    /// The packets.
    pub(crate) packets: Vec<Packet>,
    /// What was dropped, by interface and the name of its counter.
    pub(crate) drops: Vec<(IfIndex, &'static str)>,
    /// Packets that the kernel dropped because they were not read in time.
    pub(crate) overflow: Option<(IfIndex, u64)>,
}

impl Batch {
    fn is_empty(&self) -> bool {
        self.packets.is_empty() && self.drops.is_empty() && self.overflow.is_none()
    }

    fn take(&mut self, iface: IfIndex, bytes: &[u8]) {
        match parse(iface, bytes) {
            Ok(packet) => self.packets.push(packet),
            Err(reason) => self.drops.push((iface, reason)),
        }
    }
}

/// The packet, or the counter of its drop.
fn parse(iface: IfIndex, bytes: &[u8]) -> Result<Packet, &'static str> {
    let packet = ipv4::Packet::parse(bytes).map_err(|reason| match reason {
        Malformed::Truncated => "ip.drop.truncated",
        Malformed::BadChecksum => "ip.drop.checksum",
        Malformed::BadHeader | Malformed::BadUdpLength => "ip.drop.header",
    })?;
    let header = packet.header();
    if header.is_fragment() {
        return Err("ip.drop.fragment");
    }
    Ok(Packet {
        iface,
        src: header.source(),
        dst: header.destination(),
        ttl: header.ttl,
        router_alert: packet.router_alert(),
        protocol: IpProtocol(header.protocol),
        payload: packet.payload().to_vec(),
    })
}

/// The sockets of all interfaces that route.
#[derive(Debug)]
pub(crate) struct Listeners {
    queue: mpsc::Sender<Batch>,
    tasks: BTreeMap<IfIndex, [Task; 2]>,
}

/// A task that ends with its owner.
#[derive(Debug)]
struct Task(JoinHandle<()>);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Listeners {
    /// None yet.
    pub(crate) fn new(queue: mpsc::Sender<Batch>) -> Listeners {
        Listeners {
            queue,
            tasks: BTreeMap::new(),
        }
    }

    /// Listens on the interface from now on; does nothing where it does.
    pub(crate) fn listen(&mut self, iface: IfIndex) -> io::Result<()> {
        if self.tasks.contains_key(&iface) {
            return Ok(());
        }
        let tasks = [
            self.open(iface, Listen::Igmp)?,
            self.open(iface, Listen::Pim)?,
        ];
        self.tasks.insert(iface, tasks);
        Ok(())
    }

    fn open(&self, iface: IfIndex, what: Listen) -> io::Result<Task> {
        let socket = listen(iface.get(), what)?;
        let reader = Reader {
            iface,
            socket: mcr_sys::readiness::follow(&socket)?,
            queue: self.queue.clone(),
            buffer: vec![0; MAX_PACKET],
            ask_at: None,
            _last: SlowClose::new(socket),
        };
        Ok(Task(tokio::spawn(reader.run())))
    }

    /// Listens on the interface no more.
    pub(crate) fn close(&mut self, iface: IfIndex) {
        self.tasks.remove(&iface);
    }
}

/// Reads the socket of one interface and protocol.
struct Reader {
    iface: IfIndex,
    socket: AsyncFd<OwnedFd>,
    queue: mpsc::Sender<Batch>,
    buffer: Vec<u8>,
    ask_at: Option<Instant>,
    /// Closed after `socket`, because it stands after it.
    _last: SlowClose,
}

impl Reader {
    async fn run(mut self) {
        loop {
            let batch = tokio::select! {
                ready = self.socket.readable() => match ready {
                    Ok(mut ready) => {
                        let mut batch = Batch::default();
                        let socket = self.socket.get_ref();
                        if drain(socket, self.iface, &mut self.buffer, &mut batch) {
                            ready.clear_ready();
                        }
                        self.ask_at.get_or_insert(Instant::now() + ASK_AFTER);
                        batch
                    }
                    Err(error) => {
                        debug!(target: "router", %error, "a socket cannot be waited for");
                        return;
                    }
                },
                () = sleep_until(self.ask_at.unwrap_or_else(Instant::now)),
                    if self.ask_at.is_some() =>
                {
                    self.ask_at = None;
                    self.dropped()
                }
            };
            if !batch.is_empty() && self.queue.send(batch).await.is_err() {
                return;
            }
        }
    }

    fn dropped(&self) -> Batch {
        let overflow = match mcr_sys::packet::statistics(self.socket.get_ref()) {
            Ok(found) if found.drops > 0 => Some((self.iface, u64::from(found.drops))),
            Ok(_) => None,
            Err(error) => {
                debug!(target: "router", %error, "a socket does not tell its drops");
                None
            }
        };
        Batch {
            overflow,
            ..Batch::default()
        }
    }
}

/// Reads until the batch is full; whether nothing more was there.
fn drain(socket: impl AsFd, iface: IfIndex, buffer: &mut [u8], batch: &mut Batch) -> bool {
    for _ in 0..BATCH {
        match mcr_sys::router::receive(&socket, buffer) {
            Ok(len) => batch.take(iface, buffer.get(..len).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return true,
            // Told once when the interface goes down; the socket goes on when
            // it comes back.
            Err(error) => {
                debug!(target: "router", %error, iface = iface.get(), "receiving");
            }
        }
    }
    false
}

/// Reads the PIM messages to this host's own addresses, until the event loop
/// ends.
pub(crate) fn unicast(socket: Arc<Unicast>, queue: mpsc::Sender<Batch>) -> io::Result<()> {
    let ready = mcr_sys::readiness::follow(&*socket)?;
    tokio::spawn(async move {
        let mut buffer = vec![0; MAX_PACKET];
        let mut counted = 0;
        loop {
            let batch = match ready.readable().await {
                Ok(mut guard) => {
                    let mut batch = Batch::default();
                    if drain_unicast(&socket, &mut buffer, &mut counted, &mut batch) {
                        guard.clear_ready();
                    }
                    batch
                }
                Err(error) => {
                    debug!(target: "router", %error, "a socket cannot be waited for");
                    return;
                }
            };
            if !batch.is_empty() && queue.send(batch).await.is_err() {
                return;
            }
        }
    });
    Ok(())
}

fn drain_unicast(
    socket: &Unicast,
    buffer: &mut [u8],
    counted: &mut u32,
    batch: &mut Batch,
) -> bool {
    for _ in 0..BATCH {
        let received = match socket.receive(buffer) {
            Ok(received) => received,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return true,
            Err(error) => {
                debug!(target: "router", %error, "receiving");
                continue;
            }
        };
        let Some(iface) = IfIndex::new(received.ifindex) else {
            continue;
        };
        batch.take(iface, buffer.get(..received.len).unwrap_or_default());
        if let Some(dropped) = received.dropped {
            let new = u64::from(dropped.wrapping_sub(*counted));
            *counted = dropped;
            if new > 0 {
                let before = batch.overflow.map_or(0, |(_, count)| count);
                batch.overflow = Some((iface, before + new));
            }
        }
    }
    false
}

#[cfg(test)]
mod tests;
