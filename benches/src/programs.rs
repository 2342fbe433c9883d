//! The project's programs, built as the benchmark is.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, ensure};

/// Builds these programs as this benchmark is built, and tells in which folder
/// they are.
///
/// # Errors
/// They cannot be built, or one is not there.
pub fn build(programs: &[&str]) -> anyhow::Result<PathBuf> {
    // A benchmark stands in target/PROFILE/deps.
    let own = std::env::current_exe()?;
    let folder = own.parent().and_then(Path::parent).context("no folder")?;
    // Cargo tells where it is; without it what stands there is taken.
    if let Some(cargo) = std::env::var_os("CARGO") {
        let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.toml");
        let status = Command::new(cargo)
            .args(["build", "--release", "--bins", "--manifest-path"])
            .arg(manifest)
            .args(programs.iter().flat_map(|name| ["--package", name]))
            .status()?;
        ensure!(status.success(), "the programs cannot be built: {status}");
    }
    for name in programs {
        let program = folder.join(name);
        ensure!(
            program.exists(),
            "{} is missing: type  cargo build --release --workspace --bins",
            program.display()
        );
    }
    Ok(folder.to_owned())
}
