//! How a run is to be done.

use std::path::PathBuf;
use std::rc::Rc;

use super::pause::Pause;
use crate::args::{Capture, SweepAt};
use crate::topology::model::{Keep, Topology};

/// How a run is to be done.
#[derive(Clone, Debug)]
pub struct Options {
    /// Run the steps after a failed one.
    pub keep_going: bool,
    /// When packets are written, whatever the file says.
    pub capture: Option<Capture>,
    /// The HTML report is written for all runs, whatever the file says.
    pub html: bool,
    /// Where the namespaces' names are.
    pub names: PathBuf,
    /// Where control sockets and configurations are; gone with the run.
    pub work: PathBuf,
    /// Where runs are kept.
    pub runs: PathBuf,
    /// What wires do to each frame depends on it.
    pub seed: u64,
    /// Of a sweep only this is done.
    pub sweep_at: Option<SweepAt>,
    /// It runs in a user namespace.
    pub rootless: bool,
    /// Who is asked how to go on after a failed step.
    pub pause: Option<Rc<Pause>>,
}

impl Options {
    /// When the packets of a lab are written.
    #[must_use]
    pub fn packets(&self, topology: &Topology) -> Keep {
        match self.capture {
            Some(Capture::OnFailure) => Keep::OnFailure,
            Some(Capture::Always) => Keep::Always,
            Some(Capture::Never) => Keep::Never,
            None => topology.artifacts.keep,
        }
    }

    /// Whether the HTML report of a run is written.
    #[must_use]
    pub fn writes_html(&self, topology: &Topology, good: bool) -> bool {
        self.html || !good || topology.artifacts.keep == Keep::Always
    }
}

#[cfg(test)]
mod tests;
