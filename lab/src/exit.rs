//! What the exit status of `lab` means.

use std::process::ExitCode;

/// The exit status of every `lab` command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Done; for a test, passed.
    Pass,
    /// A test failed.
    Failed,
    /// There was nothing to run.
    NothingToRun,
    /// Passed, with warnings only.
    Warnings,
    /// The command line is wrong.
    Usage,
    /// The file is invalid.
    InvalidFile,
    /// This machine lacks something that is needed.
    Unfit,
    /// The lab itself failed, so nothing is known about the network.
    Infrastructure,
    /// The status of a command that was run inside the lab.
    Status(u8),
}

impl Exit {
    /// The number.
    pub fn code(self) -> u8 {
        match self {
            Exit::Pass => 0,
            Exit::Failed => 1,
            Exit::NothingToRun => 2,
            Exit::Warnings => 3,
            Exit::InvalidFile => 4,
            Exit::Unfit => 5,
            Exit::Infrastructure => 6,
            Exit::Usage => 64,
            Exit::Status(status) => status,
        }
    }

    /// Prints what clap has to say and gives the status for it: help and
    /// version are no mistakes.
    pub fn of_usage(error: &clap::Error) -> Exit {
        if error.print().is_err() {
            return Exit::Infrastructure;
        }
        if error.use_stderr() {
            Exit::Usage
        } else {
            Exit::Pass
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit.code())
    }
}
