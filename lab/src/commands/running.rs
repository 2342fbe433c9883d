//! The running labs, as the commands see them.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use mcr_sim::packet_expr::BadExpression;
use mcr_sys::process::PidFd;
use serde::de::DeserializeOwned;

use crate::exit::Exit;
use crate::holder::SOCKET;
use crate::holder::protocol::{Reply, Request, ask, follow};
use crate::node::Unfit;
use crate::rundir::{self, RunDirError, State};
use crate::sandbox::SandboxError;
use crate::topology::suggest;

/// How long the holder may take to answer.
pub(super) const ANSWER_TIME: Duration = Duration::from_secs(5);

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    /// A run directory.
    #[error(transparent)]
    RunDir(#[from] RunDirError),
    /// The lab's own world.
    #[error(transparent)]
    Sandbox(#[from] SandboxError),
    /// A program that is missing.
    #[error(transparent)]
    Unfit(#[from] Unfit),
    /// There is no such lab.
    #[error("no lab named {0} is running; `lab ps` lists those that are")]
    NoSuchLab(String),
    /// There is no lab.
    #[error("no lab is running; start one with `lab up FILE`")]
    NoLab,
    /// There are several.
    #[error("several labs are running; choose one with -l: {}", .0.join(", "))]
    SeveralLabs(Vec<String>),
    /// There is no such node.
    #[error("lab {lab} has no node {node}; its nodes: {}", .nodes.join(", "))]
    NoSuchNode {
        /// The lab.
        lab: String,
        /// What was asked for.
        node: String,
        /// What there is.
        nodes: Vec<String>,
    },
    /// Nothing is written by that name.
    #[error("lab {lab} has no log of {name}; there is one of: {}", .names.join(", "))]
    NoLog {
        /// The lab.
        lab: String,
        /// What was asked for.
        name: String,
        /// What there is.
        names: Vec<String>,
    },
    /// There is no such link.
    #[error("lab {lab} has no link {link}; its links: {}", .links.join(", "))]
    NoSuchLink {
        /// The lab.
        lab: String,
        /// What was asked for.
        link: String,
        /// What there is.
        links: Vec<String>,
    },
    /// An expression that cannot be read.
    #[error("--match: {error}{}", advice(.error, .nodes))]
    Expression {
        /// What is wrong with it.
        error: BadExpression,
        /// The lab's nodes.
        nodes: Vec<String>,
    },
    /// A lab that ended meanwhile, or is not ready yet.
    #[error("lab {0} is not there any more, or not ready yet")]
    Gone(String),
    /// A lab that ended while it became another.
    #[error("lab {0} went down before it was what the file describes")]
    WentDown(String),
    /// A name that no lab can have.
    #[error("a lab's name has 1 to 40 letters, digits, '-' or '_': {0:?} does not")]
    Name(String),
    /// The holder could not build the lab.
    #[error("{message}")]
    Failed {
        /// Why.
        message: String,
        /// The exit status for it.
        exit: Exit,
    },
    /// The system refused.
    #[error("cannot {action}: {source}")]
    System {
        /// What was tried.
        action: &'static str,
        /// The reason.
        source: io::Error,
    },
}

fn advice(error: &BadExpression, nodes: &[String]) -> String {
    let Some(known) = &error.known else {
        return String::new();
    };
    let nodes = nodes.iter().map(String::as_str);
    let words = known.words.iter().copied().chain(nodes);
    let nearest = suggest::nearest(&known.word, words);
    nearest.map_or_else(String::new, |word| format!("; did you mean `{word}`?"))
}

/// The holder is not there, or ended before it answered.
fn is_gone(error: &io::Error) -> bool {
    [
        io::ErrorKind::NotFound,
        io::ErrorKind::ConnectionRefused,
        io::ErrorKind::ConnectionReset,
        io::ErrorKind::BrokenPipe,
        io::ErrorKind::UnexpectedEof,
    ]
    .contains(&error.kind())
}

impl Fault {
    pub(super) fn system<E: Into<io::Error>>(action: &'static str) -> impl FnOnce(E) -> Self {
        move |error| Self::System {
            action,
            source: error.into(),
        }
    }

    fn exit(&self) -> Exit {
        match self {
            Self::RunDir(error) => error.exit(),
            Self::Sandbox(error) => error.exit(),
            Self::Unfit(_) => Exit::Unfit,
            Self::NoSuchLab(_) | Self::NoLab | Self::Gone(_) | Self::WentDown(_) => {
                Exit::NothingToRun
            }
            Self::SeveralLabs(_)
            | Self::NoSuchNode { .. }
            | Self::NoLog { .. }
            | Self::NoSuchLink { .. }
            | Self::Expression { .. }
            | Self::Name(_) => Exit::Usage,
            Self::Failed { exit, .. } => *exit,
            Self::System { .. } => Exit::Infrastructure,
        }
    }
}

/// The exit status of a command, after its fault is told.
pub(super) fn settle(result: Result<Exit, Fault>) -> Exit {
    result.unwrap_or_else(|fault| {
        anstream::eprintln!("lab: {fault}");
        fault.exit()
    })
}

/// A lab that is alive.
#[derive(Clone, Debug)]
pub(super) struct Running {
    /// Its directory.
    pub(super) path: PathBuf,
    /// What it says of itself.
    pub(super) state: State,
    /// Its name.
    pub(super) name: String,
}

impl Running {
    /// All of the user's, by name.
    pub(super) fn all() -> Result<Vec<Self>, Fault> {
        let entries = rundir::list()?.into_iter().filter(|entry| entry.alive);
        let running = |entry: rundir::Entry| {
            let (path, name) = (entry.path, entry.name);
            entry.state.map(|state| Self { path, state, name })
        };
        Ok(entries.filter_map(running).collect())
    }

    /// The one of this name; without a name the only one there is.
    pub(super) fn find(name: Option<&str>) -> Result<Self, Fault> {
        let mut all = Self::all()?;
        if let Some(name) = name {
            let found = all.into_iter().find(|lab| lab.name == name);
            return found.ok_or_else(|| Fault::NoSuchLab(name.to_owned()));
        }
        match (all.pop(), all.is_empty()) {
            (None, _) => Err(Fault::NoLab),
            (Some(lab), true) => Ok(lab),
            (Some(lab), false) => {
                all.push(lab);
                Err(Fault::SeveralLabs(
                    all.into_iter().map(|lab| lab.name).collect(),
                ))
            }
        }
    }

    /// The one of this name; without one that which a file is about: the file's
    /// own name, or the only one that was made from it.
    pub(super) fn find_for(name: Option<&str>, named: &str, file: &Path) -> Result<Self, Fault> {
        if name.is_some() {
            return Self::find(name);
        }
        let all = Self::all()?;
        if let Some(lab) = all.iter().find(|lab| lab.name == named) {
            return Ok(lab.clone());
        }
        let file = file.canonicalize().ok();
        let made = |lab: &&Self| Some(&lab.state.file) == file.as_ref();
        let mut made: Vec<&Self> = all.iter().filter(made).collect();
        match (made.pop(), made.is_empty()) {
            (Some(lab), true) => Ok(lab.clone()),
            (Some(lab), false) => {
                made.push(lab);
                let names = made.into_iter().map(|lab| lab.name.clone());
                Err(Fault::SeveralLabs(names.collect()))
            }
            (None, _) => Err(Fault::NoSuchLab(named.to_owned())),
        }
    }

    /// Holds its first process.
    pub(super) fn hold(&self) -> Result<PidFd, Fault> {
        self.state
            .hold_init()
            .ok_or_else(|| Fault::Gone(self.name.clone()))
    }

    /// Asks its holder, which has `time` to answer.
    pub(super) fn ask<T>(&self, request: &Request, time: Duration) -> Result<T, Fault>
    where
        T: DeserializeOwned,
    {
        match ask(&self.path.join(SOCKET), request, time) {
            Ok(Reply::Done { answer }) => Ok(answer),
            Ok(Reply::Refused { message, exit }) => Err(Fault::Failed {
                message,
                exit: Exit::Status(exit),
            }),
            Err(source) if is_gone(&source) => Err(Fault::Gone(self.name.clone())),
            Err(source) => Err(Fault::system("ask the lab")(source)),
        }
    }

    /// Asks its holder, which answers in lines and has `time` for each, until
    /// `take` has the last one.
    pub(super) fn follow<T>(
        &self,
        request: &Request,
        time: Duration,
        take: impl FnMut(Reply<T>) -> bool,
    ) -> Result<(), Fault>
    where
        T: DeserializeOwned,
    {
        match follow(&self.path.join(SOCKET), request, time, take) {
            Ok(()) => Ok(()),
            Err(source) if is_gone(&source) => Err(Fault::Gone(self.name.clone())),
            Err(source) => Err(Fault::system("ask the lab")(source)),
        }
    }

    /// Its user namespace is another than the caller's.
    pub(super) fn other_user_namespace(&self) -> Result<bool, Fault> {
        let inode = |path: String| {
            let found = fs::metadata(path).map_err(Fault::system("look at user namespaces"));
            found.map(|found| found.ino())
        };
        let own = inode("/proc/self/ns/user".to_owned())?;
        Ok(inode(format!("/proc/{}/ns/user", self.state.init))? != own)
    }
}
