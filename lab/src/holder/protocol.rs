//! What the holder and the commands say to each other: lines of JSON.
//!
//! On the pipe of `lab up` the holder tells how it gets on. On its socket it
//! answers one request a connection.

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::Ipv4Addr;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::args::GraphFormat;
use crate::plan::Change;
use crate::run::reconcile::Applied;
use crate::topology::by_hand::ByHand;

/// The longest request, in bytes.
pub const MAX_REQUEST: u64 = 64 << 10;
/// The longest reply: some hundred bytes for each of the most processes there
/// can be.
const MAX_REPLY: u64 = 64 << 20;

/// How the lab gets on, from the holder to `lab up`.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(tag = "report", rename_all = "kebab-case")]
pub enum Report {
    /// The network is there.
    Network {
        /// Milliseconds for the namespaces.
        namespaces: f64,
        /// Milliseconds for the links.
        links: f64,
        /// Milliseconds for the addresses.
        addresses: f64,
    },
    /// The daemons run, and the holder listens.
    Ready {
        /// Milliseconds from the network to here.
        daemons: f64,
    },
    /// There is no lab.
    Failed {
        /// Why.
        message: String,
        /// The exit status for it.
        exit: u8,
    },
}

/// A request to the holder.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(tag = "request", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Request {
    /// The processes in the nodes.
    Processes {},
    /// A step, as it would be written in the file.
    Step {
        /// Its text.
        text: String,
        /// The lines of the answer are for a terminal.
        colour: bool,
        /// Receivers and sources that it is about, and that are in no file.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        made: Vec<ByHand>,
    },
    /// How the lab is.
    Status {},
    /// The network, drawn as it is.
    Graph {
        /// How.
        format: GraphFormat,
        /// The group whose tree is shown.
        group: Option<Ipv4Addr>,
    },
    /// Why a receiver gets nothing of a source.
    Explain {
        /// The receiver's name.
        receiver: String,
        /// The source's name.
        source: String,
    },
    /// The lab becomes what a file describes.
    Apply {
        /// The file, wherever the holder looks from.
        file: PathBuf,
        /// The variables that were set for it.
        vars: Vec<(String, String)>,
        /// What it asks of the environment.
        env: BTreeMap<String, String>,
        /// Only tell what would be done.
        dry_run: bool,
    },
    /// The end of the lab.
    Down {},
}

/// The holder's answer. Each request has its own: `Processes` a list of
/// [`Process`], `Step` a [`Stepped`], `Status` a [`Status`], `Graph` a
/// text, `Explain` an [`Explanation`], `Apply` lines of [`Applying`], `Down` what went wrong on the
/// way.
///
/// [`Status`]: crate::run::status::Status
/// [`Explanation`]: crate::explain::Explanation
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(tag = "reply", rename_all = "kebab-case")]
pub enum Reply<T> {
    /// It was done.
    Done {
        /// What was asked for.
        answer: T,
    },
    /// The request was refused.
    Refused {
        /// Why.
        message: String,
        /// The exit status for it.
        exit: u8,
    },
}

/// What became of a step.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(tag = "step", rename_all = "kebab-case")]
pub enum Stepped {
    /// It was done.
    Judged {
        /// What there is to say about it.
        lines: Vec<String>,
        /// The exit status for it.
        exit: u8,
        /// The same as data.
        report: serde_json::Value,
    },
    /// It was not understood, and nothing was done.
    Mistaken {
        /// What is wrong with it.
        text: String,
    },
}

/// How far the lab is on its way to become another.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(tag = "apply", rename_all = "kebab-case")]
pub enum Applying {
    /// The file is wrong, and nothing was done.
    Mistaken {
        /// What is wrong with it.
        text: String,
    },
    /// What is to be done.
    Planned {
        /// In this order.
        changes: Vec<Change>,
        /// Something to know about it.
        hint: Option<String>,
    },
    /// What is done now.
    Doing {
        /// In words.
        text: String,
    },
    /// What was done.
    Done {
        /// And what was not.
        applied: Applied,
    },
}

/// A process in a node.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Process {
    /// The node.
    pub node: String,
    /// Its id, as counted inside the lab.
    pub pid: i32,
    /// Its command line, in one line.
    pub command: String,
    /// Seconds of a CPU that it took.
    #[serde(default)]
    pub cpu_seconds: f64,
    /// Bytes of memory that it has.
    #[serde(default)]
    pub memory_bytes: u64,
    /// How it ended, where it was a daemon that nobody stopped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<String>,
}

/// Asks a holder, which has `time` to answer.
///
/// # Errors
/// The system's, or `InvalidData` for an answer that is none.
pub fn ask<T: DeserializeOwned>(
    socket: &Path,
    request: &Request,
    time: Duration,
) -> io::Result<Reply<T>> {
    let mut reply = None;
    follow(socket, request, time, |one| {
        reply = Some(one);
        true
    })?;
    reply.ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
}

/// Asks a holder, which answers in lines and has `time` for each, until `take`
/// has the last one.
///
/// # Errors
/// As [`ask`].
pub fn follow<T: DeserializeOwned>(
    socket: &Path,
    request: &Request,
    time: Duration,
    mut take: impl FnMut(Reply<T>) -> bool,
) -> io::Result<()> {
    let mut stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(time))?;
    stream.set_write_timeout(Some(time))?;
    let mut line = serde_json::to_vec(request)?;
    line.push(b'\n');
    stream.write_all(&line)?;
    let mut stream = BufReader::new(stream);
    loop {
        let mut reply = String::new();
        (&mut stream).take(MAX_REPLY).read_line(&mut reply)?;
        if reply.is_empty() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if take(serde_json::from_str(&reply)?) {
            return Ok(());
        }
    }
}
