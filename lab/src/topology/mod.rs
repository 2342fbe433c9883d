//! From the file to the model: `file` mirrors the YAML, `resolve` gives names
//! and addresses, `model` is what the rest of the lab works with.
//!
//! The text becomes a `tree` whose values know their places; `vars` puts in
//! what `${...}` stands for; `decode` reads the mirror's types out of it.

use std::path::{Path, PathBuf};

mod decode;
mod expression;
mod file;
pub mod model;
mod place;
mod problem;
pub mod question;
mod resolve;
pub mod router;
mod suggest;
mod tree;
mod value;
mod vars;
mod yaml;

#[cfg(test)]
mod tests;

use crate::diagnostic::Diagnostics;
pub(crate) use decode::Problem;
use decode::Sink;
use model::{Step, Topology};
use resolve::Outside;
use tree::Span;
pub(crate) use tree::Tree;

/// Reads a lab file; a folder stands for the `lab.yaml` in it.
pub fn load(path: &Path, vars: &[(String, String)]) -> Result<Topology, Diagnostics> {
    Source::read(path, vars)?.topology()
}

/// A lab file as it was read, and the variables that were set for it. Steps
/// that come later are understood by it.
#[derive(Clone, Debug)]
pub struct Source {
    file: PathBuf,
    text: String,
    vars: Vec<(String, String)>,
}

impl Source {
    /// Reads a lab file; a folder stands for the `lab.yaml` in it.
    pub fn read(path: &Path, vars: &[(String, String)]) -> Result<Source, Diagnostics> {
        let file = file_of(path);
        let text = match std::fs::read(&file) {
            Ok(bytes) => match String::from_utf8(bytes) {
                Ok(text) => text,
                Err(_) => return Err(unreadable(&file, "the file is not UTF-8 text")),
            },
            Err(error) => return Err(unreadable(&file, &format!("cannot be read: {error}"))),
        };
        let vars = vars.to_vec();
        Ok(Source { file, text, vars })
    }

    /// What the file describes.
    pub fn topology(&self) -> Result<Topology, Diagnostics> {
        parse(&self.file, &self.text, &self.vars, &environment)
    }

    /// A step that is not in the file, written as there, with or without a
    /// title. `before` are earlier ones of its kind: what they configured is
    /// what it changes.
    pub fn step(&self, before: &[String], text: &str) -> Result<Step, Diagnostics> {
        let sink = Sink::default();
        let parse = |text: &str| yaml::parse(text, &sink);
        let tree = parse(text);
        let steps: Option<Vec<Tree>> = before.iter().map(|text| parse(text)).collect();
        let steps = steps.zip(tree.clone()).map(|(mut steps, last)| {
            steps.push(last);
            steps
        });
        let outside = Outside {
            file: &self.file,
            vars: &self.vars,
            env: &environment,
            steps: steps.as_deref(),
        };
        let root = yaml::parse(&self.text, &sink);
        let resolved = root
            .filter(|_| steps.is_some())
            .and_then(|root| resolve::resolve(&root, text, &outside, &sink));
        let mut problems = sink.take();
        let step = resolved.and_then(|topology| topology.steps.into_iter().next_back());
        match step {
            Some(step) if problems.is_empty() => Ok(step),
            Some(_) | None => {
                if problems.is_empty() {
                    problems.push(Problem::new(Span::default(), "the step is empty"));
                }
                let file = Path::new("the step");
                Err(Diagnostics::new(file, text, tree.as_ref(), problems))
            }
        }
    }
}

fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// The lab file that a path stands for.
pub fn file_of(path: &Path) -> PathBuf {
    if path.is_dir() {
        return path.join("lab.yaml");
    }
    path.to_owned()
}

/// The same as [`load`], of text at hand. `file` names it in messages, and
/// other files are found beside it.
pub fn parse(
    file: &Path,
    text: &str,
    vars: &[(String, String)],
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<Topology, Diagnostics> {
    let sink = Sink::default();
    let outside = Outside {
        file,
        vars,
        env,
        steps: None,
    };
    let tree = yaml::parse(text, &sink);
    let topology = tree
        .as_ref()
        .and_then(|tree| resolve::resolve(tree, text, &outside, &sink));
    let mut problems = sink.take();
    match topology {
        Some(topology) if problems.is_empty() => Ok(topology),
        Some(_) | None => {
            if problems.is_empty() {
                problems.push(Problem::new(Span::default(), "the file is empty"));
            }
            Err(Diagnostics::new(file, text, tree.as_ref(), problems))
        }
    }
}

fn unreadable(file: &Path, message: &str) -> Diagnostics {
    let problem = Problem::new(Span::default(), message);
    Diagnostics::new(file, "", None, vec![problem])
}

/// The JSON Schema of the lab file.
pub fn schema() -> serde_json::Value {
    let mut schema = schemars::schema_for!(file::File).to_value();
    allow_variables(&mut schema);
    schema
}

/// A choice of words, each with its description.
fn is_words(object: &serde_json::Map<String, serde_json::Value>) -> bool {
    let Some(serde_json::Value::Array(choices)) = object.get("oneOf") else {
        return false;
    };
    choices.iter().all(|choice| choice.get("const").is_some())
}

/// Wherever a value is wanted, `${...}` may stand for it.
fn allow_variables(schema: &mut serde_json::Value) {
    match schema {
        serde_json::Value::Array(items) => items.iter_mut().for_each(allow_variables),
        serde_json::Value::Object(object) => {
            let words = is_words(object);
            if !words {
                object.values_mut().for_each(allow_variables);
            }
            let kinds: Vec<&str> = match object.get("type") {
                Some(serde_json::Value::Array(kinds)) => {
                    kinds.iter().filter_map(|kind| kind.as_str()).collect()
                }
                kind => kind.and_then(|kind| kind.as_str()).into_iter().collect(),
            };
            let narrow = ["pattern", "enum", "const"];
            let narrow = narrow.iter().any(|key| object.contains_key(*key));
            let number = ["integer", "number", "boolean"];
            let number = number.iter().any(|kind| kinds.contains(kind));
            if number || words || (narrow && kinds.contains(&"string")) {
                let mut strict = std::mem::take(object);
                // Editors show the description of the outermost schema.
                if let Some(description) = strict.remove("description") {
                    object.insert("description".to_owned(), description);
                }
                let variable = serde_json::json!({ "type": "string", "pattern": r"\$\{.*\}" });
                object.insert("anyOf".to_owned(), serde_json::json!([strict, variable]));
            }
        }
        serde_json::Value::Null
        | serde_json::Value::Bool(_)
        | serde_json::Value::Number(_)
        | serde_json::Value::String(_) => {}
    }
}
