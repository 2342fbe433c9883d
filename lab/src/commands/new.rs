//! `lab new`: a small lab to start from.

use std::fs;
use std::io;
use std::io::Write;
use std::path::{Path, PathBuf};

use crate::args::{NewArgs, Template};
use crate::exit::Exit;
use crate::topology;

/// Where editors find the schema, as the file's first line says.
const SCHEMA: &str = "lab.schema.json";

#[cfg(test)]
mod tests;

impl Template {
    fn text(self) -> &'static str {
        match self {
            Template::Relay => include_str!("new/relay.yaml"),
            Template::Chain => include_str!("new/chain.yaml"),
            Template::Ssm => include_str!("new/ssm.yaml"),
            Template::Lan => include_str!("new/lan.yaml"),
        }
    }
}

/// Runs `lab new`.
pub fn run(args: &NewArgs) -> Exit {
    match write(&args.folder, args.template) {
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

/// Makes the folder, the file, and the schema by which editors check it; leaves a
/// file that is there alone.
fn write(folder: &Path, template: Template) -> io::Result<PathBuf> {
    fs::create_dir_all(folder)?;
    let path = folder.join("lab.yaml");
    let mut file = fs::File::create_new(&path)?;
    let schema = format!("# yaml-language-server: $schema={SCHEMA}\n");
    file.write_all(schema.as_bytes())?;
    file.write_all(template.text().as_bytes())?;
    fs::write(folder.join(SCHEMA), format!("{:#}\n", topology::schema()))?;
    Ok(path)
}
