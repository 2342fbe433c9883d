//! `lab test`: from files to verdicts.

mod batch;
mod changed;
mod figures;
mod jobs;
mod mutate;
mod pause;
mod progress;
mod reports;
mod sim;
mod watch;

use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Instant;

use crate::args::TestArgs;
use crate::exit::Exit;
use crate::node::{Daemons, NodeError, Programs, Unfit};
use crate::report::{RunReport, gate};
use crate::run::pause::Pause;
use crate::run::{self, Options, Progress, Silent};
use crate::sandbox::{self, Inside, SandboxError};
use crate::topology;
use crate::topology::model::Topology;

use batch::Batch;
use progress::Printer;
pub(super) use reports::{document, form};

/// Where control sockets and configurations are, inside the lab's own world.
const WORK: &str = "/run/lab";

/// Runs `lab test`.
pub fn run(args: TestArgs) -> Exit {
    if args.watch_file {
        return watch::run(&args);
    }
    let pauses = match pause::wanted(&args) {
        Ok(pauses) => pauses,
        Err(exit) => return exit,
    };
    let mut batch = match load(&args) {
        Ok(labs) => Batch {
            labs,
            ..Batch::default()
        },
        Err(exit) => return exit,
    };
    if let Err(exit) = figures::check(&args) {
        return exit;
    }
    if args.sim {
        return sim::run(&args, batch);
    }
    let programs = match programs(&args, &mut batch) {
        Ok(programs) => programs,
        Err(exit) => return exit,
    };
    if batch.labs.is_empty() {
        return finish(&args, &batch, Ok((Vec::new(), Exit::NothingToRun)));
    }
    let keep = match keep(&args.run_dir) {
        Ok(keep) => keep,
        Err(error) => {
            let runs = args.run_dir.display();
            anstream::eprintln!("lab test: cannot make {runs}: {error}");
            return Exit::Infrastructure;
        }
    };
    if pauses {
        return attended(&args, &batch, &programs, &keep);
    }
    if args.jobs() > 1 && batch.labs.len() > 1 {
        return jobs::run(&args, &batch, &programs, &keep);
    }
    settle(sandbox::attached(&keep, |inside| {
        engine(&args, &batch, &programs, inside, None).code()
    }))
}

/// One lab after the other, each of which stands where a step fails.
fn attended(args: &TestArgs, batch: &Batch, programs: &Programs, keep: &Path) -> Exit {
    match pause::Outside::new(&batch.labs, programs) {
        Ok((outside, pause)) => settle(sandbox::attended(keep, outside, |inside| {
            engine(args, batch, programs, inside, Some(pause)).code()
        })),
        Err(error) => {
            anstream::eprintln!("lab test: cannot prepare for a pause: {error}");
            Exit::Infrastructure
        }
    }
}

fn settle(ended: Result<u8, SandboxError>) -> Exit {
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
    let files = changed::files(args)?.into_iter().enumerate();
    let files = files.filter(|(position, _)| args.shard.is_none_or(|shard| shard.has(*position)));
    for (_, file) in files {
        let loaded = match &args.text {
            Some(text) => topology::load_text(file, text, &args.vars.vars),
            None => topology::load(file, &args.vars.vars),
        };
        match loaded {
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
fn programs(args: &TestArgs, batch: &mut Batch) -> Result<Programs, Exit> {
    let unfit = |error: &dyn std::fmt::Display| {
        anstream::eprintln!("lab test: {error}");
        Exit::Unfit
    };
    let programs = Programs::locate(args.bin_dir.as_deref()).map_err(|error| unfit(&error))?;
    let mut error = None;
    batch.leave_out(|lab| match Daemons::check(lab, &programs) {
        Err(NodeError::Unfit(reason @ Unfit::NotInstalled { .. })) => Some(reason.to_string()),
        Err(other) => {
            error.get_or_insert(other);
            None
        }
        Ok(()) => None,
    });
    if let Some(error) = error {
        return Err(unfit(&error));
    }
    for lab in &batch.labs {
        if !lab.receivers.is_empty() || !lab.sources.is_empty() {
            let found = programs.find("mcrgen").map_err(NodeError::from);
            found.map_err(|error| unfit(&error))?;
        }
    }
    Ok(programs)
}

/// The folder of the runs, which must be the same inside and outside.
fn keep(runs: &Path) -> io::Result<PathBuf> {
    std::fs::create_dir_all(runs)?;
    runs.canonicalize()
}

/// What happens inside the lab's own world.
fn engine(
    args: &TestArgs,
    batch: &Batch,
    programs: &Programs,
    inside: Inside,
    pause: Option<Pause>,
) -> Exit {
    let options = Options {
        pause: pause.map(Rc::new),
        ..options(args, &inside)
    };
    match inside_runtime(all(args, &batch.labs, programs, &options)) {
        Ok(ran) => finish(args, batch, ran),
        Err(error) => {
            anstream::eprintln!("lab test: cannot start: {error}");
            Exit::Infrastructure
        }
    }
}

/// How the labs of one world are run.
fn options(args: &TestArgs, inside: &Inside) -> Options {
    Options {
        keep_going: args.failure.keep_going,
        capture: args.capture,
        html: args.html,
        names: sandbox::NAMES.into(),
        work: WORK.into(),
        runs: args.run_dir.clone(),
        seed: args.seed,
        sweep_at: args.sweep.sweep_at,
        rootless: inside.rootless,
        pause: None,
    }
}

/// Does this in a runtime of one thread.
fn inside_runtime<T>(what: impl Future<Output = T>) -> io::Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    Ok(tokio::task::LocalSet::new().block_on(&runtime, what))
}

/// Writes the reports of what ran, and of what did not.
fn finish(args: &TestArgs, batch: &Batch, ran: io::Result<(Vec<RunReport>, Exit)>) -> Exit {
    let (mut runs, mut exit) = match ran {
        Ok(ran) => ran,
        Err(error) => {
            let folder = args.run_dir.display();
            anstream::eprintln!("lab test: cannot write in {folder}: {error}");
            return Exit::Infrastructure;
        }
    };
    let written = figures::judge(args, &batch.labs, &runs).and_then(|verdicts| {
        let lines: Vec<String> = verdicts.iter().flat_map(gate::lines).collect();
        Printer::new(args.format).aside(&lines);
        if verdicts.iter().any(|verdict| verdict.failed) {
            exit = worst([exit, Exit::Failed]);
        }
        let ran = runs.len();
        runs.extend_from_slice(&batch.left_out);
        reports::write(args, &runs, ran, &verdicts)
    });
    if let Err(error) = written {
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
) -> io::Result<(Vec<RunReport>, Exit)> {
    let began = Instant::now();
    let mut printer = Printer::new(args.format);
    let mut runs: Vec<RunReport> = Vec::new();
    let mut exits = Vec::new();
    for lab in labs {
        let ran = in_namespaces(args, lab, programs, options, &mut printer).await?;
        printer.aside(&ran.told);
        exits.push(ran.exit());
        runs.extend(ran.runs);
        let ended = options.pause.as_ref().is_some_and(|pause| pause.ended());
        if ended || runs.last().is_some_and(|run| run.interrupted) {
            break;
        }
    }
    exits.push(conclude(&printer, &runs, began));
    Ok((runs, worst(exits)))
}

/// What came of one lab.
struct Ran {
    /// Its runs.
    runs: Vec<RunReport>,
    /// What is said of its runs with something wrong.
    told: Vec<String>,
    /// A step of it notices nothing.
    blind: bool,
}

impl Ran {
    /// What there is beside its runs' own statuses.
    fn exit(&self) -> Exit {
        if self.blind { Exit::Failed } else { Exit::Pass }
    }
}

/// Runs one lab as often as is asked for, and then with each thing wrong that it
/// must notice.
async fn one(
    args: &TestArgs,
    lab: &Topology,
    options: &Options,
    progress: &mut dyn Progress,
    mut run: impl AsyncFnMut(&Topology, &Options, &mut dyn Progress) -> io::Result<RunReport>,
) -> io::Result<Ran> {
    let mut runs: Vec<RunReport> = Vec::new();
    for seed in (args.seed..).take(repeats(args, lab)) {
        let options = Options {
            seed,
            ..options.clone()
        };
        if !runs.is_empty() {
            progress.again();
        }
        let report = run(lab, &options, progress).await?;
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
        let report = run(lab, &options, &mut Silent).await?;
        let interrupted = report.interrupted;
        wrong.push((*mutation, report));
        if interrupted {
            break;
        }
    }
    let (told, blind) = mutate::judge(args, lab, &wrong);
    Ok(Ran { runs, told, blind })
}

/// The same in namespaces.
async fn in_namespaces(
    args: &TestArgs,
    lab: &Topology,
    programs: &Programs,
    options: &Options,
    progress: &mut dyn Progress,
) -> io::Result<Ran> {
    one(
        args,
        lab,
        options,
        progress,
        async |lab, options, progress| run::run(lab, programs, options, progress).await,
    )
    .await
}

/// How often a lab is run.
fn repeats(args: &TestArgs, lab: &Topology) -> usize {
    args.repeat.unwrap_or(lab.repeat) as usize
}

/// What all runs together come to.
fn conclude(printer: &Printer, runs: &[RunReport], began: Instant) -> Exit {
    if runs.len() > 1 {
        printer.summary(runs, began.elapsed());
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
