//! Loops: an entry with `foreach` is made once for each of its values, before
//! anything else is read of the file.

use std::cell::Cell;
use std::collections::BTreeSet;

use super::problem::{Problem, Sink};
use super::tree::{Key, Span, Tree, Value};
use super::vars::{Locals, Scope, WORDS};

/// The most entries that the loops of a file make.
const MAX_ENTRIES: usize = 50_000;

/// The most bytes, by a rough count, that they take.
const MAX_BYTES: usize = 64 << 20;

/// What a value takes beside its text.
const VALUE_BYTES: usize = 64;

const FOREACH: &str = "foreach";
const EACH: &str = "each";

/// The tree with every loop unrolled; mistakes go to the sink.
pub(super) fn unroll(tree: Tree, scope: Scope<'_>, sink: &Sink) -> Tree {
    let loops = Loops {
        scope,
        sink,
        entries: Cell::new(0),
        bytes: Cell::new(0),
    };
    loops.tree(tree)
}

struct Loops<'a> {
    scope: Scope<'a>,
    sink: &'a Sink,
    entries: Cell<usize>,
    bytes: Cell<usize>,
}

/// A loop, and what is made in each of its rounds.
struct Loop {
    spec: Tree,
    body: Tree,
}

impl Loops<'_> {
    fn tree(&self, tree: Tree) -> Tree {
        let value = match tree.value {
            Value::List(items) => {
                let mut made = Vec::with_capacity(items.len());
                for item in items {
                    self.item(item, &mut made);
                }
                Value::List(made)
            }
            Value::Map(entries) => self.map(entries),
            other @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => other,
        };
        let span = tree.span;
        Tree { span, value }
    }

    fn map(&self, entries: Vec<(Key, Tree)>) -> Value {
        let mut made = Vec::with_capacity(entries.len());
        let mut looped = false;
        let before = self.sink.count();
        for (key, value) in entries {
            let Some(written) = self.split(&value) else {
                made.push((key, self.tree(value)));
                continue;
            };
            looped = true;
            let Loop { spec, body } = written;
            let span = body.span;
            let value = Value::Map(vec![(key, body)]);
            self.rounds(&spec, &Tree { span, value }, &mut |round| {
                if let Value::Map(entries) = round.value {
                    let done = entries.into_iter();
                    made.extend(done.map(|(key, value)| (key, self.tree(value))));
                }
            });
        }
        if looped && self.sink.count() == before {
            self.told_twice(&made);
        }
        Value::Map(made)
    }

    /// A loop whose key is the same in each round makes one entry many times.
    fn told_twice(&self, made: &[(Key, Tree)]) {
        let mut known = BTreeSet::new();
        let twice = made.iter().find(|(key, _)| !known.insert(&key.text));
        if let Some((key, _)) = twice {
            let message = format!("`{}` is made twice", key.text);
            let help = "a name in a loop has the loop's variable in it: `r${i}`";
            self.sink.add(Problem::new(key.span, message).help(help));
        }
    }

    /// One item of a list, which may become many: `{foreach, ...}`, or a title
    /// and such a map.
    fn item(&self, item: Tree, made: &mut Vec<Tree>) {
        if let Some(Loop { spec, body }) = self.split(&item) {
            self.rounds(&spec, &body, &mut |round| match round.value {
                Value::List(items) => items.into_iter().for_each(|item| self.item(item, made)),
                Value::Null
                | Value::Bool(_)
                | Value::Number(_)
                | Value::String(_)
                | Value::Map(_) => self.item(round, made),
            });
            return;
        }
        if let [(key, value)] = item.entries()
            && let Some(Loop { spec, body }) = self.split(value)
        {
            let span = item.span;
            let value = Value::Map(vec![(key.clone(), body)]);
            self.rounds(&spec, &Tree { span, value }, &mut |round| {
                self.item(round, made);
            });
            return;
        }
        made.push(self.tree(item));
    }

    /// Takes `foreach` out of a map that has one.
    fn split(&self, tree: &Tree) -> Option<Loop> {
        let spec = tree.get(FOREACH)?.clone();
        let rest = tree.entries().iter();
        let rest: Vec<_> = rest
            .filter(|(key, _)| key.text != FOREACH)
            .cloned()
            .collect();
        let each = rest.iter().find(|(key, _)| key.text == EACH);
        if let Some((key, each)) = each {
            if rest.len() > 1 {
                let message = "`each` stands beside `foreach` alone";
                let help = "it is the whole of what is made; put the other keys into it";
                self.sink.add(Problem::new(key.span, message).help(help));
            }
            let body = each.clone();
            return Some(Loop { spec, body });
        }
        let body = Tree {
            span: tree.span,
            value: Value::Map(rest),
        };
        Some(Loop { spec, body })
    }

    fn rounds(&self, spec: &Tree, body: &Tree, make: &mut dyn FnMut(Tree)) {
        let names = spec.entries();
        if names.is_empty() {
            let message = format!("expected names and their values, found {}", spec.value);
            let help = "write `foreach: {i: 1..8}`";
            self.sink.add(Problem::new(spec.span, message).help(help));
            return;
        }
        if !names.iter().all(|(key, _)| self.is_free(key)) {
            return;
        }
        let course = Course {
            span: spec.span,
            body,
            bytes: weight(body),
        };
        self.nested(names, &course, &mut Vec::new(), make);
    }

    /// All rounds of the first name, and within each those of the others.
    fn nested(
        &self,
        names: &[(Key, Tree)],
        course: &Course<'_>,
        locals: &mut Vec<(String, Value)>,
        make: &mut dyn FnMut(Tree),
    ) -> bool {
        let Some(((key, tree), rest)) = names.split_first() else {
            if !self.charge(course.span, course.bytes) {
                return false;
            }
            let before = self.sink.count();
            make(self.scope.unroll(course.body, locals, self.sink));
            return self.sink.count() == before;
        };
        let Some(values) = self.values(tree, locals) else {
            return false;
        };
        for value in values {
            locals.push((key.text.clone(), value));
            let goes_on = self.charge(course.span, 0) && self.nested(rest, course, locals, make);
            locals.pop();
            if !goes_on {
                return false;
            }
        }
        true
    }

    /// Counts what a round takes. `false` where the file has had enough.
    fn charge(&self, span: Span, bytes: usize) -> bool {
        let entries = self.entries.get() + usize::from(bytes == 0);
        let bytes = self.bytes.get().saturating_add(bytes);
        self.entries.set(entries);
        self.bytes.set(bytes);
        let fits = entries <= MAX_ENTRIES && bytes <= MAX_BYTES;
        if !fits {
            let message = if entries > MAX_ENTRIES {
                format!("the loops of this file make more than {MAX_ENTRIES} entries")
            } else {
                "the loops of this file make too much text".to_owned()
            };
            self.sink.add(Problem::new(span, message));
        }
        fits
    }

    fn is_free(&self, key: &Key) -> bool {
        let is_name = key.text.starts_with(|c: char| c.is_ascii_alphabetic())
            && key
                .text
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || c == '_');
        let message = if !is_name {
            format!("`{}` cannot be a loop's variable", key.text)
        } else if WORDS.contains(&key.text.as_str()) || self.scope.has(&key.text) {
            format!("`{}` stands for something else already", key.text)
        } else {
            return true;
        };
        let help = "letters, digits and `_`, and not the name of a variable of the file";
        self.sink.add(Problem::new(key.span, message).help(help));
        false
    }

    /// What a name counts through: `1..8`, or a list.
    fn values(&self, tree: &Tree, locals: &Locals) -> Option<Vec<Value>> {
        let tree = self.scope.unroll(tree, locals, self.sink);
        let tree = self.scope.interpolate(&tree, self.sink)?;
        let problem = match tree.value {
            Value::List(items) if items.iter().all(is_plain) => {
                return Some(items.into_iter().map(|item| item.value).collect());
            }
            Value::String(text) => match range(&text) {
                Ok(values) => return Some(values),
                Err(message) => message,
            },
            other @ (Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::List(_)
            | Value::Map(_)) => {
                format!("expected a range such as `1..8` or a list of texts, found {other}")
            }
        };
        self.sink.add(Problem::new(tree.span, problem));
        None
    }
}

/// What is made in each round.
struct Course<'a> {
    span: Span,
    body: &'a Tree,
    bytes: usize,
}

fn is_plain(tree: &Tree) -> bool {
    matches!(
        tree.value,
        Value::Bool(_) | Value::Number(_) | Value::String(_)
    )
}

/// `1..8`, both ends included. `1..0` is empty; what goes further down is a
/// mistake.
fn range(text: &str) -> Result<Vec<Value>, String> {
    let ends = text.split_once("..").and_then(|(first, last)| {
        let (first, last): (i64, i64) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
        Some((first, last))
    });
    let Some((first, last)) = ends else {
        return Err(format!("expected a range such as `1..8`, found `{text}`"));
    };
    let length = last.saturating_sub(first).saturating_add(1);
    if length < 0 {
        return Err(format!("the range `{text}` goes down"));
    }
    if usize::try_from(length).is_ok_and(|length| length <= MAX_ENTRIES) {
        return Ok((first..=last)
            .map(|value| Value::Number(value.into()))
            .collect());
    }
    Err(format!(
        "`{text}` is {length} rounds; the loops of a file make {MAX_ENTRIES} entries at most"
    ))
}

/// Roughly the bytes that a copy takes.
fn weight(tree: &Tree) -> usize {
    let inside: usize = match &tree.value {
        Value::String(text) => text.len(),
        Value::List(items) => items.iter().map(weight).sum(),
        Value::Map(entries) => {
            let entries = entries.iter();
            entries
                .map(|(key, value)| key.text.len() + weight(value))
                .sum()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
    };
    inside + VALUE_BYTES
}
