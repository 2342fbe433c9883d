//! `lab fuzz`.

use std::path::PathBuf;
use std::time::Duration;

use clap::ValueHint;

use crate::fuzz::Plant;

/// `lab fuzz`.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "\
Every network is a lab file of its own, which is judged by the reference model
as `lab test --sim` does: trees, what routers know, datagrams lost or doubled,
Registers, state that is left. One that fails is made smaller and written to
DIR/fuzz-SEED/lab.yaml. The same seed gives the same networks.")]
pub struct FuzzArgs {
    /// So many networks; 100 where there is no --time either
    #[arg(long, value_name = "N")]
    #[arg(value_parser = clap::value_parser!(u64).range(1..))]
    pub runs: Option<u64>,
    /// Begin no network later than this: 60s, 10m
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    pub time: Option<Duration>,
    /// The seed of the first network; the others have those that follow
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// The most routers of a network
    #[arg(long, value_name = "MAX", default_value_t = 6)]
    #[arg(value_parser = clap::value_parser!(u32).range(2..=30))]
    pub routers: u32,
    /// Make something wrong with each network, to see that it is found
    #[arg(long, value_enum, value_name = "FAULT")]
    pub plant: Option<Plant>,
    /// Where those that fail are written
    #[arg(long, value_name = "DIR", default_value = "runs")]
    #[arg(value_hint = ValueHint::DirPath)]
    pub out: PathBuf,
    /// Print the result as JSON
    #[arg(long)]
    pub json: bool,
}
