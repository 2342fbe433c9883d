//! Figures of all runs: gates and the baseline.

use crate::args::TestArgs;
use crate::exit::Exit;
use crate::report::RunReport;
use crate::report::baseline::Baseline;
use crate::report::gate::{self, Verdict};
use crate::topology::model::Topology;

/// Refuses a baseline that cannot be read before anything runs.
pub(super) fn check(args: &TestArgs) -> Result<(), Exit> {
    read(args).map(drop).map_err(|reason| {
        anstream::eprintln!("lab test: {reason}");
        Exit::InvalidFile
    })
}

/// The baseline that is asked for; one without figures where it is only to be
/// written.
fn read(args: &TestArgs) -> Result<Option<Baseline>, String> {
    let Some(path) = &args.baseline.baseline else {
        return Ok(None);
    };
    if args.baseline.baseline_write && !path.exists() {
        return Ok(Some(Baseline::empty()));
    }
    Baseline::read(path).map(Some)
}

/// Judges the figures, and writes them where that is asked for.
pub(super) fn judge(
    args: &TestArgs,
    labs: &[Topology],
    runs: &[RunReport],
) -> Result<Vec<Verdict>, String> {
    let mut baseline = read(args)?;
    let verdicts = gate::judge(labs, runs, baseline.as_ref());
    if let (Some(baseline), Some(path), true) = (
        &mut baseline,
        &args.baseline.baseline,
        args.baseline.baseline_write,
    ) {
        let now = jiff::Timestamp::now().to_string();
        baseline.set(&gate::machine(runs), now, gate::passed(runs));
        baseline.write(path)?;
    }
    Ok(verdicts)
}
