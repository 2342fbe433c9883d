//! The log: facilities are tracing targets, each with a level that can change
//! at run time. Lines are written by a thread of their own, so a reader that
//! is slow costs lines, which are counted, and never time.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use mcr_api::state::{Facility, LogLevel, LogLevels};
use mcr_dataplane::channel::Level;
use tracing::level_filters::LevelFilter;
use tracing_appender::non_blocking::{ErrorCounter, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, Registry, reload};

use crate::args::LogFormat;

/// Lines that wait for the reader, at most.
const QUEUE: usize = 8192;

/// At the end, how long the reader may take for what is queued.
const WRITE_WITHIN: Duration = Duration::from_millis(200);

/// The log while the daemon runs. What is queued is written when it is
/// dropped.
pub(crate) struct Logging {
    filter: reload::Handle<Targets, Registry>,
    lost: ErrorCounter,
    refused: Arc<AtomicUsize>,
    writer: Option<WorkerGuard>,
}

impl Drop for Logging {
    fn drop(&mut self) {
        let writer = self.writer.take();
        let (done, written) = std::sync::mpsc::channel::<()>();
        // The guard waits longer than the end may take for who reads nothing.
        std::thread::spawn(move || {
            drop(writer);
            drop(done);
        });
        // Either answer means that the daemon goes on to its end.
        written.recv_timeout(WRITE_WITHIN).unwrap_or_default();
    }
}

impl Logging {
    /// Starts the log on standard error.
    pub(crate) fn start(format: LogFormat, levels: &LogLevels) -> Result<Logging, String> {
        let refused = Arc::new(AtomicUsize::new(0));
        let out = Out {
            refused: Arc::clone(&refused),
        };
        let (writer, guard) = NonBlockingBuilder::default()
            .lossy(true)
            .buffered_lines_limit(QUEUE)
            .thread_name("log")
            .finish(out);
        let lost = writer.error_counter();
        let (filter, handle) = reload::Layer::new(targets(levels));
        let lines = tracing_subscriber::fmt::layer()
            .with_writer(writer)
            .with_ansi(false);
        let lines: Box<dyn Layer<Registry> + Send + Sync> = match format {
            LogFormat::Text => lines.with_filter(filter).boxed(),
            LogFormat::Json => lines.json().flatten_event(true).with_filter(filter).boxed(),
        };
        tracing_subscriber::registry()
            .with(lines)
            .try_init()
            .map_err(|error| error.to_string())?;
        Ok(Logging {
            filter: handle,
            lost,
            refused,
            writer: Some(guard),
        })
    }

    /// Puts other levels in force.
    pub(crate) fn set(&self, levels: &LogLevels) {
        if let Err(error) = self.filter.reload(targets(levels)) {
            tracing::error!(target: "supervisor", %error, "the log levels cannot be changed");
        }
    }

    /// Lines that were lost because nobody read them.
    pub(crate) fn lost(&self) -> usize {
        self.lost.dropped_lines()
    }

    /// Lines that were lost because the file takes no more.
    pub(crate) fn refused(&self) -> usize {
        self.refused.load(Ordering::Relaxed)
    }
}

/// Standard error. A line that it refuses, as a full disk does, is counted.
struct Out {
    refused: Arc<AtomicUsize>,
}

impl Write for Out {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        match io::stderr().write(line) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => {
                self.refused.fetch_add(1, Ordering::Relaxed);
                Ok(line.len())
            }
            written => written,
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

fn targets(levels: &LogLevels) -> Targets {
    Facility::ALL.into_iter().fold(
        // Targets match by their beginning, and the netlink crates' own begin
        // as a facility's does.
        Targets::new()
            .with_default(LevelFilter::OFF)
            .with_target("netlink_", LevelFilter::OFF),
        |targets, facility| targets.with_target(facility.name(), filter(of(levels, facility))),
    )
}

/// The level of one facility.
pub(crate) fn of(levels: &LogLevels, facility: Facility) -> LogLevel {
    levels
        .facilities
        .get(&facility)
        .copied()
        .unwrap_or(levels.level)
}

/// The levels that a configuration asks for, with the general level of the
/// command line before its own.
pub(crate) fn levels(log: &mcr_api::config::Log, of_start: Option<LogLevel>) -> LogLevels {
    LogLevels {
        level: of_start.or(log.level).unwrap_or(LogLevel::Info),
        facilities: BTreeMap::clone(&log.facilities),
    }
}

const fn filter(level: LogLevel) -> LevelFilter {
    match level {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    }
}

/// The level that workers are told: that of the facility `dataplane`.
pub(crate) fn worker_level(levels: &LogLevels) -> Level {
    match of(levels, Facility::Dataplane) {
        LogLevel::Error => Level::Error,
        LogLevel::Warn => Level::Warn,
        LogLevel::Info => Level::Info,
        LogLevel::Debug => Level::Debug,
        LogLevel::Trace => Level::Trace,
    }
}

/// Writes a line that a worker sent.
pub(crate) fn worker_line(worker: &str, level: Level, message: &str) {
    match level {
        Level::Error => tracing::error!(target: "dataplane", worker, "{message}"),
        Level::Warn => tracing::warn!(target: "dataplane", worker, "{message}"),
        Level::Info => tracing::info!(target: "dataplane", worker, "{message}"),
        Level::Debug => tracing::debug!(target: "dataplane", worker, "{message}"),
        Level::Trace => tracing::trace!(target: "dataplane", worker, "{message}"),
    }
}
