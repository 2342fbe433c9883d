//! A lab that stands as a failed step left it, until somebody says how to go on.
//!
//! The run is in a world of its own and behind the terminal's back: the process
//! that stayed outside asks for it, and opens the door through which other
//! commands find the lab.

use std::cell::{Cell, RefCell};
use std::io;
use std::net::Ipv4Addr;
use std::os::fd::OwnedFd;
use std::path::PathBuf;

use mcr_sys::channel::SeqPacket;
use mcr_sys::readiness::follow;
use serde::{Deserialize, Serialize};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::net::{UnixListener, UnixStream};

use super::netns::Namespaces;
use super::status::{self, Status};
use super::wires::Laid;
use crate::args::GraphFormat;
use crate::backend::netns::Network;
use crate::explain::{Explanation, ends};
use crate::holder;
use crate::node::Deaths;
use crate::report::graph;
use crate::report::live::Live;
use crate::topology::model::Topology;

/// The longest message, in bytes.
pub const MAX_MESSAGE: usize = 16 << 10;

/// What the run says: it pauses.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Paused {
    /// The lab's name.
    pub lab: String,
    /// Its file.
    pub file: PathBuf,
    /// Where the daemons write.
    pub logs: PathBuf,
    /// So many steps come after the one that failed.
    pub left: usize,
}

/// What it is told.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub enum Answer {
    /// Other commands may come; beside it is the socket where they do, or none
    /// where they cannot.
    Open,
    /// The next step is to be done.
    GoOn,
    /// The run is to end.
    End,
}

/// The run's way to the process outside.
#[derive(Debug)]
pub struct Pause {
    line: SeqPacket,
    ended: Cell<bool>,
    /// Who wants the lab down learns of it by the end of this process.
    waiting: RefCell<Vec<UnixStream>>,
}

impl Pause {
    /// Over this line.
    #[must_use]
    pub fn new(line: SeqPacket) -> Pause {
        Pause {
            line,
            ended: Cell::new(false),
            waiting: RefCell::new(Vec::new()),
        }
    }

    /// Somebody ended the run.
    #[must_use]
    pub fn ended(&self) -> bool {
        self.ended.get()
    }

    /// Waits until somebody says how to go on; true where with the next step.
    pub(super) async fn ask(&self, paused: &Paused, look: &Look<'_, '_>) -> io::Result<bool> {
        let said = serde_json::to_vec(paused)?;
        self.line.send(&said, &[])?;
        let line = follow(&self.line)?;
        let door = loop {
            match self.told(&line).await? {
                (Answer::Open, door) => break door.map(listener).transpose()?,
                (Answer::GoOn, _) => {}
                (Answer::End, _) => return Ok(self.end()),
            }
        };
        let answer = async {
            loop {
                match self.told(&line).await?.0 {
                    Answer::Open => {}
                    Answer::GoOn => return Ok(true),
                    Answer::End => return Ok(self.end()),
                }
            }
        };
        let down = async {
            let Some(door) = &door else {
                return std::future::pending().await;
            };
            let client = holder::paused::serve(door, look).await?;
            self.waiting.borrow_mut().push(client);
            Ok(self.end())
        };
        tokio::select! {
            answered = answer => answered,
            ended = down => ended,
        }
    }

    /// The next that is told; the end of the line ends the run.
    async fn told(&self, line: &AsyncFd<OwnedFd>) -> io::Result<(Answer, Option<OwnedFd>)> {
        let mut message = vec![0; MAX_MESSAGE];
        let mut received = line
            .async_io(Interest::READABLE, |_| self.line.recv(&mut message))
            .await?;
        if received.len == 0 {
            return Ok((Answer::End, None));
        }
        let text = message.get(..received.len).unwrap_or_default();
        Ok((serde_json::from_slice(text)?, received.fds.pop()))
    }

    fn end(&self) -> bool {
        self.ended.set(true);
        false
    }
}

fn listener(door: OwnedFd) -> io::Result<UnixListener> {
    let door = std::os::unix::net::UnixListener::from(door);
    door.set_nonblocking(true)?;
    UnixListener::from_std(door)
}

/// What can be seen of a lab that stands.
pub struct Look<'s, 'a> {
    pub(super) stage: &'s Namespaces<'a>,
    /// What its steps laid on wires.
    pub(super) laid: Laid,
}

impl Look<'_, '_> {
    /// What it was made from.
    #[must_use]
    pub fn topology(&self) -> &Topology {
        self.stage.world.topology
    }

    /// Its network.
    #[must_use]
    pub fn network(&self) -> &Network {
        self.stage.world.network
    }

    /// How it is.
    pub async fn status(&self) -> Status {
        let down = |link| self.network().is_down(link);
        let mut status = status::look(self.stage, down, &self.laid).await;
        status::tell_dead(&mut status, &self.stage.deaths.now());
        status
    }

    /// The ends of its daemons that nobody asked for.
    #[must_use]
    pub fn deaths(&self) -> Deaths {
        self.stage.deaths.clone()
    }

    /// The network, drawn as it is.
    pub async fn drawn(&self, format: GraphFormat, group: Option<Ipv4Addr>) -> String {
        let status = self.status().await;
        let live = Live::of(self.topology(), &status, group);
        graph::draw(self.topology(), format, &live)
    }

    /// Why a receiver gets nothing of a source.
    ///
    /// # Errors
    /// There are none of these names.
    pub async fn explain(&self, receiver: &str, source: &str) -> Result<Explanation, String> {
        let (receiver, source) = ends(self.topology(), receiver, source)?;
        let told = super::explain::now(self.stage, receiver, source).await;
        told.ok_or_else(|| "there is nothing to walk over".to_owned())
    }
}
