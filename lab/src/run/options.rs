//! How a run is to be done.

use std::path::PathBuf;
use std::rc::Rc;

use super::pause::Pause;
use crate::args::{Capture, SweepAt};

/// How a run is to be done.
#[derive(Clone, Debug)]
pub struct Options {
    /// Run the steps after a failed one.
    pub keep_going: bool,
    /// When packets are written.
    pub capture: Capture,
    /// The HTML report is written for good runs too.
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
