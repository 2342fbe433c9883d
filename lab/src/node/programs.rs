//! The project's other programs, which are beside `lab`.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::{env, io};

#[cfg(test)]
mod tests;

/// Something that is needed is not on this machine.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// A program is not there.
    #[error(
        "{program} is not in {}; build it with `cargo build -p {program}`, or \
         name its folder with --bin-dir",
        directory.display()
    )]
    Missing {
        /// The program.
        program: String,
        /// Where it was looked for.
        directory: PathBuf,
    },
    /// Software that is not this project's is not installed.
    #[error(
        "{software} is not installed: there is no {}; install it with \
         `{enable}`",
        file.display()
    )]
    NotInstalled {
        /// Its name.
        software: &'static str,
        /// The file that was looked for.
        file: PathBuf,
        /// What to type.
        enable: &'static str,
    },
    /// What a node's `wrap` asks for is not installed.
    #[error("{node} asks for {program}, which is not installed; install it with `{enable}`")]
    NoWrap {
        /// The node.
        node: String,
        /// The program.
        program: &'static str,
        /// What to type.
        enable: &'static str,
    },
}

/// Where the programs are.
#[derive(Clone, Debug)]
pub struct Programs {
    directory: PathBuf,
}

impl Programs {
    /// Those in `directory`, or beside the running program.
    ///
    /// # Errors
    /// The file system's, where neither can be found.
    pub fn locate(directory: Option<&Path>) -> io::Result<Programs> {
        let directory = match directory {
            Some(directory) => directory.canonicalize()?,
            None => {
                let own = env::current_exe()?;
                own.parent().map(Path::to_owned).unwrap_or_default()
            }
        };
        Ok(Programs { directory })
    }

    /// The folder they are in.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The program's file.
    ///
    /// # Errors
    /// [`Unfit::Missing`], with what to do.
    pub fn find(&self, program: &str) -> Result<PathBuf, Unfit> {
        let file = self.directory.join(program);
        if file.is_file() {
            return Ok(file);
        }
        Err(Unfit::Missing {
            program: program.to_owned(),
            directory: self.directory.clone(),
        })
    }

    /// `PATH` with the programs first.
    #[must_use]
    pub fn path(&self) -> OsString {
        path_behind(&self.directory)
    }
}

/// `PATH` with the programs of this folder first.
#[must_use]
pub fn path_behind(directory: &Path) -> OsString {
    let mut path = directory.as_os_str().to_owned();
    if let Some(rest) = env::var_os("PATH") {
        path.push(":");
        path.push(rest);
    }
    path
}
