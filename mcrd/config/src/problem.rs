//! All mistakes of a file, for people and for programs.

use std::fmt;

use crate::excerpt::{Lines, Place, render, render_whole, titled};
use crate::walk::Findings;

/// The most mistakes that are printed, and that a reply carries.
pub(crate) const MAX_PRINTED: usize = 100;

/// Why a file was refused: every mistake in it, by place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problems {
    name: String,
    problems: Vec<Problem>,
    total: usize,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Problem {
    place: Option<Place>,
    key: String,
    message: String,
    help: Option<String>,
    plain: Option<String>,
    colored: Option<String>,
}

impl Problems {
    pub(crate) fn in_text(name: &str, text: &str, findings: Findings) -> Problems {
        let lines = Lines::of(text);
        let mut before = None;
        let problems = findings
            .kept
            .into_iter()
            .enumerate()
            .map(|(position, found)| {
                let shown =
                    |color| (position < MAX_PRINTED).then(|| render(name, &lines, &found, color));
                let place = lines.place_after(before, found.span.start);
                before = Some((found.span.start, place));
                Problem {
                    place: Some(place),
                    plain: shown(false),
                    colored: shown(true),
                    key: found.key,
                    message: found.message,
                    help: found.help,
                }
            })
            .collect();
        Problems {
            name: name.to_owned(),
            problems,
            total: findings.total,
        }
    }

    pub(crate) fn whole_file(name: &str, message: String, help: Option<&str>) -> Problems {
        Problems::one(name, message, help, None)
    }

    fn one(name: &str, message: String, help: Option<&str>, place: Option<Place>) -> Problems {
        Problems {
            name: name.to_owned(),
            problems: vec![Problem {
                place,
                key: String::new(),
                plain: Some(render_whole(name, &message, help, false)),
                colored: Some(render_whole(name, &message, help, true)),
                message,
                help: help.map(str::to_owned),
            }],
            total: 1,
        }
    }

    /// How many mistakes there are, also those that are not printed.
    pub fn total(&self) -> usize {
        self.total
    }

    /// The text to print: the first mistakes with their source lines, then how
    /// many there are. At most 80 columns wide where names and words allow it.
    pub fn render(&self, color: bool) -> String {
        let mut text = String::new();
        for problem in &self.problems {
            let rendered = if color {
                &problem.colored
            } else {
                &problem.plain
            };
            if let Some(rendered) = rendered {
                text.push_str(rendered);
                text.push_str("\n\n");
            }
        }
        text.push_str(&self.summary());
        text.push('\n');
        text
    }

    /// One sentence: how many mistakes the file has.
    pub fn summary(&self) -> String {
        let Problems { name, total, .. } = self;
        match total {
            1 => format!("{name} has 1 error"),
            2..=MAX_PRINTED => format!("{name} has {total} errors"),
            _ => format!("{name} has {total} errors, the first {MAX_PRINTED} are shown"),
        }
    }

    /// The first mistakes as the control API and `--json` give them.
    pub fn to_api(&self) -> Vec<mcr_api::Problem> {
        let shown = self.problems.iter().take(MAX_PRINTED);
        shown
            .map(|problem| mcr_api::Problem {
                file: Some(self.name.clone()),
                line: problem.place.map(|place| place.line),
                column: problem.place.map(|place| place.column),
                key: problem.key.clone(),
                message: problem.message.clone(),
                help: problem.help.clone(),
                rendered: problem.plain.clone(),
            })
            .collect()
    }
}

/// One line for each of the first mistakes, as compilers write them.
impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for problem in self.problems.iter().take(MAX_PRINTED) {
            f.write_str(&self.name)?;
            if let Some(Place { line, column }) = problem.place {
                write!(f, ":{line}:{column}")?;
            }
            writeln!(f, ": {}", titled(&problem.key, &problem.message))?;
        }
        f.write_str(&self.summary())
    }
}

impl std::error::Error for Problems {}

pub(crate) fn not_utf8(name: &str, error: &std::string::FromUtf8Error) -> Problems {
    let valid = error.utf8_error().valid_up_to();
    let before = String::from_utf8_lossy(&error.as_bytes()[..valid]).into_owned();
    let place = Lines::of(&before).place(before.len());
    let Place { line, column } = place;
    Problems::one(
        name,
        format!("the file is not UTF-8: the first wrong byte is at {line}:{column}"),
        Some("save it as UTF-8"),
        Some(place),
    )
}
