//! `lab test --sim`: the same files in virtual time.

use std::io;
use std::time::Instant;

use futures_util::FutureExt;

use super::batch::Batch;
use super::progress::Printer;
use super::{conclude, finish, one, worst};
use crate::args::{SweepAt, TestArgs};
use crate::exit::Exit;
use crate::report::RunReport;
use crate::run::{Options, sim};
use crate::topology::model::Topology;

/// Runs all labs that the simulator can host, and says why not the others.
pub(super) fn run(args: &TestArgs, mut batch: Batch) -> Exit {
    if let Some(at) = args.sweep.sweep_at {
        for lab in &batch.labs {
            if let Err(why) = has_sweep(lab, at) {
                anstream::eprintln!("lab test: --sweep-at: {why}");
                return Exit::Usage;
            }
        }
    }
    batch.leave_out(|lab| sim::host(lab).err().map(|reason| reason.to_string()));
    // No runtime: one would stop its mutexes after so many turns without a rest,
    // and virtual time takes none.
    let ran = all(args, &batch.labs).now_or_never();
    let ran = ran.unwrap_or_else(|| Err(io::Error::other("virtual time stood still")));
    finish(args, &batch, ran)
}

/// Whether a lab has the sweep that is asked for; the reason where it has not.
fn has_sweep(lab: &Topology, at: SweepAt) -> Result<(), String> {
    let steps = lab.steps.iter().enumerate();
    let sweeps = steps.filter(|(_, step)| step.sweep.is_some());
    let sweeps: Vec<usize> = sweeps.map(|(position, _)| position + 1).collect();
    let all: Vec<String> = sweeps.iter().map(ToString::to_string).collect();
    let name = &lab.name;
    match (at.step, sweeps.len()) {
        (_, 0) => Err(format!("no step of {name} is a sweep")),
        (None, 1) => Ok(()),
        (None, _) => Err(format!(
            "{name} has several sweeps, its steps {}: write STEP:K",
            all.join(", ")
        )),
        (Some(step), _) if sweeps.contains(&step) => Ok(()),
        (Some(step), _) => Err(format!(
            "step {step} of {name} is no sweep; those are {}",
            all.join(", ")
        )),
    }
}

async fn all(args: &TestArgs, labs: &[Topology]) -> io::Result<(Vec<RunReport>, Exit)> {
    let options = Options {
        keep_going: args.failure.keep_going,
        capture: args.capture,
        html: args.html,
        names: Default::default(),
        work: Default::default(),
        runs: args.run_dir.clone(),
        seed: args.seed,
        sweep_at: args.sweep.sweep_at,
        rootless: false,
        pause: None,
    };
    let began = Instant::now();
    let mut printer = Printer::new(args.format);
    let mut runs: Vec<RunReport> = Vec::new();
    let mut exits = Vec::new();
    for lab in labs {
        let ran = one(
            args,
            lab,
            &options,
            &mut printer,
            async |lab, options, progress| {
                // What is wrong with it on purpose can be hosted too.
                let hosted =
                    sim::host(lab).map_err(|reason| io::Error::other(reason.to_string()))?;
                sim::run(&hosted, options.seed, options, progress)
            },
        );
        let ran = ran.await?;
        printer.aside(&ran.told);
        exits.push(ran.exit());
        runs.extend(ran.runs);
    }
    exits.push(conclude(&printer, &runs, began));
    Ok((runs, worst(exits)))
}
