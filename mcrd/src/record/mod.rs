//! Recordings: all that went into the router with its time, so that the same
//! run can be had again, and what came out, to compare with.

pub(crate) mod replay;
mod write;

use mcr_proto::config::Config;
use mcr_proto::router::{Input, Output};
use serde::{Deserialize, Serialize};

pub(crate) use write::{Recorder, create};

/// The version of the form of recordings.
const FORMAT: u32 = 1;

/// The first line.
#[derive(Debug, Serialize, Deserialize)]
struct Head {
    /// The version of the form.
    recording: u32,
    /// The version of the daemon.
    version: String,
    /// The seed of the router.
    seed: u64,
    /// The configuration at the start.
    config: Config,
}

/// Any other line.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Line {
    /// Microseconds since the router started.
    at: u64,
    /// What happened.
    what: What,
}

/// What happened.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum What {
    /// Something went in.
    Input(Box<Input>),
    /// Timers that had run out were dealt with.
    Timeout,
    /// The router was stopped.
    Stop,
    /// Something came out.
    Output(Box<Output>),
    /// So many lines are missing here, because they could not be written in
    /// time.
    Lost(u64),
}
