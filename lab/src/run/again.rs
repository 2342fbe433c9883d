//! What it takes to run a run again: the file as it was, and how it was run.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::Options;
use crate::args::SweepAt;
use crate::topology::model::Topology;

#[cfg(test)]
mod tests;

/// The lab file in the run's folder.
const FILE: &str = "lab.yaml";
/// How it was run, in the run's folder.
const HOW: &str = "replay.json";

/// How a lab was run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Again {
    /// Where the lab file was: others are found beside it.
    pub file: PathBuf,
    /// The variables that were set for it.
    pub vars: Vec<(String, String)>,
    /// The seed.
    pub seed: u64,
    /// It ran in virtual time.
    pub sim: bool,
    /// Steps ran after a failed one.
    pub keep_going: bool,
    /// Of a sweep only this was done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sweep_at: Option<SweepAt>,
}

/// Keeps it in a run's folder. What was not read from a file is not kept.
///
/// # Errors
/// The file system's.
pub(super) fn keep(
    folder: &Path,
    topology: &Topology,
    options: &Options,
    seed: u64,
    sim: bool,
) -> io::Result<()> {
    let Some(origin) = &topology.origin else {
        return Ok(());
    };
    let again = Again {
        file: std::path::absolute(&topology.file)?,
        vars: origin.vars.clone(),
        seed,
        sim,
        keep_going: options.keep_going,
        sweep_at: options.sweep_at,
    };
    fs::write(folder.join(FILE), &origin.text)?;
    let how = serde_json::to_string_pretty(&again)?;
    fs::write(folder.join(HOW), how + "\n")
}

/// Reads what a run's folder kept: how it was run, and the file's text.
///
/// # Errors
/// Why it cannot be run again, in one sentence.
pub fn read(folder: &Path) -> Result<(Again, String), String> {
    let text = |name: &str| {
        let path = folder.join(name);
        fs::read_to_string(&path)
            .map_err(|error| format!("cannot read {}: {error}", path.display()))
    };
    let how = text(HOW)?;
    let again = serde_json::from_str(&how)
        .map_err(|error| format!("{} cannot be read: {error}", folder.join(HOW).display()))?;
    Ok((again, text(FILE)?))
}
