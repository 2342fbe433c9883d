//! What can go wrong, and the exit code of each.

use std::io;
use std::process::ExitCode;

use mcr_api::client::ClientError;
use mcr_api::{ErrorCode, Failure, Problem};
use serde_json::{Value, json};

/// Why a command did not do what was asked.
#[derive(Debug)]
pub(crate) enum Error {
    /// The daemon refused. Exit code 1.
    Refused(Failure),
    /// What the user gave cannot be used. Exit code 2.
    Usage(String),
    /// The daemon cannot be asked. Exit code 3.
    Unreachable(String),
    /// Our own output cannot be written. Exit code 1.
    Output(io::Error),
}

impl Error {
    /// A refusal that this program found itself, as the daemon would say it.
    pub(crate) fn refused(code: ErrorCode, message: String) -> Error {
        Error::Refused(Failure {
            code,
            message,
            problems: Vec::new(),
        })
    }

    pub(crate) fn is_broken_pipe(&self) -> bool {
        matches!(self, Error::Output(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }

    fn status(&self) -> u8 {
        match self {
            Error::Refused(_) | Error::Output(_) => 1,
            Error::Usage(_) => 2,
            Error::Unreachable(_) => 3,
        }
    }

    pub(crate) fn exit_code(&self) -> ExitCode {
        ExitCode::from(self.status())
    }

    /// For people: the message, then each problem.
    pub(crate) fn as_text(&self) -> String {
        let mut text = String::new();
        match self {
            Error::Refused(failure) => {
                push_line(&mut text, &format!("error: {}", failure.message));
                for problem in &failure.problems {
                    let described = describe(problem);
                    // A single problem is often the message itself.
                    let (first, rest) = described.split_once('\n').unwrap_or((&described, ""));
                    let more = if first.trim_start() == failure.message {
                        rest
                    } else {
                        &described
                    };
                    if !more.is_empty() {
                        push_line(&mut text, more);
                    }
                }
            }
            Error::Usage(message) | Error::Unreachable(message) => {
                push_line(&mut text, &format!("error: {message}"));
            }
            Error::Output(error) => {
                push_line(&mut text, &format!("error: cannot write: {error}"));
            }
        }
        text
    }

    /// For programs: the failure as the daemon's reply has it.
    pub(crate) fn as_json(&self) -> Value {
        match self {
            Error::Refused(failure) => json!({ "error": failure }),
            Error::Usage(message) => json!({ "error": { "code": "usage", "message": message } }),
            Error::Unreachable(message) => {
                json!({ "error": { "code": "unreachable", "message": message } })
            }
            Error::Output(error) => {
                json!({ "error": { "code": "output", "message": error.to_string() } })
            }
        }
    }
}

/// A problem with its place, as the daemon drew it or from its parts.
fn describe(problem: &Problem) -> String {
    if let Some(rendered) = &problem.rendered {
        return rendered.trim_end().to_owned();
    }
    let mut text = String::from("  ");
    if let Some(file) = &problem.file {
        text.push_str(file);
        for number in [problem.line, problem.column].into_iter().flatten() {
            text.push_str(&format!(":{number}"));
        }
        text.push_str(": ");
    }
    if !problem.key.is_empty() {
        text.push_str(&problem.key);
        text.push_str(": ");
    }
    text.push_str(&problem.message);
    if let Some(help) = &problem.help {
        text.push_str("\n    help: ");
        text.push_str(help);
    }
    text
}

fn push_line(text: &mut String, line: &str) {
    text.push_str(line);
    text.push('\n');
}

impl From<ClientError> for Error {
    fn from(error: ClientError) -> Error {
        match error {
            ClientError::Refused(failure) => Error::Refused(failure),
            ClientError::TooLong(_) => Error::refused(ErrorCode::Limit, error.to_string()),
            ClientError::Unreachable { .. }
            | ClientError::Version { .. }
            | ClientError::Silent(_)
            | ClientError::Broken(_)
            | ClientError::Garbled(_) => Error::Unreachable(error.to_string()),
        }
    }
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Error {
        Error::Output(error)
    }
}
