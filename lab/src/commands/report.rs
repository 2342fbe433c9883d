//! `lab report`: what runs found, out of their folders, once more in any form.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::{replay, test};
use crate::args::ReportArgs;
use crate::exit::Exit;
use crate::report::RunReport;

/// Runs `lab report`.
pub fn run(args: &ReportArgs) -> Exit {
    match printed(args) {
        Ok(text) => match io::stdout().write_all(text.as_bytes()) {
            Ok(()) => Exit::Pass,
            Err(error) => failed(&format!("cannot write: {error}"), Exit::Infrastructure),
        },
        Err(why) => failed(&why, Exit::Usage),
    }
}

fn failed(why: &str, exit: Exit) -> Exit {
    anstream::eprintln!("lab report: {why}");
    exit
}

fn printed(args: &ReportArgs) -> Result<String, String> {
    let folders = args.runs.iter();
    let folders = folders.map(|run| replay::find(run, &args.run_dir));
    let folders: Vec<PathBuf> = folders.collect::<Result<_, _>>()?;
    let Some(form) = test::form(args.format) else {
        let texts = folders.iter().map(|folder| kept(folder, "result.txt"));
        return texts.collect();
    };
    let runs = folders.iter().map(|folder| {
        let text = kept(folder, "result.json")?;
        let mut run: RunReport = serde_json::from_str(&text)
            .map_err(|error| format!("{} cannot be read: {error}", folder.display()))?;
        // It may have been moved since, as what a job of CI keeps is.
        run.evidence.clone_from(folder);
        Ok(run)
    });
    let runs: Vec<RunReport> = runs.collect::<Result<_, String>>()?;
    Ok(test::document(form, &runs, &[]))
}

fn kept(folder: &Path, name: &str) -> Result<String, String> {
    let path = folder.join(name);
    fs::read_to_string(&path).map_err(|error| format!("cannot read {}: {error}", path.display()))
}
