//! Helpers shared by the tests.

use std::env;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

/// The pause between two looks at a condition.
const POLL: Duration = Duration::from_millis(5);

/// The root of the repository.
pub fn root() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here)
}

/// Records that `test` cannot run here, so that `make test` tells it last. The
/// test then returns.
///
/// # Panics
/// The record cannot be written: a skip that nobody learns of is a failure.
pub fn skip(test: &str, reason: &str, enable: &str) {
    let line = format!("{test}: {reason}; {enable}\n");
    let path = env::var_os("MCR_SKIPPED")
        .map_or_else(|| root().join("target/skipped-tests.txt"), PathBuf::from);
    let written = OpenOptions::new()
        .create(true)
        .append(true)
        .open(&path)
        .and_then(|mut file| file.write_all(line.as_bytes()));
    if let Err(error) = written {
        panic!(
            "{test} cannot run here, and {} cannot say so: {error}",
            path.display()
        );
    }
}

/// Looks until `condition` holds or `deadline` has passed, and tells which.
#[must_use]
pub fn eventually(deadline: Duration, mut condition: impl FnMut() -> bool) -> bool {
    let end = Instant::now() + deadline;
    loop {
        if condition() {
            return true;
        }
        if Instant::now() >= end {
            return false;
        }
        std::thread::sleep(POLL);
    }
}

/// The programs of this workspace.
#[derive(Clone, Debug)]
pub struct Programs {
    /// The daemon.
    pub mcrd: PathBuf,
    /// Its command line.
    pub mcrctl: PathBuf,
    /// The generator.
    pub mcrgen: PathBuf,
    /// The network lab.
    pub lab: PathBuf,
}

/// Finds the programs beside the running test, and builds those that are
/// missing or older than their sources.
///
/// # Errors
/// One does not build.
pub fn programs() -> anyhow::Result<Programs> {
    Ok(Programs {
        mcrd: program("mcrd")?,
        mcrctl: program("mcrctl")?,
        mcrgen: program("mcrgen")?,
        lab: program("lab")?,
    })
}

/// Finds one program of the workspace beside the running test, and builds it
/// where it is missing or older than its sources. Cargo tells a test only of
/// its own package's programs.
///
/// # Errors
/// It does not build.
pub fn program(name: &str) -> anyhow::Result<PathBuf> {
    let test = env::current_exe().context("the path of the running test")?;
    // target/PROFILE/deps/TEST-HASH
    let folder = test
        .parent()
        .and_then(Path::parent)
        .context("a test outside a target folder")?;
    let path = folder.join(name);
    if is_fresh(&path) {
        return Ok(path);
    }
    // As scripts/test.sh does: another selection of packages would have other
    // features, and make each the stale one of the other.
    let mut build = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    build.current_dir(root());
    build.args(["build", "--quiet", "--workspace", "--bins"]);
    if folder.ends_with("release") {
        build.arg("--release");
    }
    let status = build.status().context("cargo build")?;
    if !status.success() || !path.is_file() {
        bail!("{} could not be built", path.display());
    }
    Ok(path)
}

/// Whether the program is there and as new as every source that cargo lists
/// beside it.
fn is_fresh(program: &Path) -> bool {
    let modified = |path: &Path| path.metadata().and_then(|data| data.modified()).ok();
    let Some(built) = modified(program) else {
        return false;
    };
    let Ok(list) = fs::read_to_string(program.with_extension("d")) else {
        return false;
    };
    list.lines()
        .filter_map(|line| line.split_once(": "))
        .flat_map(|(_, sources)| sources.split_whitespace())
        .all(|source| modified(Path::new(source)).is_some_and(|changed| changed <= built))
}
