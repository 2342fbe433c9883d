//! From the file to the model: `file` mirrors the YAML, `resolve` gives names
//! and addresses, `model` is what the rest of the lab works with.
//!
//! The text becomes a `tree` whose values know their places; `vars` puts in
//! what `${...}` stands for; `decode` reads the mirror's types out of it.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

pub mod by_hand;
mod decode;
mod expand;
mod expression;
mod extends;
mod file;
mod generate;
mod loss;
pub mod messages;
pub mod model;
mod place;
mod problem;
pub mod question;
mod resolve;
pub mod router;
mod schema;
pub(crate) mod suggest;
mod template;
mod texts;
mod times;
mod tree;
mod value;
mod vars;
mod yaml;

pub(crate) use resolve::router_config;

#[cfg(test)]
mod tests;

use crate::diagnostic::Diagnostics;
use by_hand::ByHand;
pub(crate) use decode::Problem;
use decode::Sink;
use model::{Origin, Step, Topology};
use resolve::Outside;
pub use schema::schema;
pub(crate) use texts::{Text, Texts};
use tree::{Span, Tree};

/// Reads a lab file; a folder stands for the `lab.yaml` in it.
pub fn load(path: &Path, vars: &[(String, String)]) -> Result<Topology, Diagnostics> {
    Source::read(path, vars)?.topology()
}

/// A lab file as it was read, with those that it extends, and the variables that
/// were set for it. Steps that come later are understood by it.
#[derive(Clone, Debug)]
pub struct Source {
    file: PathBuf,
    texts: Texts,
    tree: Option<Tree>,
    /// What is wrong with the texts themselves.
    found: Vec<Problem>,
    vars: Vec<(String, String)>,
    /// The environment, where it is not the process's own.
    env: Option<BTreeMap<String, String>>,
    /// What is laid upon the file.
    by_hand: Vec<ByHand>,
}

impl Source {
    /// Reads a lab file; a folder stands for the `lab.yaml` in it.
    pub fn read(path: &Path, vars: &[(String, String)]) -> Result<Source, Diagnostics> {
        let file = file_of(path);
        match texts::read(&file) {
            Ok(text) => Ok(Source::of(&file, &text, vars)),
            Err(reason) => {
                let mut texts = Texts::default();
                let main = texts.add(&file, "");
                let problem = Problem::new(Span::default(), reason);
                Err(Diagnostics::new(&texts, main, vec![problem]))
            }
        }
    }

    fn of(file: &Path, text: &str, vars: &[(String, String)]) -> Source {
        let sink = Sink::default();
        let mut texts = Texts::default();
        let tree = extends::read(file, text, &mut texts, &sink);
        Source {
            file: file.to_owned(),
            texts,
            tree,
            found: sink.take(),
            vars: vars.to_vec(),
            env: None,
            by_hand: Vec::new(),
        }
    }

    /// The same with receivers and sources that are not in the file, in the place
    /// of those that are called the same.
    #[must_use]
    pub fn with(mut self, made: &[ByHand]) -> Source {
        for one in made {
            self.by_hand.retain(|known| !known.is(one));
            self.by_hand.push(one.clone());
        }
        self
    }

    /// Those that are not in the file.
    #[must_use]
    pub fn by_hand(&self) -> &[ByHand] {
        &self.by_hand
    }

    /// The same in the place of another process, which has this environment.
    #[must_use]
    pub fn in_environment(self, env: BTreeMap<String, String>) -> Source {
        let env = Some(env);
        Source { env, ..self }
    }

    /// What the file describes.
    pub fn topology(&self) -> Result<Topology, Diagnostics> {
        self.resolved(&|name| self.environment(name))
    }

    /// The same, with the variables of the environment that it depends on.
    pub fn topology_in(&self) -> Result<(Topology, BTreeMap<String, String>), Diagnostics> {
        let asked = RefCell::new(BTreeMap::new());
        let topology = self.resolved(&|name| {
            let value = self.environment(name)?;
            asked.borrow_mut().insert(name.to_owned(), value.clone());
            Some(value)
        })?;
        Ok((topology, asked.into_inner()))
    }

    fn environment(&self, name: &str) -> Option<String> {
        match &self.env {
            Some(env) => env.get(name).cloned(),
            None => std::env::var(name).ok(),
        }
    }

    fn resolved(&self, env: &dyn Fn(&str) -> Option<String>) -> Result<Topology, Diagnostics> {
        let sink = Sink::default();
        let (tree, texts) = self.whole(&sink);
        let (topology, mut problems) = self.resolve(tree, &texts, env);
        problems.extend(sink.take());
        match topology {
            Some(mut topology) if problems.is_empty() => {
                topology.origin = self.texts.list.first().map(|main| Origin {
                    text: main.text.clone(),
                    vars: self.vars.clone(),
                });
                Ok(topology)
            }
            Some(_) | None => {
                if problems.is_empty() {
                    problems.push(Problem::new(Span::default(), "the file is empty"));
                }
                Err(Diagnostics::new(&texts, 0, problems))
            }
        }
    }

    /// The file, with what is laid upon it.
    fn whole(&self, sink: &Sink) -> (Option<Tree>, Texts) {
        let mut texts = self.texts.clone();
        let mut tree = self.tree.clone();
        for one in &self.by_hand {
            let over = parsed(&mut texts, "the command", &one.text(), sink);
            tree = tree.zip(over).map(|(tree, over)| tree.overlay(over));
        }
        (tree, texts)
    }

    fn resolve(
        &self,
        tree: Option<Tree>,
        texts: &Texts,
        env: &dyn Fn(&str) -> Option<String>,
    ) -> (Option<Topology>, Vec<Problem>) {
        let sink = Sink::default();
        self.found.iter().cloned().for_each(|found| sink.add(found));
        let outside = Outside {
            file: &self.file,
            texts,
            vars: &self.vars,
            env,
        };
        let topology = tree.and_then(|tree| resolve::resolve(tree, &outside, &sink));
        (topology, sink.take())
    }

    /// A step that is not in the file, written as there, with or without a
    /// title. `before` are earlier ones of its kind: what they configured is
    /// what it changes.
    pub fn step(&self, before: &[String], text: &str) -> Result<Step, Diagnostics> {
        let sink = Sink::default();
        let (tree, mut texts) = self.whole(&sink);
        let before = before.iter().map(String::as_str);
        let steps = before.chain([text]);
        let steps = steps.map(|text| parsed(&mut texts, "the step", text, &sink));
        let steps: Option<Vec<Tree>> = steps.collect();
        let last = texts.list.len() - 1;
        let tree = tree.zip(steps);
        let tree = tree.map(|(tree, steps)| tree.with_list("steps", steps));
        let (topology, mut problems) = self.resolve(tree, &texts, &|name| self.environment(name));
        problems.extend(sink.take());
        let step = topology.and_then(|topology| topology.steps.into_iter().next_back());
        match step {
            Some(step) if problems.is_empty() => Ok(step),
            Some(_) | None => {
                if problems.is_empty() {
                    problems.push(Problem::new(Span::default(), "the step is empty"));
                }
                Err(Diagnostics::new(&texts, last, problems))
            }
        }
    }
}

/// Reads what is in no file, and notes it among the texts.
fn parsed(texts: &mut Texts, name: &str, text: &str, sink: &Sink) -> Option<Tree> {
    let at = texts.add(Path::new(name), text);
    let added = texts.list.get_mut(at)?;
    let tree = yaml::parse(text, added.base, sink);
    added.tree.clone_from(&tree);
    tree
}

/// The lab file that a path stands for.
pub fn file_of(path: &Path) -> PathBuf {
    if path.is_dir() {
        return path.join("lab.yaml");
    }
    path.to_owned()
}

/// The lab file that a path stands for, and those that it extends, as far as
/// they can be read.
pub fn files_of(path: &Path) -> Vec<PathBuf> {
    match Source::read(path, &[]) {
        Ok(source) => source
            .texts
            .list
            .iter()
            .map(|text| text.path.clone())
            .collect(),
        Err(_) => vec![file_of(path)],
    }
}

/// The same as [`load`], of what the file said at another time.
pub fn load_text(
    file: &Path,
    text: &str,
    vars: &[(String, String)],
) -> Result<Topology, Diagnostics> {
    Source::of(file, text, vars).topology()
}

/// The same as [`load`], of text at hand. `file` names it in messages, and
/// other files are found beside it.
pub fn parse(
    file: &Path,
    text: &str,
    vars: &[(String, String)],
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<Topology, Diagnostics> {
    Source::of(file, text, vars).resolved(env)
}
