//! A lab that stays, and takes steps one at a time: by hand what `lab test`
//! does from the file.

use std::collections::VecDeque;
use std::net::Ipv4Addr;
use std::path::Path;

use tokio::time::Instant;

use super::capture::Capture;
use super::engine::{Engine, Rest};
use super::events::Events;
use super::netns::Namespaces;
use super::stage::{REAL_TIME, Stage};
use super::status::{self, Status, StepDone};
use super::traffic::{Traffic, World};
use super::wires::Laid;
use crate::args::GraphFormat;
use crate::assertion::Outcome;
use crate::backend::netns::Network;
use crate::clock;
use crate::diagnostic::Diagnostics;
use crate::explain::{Explanation, ends};
use crate::node::{Daemons, Deaths, Folders, NodeError, Programs};
use crate::report::StepReport;
use crate::report::graph;
use crate::report::live::Live;
use crate::topology::Source;
use crate::topology::by_hand::{ByHand, Table};
use crate::topology::model::{Action, Topology};

/// What a lab that stays is made of.
#[derive(Clone, Copy, Debug)]
pub struct Made<'a> {
    /// The topology.
    pub topology: &'a Topology,
    /// Its network.
    pub network: &'a Network,
    /// The project's programs.
    pub programs: &'a Programs,
    /// The daemons' files.
    pub folders: &'a Folders,
    /// The file it was made from.
    pub source: &'a Source,
    /// Where its diary is written.
    pub events: &'a Path,
}

/// A lab that stays.
pub struct Standing<'a> {
    made: Made<'a>,
    engine: Option<Engine<Namespaces<'a>>>,
    /// Until the first step.
    daemons: Option<Daemons>,
    /// The steps that gave routers another configuration, or wires other faults.
    configured: Vec<String>,
    /// What those do to wires.
    laid: Laid,
    /// The latest steps.
    done: VecDeque<StepDone>,
}

/// What a lab that stays knows and runs, without the network that it is in.
pub struct Parts {
    pub(super) daemons: Option<Daemons>,
    pub(super) watched: Option<Watched>,
    pub(super) configured: Vec<String>,
    pub(super) done: VecDeque<StepDone>,
}

/// What there is from the first step on.
pub(super) struct Watched {
    pub(super) traffic: Traffic,
    pub(super) capture: Capture,
    pub(super) began: Instant,
    pub(super) rest: Rest,
}

impl Parts {
    /// Of a lab whose daemons run.
    #[must_use]
    pub fn new(daemons: Daemons) -> Parts {
        Parts {
            daemons: Some(daemons),
            watched: None,
            configured: Vec::new(),
            done: VecDeque::new(),
        }
    }

    /// The ends of its daemons that nobody asked for.
    #[must_use]
    pub fn deaths(&self) -> Option<Deaths> {
        self.daemons.as_ref().map(Daemons::deaths)
    }

    /// Whether a receiver or source joined or sends.
    #[must_use]
    pub fn runs(&self, topology: &Topology, one: &ByHand) -> bool {
        let Some(watched) = &self.watched else {
            return false;
        };
        let (receivers, sources) = watched.traffic.running();
        match one.table {
            Table::Receivers => {
                let at = topology
                    .receivers
                    .iter()
                    .position(|known| known.name == one.name);
                at.is_some_and(|at| receivers.contains(&at))
            }
            Table::Sources => {
                let at = topology
                    .sources
                    .iter()
                    .position(|known| known.name == one.name);
                at.is_some_and(|at| sources.contains(&at))
            }
        }
    }

    /// Ends receivers, sources and daemons, and tells what went wrong.
    pub async fn end(self, made: Made<'_>) -> Vec<NodeError> {
        if let Some(mut watched) = self.watched {
            watched.traffic.end_all().await;
        }
        let Some(daemons) = self.daemons else {
            return Vec::new();
        };
        daemons
            .stop_all(made.topology, made.network, made.programs, made.folders)
            .await
    }
}

/// Steps that are remembered.
const STEPS: usize = 50;

/// What an action lays upon what was there: later steps are understood by it.
fn stays(action: &Action) -> bool {
    matches!(
        action,
        Action::Config { .. } | Action::Wire { .. } | Action::Rules { .. }
    )
}

/// What earlier steps laid on wires, as the file has these now.
fn laid(source: &Source, steps: &[String]) -> Laid {
    let mut laid = Laid::default();
    for (position, text) in steps.iter().enumerate() {
        let step = source.step(&steps[..position], text);
        let actions = step.into_iter().flat_map(|step| step.actions);
        actions.for_each(|action| laid.note(&action));
    }
    laid
}

impl<'a> Standing<'a> {
    /// A lab in its network.
    #[must_use]
    pub fn new(made: Made<'a>, parts: Parts) -> Self {
        let mut standing = Self {
            made,
            engine: None,
            daemons: parts.daemons,
            laid: laid(made.source, &parts.configured),
            configured: parts.configured,
            done: parts.done,
        };
        if let Some(watched) = parts.watched
            && let Some(daemons) = standing.daemons.take()
        {
            let stage = Namespaces::new(
                standing.world(),
                daemons,
                watched.traffic,
                watched.capture,
                watched.began,
            );
            standing.engine = Some(Engine::resume(stage, watched.rest));
        }
        standing
    }

    /// Without its network.
    #[must_use]
    pub fn apart(self) -> Parts {
        let (daemons, watched) = match self.engine.map(Engine::apart) {
            Some((stage, rest)) => {
                let watched = Watched {
                    traffic: stage.traffic,
                    capture: stage.capture,
                    began: stage.began,
                    rest,
                };
                (Some(stage.daemons.into_inner()), Some(watched))
            }
            None => (self.daemons, None),
        };
        Parts {
            daemons,
            watched,
            configured: self.configured,
            done: self.done,
        }
    }

    /// Does a step that is written as in the file, and judges it.
    ///
    /// # Errors
    /// The mistakes in it; then nothing was done.
    pub async fn step(&mut self, text: &str) -> Result<StepReport, Diagnostics> {
        let step = self.made.source.step(&self.configured, text)?;
        let engine = match (&step.sweep, self.engine()) {
            (Some(_), _) => Err(REAL_TIME.to_owned()),
            (None, engine) => engine,
        };
        let engine = match engine {
            Ok(engine) => engine,
            Err(why) => {
                let mut report = StepReport::skipped(&step.title, step.line);
                report.outcome = Outcome::Error;
                report.error = Some(why);
                return Ok(report);
            }
        };
        let report = engine.step(&step).await;
        let at_ns = engine.stage.now_ns();
        if step.actions.iter().flat_map(Action::each).any(stays) && report.error.is_none() {
            self.configured.push(text.to_owned());
            step.actions
                .iter()
                .for_each(|action| self.laid.note(action));
        }
        self.done.push_back(StepDone {
            at_ns,
            title: report.title.clone(),
            outcome: report.outcome.word().to_owned(),
        });
        if self.done.len() > STEPS {
            self.done.pop_front();
        }
        Ok(report)
    }

    /// How the lab is.
    ///
    /// # Errors
    /// It cannot be watched.
    pub async fn status(&mut self) -> Result<Status, String> {
        let network = self.made.network;
        let laid = self.laid.clone();
        let engine = self.engine()?;
        let down = |link| network.is_down(link);
        let mut status = status::look(&engine.stage, down, &laid).await;
        status::tell_dead(&mut status, &engine.stage.deaths.now());
        status.steps = self.done.iter().cloned().collect();
        Ok(status)
    }

    /// The network, drawn as it is.
    ///
    /// # Errors
    /// It cannot be watched.
    pub async fn drawn(
        &mut self,
        format: GraphFormat,
        group: Option<Ipv4Addr>,
    ) -> Result<String, String> {
        let status = self.status().await?;
        let topology = self.made.topology;
        let live = Live::of(topology, &status, group);
        Ok(graph::draw(topology, format, &live))
    }

    /// Why a receiver gets nothing of a source.
    ///
    /// # Errors
    /// There are none of these names, or the lab cannot be watched.
    pub async fn explain(&mut self, receiver: &str, source: &str) -> Result<Explanation, String> {
        let (receiver, source) = ends(self.made.topology, receiver, source)?;
        let stage = &self.engine()?.stage;
        let told = super::explain::now(stage, receiver, source).await;
        told.ok_or_else(|| "there is nothing to walk over".to_owned())
    }

    /// Watches the packets from the first step on: a lab that nobody asks
    /// anything of costs nothing.
    fn engine(&mut self) -> Result<&mut Engine<Namespaces<'a>>, String> {
        if self.engine.is_none() {
            let Made {
                topology, network, ..
            } = self.made;
            let capture = Capture::start(topology, network, true);
            let capture = capture.map_err(|error| error.to_string())?;
            let events = Events::create(self.made.events, clock::now_ns());
            let events = events.map_err(|error| format!("cannot write the events: {error}"))?;
            let daemons = self.daemons.take().ok_or("the lab is ending")?;
            let traffic = Traffic::new(topology);
            let world = self.world();
            let stage = Namespaces::new(world, daemons, traffic, capture, Instant::now());
            self.engine = Some(Engine::new(stage, events));
        }
        self.engine.as_mut().ok_or_else(String::new)
    }

    fn world(&self) -> World<'a> {
        World {
            topology: self.made.topology,
            network: self.made.network,
            programs: self.made.programs,
            folders: self.made.folders,
        }
    }
}
