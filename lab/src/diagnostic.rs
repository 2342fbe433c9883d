//! Mistakes in a file, each with its place, as people and as programs read
//! them.

use std::fmt;
use std::path::PathBuf;

use annotate_snippets::{AnnotationKind, Level, Origin, Renderer, Snippet};
use serde::Serialize;

use crate::topology::{Problem, Text, Texts};

/// The most mistakes that are printed with their lines.
const SHOWN: usize = 40;

/// A mistake and its place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    /// The file, where it is another one that the lab file extends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<PathBuf>,
    /// The line, from 1; 0 where the mistake is not in the text.
    pub line: usize,
    /// The column, from 1, in characters.
    pub column: usize,
    /// The keys that lead there, as `nodes.r1.lo` or `links[2]`.
    pub path: String,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub help: Option<String>,
    /// The position of its file among the texts.
    #[serde(skip)]
    of: usize,
    #[serde(skip)]
    start: usize,
    #[serde(skip)]
    end: usize,
}

/// All mistakes of a file and of those that it extends, in the order of their
/// places.
#[derive(Clone, Debug)]
pub struct Diagnostics {
    /// The file.
    pub file: PathBuf,
    /// The mistakes; never empty.
    pub list: Vec<Diagnostic>,
    /// The files with their texts.
    texts: Vec<(PathBuf, String)>,
}

impl Diagnostics {
    pub(crate) fn new(texts: &Texts, main: usize, mut problems: Vec<Problem>) -> Diagnostics {
        problems.sort_by_key(|problem| problem.span);
        let file = texts.list.get(main).map(|text| text.path.clone());
        let list = problems.into_iter().filter_map(|problem| {
            let of = texts.position(problem.span);
            let mut found = placed(of, texts.list.get(of)?, problem);
            if of == main {
                found.file = None;
            }
            Some(found)
        });
        let list = list.collect();
        let texts = texts.list.iter();
        let texts = texts.map(|text| (text.path.clone(), text.text.clone()));
        Diagnostics {
            file: file.unwrap_or_default(),
            list,
            texts: texts.collect(),
        }
    }

    /// The same with the lines of the file, in colour where asked for.
    pub fn render(&self, coloured: bool) -> String {
        let renderer = if coloured {
            Renderer::styled()
        } else {
            Renderer::plain()
        };
        let renderer = renderer.term_width(80);
        let file = self.file.display().to_string();
        let mut out = String::new();
        for diagnostic in self.list.iter().take(SHOWN) {
            let mut title = diagnostic.message.clone();
            if !diagnostic.path.is_empty() {
                title = format!("{}: {title}", diagnostic.path);
            }
            let mut group = Level::ERROR
                .primary_title(title.as_str())
                .elements(None::<Origin<'_>>);
            let Some((file, text)) = self.texts.get(diagnostic.of) else {
                continue;
            };
            let file = file.display().to_string();
            if diagnostic.line == 0 {
                group = group.element(Origin::path(file.as_str()));
            } else {
                let span = AnnotationKind::Primary.span(diagnostic.start..diagnostic.end);
                let snippet = Snippet::source(text.as_str()).path(file.as_str());
                group = group.element(snippet.annotation(span));
            }
            if let Some(help) = &diagnostic.help {
                group = group.element(Level::HELP.message(help.as_str()));
            }
            out.push_str(&renderer.render(&[group]));
            out.push_str("\n\n");
        }
        let count = self.list.len();
        if count > SHOWN {
            out.push_str(&format!("... and {} more\n", count - SHOWN));
        }
        let mistakes = if count == 1 { "mistake" } else { "mistakes" };
        out.push_str(&format!("{file}: {count} {mistakes}\n"));
        out
    }
}

fn placed(of: usize, written: &Text, problem: Problem) -> Diagnostic {
    let (text, base) = (written.text.as_str(), written.base);
    let mut start = problem.span.start.saturating_sub(base).min(text.len());
    while !text.is_char_boundary(start) {
        start -= 1;
    }
    let before = text.get(..start).unwrap_or_default();
    let line_start = before.rfind('\n').map_or(0, |end| end + 1);
    let line_end = text.get(start..).and_then(|rest| rest.find('\n'));
    let line_end = line_end.map_or(text.len(), |end| start + end);
    let mut end = problem.span.end.saturating_sub(base).clamp(start, line_end);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    // An empty place is shown as the character that stands there.
    if end == start && start < line_end {
        end += text[start..].chars().next().map_or(0, char::len_utf8);
    }
    let known = !text.is_empty();
    let path = written.tree.as_ref();
    let path = path.map(|tree| tree.path_at(base + start));
    Diagnostic {
        file: Some(written.path.clone()),
        line: if known {
            1 + before.matches('\n').count()
        } else {
            0
        },
        column: 1 + text[line_start..start].chars().count(),
        path: path.unwrap_or_default(),
        message: problem.message,
        help: problem.help,
        of,
        start,
        end,
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(false))
    }
}

impl std::error::Error for Diagnostics {}
