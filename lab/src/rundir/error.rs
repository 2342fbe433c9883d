//! What can go wrong with run directories.

use std::io;
use std::path::{Path, PathBuf};

use crate::exit::Exit;

/// Something about a run directory that failed.
#[derive(Debug, thiserror::Error)]
pub enum RunDirError {
    /// A lab of that name runs.
    #[error(
        "a lab named {name} is running; change it with `lab apply FILE`, end it \
         with\n`lab down {name}`, or call this one another name with --name"
    )]
    InUse {
        /// The name.
        name: String,
    },
    /// The directory is not the user's alone.
    #[error(
        "{} is not a directory that only you can write to; remove it",
        path.display()
    )]
    Foreign {
        /// The directory.
        path: PathBuf,
    },
    /// The file system refused.
    #[error("cannot {action} {}: {source}", path.display())]
    File {
        /// What was tried.
        action: &'static str,
        /// With what.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },
}

impl RunDirError {
    pub(crate) fn file(
        action: &'static str,
        path: &Path,
    ) -> impl FnOnce(io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |source| Self::File {
            action,
            path,
            source,
        }
    }

    /// The exit status for it.
    #[must_use]
    pub fn exit(&self) -> Exit {
        match self {
            Self::InUse { .. } | Self::File { .. } => Exit::Infrastructure,
            Self::Foreign { .. } => Exit::Unfit,
        }
    }
}
