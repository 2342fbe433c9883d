//! Files that a lab file is laid upon.

use std::path::{Path, PathBuf};

use super::decode::decode;
use super::place::{At, OneOrMany};
use super::problem::{Problem, Sink};
use super::texts::{self, Texts};
use super::tree::{Tree, Value, nodes_over};
use super::yaml;

/// The most files of a lab.
const MAX_FILES: usize = 32;

/// What a file does not hand on: who it is.
const OWN: [&str; 3] = ["name", "about", "extends"];

/// Reads a file with those that it extends. What could be read of the files is
/// in `texts` even where there is no tree.
pub(super) fn read(file: &Path, text: &str, texts: &mut Texts, sink: &Sink) -> Option<Tree> {
    let mut reader = Reader {
        texts,
        sink,
        within: realm(file),
        stack: Vec::new(),
    };
    reader.file(file, text)
}

/// The folder that extended files must lie in: that of the lab file; of one in
/// a folder of its own (`NAME/lab.yaml`), the one around it.
fn realm(file: &Path) -> Option<PathBuf> {
    let folder = match file.parent() {
        Some(folder) if folder != Path::new("") => folder,
        Some(_) | None => Path::new("."),
    };
    let folder = folder.canonicalize().ok()?;
    let own = file.file_name().is_some_and(|name| name == "lab.yaml");
    match folder.parent() {
        Some(around) if own => Some(around.to_owned()),
        Some(_) | None => Some(folder),
    }
}

struct Reader<'a> {
    texts: &'a mut Texts,
    sink: &'a Sink,
    within: Option<PathBuf>,
    /// The files that are being read, each extended by the one before.
    stack: Vec<PathBuf>,
}

impl Reader<'_> {
    fn file(&mut self, path: &Path, text: &str) -> Option<Tree> {
        let position = self.texts.add(path, text);
        let base = self.texts.list[position].base;
        let tree = yaml::parse(text, base, self.sink)?;
        self.texts.list[position].tree = Some(tree.clone());
        let Some(extends) = tree.get("extends").cloned() else {
            return Some(tree);
        };
        let lower: OneOrMany<At<String>> = decode(&extends, self.sink)?;
        self.stack
            .push(path.canonicalize().unwrap_or_else(|_| path.to_owned()));
        let mut below: Option<Tree> = None;
        for name in &lower.0 {
            let read = self.extended(path, name).map(|read| read.without(&OWN));
            below = match (below, read) {
                (Some(below), Some(read)) => Some(laid(below, read)),
                (below, read) => below.or(read),
            };
        }
        self.stack.pop();
        let own = tree.without(&["extends"]);
        Some(match below {
            Some(below) => laid(below, own),
            None => own,
        })
    }

    fn extended(&mut self, from: &Path, name: &At<String>) -> Option<Tree> {
        match self.open(from, name) {
            Ok((path, text)) => self.file(&path, &text),
            Err((message, help)) => {
                let problem = Problem::new(name.span, message);
                self.sink.add(problem.advice(help.map(str::to_owned)));
                None
            }
        }
    }

    fn open(
        &self,
        from: &Path,
        name: &At<String>,
    ) -> Result<(PathBuf, String), (String, Option<&'static str>)> {
        let name = &name.value;
        let written = Path::new(name);
        if written.is_absolute() {
            let help = "write the way to it from the file that extends it";
            return Err((format!("`{name}` is an absolute path"), Some(help)));
        }
        let path = from.parent().unwrap_or(Path::new("")).join(written);
        let found = path.canonicalize();
        let found = found.map_err(|error| (format!("cannot read `{name}`: {error}"), None))?;
        let inside = |within: &PathBuf| found.starts_with(within);
        if !self.within.as_ref().is_some_and(inside) {
            let help = "it lies in the folder of the lab file, or below; of NAME/lab.yaml, \
                        in the folder of NAME";
            return Err((
                format!("`{name}` is outside of the lab's folder"),
                Some(help),
            ));
        }
        if !found.is_file() {
            return Err((format!("`{name}` is not a file"), None));
        }
        if self.stack.contains(&found) {
            return Err((format!("`{name}` extends itself"), None));
        }
        if self.texts.list.len() >= MAX_FILES {
            return Err((format!("a lab has {MAX_FILES} files at most"), None));
        }
        match texts::read(&found) {
            Ok(text) => Ok((path, text)),
            Err(reason) => Err((format!("`{name}`: {reason}"), None)),
        }
    }
}

/// A file upon another: maps are merged, links follow the others, and any other
/// list is replaced.
fn laid(lower: Tree, mut upper: Tree) -> Tree {
    let Value::Map(entries) = &mut upper.value else {
        return upper;
    };
    for (key, value) in entries {
        let below = lower.get(&key.text);
        let own = std::mem::replace(&mut value.value, Value::Null);
        value.value = match (key.text.as_str(), below.map(|below| &below.value), own) {
            ("links", Some(Value::List(below)), Value::List(own)) => {
                Value::List(below.iter().cloned().chain(own).collect())
            }
            ("nodes", Some(Value::Map(below)), Value::Map(own)) => {
                Value::Map(nodes_over(below.clone(), own))
            }
            (_, _, own) => own,
        };
    }
    lower.overlay(upper)
}

#[cfg(test)]
mod tests;
