//! `lab test --changed`: only the files that differ from a commit of git.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::args::TestArgs;
use crate::exit::Exit;
use crate::topology;

/// The files to run.
pub(super) fn files(args: &TestArgs) -> Result<Vec<&PathBuf>, Exit> {
    let Some(commit) = &args.changed else {
        return Ok(args.files.iter().collect());
    };
    let changed = since(commit).map_err(|why| {
        anstream::eprintln!("lab test: {why}");
        Exit::Usage
    })?;
    let files = args.files.iter();
    let files: Vec<&PathBuf> = files.filter(|file| concerns(file, &changed)).collect();
    let (some, all) = (files.len(), args.files.len());
    anstream::eprintln!("{some} of {all} files differ from {commit}");
    if files.is_empty() {
        return Err(Exit::NothingToRun);
    }
    Ok(files)
}

/// The file, what it extends, or anything in its folder where a folder was given.
fn concerns(file: &Path, changed: &BTreeSet<PathBuf>) -> bool {
    let whole = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
    if file.is_dir() {
        let folder = whole(file);
        if changed.iter().any(|path| path.starts_with(&folder)) {
            return true;
        }
    }
    let parts = topology::files_of(file);
    parts.iter().any(|part| changed.contains(&whole(part)))
}

/// What differs from a commit, and what git does not know yet.
fn since(commit: &str) -> Result<BTreeSet<PathBuf>, String> {
    if commit.starts_with('-') {
        return Err(format!("`{commit}` is no commit"));
    }
    let top = git(Path::new("."), &["rev-parse", "--show-toplevel"])?;
    let top = Path::new(top.trim_end()).to_owned();
    let differ = git(&top, &["diff", "--name-only", "-z", commit, "--"])?;
    let new = git(&top, &["ls-files", "--others", "--exclude-standard", "-z"])?;
    let names = differ.split('\0').chain(new.split('\0'));
    let names = names.filter(|name| !name.is_empty());
    let paths = names.map(|name| top.join(name));
    Ok(paths
        .map(|path| path.canonicalize().unwrap_or(path))
        .collect())
}

fn git(at: &Path, words: &[&str]) -> Result<String, String> {
    let ran = Command::new("git").arg("-C").arg(at).args(words).output();
    let output = ran.map_err(|error| format!("cannot run git: {error}"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(format!("git {}: {}", words.join(" "), said.trim_end()));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
