//! Options about figures of earlier runs.

use std::path::PathBuf;

use clap::ValueHint;

/// Figures of earlier runs.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct BaselineArgs {
    /// Compare the figures that the files name with `as` with those in this
    /// file, of runs on the same machine; a `gate` with `baseline: true` fails
    /// where they are worse
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub baseline: Option<PathBuf>,
    /// Write them into that file, in the place of this machine's earlier ones,
    /// where all runs passed
    #[arg(long, requires = "baseline")]
    pub baseline_write: bool,
}
