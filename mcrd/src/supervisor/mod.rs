//! Start and stop, in order: what needs privilege first, then the privilege is
//! given up, then threads, clients and workers.

mod privileges;
pub(crate) mod workers;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use mcr_api::config::ConfigFile;
use mcr_api::state::LogLevel;
use mcr_config::Loaded;
use tokio::sync::mpsc;
use tracing::{error, info};

use self::privileges::Standing;
use self::workers::Workers;
use self::workers::platform::Linux;
use crate::args::Run;
use crate::control::server;
use crate::control::socket::{self, ControlSocket};
use crate::event_loop::{Daemon, Parts, Sources, worker_settings};
use crate::observe::log::{self, Logging};
use crate::routing::Routing;

/// Questions that wait for the event loop. A client that asks more waits.
const ASKS: usize = 64;

/// Messages of workers that wait for the event loop.
const PROCESS_EVENTS: usize = 1024;

/// Answers about next hops that wait for the event loop.
const NEXT_HOPS: usize = 256;

/// Changes of routes that wait for the event loop.
const ROUTES: usize = 256;

/// Why the daemon did not start, or stopped.
enum Fault {
    /// The configuration has mistakes, ready to print.
    Configuration(String),
    /// Anything else, one sentence.
    System(String),
}

fn fault(error: impl std::fmt::Display) -> Fault {
    Fault::System(error.to_string())
}

/// Runs the daemon until a signal ends it.
#[allow(clippy::print_stderr, reason = "before there is a log")]
pub(crate) fn run(arguments: Run) -> ExitCode {
    match start(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Fault::Configuration(rendered)) => {
            eprint!("{rendered}");
            ExitCode::from(1)
        }
        Err(Fault::System(reason)) => {
            eprintln!("mcrd: {reason}");
            ExitCode::from(3)
        }
    }
}

fn start(arguments: Run) -> Result<(), Fault> {
    let loaded = match &arguments.config {
        Some(path) => mcr_config::load(path)
            .map_err(|problems| Fault::Configuration(problems.render(false)))?,
        None => Loaded::default(),
    };
    if let Some(netns) = &arguments.netns {
        enter_netns(netns)?;
    }
    let target = privileges::target(loaded.file.workers.user.as_deref()).map_err(fault)?;
    let path = match (&arguments.socket, &loaded.file.control.socket) {
        (Some(path), _) => path.clone(),
        (None, Some(path)) => PathBuf::from(path),
        (None, None) => socket::default_path().map_err(fault)?,
    };
    let record =
        match &arguments.record {
            Some(path) => Some(crate::record::create(path).map_err(|error| {
                Fault::System(format!("cannot write {}: {error}", path.display()))
            })?),
            None => None,
        };
    let group = loaded.file.control.group.as_deref();
    let (socket, listener) = socket::claim(&path, target.as_ref(), group).map_err(fault)?;
    let mut standing =
        privileges::reduce(target.as_ref(), arguments.config.as_deref()).map_err(fault)?;
    if let Err(error) = mcr_sys::process::take_short_turns() {
        let note = format!("other programs' turns are waited for: {error}");
        standing.notes.push(note);
    }
    if !socket.can_be_removed() {
        standing.notes.push(format!(
            "the control socket {} stays behind at the end, because its directory is not \
             writable by uid {}; the next start replaces it",
            path.display(),
            nix::unistd::Uid::effective(),
        ));
    }
    let level_of_start = arguments.log_level;
    let levels = log::levels(&loaded.file.log, level_of_start);
    let logging = Logging::start(arguments.log_format, &levels).map_err(fault)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(fault)?;
    let start_file = arguments.config.map(absolute);
    let result = runtime.block_on(serve(Ready {
        loaded,
        logging,
        standing,
        level_of_start,
        start_file,
        record,
        listener,
        socket: &socket,
    }));
    // A configuration that is being read or written does not hold up the end.
    runtime.shutdown_background();
    drop(socket);
    result
}

fn absolute(path: PathBuf) -> PathBuf {
    std::path::absolute(&path).unwrap_or(path)
}

fn enter_netns(name: &Path) -> Result<(), Fault> {
    let path = if name.components().count() > 1 {
        name.to_owned()
    } else {
        Path::new("/run/netns").join(name)
    };
    mcr_sys::privilege::enter_network_namespace(&path).map_err(|error| {
        Fault::System(format!(
            "cannot enter the network namespace {}: {error}",
            path.display()
        ))
    })
}

/// Everything that was made while there was privilege.
struct Ready<'a> {
    loaded: Loaded,
    logging: Logging,
    standing: Standing,
    level_of_start: Option<LogLevel>,
    start_file: Option<PathBuf>,
    record: Option<File>,
    listener: std::os::unix::net::UnixListener,
    socket: &'a ControlSocket,
}

async fn serve(ready: Ready<'_>) -> Result<(), Fault> {
    info!(
        target: "supervisor",
        version = env!("CARGO_PKG_VERSION"),
        pid = std::process::id(),
        socket = %ready.socket.path().display(),
        identity = ready.standing.identity,
        "mcrd starts"
    );
    for note in &ready.standing.notes {
        info!(target: "supervisor", "{note}");
    }
    let monitor = mcr_sys::netlink::monitor::Monitor::open().map_err(fault)?;
    let (asker, asks) = mpsc::channel(ASKS);
    let (process_events, processes) = mpsc::channel(PROCESS_EVENTS);
    let (answers, next_hops) = mpsc::channel(NEXT_HOPS);
    let (route_changes, routes) = mpsc::channel(ROUTES);
    let (routing, packets) = Routing::start(ready.loaded.router, ready.record).map_err(fault)?;
    let settings = ConfigFile {
        rules: Vec::new(),
        ..ready.loaded.file
    };
    let levels = log::levels(&settings.log, ready.level_of_start);
    let worker_settings = worker_settings(&settings, &levels);
    let parts = Parts {
        routing,
        workers: Workers::new(Box::new(Linux), process_events, worker_settings).map_err(fault)?,
        logging: ready.logging,
        settings,
        start_file: ready.start_file.clone(),
        standing: ready.standing.notes,
        level_of_start: ready.level_of_start,
    };
    let mut daemon = Daemon::new(parts, &monitor, answers, route_changes);
    for rule in &ready.loaded.rules {
        daemon.workers.rule_set(rule);
    }
    if let Err(refusals) = daemon.relay.add(ready.loaded.rules) {
        let reasons: Vec<String> = refusals.iter().map(ToString::to_string).collect();
        return Err(Fault::Configuration(reasons.join("\n") + "\n"));
    }
    let descriptors = ready.standing.descriptors;
    let served = server::serve(ready.listener, asker.clone(), ready.start_file, descriptors);
    tokio::spawn(async move {
        if let Err(error) = served.await {
            error!(target: "control", %error, "the control socket cannot be served");
        }
    });
    let sources = Sources {
        monitor,
        next_hops,
        routes,
        packets,
        processes,
        asks,
        asker,
    };
    daemon.run(sources).await.map_err(fault)
}
