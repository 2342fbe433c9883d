//! `lab replay`: a run once more, out of its folder.

use std::fs;
use std::path::{Path, PathBuf};

use super::test;
use crate::args::{BaselineArgs, FailureArgs, ReplayArgs, SweepArgs, TestArgs, Vars};
use crate::exit::Exit;
use crate::run::again;

/// Runs `lab replay`.
pub fn run(args: ReplayArgs) -> Exit {
    let kept = find(&args.run, &args.run_dir).and_then(|folder| again::read(&folder));
    let (again, text) = match kept {
        Ok(kept) => kept,
        Err(why) => {
            anstream::eprintln!("lab replay: {why}");
            return Exit::Usage;
        }
    };
    test::run(TestArgs {
        files: vec![again.file],
        text: Some(text),
        vars: Vars { vars: again.vars },
        format: args.format,
        junit: None,
        reports: Vec::new(),
        html: args.html,
        repeat: Some(1),
        baseline: BaselineArgs::default(),
        mutate: false,
        jobs: None,
        shard: None,
        changed: None,
        failure: FailureArgs {
            keep_going: again.keep_going,
            pause_on_failure: false,
        },
        watch_file: false,
        run_dir: args.run_dir,
        bin_dir: args.bin_dir.filter(|_| !again.sim),
        capture: None,
        sim: again.sim,
        seed: again.seed,
        sweep: SweepArgs {
            sweep_at: again.sweep_at,
        },
    })
}

/// The folder of a run that is named by its path or by its number.
pub(super) fn find(run: &Path, run_dir: &Path) -> Result<PathBuf, String> {
    if run.is_dir() {
        return Ok(run.to_owned());
    }
    let named = run_dir.join(run);
    if named.is_dir() {
        return Ok(named);
    }
    let ends = format!("-{}", run.display());
    let is_it = |path: &Path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.ends_with(&ends)
    };
    let entries = fs::read_dir(run_dir).into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> = entries
        .map(|entry| entry.path())
        .filter(|path| is_it(path))
        .collect();
    let runs = run_dir.display();
    match (found.pop(), found.len()) {
        (Some(folder), 0) => Ok(folder),
        (Some(_), _) => Err(format!(
            "several runs in {runs} have the number {}: give the folder",
            run.display()
        )),
        (None, _) => Err(format!(
            "there is no run {} in {runs}: give its folder, or --run-dir",
            run.display()
        )),
    }
}
