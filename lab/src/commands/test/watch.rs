//! `lab test --watch-file`: again whenever a file is saved.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::sleep;
use std::time::Duration;

use crate::args::TestArgs;
use crate::exit::Exit;
use crate::topology;

/// How often it is looked.
const LOOK: Duration = Duration::from_millis(200);
/// The option, which the runs do not get.
const OPTION: &str = "--watch-file";

/// What of a file changes when it is saved: an editor writes it anew, or puts
/// another one in its place. `None` while there is none.
type Stamp = Option<(i64, i64, u64, u64)>;

fn stamp(path: &Path) -> Stamp {
    let of = fs::metadata(path).ok()?;
    Some((of.mtime(), of.mtime_nsec(), of.ino(), of.len()))
}

/// Runs the same command without the option each time, in a process of its own,
/// until a signal ends this one.
pub(super) fn run(args: &TestArgs) -> Exit {
    let program = match std::env::current_exe() {
        Ok(program) => program,
        Err(error) => return cannot(&error),
    };
    let words: Vec<OsString> = std::env::args_os()
        .skip(1)
        .filter(|word| word != OPTION)
        .collect();
    loop {
        let watched = files(args);
        let before: Vec<Stamp> = watched.iter().map(|file| stamp(file)).collect();
        if let Err(error) = Command::new(&program).args(&words).status() {
            return cannot(&error);
        }
        let names: Vec<String> = watched
            .iter()
            .map(|file| file.display().to_string())
            .collect();
        anstream::eprintln!("waiting until {} is saved; Ctrl-C ends", names.join(", "));
        while watched.iter().zip(&before).all(|(file, before)| {
            let now = stamp(file);
            now.is_none() || now == *before
        }) {
            sleep(LOOK);
        }
    }
}

fn cannot(error: &std::io::Error) -> Exit {
    anstream::eprintln!("lab test: cannot run itself: {error}");
    Exit::Infrastructure
}

/// The lab files, and those that they extend.
fn files(args: &TestArgs) -> Vec<PathBuf> {
    let mut all: Vec<PathBuf> = Vec::new();
    for file in &args.files {
        for one in topology::files_of(file) {
            if !all.contains(&one) {
                all.push(one);
            }
        }
    }
    all
}
