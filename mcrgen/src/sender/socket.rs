//! The sockets, the flows and their sequence numbers.

use std::io;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::fd::AsFd;
use std::time::Duration;

use mcr_sys::clock::{monotonic_ns, realtime_ns};
use mcr_sys::udp::{self, Datagram, MAX_SEGMENTS, SendConfig, SendScratch};
use socket2::Socket;

use crate::error::{Context, Error};
use crate::interface::Interface;
use crate::payload::{HEADER_LEN, Header, MAX_LEN, Template};
use crate::report::{SendReport, SentFlow};
use crate::stop::Stop;

/// A flow to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FlowPlan {
    /// Its number.
    pub flow: u32,
    /// Where to.
    pub destination: Ipv4Addr,
    /// Which of [`SenderConfig::source_ports`] it is sent from.
    pub source: usize,
}

/// What, from where and to where.
#[derive(Clone, Debug)]
pub struct SenderConfig {
    /// The interface; the routing table's choice otherwise.
    pub interface: Option<Interface>,
    /// The source address; the kernel's choice where unspecified.
    pub source: Ipv4Addr,
    /// UDP source ports, one socket each; 0 is the kernel's choice.
    pub source_ports: Vec<u16>,
    /// The UDP destination port.
    pub port: u16,
    /// The flows, in the order they take turns in.
    pub flows: Vec<FlowPlan>,
    /// UDP payload bytes.
    pub size: usize,
    /// Time to live.
    pub ttl: u8,
    /// DiffServ code point.
    pub dscp: u8,
    /// Members on this host hear it as well.
    pub multicast_loop: bool,
    /// Use UDP GSO where one destination gets many datagrams at once.
    pub segmentation: bool,
    /// The run's number.
    pub run: u64,
}

/// From this many datagrams at once GSO pays.
const MIN_SEGMENTS: usize = 8;
/// A full socket buffer holds a sender up this long before it looks for a
/// signal.
const BLOCKED: Duration = Duration::from_millis(100);
/// How often to look whether a lost interface is back.
const REOPEN_NS: u64 = 50_000_000;

struct Flow {
    number: u32,
    to: SocketAddrV4,
    socket: usize,
    sequence: u64,
}

/// Sends datagrams of every flow in turn.
pub struct Sender {
    config: SenderConfig,
    sockets: Vec<Socket>,
    flows: Vec<Flow>,
    template: Template,
    clock: u32,
    segmentation: bool,
    cursor: usize,
    turns: Vec<usize>,
    headers: Vec<[u8; HEADER_LEN]>,
    scratch: SendScratch,
    sent: u64,
    errors: u64,
    last_error: Option<String>,
    reopen_at: u64,
}

/// What became of some datagrams.
enum Outcome {
    /// The kernel took so many.
    Taken(usize),
    /// It refused the first so many.
    Refused(usize, io::Error),
    /// Nothing happened; try again.
    Again,
}

impl Sender {
    /// Opens the sockets.
    pub fn open(config: &SenderConfig) -> Result<Self, Error> {
        let template =
            Template::new(config.size).map_err(|error| Error::Usage(error.to_string()))?;
        let mut sender = Self {
            sockets: Vec::new(),
            flows: config
                .flows
                .iter()
                .map(|plan| Flow::new(plan, config.port))
                .collect(),
            template,
            clock: crate::machine::clock_id(),
            segmentation: config.segmentation,
            cursor: 0,
            turns: Vec::new(),
            headers: Vec::new(),
            scratch: SendScratch::new(),
            sent: 0,
            errors: 0,
            last_error: None,
            reopen_at: 0,
            config: config.clone(),
        };
        sender.sockets = sender.open_sockets()?;
        // A socket that is opened again keeps its port.
        for (port, socket) in sender.config.source_ports.iter_mut().zip(&sender.sockets) {
            let bound = socket.local_addr().context("asking for a socket's port")?;
            *port = bound
                .as_socket_ipv4()
                .map_or(*port, |address| address.port());
        }
        Ok(sender)
    }

    fn open_sockets(&self) -> Result<Vec<Socket>, Error> {
        let groups_only = self.flows.iter().all(|flow| flow.to.ip().is_multicast());
        let open = |port: &u16| {
            let socket = udp::sender(&SendConfig {
                bind: SocketAddrV4::new(self.config.source, *port),
                interface: self
                    .config
                    .interface
                    .as_ref()
                    .map(|interface| interface.index),
                ttl: self.config.ttl,
                dscp: self.config.dscp,
                multicast_loop: self.config.multicast_loop,
            })?;
            socket
                .set_write_timeout(Some(BLOCKED))
                .context("setting SO_SNDTIMEO")?;
            if groups_only {
                udp::report_local_drops(socket.as_fd()).context("setting IP_RECVERR")?;
            }
            Ok(socket)
        };
        self.config.source_ports.iter().map(open).collect()
    }

    /// Sends `count` datagrams, the next flows in turn. False: a signal came.
    pub fn send(&mut self, count: u64, stop: &Stop) -> Result<bool, Error> {
        let mut turns = std::mem::take(&mut self.turns);
        turns.clear();
        for _ in 0..count {
            turns.push(self.cursor);
            self.cursor = (self.cursor + 1) % self.flows.len();
        }
        // Datagrams of one socket and one flow go out in one call.
        turns.sort_unstable_by_key(|flow| (self.flows[*flow].socket, *flow));
        let mut at = 0;
        let mut go_on = true;
        while at < turns.len() && go_on {
            match self.send_some(&turns[at..]) {
                Outcome::Taken(count) => at += count,
                Outcome::Refused(count, error) => {
                    at += count;
                    self.errors += count as u64;
                    self.last_error = Some(error.to_string());
                    self.reopen_if_changed();
                }
                Outcome::Again => go_on = !stop.wait(0)?,
            }
        }
        self.turns = turns;
        Ok(go_on)
    }

    /// Sends a first part of `turns`.
    fn send_some(&mut self, turns: &[usize]) -> Outcome {
        let Some(first) = turns.first() else {
            return Outcome::Taken(0);
        };
        let run = turns.iter().take_while(|flow| *flow == first).count();
        let size = usize::from(self.template.length());
        let segments = run.min(MAX_SEGMENTS).min(MAX_LEN / size);
        if self.segmentation && segments >= MIN_SEGMENTS {
            return self.send_segments(&turns[..segments]);
        }
        let socket = self.flows[*first].socket;
        let same = turns
            .iter()
            .take_while(|flow| self.flows[**flow].socket == socket);
        let count = same.count();
        self.send_many(&turns[..count])
    }

    fn send_many(&mut self, turns: &[usize]) -> Outcome {
        self.write_headers(turns);
        let datagrams = datagrams(turns, &self.flows, &self.headers, &self.template);
        let socket = &self.sockets[self.flows[turns[0]].socket];
        match udp::send_many(socket.as_fd(), &datagrams, &mut self.scratch) {
            Ok(count) => self.taken(&turns[..count]),
            Err(error) => refused(1, error),
        }
    }

    fn send_segments(&mut self, turns: &[usize]) -> Outcome {
        self.write_headers(turns);
        let datagrams = datagrams(turns, &self.flows, &self.headers, &self.template);
        let flow = &self.flows[turns[0]];
        let socket = self.sockets[flow.socket].as_fd();
        let size = self.template.length();
        match udp::send_segments(socket, flow.to, size, &datagrams, &mut self.scratch) {
            Ok(()) => self.taken(turns),
            // Devices, tunnels and sizes above the MTU that cannot do it.
            Err(error) if cannot_segment(&error) => {
                self.segmentation = false;
                Outcome::Again
            }
            Err(error) => refused(turns.len(), error),
        }
    }

    fn write_headers(&mut self, turns: &[usize]) {
        let sent_ns = realtime_ns();
        self.headers.clear();
        let mut ahead = 0;
        let mut previous = None;
        for index in turns {
            ahead = if previous == Some(index) {
                ahead + 1
            } else {
                0
            };
            previous = Some(index);
            let flow = &self.flows[*index];
            self.headers.push(self.template.header(&Header {
                clock: self.clock,
                flow: flow.number,
                run: self.config.run,
                sequence: flow.sequence + ahead,
                sent_ns,
            }));
        }
    }

    fn taken(&mut self, turns: &[usize]) -> Outcome {
        for index in turns {
            self.flows[*index].sequence += 1;
        }
        self.sent += turns.len() as u64;
        Outcome::Taken(turns.len())
    }

    /// A socket is tied to an interface's number, which is another one after
    /// the interface was deleted and made again.
    fn reopen_if_changed(&mut self) {
        let now = monotonic_ns();
        if now < self.reopen_at {
            return;
        }
        self.reopen_at = now + REOPEN_NS;
        let Some(interface) = &mut self.config.interface else {
            return;
        };
        match interface.index_now() {
            Some(index) if index != interface.index => interface.index = index,
            Some(_) | None => return,
        }
        // The ports must be free before they are bound again.
        self.sockets.clear();
        match self.open_sockets() {
            Ok(sockets) => self.sockets = sockets,
            Err(error) => self.last_error = Some(error.to_string()),
        }
    }

    /// The totals so far; the caller fills in what has to do with time.
    pub fn report(&self) -> SendReport {
        SendReport {
            run: self.config.run,
            sent: self.sent,
            bytes: self.sent * u64::from(self.template.length()),
            errors: self.errors,
            last_error: self.last_error.clone(),
            flows: self.flows.iter().map(Flow::report).collect(),
            ..SendReport::default()
        }
    }
}

impl Flow {
    fn new(plan: &FlowPlan, port: u16) -> Self {
        Self {
            number: plan.flow,
            to: SocketAddrV4::new(plan.destination, port),
            socket: plan.source,
            sequence: 0,
        }
    }

    fn report(&self) -> SentFlow {
        SentFlow {
            flow: self.number,
            destination: *self.to.ip(),
            port: self.to.port(),
            sent: self.sequence,
        }
    }
}

/// The datagrams behind `headers`, which hold their sequence numbers.
fn datagrams<'a>(
    turns: &[usize],
    flows: &[Flow],
    headers: &'a [[u8; HEADER_LEN]],
    template: &'a Template,
) -> Vec<Datagram<'a>> {
    let mut ahead = 0;
    let mut previous = None;
    let parts = turns.iter().zip(headers);
    parts
        .map(|(index, header)| {
            ahead = if previous == Some(index) {
                ahead + 1
            } else {
                0
            };
            previous = Some(index);
            let flow = &flows[*index];
            Datagram {
                to: flow.to,
                parts: [header, template.filler(flow.sequence + ahead)],
            }
        })
        .collect()
}

fn refused(count: usize, error: io::Error) -> Outcome {
    match error.raw_os_error() {
        Some(libc::EINTR | libc::EAGAIN) => Outcome::Again,
        Some(_) | None => Outcome::Refused(count, error),
    }
}

fn cannot_segment(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error(),
        Some(libc::EINVAL | libc::EIO | libc::EMSGSIZE | libc::EOPNOTSUPP)
    )
}
