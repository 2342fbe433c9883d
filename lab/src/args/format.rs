//! The forms of what `lab test` prints and writes.

use std::path::PathBuf;

use clap::ValueEnum;

/// How `lab test` prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum TestFormat {
    /// Colours and progress, where the output is a terminal
    Pretty,
    /// Lines only
    Plain,
    /// One JSON document
    Json,
    /// One JSON object a line, each as soon as it is known
    Ndjson,
    /// JUnit
    Junit,
    /// Markdown, as for the summary of a CI job
    Markdown,
    /// TAP version 14
    Tap,
    /// Lines, then annotations of the lab files for GitHub Actions
    Gha,
}

/// A form of a whole report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// One JSON document.
    Json,
    /// One JSON object a line.
    Ndjson,
    /// JUnit.
    Junit,
    /// Markdown.
    Markdown,
    /// TAP version 14.
    Tap,
    /// Annotations for GitHub Actions.
    Gha,
}

impl Form {
    const ALL: [(&'static str, Form); 6] = [
        ("json", Form::Json),
        ("ndjson", Form::Ndjson),
        ("junit", Form::Junit),
        ("markdown", Form::Markdown),
        ("tap", Form::Tap),
        ("gha", Form::Gha),
    ];
}

/// A report that is written to a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportTo {
    /// Its form.
    pub form: Form,
    /// The file.
    pub path: PathBuf,
}

pub(super) fn parse_report(text: &str) -> Result<ReportTo, String> {
    let Some((word, path)) = text.split_once('=').filter(|(_, path)| !path.is_empty()) else {
        return Err("write it as FORM=FILE".to_owned());
    };
    let mut forms = Form::ALL.iter();
    match forms.find(|(name, _)| *name == word) {
        Some((_, form)) => Ok(ReportTo {
            form: *form,
            path: path.into(),
        }),
        None => {
            let names = Form::ALL.map(|(name, _)| name).join(", ");
            Err(format!("there is no form `{word}`; there are {names}"))
        }
    }
}
