//! `lab capture`: the packets of links of a running lab, as lines or as one
//! pcapng file.

mod lines;

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use mcr_sim::packet_expr::{Expression, Packet};
use mcr_sys::capture;
use nix::net::if_::if_nametoindex;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};

use super::exec::{enter_lab, enter_node};
use super::running::{Fault, Running, settle};
use crate::args::CaptureArgs;
use crate::exit::Exit;
use crate::report::pcapng::Recording;
use crate::run::capture::{Frame, control, ip_packet, prepare, read_one};
use crate::rundir::PointState;
use lines::Lines;

/// Runs `lab capture`.
pub fn run(args: &CaptureArgs) -> Exit {
    settle(captured(args))
}

fn captured(args: &CaptureArgs) -> Result<Exit, Fault> {
    let lab = Running::find(args.lab.as_deref())?;
    let points = chosen(&lab, &args.links)?;
    let wanted = wanted(&lab, args)?;
    // Opened here: the lab has a file system view of its own.
    let mut sink = Sink::open(args, &points)?;
    let signals = signals().map_err(Fault::system("listen for signals"))?;
    enter_lab(&lab)?;
    let sockets: Vec<OwnedFd> = points.iter().map(open).collect::<Result<_, _>>()?;
    let until = args.duration.map(|duration| Instant::now() + duration);
    let limit = args.count.unwrap_or(u64::MAX);
    let mut buffer = vec![0; args.snaplen as usize];
    let mut taken = 0;
    while taken < limit && wait(&sockets, &signals, until)? {
        for (point, frame) in read(&sockets, &mut buffer) {
            if taken < limit && wanted.takes(&frame) && sink.take(point, &frame)? {
                taken += 1;
            }
        }
        sink.flush()?;
    }
    let missed: u64 = sockets.iter().map(missed).sum();
    let lost = if missed == 0 {
        String::new()
    } else {
        format!(", {missed} missed because this was too slow")
    };
    anstream::eprintln!("{taken} packets{lost}");
    Ok(Exit::Pass)
}

/// The frames that are there, in the order of their time.
fn read(sockets: &[OwnedFd], buffer: &mut [u8]) -> Vec<(usize, Frame)> {
    let mut frames = Vec::new();
    for (point, socket) in sockets.iter().enumerate() {
        // An interface that went down tells so once, and may come back.
        while let Ok(Some(frame)) = read_one(socket, buffer) {
            frames.push((point, frame));
        }
    }
    frames.sort_by_key(|(point, frame)| (frame.at_ns, *point));
    frames
}

fn missed(socket: &OwnedFd) -> u64 {
    let statistics = mcr_sys::packet::statistics(socket);
    statistics.map_or(0, |statistics| statistics.drops.into())
}

/// The places where these links are watched, or all.
fn chosen(lab: &Running, links: &[String]) -> Result<Vec<PointState>, Fault> {
    let known = &lab.state.points;
    for link in links {
        if !known.iter().any(|point| point.link == *link) {
            let all: BTreeSet<&String> = known.iter().map(|point| &point.link).collect();
            return Err(Fault::NoSuchLink {
                lab: lab.name.clone(),
                link: link.clone(),
                links: all.into_iter().cloned().collect(),
            });
        }
    }
    let chosen = |point: &&PointState| links.is_empty() || links.contains(&point.link);
    Ok(known.iter().filter(chosen).cloned().collect())
}

fn open(point: &PointState) -> Result<OwnedFd, Fault> {
    enter_node(&point.node)?;
    let opened = if_nametoindex(point.interface.as_str())
        .map_err(io::Error::from)
        .and_then(capture::open);
    let socket = opened.map_err(Fault::system("watch a link"))?;
    prepare(&socket);
    Ok(socket)
}

/// Which packets are taken.
enum Wanted {
    All,
    Control,
    Expression(Expression),
}

impl Wanted {
    fn takes(&self, frame: &Frame) -> bool {
        match self {
            Self::All => true,
            Self::Control => control(&frame.bytes).is_some(),
            Self::Expression(expression) => ip_packet(&frame.bytes).is_some_and(|packet| {
                expression.matches(&Packet {
                    source: packet.source,
                    destination: packet.destination,
                    ttl: packet.ttl,
                    protocol: packet.protocol,
                    payload: packet.payload,
                })
            }),
        }
    }
}

fn wanted(lab: &Running, args: &CaptureArgs) -> Result<Wanted, Fault> {
    if args.control {
        return Ok(Wanted::Control);
    }
    let Some(text) = &args.expression else {
        return Ok(Wanted::All);
    };
    let addresses = |name: &str| {
        let node = lab.state.nodes.iter().find(|node| node.name == name)?;
        Some(node.addresses.iter().copied().collect())
    };
    let expression = Expression::parse(text, &addresses);
    expression
        .map(Wanted::Expression)
        .map_err(|error| Fault::Expression {
            error,
            nodes: lab
                .state
                .nodes
                .iter()
                .map(|node| node.name.clone())
                .collect(),
        })
}

/// Where packets go.
enum Sink {
    File(Recording<BufWriter<Box<dyn Write>>>),
    Lines(Lines),
}

impl Sink {
    fn open(args: &CaptureArgs, points: &[PointState]) -> Result<Self, Fault> {
        let Some(path) = &args.write else {
            return Ok(Self::Lines(Lines::of(points)));
        };
        let out: Box<dyn Write> = if path.as_os_str() == "-" {
            Box::new(io::stdout())
        } else {
            Box::new(File::create(path).map_err(Fault::system("write the packets"))?)
        };
        let names = points.iter().map(|point| point.name.as_str());
        let file = Recording::begin(BufWriter::new(out), names, args.snaplen as usize);
        file.map(Self::File).map_err(unwritten)
    }

    /// Takes a frame; `false` where it was taken before.
    fn take(&mut self, point: usize, frame: &Frame) -> Result<bool, Fault> {
        match self {
            Self::File(file) => {
                let written = file.frame(point, frame, std::iter::empty());
                written.map(|()| true).map_err(unwritten)
            }
            Self::Lines(lines) => match lines.line(point, frame) {
                Some(line) => writeln!(io::stdout(), "{line}")
                    .map(|()| true)
                    .map_err(Fault::system("write the packets")),
                None => Ok(false),
            },
        }
    }

    fn flush(&mut self) -> Result<(), Fault> {
        let flushed = match self {
            Self::File(file) => file.flush(),
            Self::Lines(_) => io::stdout().flush(),
        };
        flushed.map_err(Fault::system("write the packets"))
    }
}

fn unwritten(error: Box<dyn std::error::Error>) -> Fault {
    Fault::system("write the packets")(io::Error::other(error.to_string()))
}

/// The signals that end a capture, to be read.
fn signals() -> io::Result<SignalFd> {
    let mut ends = SigSet::empty();
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
        ends.add(signal);
    }
    ends.thread_block()?;
    let flags = SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK;
    Ok(SignalFd::with_flags(&ends, flags)?)
}

/// Waits for packets. `false` where it is time to end.
fn wait(sockets: &[OwnedFd], signals: &SignalFd, until: Option<Instant>) -> Result<bool, Fault> {
    let left = until.map(|until| until.saturating_duration_since(Instant::now()));
    if left.is_some_and(|left| left.is_zero()) {
        return Ok(false);
    }
    let rounded = |left: Duration| {
        let milliseconds = left.as_millis().saturating_add(1);
        PollTimeout::try_from(milliseconds).unwrap_or(PollTimeout::MAX)
    };
    let time = left.map_or(PollTimeout::NONE, rounded);
    let mut watched = vec![PollFd::new(signals.as_fd(), PollFlags::POLLIN)];
    let all = sockets.iter();
    watched.extend(all.map(|socket| PollFd::new(socket.as_fd(), PollFlags::POLLIN)));
    poll(&mut watched, time).map_err(Fault::system("wait for packets"))?;
    Ok(watched.first().and_then(PollFd::any) != Some(true))
}
