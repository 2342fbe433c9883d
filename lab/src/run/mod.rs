//! A run: deploy, settle, steps, assertions, teardown.
//!
//! `stage` is what the steps know of the place where they run: `netns` is the
//! one of namespaces, and `sim` the one of virtual time. `engine` does the
//! steps, `traffic` holds receivers and sources, `observe` looks at conditions,
//! `ledger` knows what was sent and what arrived, `capture` keeps the packets,
//! and `evidence` writes down what is left of it.

pub mod again;
pub mod budget;
pub mod capture;
pub mod chosen;
pub mod control;
pub mod datagrams;
mod engine;
mod events;
pub mod evidence;
pub mod excerpt;
pub mod explain;
mod invariants;
mod lateness;
pub mod ledger;
mod likeness;
pub mod locate;
pub mod messages;
mod model;
mod netns;
pub mod notices;
mod observe;
mod options;
pub mod pause;
mod probe;
mod question;
mod ready;
pub mod reconcile;
mod record;
mod shell;
pub mod sim;
mod snapshot;
mod stage;
pub mod standing;
pub mod status;
mod sweep;
mod tables;
mod traffic;
mod watching;
pub mod wires;

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{Instant, sleep};

use crate::assertion::Outcome;
use crate::backend::netns::{self as network, Network};
use crate::clock;
use crate::node::{Daemons, Death, Folders, NodeError, Programs};
use crate::report::html;
use crate::report::pcapng;
use crate::report::{RunReport, StepReport};
use crate::topology::model::{Keep, Topology};

pub use options::Options;

use capture::Capture;
use chosen::Chosen;
use engine::Engine;
use events::Events;
use evidence::RunFolder;
use netns::Namespaces;
use pause::{Pause, Paused};
use stage::Stage;
use sweep::Place;
use traffic::{Traffic, World};

/// Where the daemons write, in the run's folder.
const LOGS: &str = "logs";

/// Who is told of the progress.
pub trait Progress {
    /// What begins is another run of the same file.
    fn again(&mut self) {}
    /// A run begins.
    fn began(&mut self, run: &RunReport);
    /// The network stands and the daemons are ready.
    fn deployed(&mut self, run: &RunReport, topology: &Topology);
    /// A step begins.
    fn step_began(&mut self, title: &str);
    /// A step ended.
    fn step_ended(&mut self, step: &StepReport);
    /// The lab stands until somebody says how to go on, or does so no more.
    fn paused(&mut self, _pauses: bool) {}
    /// The run ended.
    fn ended(&mut self, run: &RunReport);
}

/// Nobody is told.
pub struct Silent;

impl Progress for Silent {
    fn began(&mut self, _: &RunReport) {}
    fn deployed(&mut self, _: &RunReport, _: &Topology) {}
    fn step_began(&mut self, _: &str) {}
    fn step_ended(&mut self, _: &StepReport) {}
    fn ended(&mut self, _: &RunReport) {}
}

/// Runs a lab once, from the network to the teardown.
///
/// # Errors
/// The run's folder cannot be made; everything later is in the report.
pub async fn run(
    topology: &Topology,
    programs: &Programs,
    options: &Options,
    progress: &mut dyn Progress,
) -> std::io::Result<RunReport> {
    let began = Instant::now();
    let folder = RunFolder::create(&options.runs, &topology.name)?;
    let mut report = begin(topology, options, &folder, options.seed);
    again::keep(&folder.path, topology, options, options.seed, false)?;
    progress.began(&report);
    let events = Events::create(&folder.path.join("events.ndjson"), clock::now_ns())?;
    let course = Course {
        topology,
        options,
        folder: &folder.path,
    };
    let job = Job { course, programs };
    job.deploy_and_run(events, &mut report, progress).await;
    report.seconds = began.elapsed().as_secs_f64();
    course.conclude(&mut report, progress);
    Ok(report)
}

/// The report of a run that begins.
fn begin(topology: &Topology, options: &Options, folder: &RunFolder, seed: u64) -> RunReport {
    RunReport {
        run: folder.id.clone(),
        rootless: options.rootless,
        evidence: folder.path.clone(),
        ..RunReport::of(topology, seed)
    }
}

/// What every run has, wherever it is.
#[derive(Clone, Copy)]
struct Course<'a> {
    topology: &'a Topology,
    options: &'a Options,
    folder: &'a Path,
}

impl Course<'_> {
    /// Counts what was not tried, and writes the result.
    fn conclude(&self, report: &mut RunReport, progress: &mut dyn Progress) {
        for step in self.topology.steps.iter().skip(report.steps.len()) {
            report
                .steps
                .push(StepReport::skipped(&step.title, step.line));
        }
        report.conclude();
        let lines = evidence::lines(report, self.topology);
        if let Err(error) = evidence::write_result(self.folder, report, &lines) {
            report
                .errors
                .push(format!("cannot write the result: {error}"));
            report.conclude();
        }
        let good = report.outcome.is_good();
        if self.options.writes_html(self.topology, good)
            && let Err(error) = html::write(self.folder, report, self.topology)
        {
            report
                .errors
                .push(format!("cannot write the HTML report: {error}"));
            report.conclude();
        }
        progress.ended(report);
    }

    async fn steps(
        &self,
        engine: &mut Engine<impl Stage>,
        report: &mut RunReport,
        progress: &mut dyn Progress,
    ) {
        let (mut failed, mut ended) = (false, false);
        let mut begun = Vec::new();
        for (position, step) in self.topology.steps.iter().enumerate() {
            if ended || (failed && !self.options.keep_going) {
                let skipped = StepReport::skipped(&step.title, step.line);
                progress.step_ended(&skipped);
                report.steps.push(skipped);
                continue;
            }
            progress.step_began(&step.title);
            let mut done = match &step.sweep {
                None => {
                    let done = engine.step(step).await;
                    begun.push((position, engine.acts_since()));
                    done
                }
                Some(sweep) => {
                    let place = Place {
                        step,
                        position,
                        sweep,
                        begun: &begun,
                    };
                    let (done, last) = self.swept(engine, place, report);
                    ended = last;
                    done
                }
            };
            if !done.outcome.is_good() {
                failed = true;
                self.keep_failure(engine, position, &mut done, report).await;
            }
            progress.step_ended(&done);
            let good = done.outcome.is_good();
            report.steps.push(done);
            report.wires = wires::in_all(&engine.stage);
            if !good && let Some(pause) = &self.options.pause {
                progress.paused(true);
                let goes_on = self.pause(&engine.stage, position, pause).await;
                progress.paused(false);
                match goes_on {
                    Ok(true) => failed = false,
                    Ok(false) => ended = true,
                    Err(error) => report.errors.push(format!("cannot pause: {error}")),
                }
            }
        }
    }

    /// Waits until somebody says how to go on; true where with the next step.
    async fn pause(
        &self,
        stage: &impl Stage,
        position: usize,
        pause: &Pause,
    ) -> std::io::Result<bool> {
        let steps = &self.topology.steps;
        let mut laid = wires::Laid::default();
        let actions = steps.iter().take(position + 1).flat_map(|s| &s.actions);
        actions.for_each(|action| laid.note(action));
        let paused = Paused {
            lab: self.topology.name.clone(),
            file: self.topology.file.clone(),
            logs: self.folder.join(LOGS),
            left: steps.len().saturating_sub(position + 1),
        };
        stage.stand(pause, &paused, laid).await
    }

    async fn keep_failure(
        &self,
        engine: &mut Engine<impl Stage>,
        position: usize,
        step: &mut StepReport,
        report: &mut RunReport,
    ) {
        let failed = engine.has_failed();
        let states = self.folder.join("state");
        if let Err(error) = engine.stage.write_states(&states).await {
            report
                .errors
                .push(format!("cannot keep the state: {error}"));
        }
        if self.options.packets(self.topology) == Keep::Never {
            return;
        }
        let path = self.folder.join(format!("step{}.pcapng", position + 1));
        let chosen = Chosen::of_step(self.topology.artifacts.kept, failed);
        let markers = engine.events.markers(chosen.since_ns());
        let (names, frames) = engine.stage.packets(&chosen);
        match pcapng::write_file(&path, &names, &frames, markers) {
            Ok(()) => step.packets = Some(path),
            Err(error) => report.errors.push(error),
        }
    }

    /// Writes the packets of the whole run, where that is asked for.
    fn packets_of_all(&self, engine: &Engine<impl Stage>, report: &mut RunReport) {
        if self.options.packets(self.topology) == Keep::Always {
            let path = self.folder.join("packets.pcapng");
            let chosen = Chosen::of_run(self.topology.artifacts.kept, engine.failures());
            let markers = engine.events.markers(0);
            let (names, frames) = engine.stage.packets(&chosen);
            let written = pcapng::write_file(&path, &names, &frames, markers);
            report.errors.extend(written.err());
        }
    }

    fn stopped(&self, report: &mut RunReport, progress: &mut dyn Progress, reason: String) {
        if let Some(step) = self.topology.steps.get(report.steps.len()) {
            let mut stopped = StepReport::skipped(&step.title, step.line);
            stopped.outcome = Outcome::Error;
            stopped.error = Some(reason.clone());
            progress.step_ended(&stopped);
            report.steps.push(stopped);
        }
        report.errors.push(reason);
    }
}

/// What a run in namespaces is made of.
struct Job<'a> {
    course: Course<'a>,
    programs: &'a Programs,
}

impl Job<'_> {
    async fn deploy_and_run(
        &self,
        events: Events,
        report: &mut RunReport,
        progress: &mut dyn Progress,
    ) {
        let folders = match self.folders() {
            Ok(folders) => folders,
            Err(error) => return report.errors.push(error.to_string()),
        };
        let options = network::Options {
            names: self.course.options.names.clone(),
            seed: self.course.options.seed,
        };
        let network = match Network::deploy(self.course.topology, &options).await {
            Ok(network) => network,
            Err(error) => return report.errors.push(error.to_string()),
        };
        report.network_seconds = network.timings().total().as_secs_f64();
        self.start_and_run(&network, &folders, events, report, progress)
            .await;
        let left = network.teardown().await;
        report.errors.extend(left.iter().map(ToString::to_string));
        if let Err(error) = fs::remove_dir_all(&self.course.options.work) {
            report.errors.push(format!(
                "cannot remove {}: {error}",
                self.course.options.work.display()
            ));
        }
    }

    fn folders(&self) -> std::io::Result<Folders> {
        let folders = Folders {
            configs: self.course.options.work.join("configs"),
            logs: self.course.folder.join(LOGS),
            sockets: self.course.options.work.join("sockets"),
        };
        for folder in [&folders.configs, &folders.sockets] {
            fs::create_dir_all(folder)?;
            // mcrd started by root is soon another user, who saves its file and
            // removes its socket. Nobody but the lab's own processes is here.
            fs::set_permissions(folder, Permissions::from_mode(0o777))?;
        }
        Ok(folders)
    }

    async fn start_and_run(
        &self,
        network: &Network,
        folders: &Folders,
        events: Events,
        report: &mut RunReport,
        progress: &mut dyn Progress,
    ) {
        let world = World {
            topology: self.course.topology,
            network,
            programs: self.programs,
            folders,
        };
        let started = Instant::now();
        let interrupted = interruption();
        tokio::pin!(interrupted);
        let daemons = Daemons::start_all(self.course.topology, network, self.programs, folders);
        let daemons = tokio::select! {
            daemons = daemons => daemons,
            reason = &mut interrupted => {
                report.interrupted = true;
                return report.errors.push(reason);
            }
        };
        report.daemons_seconds = started.elapsed().as_secs_f64();
        let kept = evidence::keep_configs(&folders.configs, &self.course.folder.join("configs"));
        if let Err(error) = kept {
            report
                .errors
                .push(format!("cannot keep the configurations: {error}"));
        }
        let daemons = match daemons {
            Ok(daemons) => daemons,
            Err(error) => return report.errors.push(error.to_string()),
        };
        let Course {
            topology, options, ..
        } = self.course;
        let keep = options.packets(topology) != Keep::Never;
        let capture = match Capture::start(topology, network, keep) {
            Ok(capture) => capture,
            Err(error) => return report.errors.push(error.to_string()),
        };
        progress.deployed(report, self.course.topology);
        let traffic = Traffic::new(self.course.topology);
        let stage = Namespaces::new(world, daemons, traffic, capture, Instant::now());
        let mut engine = Engine::new(stage, events);
        let limit = self.course.topology.max_time;
        // Nobody knows how long somebody looks at a lab that pauses.
        let limited = async {
            match self.course.options.pause {
                Some(_) => std::future::pending().await,
                None => sleep(limit).await,
            }
        };
        let stopped = tokio::select! {
            () = self.course.steps(&mut engine, report, progress) => None,
            reason = &mut interrupted => {
                report.interrupted = true;
                Some(reason)
            }
            () = limited => Some(format!(
                "the run took longer than its limit, max_time {}s", limit.as_secs()
            )),
        };
        if let Some(reason) = stopped {
            self.course.stopped(report, progress, reason);
        }
        self.finish(engine, report).await;
    }

    async fn finish(&self, mut engine: Engine<Namespaces<'_>>, report: &mut RunReport) {
        engine.stage.traffic.end_all().await;
        // What ended after the last step's verdict.
        let untold = engine.stage.deaths.untold();
        report.errors.extend(untold.iter().map(Death::text));
        self.course.packets_of_all(&engine, report);
        engine.tell_notices();
        let Engine {
            stage, mut events, ..
        } = engine;
        let Namespaces { world, daemons, .. } = stage;
        let errors = daemons
            .into_inner()
            .stop_all(world.topology, world.network, world.programs, world.folders)
            .await;
        report
            .errors
            .extend(errors.iter().map(NodeError::to_string));
        events.note(clock::now_ns(), "ended", json!({}));
        if let Some(error) = events.take_error() {
            report
                .errors
                .push(format!("cannot write the events: {error}"));
        }
    }
}

/// Ends when a signal asks for the run's end.
async fn interruption() -> String {
    let kinds = [
        (SignalKind::interrupt(), "Ctrl-C"),
        (SignalKind::terminate(), "SIGTERM"),
        (SignalKind::hangup(), "SIGHUP"),
    ];
    let waits = kinds.map(|(kind, name)| {
        Box::pin(async move {
            match signal(kind) {
                Ok(mut signals) => {
                    signals.recv().await;
                    format!("interrupted by {name}")
                }
                Err(_) => std::future::pending().await,
            }
        })
    });
    let (reason, _, _) = futures_util::future::select_all(waits).await;
    reason
}
