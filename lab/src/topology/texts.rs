//! The files that a lab is read from, and the places in them. All have one
//! range of offsets, in which one file begins where another ends.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::tree::{Span, Tree, Value};
use super::yaml::MAX_BYTES;

/// A file and its text.
#[derive(Clone, Debug)]
pub(crate) struct Text {
    pub(crate) path: PathBuf,
    pub(crate) text: String,
    /// Where its offsets begin.
    pub(crate) base: usize,
    /// What it says, as far as it could be read.
    pub(crate) tree: Option<Tree>,
}

impl Text {
    /// Where its offsets end; an offset more is the next file's first.
    fn end(&self) -> usize {
        self.base + self.text.len() + 1
    }

    /// The line of a place in it, counted from 1.
    fn line(&self, span: Span) -> usize {
        let start = span.start.saturating_sub(self.base);
        let before = self.text.get(..start).unwrap_or(&self.text);
        1 + before.bytes().filter(|byte| *byte == b'\n').count()
    }
}

/// The files of a lab; the first is the lab file itself.
#[derive(Clone, Debug, Default)]
pub(crate) struct Texts {
    pub(crate) list: Vec<Text>,
}

impl Texts {
    /// Adds a file; its position is given.
    pub(super) fn add(&mut self, path: &Path, text: &str) -> usize {
        let base = self.list.last().map_or(0, Text::end);
        self.list.push(Text {
            path: path.to_owned(),
            text: text.to_owned(),
            base,
            tree: None,
        });
        self.list.len() - 1
    }

    /// The position of the file that a place is in.
    pub(crate) fn position(&self, span: Span) -> usize {
        let after = self.list.iter().position(|text| span.start < text.end());
        after.unwrap_or_default()
    }

    /// The file that a place is in.
    fn of(&self, span: Span) -> Option<&Text> {
        self.list.get(self.position(span))
    }

    /// The line of a place, in its file.
    pub(super) fn line(&self, span: Span) -> usize {
        self.of(span).map_or(0, |text| text.line(span))
    }

    /// The folder of the file that a place is in.
    pub(super) fn folder(&self, span: Span) -> &Path {
        let path = self.of(span).map(|text| text.path.as_path());
        path.and_then(Path::parent).unwrap_or(Path::new(""))
    }
}

/// The tree with all places moved by `base`.
pub(super) fn moved(tree: Tree, base: usize) -> Tree {
    if base == 0 {
        return tree;
    }
    let further = |span: Span| Span {
        start: span.start + base,
        end: span.end + base,
    };
    let value = match tree.value {
        Value::List(items) => {
            Value::List(items.into_iter().map(|item| moved(item, base)).collect())
        }
        Value::Map(entries) => Value::Map(
            entries
                .into_iter()
                .map(|(mut key, value)| {
                    key.span = further(key.span);
                    (key, moved(value, base))
                })
                .collect(),
        ),
        other @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => other,
    };
    let span = further(tree.span);
    Tree { span, value }
}

/// The text of a file, or why there is none. Not more is read than a lab file
/// may have, for not everything that can be opened has an end.
pub(super) fn read(path: &Path) -> Result<String, String> {
    let cannot = |error: std::io::Error| format!("cannot be read: {error}");
    let file = File::open(path).map_err(cannot)?;
    let mut bytes = Vec::new();
    let most = u64::try_from(MAX_BYTES).unwrap_or(u64::MAX);
    let read = file.take(most + 1).read_to_end(&mut bytes);
    read.map_err(cannot)?;
    if bytes.len() > MAX_BYTES {
        return Err(format!("the file is larger than {} MiB", MAX_BYTES >> 20));
    }
    String::from_utf8(bytes).map_err(|_| "the file is not UTF-8 text".to_owned())
}
