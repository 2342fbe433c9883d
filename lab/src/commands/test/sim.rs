//! `lab test --sim`: the same files in virtual time.

use std::io;
use std::time::Instant;

use super::progress::Printer;
use super::{conclude, finish, is_failure, mutate, repeats, worst};
use crate::args::TestArgs;
use crate::exit::Exit;
use crate::report::RunReport;
use crate::run::{Options, Silent, sim};
use crate::topology::model::Topology;

/// Runs all labs that the simulator can host, and says why not the others.
pub(super) fn run(args: &TestArgs, labs: &[Topology]) -> Exit {
    finish(args, labs, all(args, labs))
}

fn all(args: &TestArgs, labs: &[Topology]) -> io::Result<(Vec<RunReport>, Exit)> {
    let options = Options {
        keep_going: args.failure.keep_going,
        capture: args.capture,
        html: args.html,
        names: Default::default(),
        work: Default::default(),
        runs: args.run_dir.clone(),
        seed: args.seed,
        rootless: false,
        pause: None,
    };
    let began = Instant::now();
    let mut printer = Printer::new(args.format);
    let mut runs: Vec<RunReport> = Vec::new();
    let mut exits = Vec::new();
    for lab in labs {
        let hosted = match sim::host(lab) {
            Ok(hosted) => hosted,
            Err(reason) => {
                anstream::eprintln!("SKIP {}: {reason}", lab.name);
                continue;
            }
        };
        for seed in (args.seed..).take(repeats(args, lab)) {
            let report = sim::run(&hosted, seed, &options, &mut printer)?;
            let failed = is_failure(report.exit());
            runs.push(report);
            if failed {
                break;
            }
        }
        let passed = runs.last().is_some_and(|run| !is_failure(run.exit()));
        let mut wrong = Vec::new();
        for (mutation, lab) in mutate::labs(args, lab).iter().filter(|_| passed) {
            if let Ok(hosted) = sim::host(lab) {
                let options = mutate::options(&options);
                let report = sim::run(&hosted, args.seed, &options, &mut Silent)?;
                wrong.push((*mutation, report));
            }
        }
        let (told, blind) = mutate::judge(args, lab, &wrong);
        printer.aside(&told);
        exits.push(if blind { Exit::Failed } else { Exit::Pass });
    }
    exits.push(conclude(&printer, &runs, began));
    Ok((runs, worst(exits)))
}
