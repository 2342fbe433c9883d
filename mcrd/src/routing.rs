//! The router and what it is connected to: its sockets, its clock, those who
//! watch it, and its recording. Nothing goes in or comes out past this file, so
//! a recording is complete.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::sync::Arc;
use std::time::Duration;

use mcr_api::router::WatchLine;
use mcr_proto::config::Config;
use mcr_proto::fib::RouteUpdate;
use mcr_proto::id::IfIndex;
use mcr_proto::interface::InterfaceChange;
use mcr_proto::router::event::Event;
use mcr_proto::router::io::{Forward, Packet, Transmit};
use mcr_proto::router::{Counters, Input, Output, Router};
use mcr_proto::time::Instant;
use tokio::sync::{broadcast, mpsc};
use tracing::{debug, error, trace};

use crate::io::forward::Copies;
use crate::io::listen::{self, Batch, Listeners, QUEUE};
use crate::io::transmit::Transmitter;
use crate::observe::events;
use crate::record::Recorder;

/// Events that wait for a client that watches; one that is slower loses the
/// oldest, and is told how many.
const EVENTS: usize = 4096;

/// The daemon stood still if it is so late for a timer.
const LATE: Duration = Duration::from_secs(1);

/// What arrived meanwhile is then taken in before timers are dealt with, for so
/// long: a Hello that waits to be read is no silence.
const CATCH_UP: Duration = Duration::from_millis(500);

/// After an interface could not be listened on.
const LISTEN_AGAIN: Duration = Duration::from_secs(1);

/// The router in the daemon.
pub(crate) struct Routing {
    router: Router,
    started: std::time::Instant,
    listeners: Listeners,
    transmitter: Transmitter,
    copies: Copies,
    /// What is to be sent, in order.
    unsent: Vec<Transmit>,
    recorder: Option<Recorder>,
    /// What happened to packets outside the router.
    counters: Counters,
    /// Interfaces that could not be listened on, and when to try again.
    deaf: BTreeMap<IfIndex, std::time::Instant>,
    /// No timer is dealt with before, because the daemon stood still.
    catching_up: Option<std::time::Instant>,
    events: broadcast::Sender<Arc<WatchLine>>,
}

/// What the data plane is to do.
#[derive(Debug)]
pub(crate) enum ForPlane {
    /// Change the forwarding table.
    Route(RouteUpdate),
    /// Take packets from the interface, or none any more.
    Listen { iface: IfIndex, on: bool },
    /// Send copies of a packet.
    Forward(Forward),
}

impl Routing {
    /// Opens the sockets. What arrives comes out of the receiver. Must be
    /// called inside a tokio runtime.
    pub(crate) fn start(
        config: Config,
        record: Option<File>,
    ) -> io::Result<(Routing, mpsc::Receiver<Batch>)> {
        let (queue, packets) = mpsc::channel(QUEUE);
        let unicast = Arc::new(mcr_sys::router::unicast()?);
        listen::unicast(Arc::clone(&unicast), queue.clone())?;
        let transmitter = Transmitter::new(mcr_sys::router::multicast()?, unicast);
        let seed = seed()?;
        let recorder = record
            .map(|file| Recorder::start(file, seed, &config))
            .transpose()?;
        let routing = Routing {
            router: Router::new(config, seed, Instant::ZERO),
            started: std::time::Instant::now(),
            listeners: Listeners::new(queue),
            transmitter,
            copies: Copies::open()?,
            unsent: Vec::new(),
            recorder,
            counters: Counters::default(),
            deaf: BTreeMap::new(),
            catching_up: None,
            events: broadcast::channel(EVENTS).0,
        };
        Ok((routing, packets))
    }

    /// The router, to be looked at.
    pub(crate) fn router(&self) -> &Router {
        &self.router
    }

    /// The router's time.
    pub(crate) fn now(&self) -> Instant {
        let micros = self.started.elapsed().as_micros();
        Instant::from_micros(u64::try_from(micros).unwrap_or(u64::MAX))
    }

    /// What happened to packets before the router had them, or after.
    pub(crate) fn counters(&self) -> &Counters {
        &self.counters
    }

    /// The events from now on.
    pub(crate) fn watch(&self) -> broadcast::Receiver<Arc<WatchLine>> {
        self.events.subscribe()
    }

    /// Gives the router something.
    pub(crate) fn input(&mut self, input: Input) {
        let now = self.now();
        if let Some(recorder) = &mut self.recorder {
            recorder.input(now, &input);
        }
        if let Input::Interface(InterfaceChange::Gone(iface)) = &input {
            self.counters.forget(*iface);
        }
        self.router.handle(now, input);
    }

    /// Gives the router what one turn found on a socket.
    pub(crate) fn batch(&mut self, batch: Batch) {
        for (iface, reason) in batch.drops {
            self.counters.add(iface, reason);
        }
        if let Some((iface, count)) = batch.overflow {
            self.counters.add_many(iface, "drop.socket-overflow", count);
            debug!(target: "router", iface = iface.get(), count, "packets were not read in time");
        }
        for packet in batch.packets {
            self.packet(packet);
        }
    }

    fn packet(&mut self, packet: Packet) {
        trace!(
            target: "router",
            iface = packet.iface.get(),
            src = %packet.src,
            dst = %packet.dst,
            protocol = %packet.protocol,
            len = packet.payload.len(),
            "received"
        );
        // What is routed through this host to another one passes here too.
        if !packet.dst.is_multicast() && !self.router.interfaces().is_mine(packet.dst) {
            self.counters.add(packet.iface, "drop.not-for-us");
            return;
        }
        self.input(Input::Packet(packet));
    }

    /// When [`Routing::timeout`] is to be called.
    pub(crate) fn next_timeout(&self) -> Option<std::time::Instant> {
        let router = self.router.poll_timeout().and_then(|(at, _)| {
            let since = Duration::from_micros(at.as_micros());
            let at = self.started.checked_add(since)?;
            Some(self.catching_up.map_or(at, |until| until.max(at)))
        });
        self.deaf.values().copied().chain(router).min()
    }

    /// Deals with the timers that have run out.
    pub(crate) fn timeout(&mut self) {
        let wall = std::time::Instant::now();
        let deaf = self.deaf.iter().filter(|(_, at)| **at <= wall);
        for iface in deaf.map(|(iface, _)| *iface).collect::<Vec<_>>() {
            self.listen(iface, true);
        }
        let now = self.now();
        let due = self.router.poll_timeout();
        let Some((at, _)) = due.filter(|(at, _)| *at <= now) else {
            return;
        };
        if now - at > LATE && *self.catching_up.get_or_insert(wall + CATCH_UP) > wall {
            return;
        }
        self.catching_up = None;
        if let Some(recorder) = &mut self.recorder {
            recorder.timeout(now);
        }
        self.router.handle_timeout(now);
    }

    /// Says goodbye to all neighbours; what is to be sent for it comes out as
    /// ever.
    pub(crate) fn stop(&mut self) {
        let now = self.now();
        if let Some(recorder) = &mut self.recorder {
            recorder.stop(now);
        }
        self.router.stop();
    }

    /// Carries out what the router wants, up to the next thing that is for the
    /// data plane. What is to be sent waits for [`Routing::transmit`].
    pub(crate) fn poll(&mut self) -> Option<ForPlane> {
        loop {
            let output = self.router.poll_output()?;
            if self.recorder.is_some() {
                let now = self.now();
                if let Some(recorder) = &mut self.recorder {
                    recorder.output(now, &output);
                }
            }
            match output {
                Output::Transmit(packet) => self.unsent.push(packet),
                Output::Event(event) => self.event(&event),
                Output::Forward(packet) => return Some(ForPlane::Forward(packet)),
                Output::Route(update) => return Some(ForPlane::Route(update)),
                Output::Listen { iface, on } => {
                    self.listen(iface, on);
                    return Some(ForPlane::Listen { iface, on });
                }
            }
        }
    }

    /// Sends what there is to send. The workers have been told of all routes
    /// before: what a Join brings finds them.
    pub(crate) fn transmit(&mut self) {
        for packet in std::mem::take(&mut self.unsent) {
            self.send(&packet);
        }
    }

    fn send(&mut self, packet: &Transmit) {
        let sent = self.transmitter.send(packet);
        if let Err(error) = sent {
            let iface = packet.iface.map_or(0, IfIndex::get);
            debug!(target: "router", iface, src = %packet.src, dst = %packet.dst, %error, "not sent");
            match packet.iface {
                Some(iface) => self.counters.add(iface, "tx.failed"),
                None => self.counters.add_global("tx.failed"),
            }
        } else {
            trace!(
                target: "router",
                src = %packet.src,
                dst = %packet.dst,
                protocol = %packet.protocol,
                len = packet.payload.len(),
                "sent"
            );
        }
    }

    /// Sends the copies of a data packet that the workers could not.
    pub(crate) fn forward(&mut self, packet: &Forward) {
        for oif in &packet.outputs {
            let Some(iface) = self.router.interfaces().get(*oif) else {
                continue;
            };
            let mtu = iface.kernel.mtu;
            let sent = self.copies.send(&packet.packet, *oif, mtu);
            let counter = sent.map_or_else(|reason| reason, |()| "forward.packets");
            self.counters.add(*oif, counter);
        }
    }

    fn listen(&mut self, iface: IfIndex, on: bool) {
        self.deaf.remove(&iface);
        if !on {
            self.listeners.close(iface);
        } else if let Err(error) = self.listeners.listen(iface) {
            error!(
                target: "router",
                iface = iface.get(),
                %error,
                "the interface cannot be listened on; tried again in 1 s"
            );
            let at = std::time::Instant::now() + LISTEN_AGAIN;
            self.deaf.insert(iface, at);
        }
    }

    fn event(&mut self, event: &Event) {
        let told = events::told(event, self.router.interfaces());
        events::log(&told);
        let line = WatchLine {
            time: self.started.elapsed().as_secs_f64(),
            missed: 0,
            event: told,
        };
        if self.events.receiver_count() > 0 && self.events.send(Arc::new(line)).is_err() {
            debug!(target: "router", "nobody watches any more");
        }
    }
}

/// From the system, so that every start has its own Generation IDs.
fn seed() -> io::Result<u64> {
    let mut bytes = [0; 8];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(u64::from_ne_bytes(bytes))
}
