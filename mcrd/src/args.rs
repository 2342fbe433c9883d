//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use mcr_api::state::LogLevel;

/// The multicast relay and router daemon.
#[derive(Debug, Parser)]
#[command(
    name = "mcrd",
    version,
    max_term_width = 80,
    after_help = "Exit status: 0 ended in order, or nothing to complain of; 1 the configuration \
                  is wrong; 2 wrong usage; 3 the daemon could not start or had to stop, and the \
                  last line says why."
)]
pub(crate) struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run in the foreground until SIGTERM; SIGHUP reads the file again.
    Run(Run),
    /// Check a configuration file and report every error in it.
    Check(Check),
    /// Feed a recording to a router and print what it does.
    Replay(Replay),
    /// What the supervisor starts for each input interface.
    #[command(hide = true)]
    Worker {
        /// Shown in process lists.
        label: Option<String>,
    },
}

/// Arguments of `mcrd run`.
#[derive(Clone, Debug, Args)]
pub(crate) struct Run {
    /// The start-up file; without it the daemon starts with no rules.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// The control socket. Default: the file's, else /run/mcrd/control.sock,
    /// or $XDG_RUNTIME_DIR/mcrd/control.sock for an ordinary user.
    #[arg(long, value_name = "PATH")]
    pub(crate) socket: Option<PathBuf>,
    /// The network namespace to work in: a name in /run/netns, or a path.
    #[arg(long, value_name = "NAME|PATH")]
    pub(crate) netns: Option<PathBuf>,
    /// How log lines look.
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) log_format: LogFormat,
    /// The general log level, in place of the file's.
    #[arg(long, value_name = "LEVEL", value_parser = level)]
    pub(crate) log_level: Option<LogLevel>,
    /// Write all that goes into the router, and what comes out, to this file
    /// as JSON lines, for mcrd replay. The file is replaced.
    #[arg(long, value_name = "FILE")]
    pub(crate) record: Option<PathBuf>,
}

/// Arguments of `mcrd replay`.
#[derive(Clone, Debug, Args)]
pub(crate) struct Replay {
    /// A file that `mcrd run --record` wrote.
    pub(crate) file: PathBuf,
    /// Print each output as one JSON object, in the form of the recording.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Arguments of `mcrd check`.
#[derive(Clone, Debug, Args)]
pub(crate) struct Check {
    /// The configuration file.
    pub(crate) file: PathBuf,
    /// Print one JSON object instead of text.
    #[arg(long)]
    pub(crate) json: bool,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// One line of text each.
    Text,
    /// One JSON object each.
    Json,
}

fn level(text: &str) -> Result<LogLevel, String> {
    LogLevel::ALL
        .into_iter()
        .find(|level| level.name() == text)
        .ok_or_else(|| "a level is one of error, warn, info, debug, trace".to_owned())
}
