//! One run of a sweep.

use serde::{Deserialize, Serialize};

/// Which run of a sweep.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::Args)]
pub struct SweepArgs {
    /// Run the steps before a sweep, and then only what it does at its K-th
    /// event, with all that a failure is told with; STEP, the sweep's place among
    /// the file's steps, where there are several
    #[arg(long, value_name = "[STEP:]K", value_parser = parse, requires = "sim")]
    #[arg(conflicts_with_all = ["repeat", "mutate", "baseline"])]
    pub sweep_at: Option<SweepAt>,
}

/// An event of a sweep. Both are counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SweepAt {
    /// The sweep's place among the steps; the first one otherwise.
    pub step: Option<usize>,
    /// The event.
    pub event: usize,
}

fn parse(text: &str) -> Result<SweepAt, String> {
    let number = |text: &str| text.parse().ok().filter(|number| *number > 0);
    let read = match text.split_once(':') {
        None => number(text).map(|event| (None, event)),
        Some((step, event)) => number(step).map(Some).zip(number(event)),
    };
    let read = read.map(|(step, event)| SweepAt { step, event });
    read.ok_or_else(|| "write it as K, or as STEP:K, both counted from 1".to_owned())
}

#[cfg(test)]
mod tests;
