//! A mistake as it is shown: the message, the place, the line, the help.

use std::ops::Range;

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};

use crate::walk::Found;

/// The columns that output has.
const WIDTH: usize = 80;

/// Lines longer than this are shown from near the place on.
const LONG_LINE: usize = 1024;

/// The starts of a text's lines.
pub(crate) struct Lines<'t> {
    text: &'t str,
    starts: Vec<usize>,
}

/// A place as people count it, both from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) line: usize,
    pub(crate) column: usize,
}

impl<'t> Lines<'t> {
    pub(crate) fn of(text: &'t str) -> Lines<'t> {
        let newlines = text.match_indices('\n').map(|(at, _)| at + 1);
        Lines {
            text,
            starts: std::iter::once(0).chain(newlines).collect(),
        }
    }

    pub(crate) fn place(&self, at: usize) -> Place {
        self.place_after(None, at)
    }

    /// As [`Lines::place`]; from a place before it on the same line, columns
    /// are counted on.
    pub(crate) fn place_after(&self, before: Option<(usize, Place)>, at: usize) -> Place {
        let at = self.text.floor_char_boundary(at);
        let before = before.map(|(from, place)| (self.text.floor_char_boundary(from), place));
        let line = self.line(at);
        let (from, column) = match before {
            Some((from, place)) if from <= at && place.line == line + 1 => (from, place.column),
            Some(_) | None => (self.starts[line], 1),
        };
        Place {
            line: line + 1,
            column: column + self.text[from..at].chars().count(),
        }
    }

    fn line(&self, at: usize) -> usize {
        self.starts.partition_point(|start| *start <= at) - 1
    }

    /// The line of the place, with the place in it; of a value that goes on
    /// for more lines, its first character.
    fn excerpt(&self, span: &Range<usize>) -> Excerpt<'t> {
        let span =
            self.text.floor_char_boundary(span.start)..self.text.ceil_char_boundary(span.end);
        let line = self.line(span.start);
        let line_start = self.starts[line];
        let cut = span.start - line_start > LONG_LINE;
        let start = if cut {
            self.text.floor_char_boundary(span.start - LONG_LINE / 8)
        } else {
            line_start
        };
        // The place is at most a long line behind the start, and what is far
        // behind it is not looked at.
        let window = self.text.ceil_char_boundary(start + 2 * LONG_LINE);
        let ahead = &self.text[span.start..window];
        let end = span.start + ahead.find(['\n', '\r']).unwrap_or(ahead.len());
        let span_end = if span.end > end {
            let first = self.text[span.start..].chars().next();
            span.start + first.map_or(0, char::len_utf8)
        } else {
            span.end
        };
        Excerpt {
            text: &self.text[start..end],
            line: line + 1,
            span: span.start - start..span_end.min(end) - start,
            cut,
        }
    }
}

struct Excerpt<'t> {
    text: &'t str,
    line: usize,
    span: Range<usize>,
    /// The line's start is not there, so columns cannot be counted in it.
    cut: bool,
}

/// The mistake as text of several lines.
pub(crate) fn render(name: &str, lines: &Lines<'_>, found: &Found, color: bool) -> String {
    let title = wrap(&titled(&found.key, &found.message), WIDTH - "error: ".len());
    let mut group = Level::ERROR
        .primary_title(title)
        .elements(None::<Origin<'_>>);
    group = show(group, name, lines, &found.span, None);
    if let Some((span, label)) = &found.related {
        group = show(group, name, lines, span, Some(label));
    }
    finish(group, found.help.as_deref(), color)
}

/// A mistake of the file as a whole.
pub(crate) fn render_whole(name: &str, message: &str, help: Option<&str>, color: bool) -> String {
    let title = wrap(message, WIDTH - "error: ".len());
    let group = Level::ERROR
        .primary_title(title)
        .element(Origin::path(name));
    finish(group, help, color)
}

/// The message with the key before it.
pub(crate) fn titled(key: &str, message: &str) -> String {
    if key.is_empty() {
        message.to_owned()
    } else {
        format!("{key}: {message}")
    }
}

fn show<'a>(
    group: Group<'a>,
    name: &'a str,
    lines: &Lines<'a>,
    span: &Range<usize>,
    label: Option<&'a str>,
) -> Group<'a> {
    let excerpt = lines.excerpt(span);
    let kind = match label {
        None => AnnotationKind::Primary,
        Some(_) => AnnotationKind::Context,
    };
    let mut snippet = Snippet::source(excerpt.text)
        .line_start(excerpt.line)
        .annotation(kind.span(excerpt.span).label(label));
    if excerpt.cut {
        let place = lines.place(span.start);
        let origin = Origin::path(name)
            .line(place.line)
            .char_column(place.column);
        return group.element(origin).element(snippet);
    }
    snippet = snippet.path(name);
    group.element(snippet)
}

fn finish(mut group: Group<'_>, help: Option<&str>, color: bool) -> String {
    if let Some(help) = help {
        group = group.element(Level::HELP.message(wrap(help, WIDTH - "      = help: ".len())));
    }
    let renderer = if color {
        Renderer::styled()
    } else {
        Renderer::plain()
    };
    renderer.term_width(WIDTH).render(&[group])
}

/// Broken between words so that no line is longer, where words allow it.
fn wrap(text: &str, width: usize) -> String {
    let mut wrapped = String::new();
    let mut used = 0;
    for word in text.split(' ') {
        let length = word.chars().count();
        if used > 0 && used + 1 + length > width {
            wrapped.push('\n');
            used = 0;
        } else if used > 0 {
            wrapped.push(' ');
            used += 1;
        }
        wrapped.push_str(word);
        used += length;
    }
    wrapped
}
