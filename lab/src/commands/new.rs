//! `lab new`: a small lab to start from.

use std::fs;
use std::io;
use std::io::Write;
use std::path::{Path, PathBuf};

use crate::args::NewArgs;
use crate::exit::Exit;

#[cfg(test)]
mod tests;

/// The lab: a source, mcrd, a receiver.
const TEMPLATE: &str = include_str!("new/lab.yaml");

/// Runs `lab new`.
pub fn run(args: &NewArgs) -> Exit {
    match write(&args.folder) {
        Ok(file) => {
            anstream::println!("{0} is written; try: lab test {0}", file.display());
            Exit::Pass
        }
        Err(error) => {
            anstream::eprintln!("lab new: {}: {error}", args.folder.display());
            Exit::Infrastructure
        }
    }
}

/// Makes the folder and the file in it; leaves a file that is there alone.
fn write(folder: &Path) -> io::Result<PathBuf> {
    fs::create_dir_all(folder)?;
    let path = folder.join("lab.yaml");
    let mut file = fs::File::create_new(&path)?;
    file.write_all(TEMPLATE.as_bytes())?;
    Ok(path)
}
