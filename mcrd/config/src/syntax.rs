//! From text to values: JSON5, and nothing that only looks like it.
//!
//! Two libraries read the text. jsonc-parser tells where each value stands and
//! keeps keys that are there twice, and accepts more than JSON5; json5 decides
//! what JSON5 is, and makes the settings. What one of them refuses is refused.

use std::ops::Range;

use jsonc_parser::ParseOptions;
use jsonc_parser::ast::Value;
use jsonc_parser::errors::ParseErrorKind;
use mcr_api::config::ConfigFile;
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::walk::Found;

/// The values with their places.
pub(crate) fn tree(text: &str) -> Result<Value<'_>, Box<Found>> {
    let options = ParseOptions {
        allow_missing_commas: false,
        ..ParseOptions::default()
    };
    match jsonc_parser::parse_to_ast(text, &Default::default(), &options) {
        Ok(result) => result.value.ok_or_else(|| {
            let help = Some("write {} for the settings that hold anyway".to_owned());
            found(text.len()..text.len(), "the file is empty".to_owned(), help)
        }),
        Err(error) => {
            let range = error.range();
            let (message, help) = describe(error.kind());
            Err(found(range.start..range.end, message, help))
        }
    }
}

/// A mistake in the syntax belongs to no key.
fn found(span: Range<usize>, message: String, help: Option<String>) -> Box<Found> {
    Box::new(Found {
        span,
        key: String::new(),
        message,
        help,
        related: None,
    })
}

fn describe(kind: &ParseErrorKind) -> (String, Option<String>) {
    let mut message = kind.to_string();
    if let Some(first) = message.get_mut(..1) {
        first.make_ascii_lowercase();
    }
    (message, help(kind).map(str::to_owned))
}

fn help(kind: &ParseErrorKind) -> Option<&'static str> {
    let is = |other: ParseErrorKind| std::mem::discriminant(kind) == std::mem::discriminant(&other);
    let helps = [
        (
            ParseErrorKind::ExpectedComma,
            "put a comma after the value before",
        ),
        (ParseErrorKind::UnexpectedWord, "put text into quotes"),
        (ParseErrorKind::UnterminatedObject, "a closing } is missing"),
        (ParseErrorKind::UnterminatedArray, "a closing ] is missing"),
        (
            ParseErrorKind::UnterminatedCommentBlock,
            "a closing */ is missing",
        ),
    ];
    helps
        .into_iter()
        .find_map(|(kind, help)| is(kind).then_some(help))
}

/// Whether the text is JSON5, where the values are wrong anyway.
pub(crate) fn strict(text: &str) -> Result<(), Box<Found>> {
    read::<IgnoredAny>(text).map(|_| ())
}

/// The settings of a text in which nothing wrong was found.
pub(crate) fn settings(text: &str) -> Result<ConfigFile, Box<Found>> {
    read(text)
}

fn read<'t, T: Deserialize<'t>>(text: &'t str) -> Result<T, Box<Found>> {
    json5::from_str(text).map_err(|error| {
        let at = error.position().map_or(0, |at| offset(text, at));
        let width = text[at..].chars().next().map_or(0, char::len_utf8);
        let message = match error.code() {
            Some(code) => format!("this is not JSON5: {code}"),
            None => error.to_string(),
        };
        found(at..at + width, message, None)
    })
}

/// Lines are counted as that library counts them.
fn offset(text: &str, at: json5::Position) -> usize {
    let mut here = json5::Position { line: 0, column: 0 };
    let mut chars = text.char_indices().peekable();
    while let Some((offset, c)) = chars.next() {
        if here == at {
            return offset;
        }
        if json5::char::is_json5_line_terminator(c) {
            if c == '\r' {
                chars.next_if(|(_, next)| *next == '\n');
            }
            here.line += 1;
            here.column = 0;
        } else {
            here.column += 1;
        }
    }
    text.len()
}
