//! `lab test`: from files to verdicts.

mod mutate;
mod progress;
mod reports;
mod sim;

use std::path::{Path, PathBuf};

use crate::args::TestArgs;
use crate::exit::Exit;
use crate::node::{Daemons, NodeError, Programs, Unfit};
use crate::report::RunReport;
use crate::run::{self, Options};
use crate::sandbox::{self, Inside};
use crate::topology;
use crate::topology::model::Topology;

use progress::Printer;

/// Where control sockets and configurations are, inside the lab's own world.
const WORK: &str = "/run/lab";

/// Runs `lab test`.
pub fn run(args: TestArgs) -> Exit {
    let mut labs = match load(&args) {
        Ok(labs) => labs,
        Err(exit) => return exit,
    };
    if args.sim {
        return sim::run(&args, &labs);
    }
    let programs = match programs(&args, &mut labs) {
        Ok(programs) => programs,
        Err(exit) => return exit,
    };
    let keep = match keep(&args.run_dir) {
        Ok(keep) => keep,
        Err(error) => {
            let runs = args.run_dir.display();
            anstream::eprintln!("lab test: cannot make {runs}: {error}");
            return Exit::Infrastructure;
        }
    };
    let ended = sandbox::attached(&keep, |inside| {
        engine(&args, &labs, &programs, inside).code()
    });
    match ended {
        Ok(code) => Exit::Status(code),
        Err(error) => {
            anstream::eprintln!("lab test: {error}");
            error.exit()
        }
    }
}

fn load(args: &TestArgs) -> Result<Vec<Topology>, Exit> {
    let mut labs = Vec::new();
    let mut wrong = false;
    let files = args.files.iter().enumerate();
    let files = files.filter(|(position, _)| args.shard.is_none_or(|shard| shard.has(*position)));
    for (_, file) in files {
        match topology::load(file, &args.vars.vars) {
            Ok(lab) => labs.push(lab),
            Err(diagnostics) => {
                anstream::eprintln!("{}", diagnostics.render(true));
                wrong = true;
            }
        }
    }
    if wrong {
        Err(Exit::InvalidFile)
    } else {
        Ok(labs)
    }
}

/// Finds the programs. Labs with software of others that is not installed are
/// taken out, and said to be skipped.
fn programs(args: &TestArgs, labs: &mut Vec<Topology>) -> Result<Programs, Exit> {
    let unfit = |error: &dyn std::fmt::Display| {
        anstream::eprintln!("lab test: {error}");
        Exit::Unfit
    };
    let programs = Programs::locate(args.bin_dir.as_deref()).map_err(|error| unfit(&error))?;
    let mut error = None;
    labs.retain(|lab| match Daemons::check(lab, &programs) {
        Err(NodeError::Unfit(reason @ Unfit::NotInstalled { .. })) => {
            anstream::eprintln!("SKIP {}: {reason}", lab.name);
            false
        }
        Err(other) => {
            error.get_or_insert(other);
            true
        }
        Ok(()) => true,
    });
    if let Some(error) = error {
        return Err(unfit(&error));
    }
    if labs.is_empty() {
        return Err(Exit::NothingToRun);
    }
    for lab in labs {
        if !lab.receivers.is_empty() || !lab.sources.is_empty() {
            let found = programs.find("mcrgen").map_err(NodeError::from);
            found.map_err(|error| unfit(&error))?;
        }
    }
    Ok(programs)
}

/// The folder of the runs, which must be the same inside and outside.
fn keep(runs: &Path) -> std::io::Result<PathBuf> {
    std::fs::create_dir_all(runs)?;
    runs.canonicalize()
}

/// What happens inside the lab's own world.
fn engine(args: &TestArgs, labs: &[Topology], programs: &Programs, inside: Inside) -> Exit {
    let options = Options {
        keep_going: args.keep_going,
        capture: args.capture,
        html: args.html,
        names: sandbox::NAMES.into(),
        work: WORK.into(),
        runs: args.run_dir.clone(),
        seed: args.seed,
        rootless: inside.rootless,
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => {
            anstream::eprintln!("lab test: cannot start: {error}");
            return Exit::Infrastructure;
        }
    };
    let local = tokio::task::LocalSet::new();
    let ran = local.block_on(&runtime, all(args, labs, programs, &options));
    finish(args, ran)
}

/// Writes the reports of what ran.
fn finish(args: &TestArgs, ran: std::io::Result<(Vec<RunReport>, Exit)>) -> Exit {
    let (runs, mut exit) = match ran {
        Ok(ran) => ran,
        Err(error) => {
            let folder = args.run_dir.display();
            anstream::eprintln!("lab test: cannot write in {folder}: {error}");
            return Exit::Infrastructure;
        }
    };
    if let Err(error) = reports::write(args, &runs) {
        anstream::eprintln!("lab test: {error}");
        exit = Exit::Infrastructure;
    }
    exit
}

async fn all(
    args: &TestArgs,
    labs: &[Topology],
    programs: &Programs,
    options: &Options,
) -> std::io::Result<(Vec<RunReport>, Exit)> {
    let mut printer = Printer::new(args.format);
    let mut runs: Vec<RunReport> = Vec::new();
    let mut exits = Vec::new();
    for lab in labs {
        for seed in (args.seed..).take(repeats(args, lab)) {
            let options = Options {
                seed,
                ..options.clone()
            };
            let report = run::run(lab, programs, &options, &mut printer).await?;
            let failed = is_failure(report.exit());
            runs.push(report);
            if failed {
                break;
            }
        }
        let passed = runs.last().is_some_and(|run| !is_failure(run.exit()));
        let mut wrong = Vec::new();
        for (mutation, lab) in mutate::labs(args, lab).iter().filter(|_| passed) {
            let options = mutate::options(options);
            let report = run::run(lab, programs, &options, &mut mutate::Silent).await?;
            wrong.push((*mutation, report));
        }
        exits.push(mutate::tell(args, lab, &wrong));
    }
    exits.push(conclude(&printer, &runs));
    Ok((runs, worst(exits)))
}

/// How often a lab is run.
fn repeats(args: &TestArgs, lab: &Topology) -> usize {
    args.repeat.unwrap_or(lab.repeat) as usize
}

/// What all runs together come to.
fn conclude(printer: &Printer, runs: &[RunReport]) -> Exit {
    if runs.len() > 1 {
        printer.summary(runs);
    }
    worst(runs.iter().map(RunReport::exit))
}

fn worst(exits: impl IntoIterator<Item = Exit>) -> Exit {
    let worst = exits.into_iter().max_by_key(|exit| weight(*exit));
    worst.unwrap_or(Exit::NothingToRun)
}

fn is_failure(exit: Exit) -> bool {
    weight(exit) > weight(Exit::Warnings)
}

/// Which of two exit statuses tells more.
fn weight(exit: Exit) -> u8 {
    match exit {
        Exit::Pass => 0,
        Exit::NothingToRun => 1,
        Exit::Warnings => 2,
        Exit::Status(_) => 3,
        Exit::Failed => 4,
        Exit::Usage => 5,
        Exit::InvalidFile => 6,
        Exit::Unfit => 7,
        Exit::Infrastructure => 8,
    }
}
