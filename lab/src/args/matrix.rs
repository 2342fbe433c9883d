//! `lab matrix`.

use std::path::PathBuf;

use clap::ValueHint;

use super::{Vars, parse_var};

/// `lab matrix`.
#[derive(Clone, Debug, clap::Args)]
pub struct MatrixArgs {
    /// Lab file
    #[arg(value_name = "FILE", value_hint = ValueHint::AnyPath)]
    pub file: PathBuf,
    /// Variables of the file and the values that they have in turn; those of its
    /// `matrix` otherwise
    #[arg(value_name = "NAME=VALUE,...", value_parser = parse_values)]
    pub values: Vec<(String, Vec<String>)>,
    /// Variables.
    #[command(flatten)]
    pub vars: Vars,
    /// So many runs at a time
    #[arg(long, value_name = "N", default_value_t = 1)]
    #[arg(value_parser = clap::value_parser!(u8).range(1..=64))]
    pub jobs: u8,
    /// Run in virtual time
    #[arg(long)]
    pub sim: bool,
    /// Where the folders of the runs are made
    #[arg(long, value_name = "DIR", default_value = "runs")]
    #[arg(value_hint = ValueHint::DirPath)]
    pub run_dir: PathBuf,
    /// Where mcrd, mcrctl and mcrgen are; beside lab otherwise
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    #[arg(conflicts_with = "sim")]
    pub bin_dir: Option<PathBuf>,
    /// Print the result as JSON
    #[arg(long)]
    pub json: bool,
}

fn parse_values(text: &str) -> Result<(String, Vec<String>), String> {
    let (name, values) = parse_var(text)?;
    let values: Vec<String> = values.split(',').map(str::to_owned).collect();
    Ok((name, values))
}
