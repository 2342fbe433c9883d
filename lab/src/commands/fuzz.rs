//! `lab fuzz`: random networks against the reference model.

use std::io::IsTerminal;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use tokio::signal::unix::{SignalKind, signal};

use crate::args::FuzzArgs;
use crate::exit::Exit;
use crate::fuzz::{Found, Hunt, Hunted};
use crate::report::text;

/// How many networks there are where nobody says otherwise.
const RUNS: u64 = 100;

/// Runs `lab fuzz`.
pub fn run(args: &FuzzArgs) -> Exit {
    let runs = match (args.runs, args.time) {
        (None, None) => Some(RUNS),
        (runs, _) => runs,
    };
    let hunt = Hunt {
        seed: args.seed,
        runs,
        time: args.time,
        routers: args.routers,
        plant: args.plant,
        out: args.out.clone(),
    };
    static STOP: AtomicBool = AtomicBool::new(false);
    thread::spawn(|| stop_when_asked(&STOP));
    let bar = bar(runs);
    let tell = |so_far: &Hunted, found: Option<&Found>| {
        if let Some(bar) = &bar {
            bar.set_position(so_far.runs);
        }
        if let Some(found) = found.filter(|_| !args.json) {
            let print = || {
                told(found)
                    .iter()
                    .for_each(|line| anstream::println!("{line}"))
            };
            match &bar {
                Some(bar) => bar.suspend(print),
                None => print(),
            }
        }
    };
    let hunted = hunt.run(&STOP, tell);
    if let Some(bar) = &bar {
        bar.finish_and_clear();
    }
    match hunted {
        Ok(hunted) => conclude(args, &hunted),
        Err(error) => {
            let out = args.out.display();
            anstream::eprintln!("lab fuzz: cannot write in {out}: {error}");
            Exit::Infrastructure
        }
    }
}

fn conclude(args: &FuzzArgs, hunted: &Hunted) -> Exit {
    if args.json {
        match serde_json::to_string_pretty(hunted) {
            Ok(document) => anstream::println!("{document}"),
            Err(error) => anstream::eprintln!("lab fuzz: {error}"),
        }
    } else {
        let took = text::seconds(hunted.seconds);
        let (runs, found) = (hunted.runs, hunted.found.len());
        let last = args.seed.wrapping_add(runs.saturating_sub(1));
        anstream::println!(
            "{runs} networks, seeds {} to {last}, in {took}: {found} failed",
            args.seed
        );
    }
    match (hunted.runs, hunted.found.is_empty()) {
        (0, _) => Exit::NothingToRun,
        (_, true) => Exit::Pass,
        (_, false) => Exit::Failed,
    }
}

/// What is said of one that failed.
fn told(found: &Found) -> Vec<String> {
    let Found {
        seed, nodes, tries, ..
    } = found;
    let mut lines = vec![format!("FAIL seed {seed}: {}", found.kind.word())];
    let more = found.told.iter();
    lines.extend(more.flat_map(|line| text::hanging(&format!("  {line}"))));
    lines.push(format!(
        "  {} nodes and {} events, of {} and {}, after {tries} tries",
        nodes.1, found.events.1, nodes.0, found.events.0
    ));
    let file = found.file.display();
    lines.push(format!("  lab test --sim {file}"));
    lines.push(format!("  lab test {file}"));
    lines
}

fn bar(runs: Option<u64>) -> Option<ProgressBar> {
    if !std::io::stderr().is_terminal() {
        return None;
    }
    let (bar, form) = match runs {
        Some(runs) => (
            ProgressBar::new(runs),
            "  {wide_bar} {pos} of {len} networks {elapsed}",
        ),
        None => (
            ProgressBar::new_spinner(),
            "  {spinner} {pos} networks {elapsed}",
        ),
    };
    if let Ok(style) = ProgressStyle::with_template(form) {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(100));
    Some(bar)
}

/// What has begun is ended, and what was found is told.
fn stop_when_asked(stop: &AtomicBool) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let Ok(runtime) = runtime else { return };
    runtime.block_on(async {
        let signals = signal(SignalKind::interrupt()).and_then(|interrupt| {
            let terminate = signal(SignalKind::terminate())?;
            Ok((interrupt, terminate))
        });
        if let Ok((mut interrupt, mut terminate)) = signals {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            stop.store(true, Ordering::Relaxed);
        }
    });
}
