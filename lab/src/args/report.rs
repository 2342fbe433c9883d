//! `lab report`.

use std::path::PathBuf;

use clap::{Args, ValueHint};

use super::TestFormat;

/// `lab report`.
#[derive(Clone, Debug, Args)]
pub struct ReportArgs {
    /// The runs: their folders, or their numbers as `lab test` tells them
    #[arg(value_name = "RUN", default_value = "latest", value_hint = ValueHint::DirPath)]
    pub runs: Vec<PathBuf>,
    /// How to print
    #[arg(long, value_enum, default_value_t = TestFormat::Plain)]
    pub format: TestFormat,
    /// Where the folders of the runs are
    #[arg(long, value_name = "DIR", default_value = "runs")]
    #[arg(value_hint = ValueHint::DirPath)]
    pub run_dir: PathBuf,
}
