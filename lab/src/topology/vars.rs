//! What `${...}` stands for.

use std::cell::{Cell, RefCell};

use indexmap::IndexMap;
use serde_json::Number;

use super::decode::{Problem, Sink};
use super::expression::{self, Amount, Fault};
use super::suggest;
use super::template::{self, Piece};
use super::times::Times;
use super::tree::{Key, Span, Tree, Value};

/// The longest text that one value may become.
const MAX_TEXT: usize = 64 << 10;

/// The most times that a variable is looked up for one file: variables that
/// stand for several others each grow quickly.
const MAX_LOOKUPS: u32 = 200_000;

/// What the words of nodes stand for: `r1.lo`, `r1.r2.ip`.
pub(crate) trait Places {
    /// The value of a path whose first word is a node's name, or why there is
    /// none.
    fn value(&self, node: &str, path: &[&str]) -> Result<String, NoPlace>;

    /// The nodes' names.
    fn names(&self) -> Vec<&str>;
}

/// Why a path stands for nothing.
#[derive(Debug, PartialEq)]
pub(crate) struct NoPlace {
    pub(crate) message: String,
    pub(crate) help: Option<String>,
}

/// The variables of a file.
pub(crate) struct Vars<'a> {
    values: IndexMap<String, Tree>,
    env: &'a dyn Fn(&str) -> Option<String>,
    lookups: Cell<u32>,
}

impl<'a> Vars<'a> {
    /// The variables of the file, those given on the command line over them.
    pub(crate) fn new(
        values: IndexMap<String, Tree>,
        env: &'a dyn Fn(&str) -> Option<String>,
    ) -> Vars<'a> {
        let lookups = Cell::new(0);
        Vars {
            values,
            env,
            lookups,
        }
    }
}

/// What is known where a value stands.
#[derive(Clone, Copy)]
pub(crate) struct Scope<'a> {
    vars: &'a Vars<'a>,
    /// The nodes' addresses, once they are known.
    places: Option<&'a dyn Places>,
    /// The node that `self` is.
    this: Option<&'a str>,
    /// The protocols' times, where deadlines are written.
    times: Option<&'a Times>,
}

impl<'a> Scope<'a> {
    pub(crate) fn of_vars(vars: &'a Vars<'a>) -> Scope<'a> {
        Scope {
            vars,
            places: None,
            this: None,
            times: None,
        }
    }

    pub(crate) fn with_times(self, times: &'a Times) -> Scope<'a> {
        let times = Some(times);
        Scope { times, ..self }
    }

    /// Whether the file has a variable of this name.
    pub(super) fn has(&self, name: &str) -> bool {
        self.vars.values.contains_key(name)
    }

    pub(super) fn times(&self) -> Option<&'a Times> {
        self.times
    }

    pub(crate) fn with_places(self, places: &'a dyn Places) -> Scope<'a> {
        let places = Some(places);
        Scope { places, ..self }
    }

    pub(crate) fn within(self, node: &'a str) -> Scope<'a> {
        let this = Some(node);
        Scope { this, ..self }
    }

    /// The tree with every variable replaced; `None` where one could not be,
    /// which the sink is told.
    pub(crate) fn interpolate(&self, tree: &Tree, sink: &Sink) -> Option<Tree> {
        let before = sink.count();
        let walk = Walk {
            scope: self,
            sink,
            stack: RefCell::default(),
            locals: None,
        };
        let tree = walk.tree(tree);
        (sink.count() == before).then_some(tree)
    }

    /// The tree with only those variables replaced that name what a loop counts
    /// with; what else it has is known later.
    pub(crate) fn unroll(&self, tree: &Tree, locals: &Locals, sink: &Sink) -> Tree {
        let walk = Walk {
            scope: self,
            sink,
            stack: RefCell::default(),
            locals: Some(locals),
        };
        walk.tree(tree)
    }
}

/// What a loop counts with: names and their values.
pub(crate) type Locals = [(String, Value)];

/// One walk through a tree; remembers which variables it is inside of.
struct Walk<'a> {
    scope: &'a Scope<'a>,
    sink: &'a Sink,
    stack: RefCell<Vec<String>>,
    /// In a loop, only what names one of these is replaced, in keys too.
    locals: Option<&'a Locals>,
}

/// What became of a `${...}`.
enum Found {
    /// Its value.
    Value(Value),
    /// It is not for this walk: as it stands there.
    Left(String),
}

impl Walk<'_> {
    fn tree(&self, tree: &Tree) -> Tree {
        let value = match &tree.value {
            Value::String(text) => self.text(text, tree.span),
            Value::List(items) => Value::List(items.iter().map(|item| self.tree(item)).collect()),
            Value::Map(entries) => Value::Map(
                entries
                    .iter()
                    .map(|(key, value)| (self.key(key), self.tree(value)))
                    .collect(),
            ),
            Value::Null | Value::Bool(_) | Value::Number(_) => tree.value.clone(),
        };
        let span = tree.span;
        Tree { span, value }
    }

    fn key(&self, key: &Key) -> Key {
        if self.locals.is_none() {
            return key.clone();
        }
        Key {
            span: key.span,
            text: plain(&self.text(&key.text, key.span)),
        }
    }

    fn text(&self, text: &str, span: Span) -> Value {
        if !text.contains("${") {
            return Value::String(text.to_owned());
        }
        let pieces = match template::parse(text) {
            Ok(pieces) => pieces,
            Err(fault) => {
                self.sink.add(unparsed(fault, span));
                return Value::Null;
            }
        };
        if let [Piece::Variable(inside)] = pieces.as_slice() {
            return match self.variable(inside, span) {
                Some(Found::Value(value)) => value,
                Some(Found::Left(text)) => Value::String(text),
                None => Value::Null,
            };
        }
        self.mixed(&pieces, span).map_or(Value::Null, Value::String)
    }

    fn mixed(&self, pieces: &[Piece], span: Span) -> Option<String> {
        let mut made = String::new();
        for piece in pieces {
            match piece {
                Piece::Text(text) => made.push_str(text),
                Piece::Escape if self.locals.is_some() => made.push_str("$${"),
                Piece::Escape => made.push_str("${"),
                Piece::Variable(inside) => match self.variable(inside, span)? {
                    Found::Value(value) => made.push_str(&plain(&value)),
                    Found::Left(text) => made.push_str(&text),
                },
            }
            if made.len() > MAX_TEXT {
                let message = "this text becomes too long";
                self.sink.add(Problem::new(span, message));
                return None;
            }
        }
        Some(made)
    }

    /// The value of what is between `${` and `}`, or the whole as it stands.
    fn variable(&self, inside: &[Piece], span: Span) -> Option<Found> {
        let expression = self.mixed(inside, span)?;
        if let Some(locals) = self.locals {
            // What is still open in it is known later only.
            let open = expression.contains("${");
            if open || !mentions(&expression, locals) {
                return Some(Found::Left(format!("${{{expression}}}")));
            }
        }
        self.expression(&expression, span).map(Found::Value)
    }

    fn expression(&self, expression: &str, span: Span) -> Option<Value> {
        let (path, default) = match expression.split_once(":-") {
            Some((path, default)) => (path.trim(), Some(default)),
            None => (expression.trim(), None),
        };
        let found = if is_arithmetic(path) {
            self.arithmetic(path, span)
        } else {
            self.lookup(path, span)
        };
        match (found, default) {
            (Ok(found), _) => found,
            (Err(_), Some(default)) => Some(retyped(default)),
            (Err(NoPlace { message, help }), None) => {
                self.sink.add(Problem::new(span, message).advice(help));
                None
            }
        }
    }

    /// `i + 1`: a number made of numbers.
    fn arithmetic(&self, text: &str, span: Span) -> Result<Option<Value>, NoPlace> {
        let names = |name: &str| match self.lookup(name, span) {
            Ok(Some(Value::Number(number))) => {
                Ok(Amount::Number(number.as_f64().unwrap_or(f64::NAN)))
            }
            Ok(Some(value)) => Err(Fault::new(format!("`{name}` is {value}, not a number"))),
            Ok(None) => Err(Fault::new(format!("`{name}` has no value"))),
            Err(NoPlace { message, help }) => Err(Fault { message, help }),
        };
        let value = match expression::evaluate(text, &names) {
            Ok(Amount::Number(value)) => value,
            Ok(Amount::Time(_)) => {
                let message = format!("`{text}` is a duration, not a number");
                return Err(no_place(message, None));
            }
            Err(Fault { message, help }) => return Err(no_place(message, help)),
        };
        #[expect(
            clippy::cast_possible_truncation,
            reason = "checked to be whole and small"
        )]
        let number = if value.fract() == 0.0 && value.abs() < 1e15 {
            Some(Number::from(value as i64))
        } else {
            Number::from_f64(value)
        };
        match number {
            Some(number) => Ok(Some(Value::Number(number))),
            None => Err(no_place(format!("`{text}` is no number"), None)),
        }
    }

    /// `Ok(None)` where it is there, but wrong in itself.
    fn lookup(&self, path: &str, span: Span) -> Result<Option<Value>, NoPlace> {
        let locals = self.locals.unwrap_or_default();
        if let Some((_, value)) = locals.iter().find(|(name, _)| name == path) {
            return Ok(Some(value.clone()));
        }
        let words: Vec<&str> = path.split('.').collect();
        match words.as_slice() {
            ["vars" | "matrix", name, keys @ ..] => self.var(name, keys, span),
            [name] => self.var(name, &[], span),
            [name, keys @ ..] if self.is_map(name) => self.var(name, keys, span),
            ["env", name] => match (self.scope.vars.env)(name) {
                Some(value) => Ok(Some(retyped(&value))),
                None => Err(no_place(
                    format!("the environment has no `{name}`"),
                    Some(format!("give a default: ${{env.{name}:-value}}")),
                )),
            },
            ["self", rest @ ..] => match self.scope.this {
                Some(node) => self.place(node, rest),
                None => Err(no_place("`self` is known inside of a node only", None)),
            },
            [node, rest @ ..] => self.place(node, rest),
            [] => Err(no_place("`${}` names nothing", None)),
        }
    }

    fn place(&self, node: &str, path: &[&str]) -> Result<Option<Value>, NoPlace> {
        if let Some(places) = self.scope.places {
            return Ok(Some(Value::String(places.value(node, path)?)));
        }
        let help = match suggest::nearest(node, WORDS) {
            Some(word) => format!("did you mean `{word}`?"),
            None => "what makes the network may use ${vars...} and ${env...} only".to_owned(),
        };
        let message = "the nodes' addresses are not known here";
        Err(no_place(message, Some(help)))
    }

    fn is_map(&self, name: &str) -> bool {
        let value = self.scope.vars.values.get(name);
        value.is_some_and(|tree| matches!(tree.value, Value::Map(_)))
    }

    /// A variable, or what is under these keys in it.
    fn var(&self, name: &str, keys: &[&str], span: Span) -> Result<Option<Value>, NoPlace> {
        let values = &self.scope.vars.values;
        let Some(mut tree) = values.get(name) else {
            return Err(self.no_variable(name));
        };
        for key in keys {
            let Some(under) = tree.get(key) else {
                let known = tree.entries().iter().map(|(key, _)| key.text.as_str());
                let help = suggest::advice(key, known);
                return Err(no_place(format!("`{name}` has no `{key}`"), help));
            };
            tree = under;
        }
        if self.stack.borrow().iter().any(|outer| outer == name) {
            let mut circle = self.stack.borrow().clone();
            circle.push(name.to_owned());
            let message = format!(
                "the variables stand for each other: {}",
                circle.join(" -> ")
            );
            self.sink.add(Problem::new(span, message));
            return Ok(None);
        }
        let lookups = self.scope.vars.lookups.get().saturating_add(1);
        self.scope.vars.lookups.set(lookups);
        if lookups > MAX_LOOKUPS {
            let message = "the variables of this file grow too much";
            self.sink.add(Problem::new(span, message));
            return Ok(None);
        }
        self.stack.borrow_mut().push(name.to_owned());
        let before = self.sink.count();
        let whole = Walk {
            locals: None,
            stack: RefCell::new(self.stack.borrow().clone()),
            ..*self
        };
        let value = whole.tree(tree).value;
        self.stack.borrow_mut().pop();
        Ok((self.sink.count() == before).then_some(value))
    }

    fn no_variable(&self, name: &str) -> NoPlace {
        let locals = self.locals.unwrap_or_default();
        let locals = locals.iter().map(|(name, _)| name.as_str());
        let values = self.scope.vars.values.keys().map(String::as_str);
        let known: Vec<&str> = locals.chain(values).collect();
        let is_node = || {
            let nodes = self.scope.places.map(Places::names);
            nodes.is_some_and(|nodes| nodes.contains(&name))
        };
        let help = match name.split_once('-') {
            Some((first, rest)) if known.contains(&first) => {
                Some(format!("to subtract, write `${{{first} - {rest}}}`"))
            }
            _ if is_node() => Some(format!(
                "`{name}` is a node: it has `{name}.ip`, `{name}.lo` and `{name}.PEER.ip`"
            )),
            _ => suggest::advice(name, known),
        };
        no_place(format!("there is no variable `{name}`"), help)
    }
}

/// The first words of paths that are no nodes.
pub(crate) const WORDS: [&str; 4] = ["vars", "matrix", "env", "self"];

/// Whether an expression names one of a loop's variables.
fn mentions(expression: &str, locals: &Locals) -> bool {
    let in_word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | '-');
    let mut words = expression.split(|c| !in_word(c));
    words.any(|word| locals.iter().any(|(name, _)| name == word))
}

/// A path has none of these; a name may have a `-` in it, so that a difference
/// is written with spaces.
fn is_arithmetic(path: &str) -> bool {
    path.contains(['+', '*', '/', '%', '(']) || path.contains(" - ") || path.starts_with('-')
}

fn unparsed(fault: template::Fault, span: Span) -> Problem {
    match fault {
        template::Fault::Open => Problem::new(span, "`${` without its `}`")
            .help("write `$${` where `${` itself is meant"),
        template::Fault::Deep => Problem::new(span, "`${` is nested too deeply"),
    }
}

fn no_place(message: impl Into<String>, help: Option<String>) -> NoPlace {
    let message = message.into();
    NoPlace { message, help }
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Bool(value) => value.to_string(),
        Value::Null | Value::List(_) | Value::Map(_) => String::new(),
    }
}

/// Text from outside of the file, with the type that it has inside of one.
pub(crate) fn retyped(text: &str) -> Value {
    let number = || text.parse::<i64>().ok().map(Number::from);
    let fraction = || {
        let digits = text.starts_with(|c: char| c.is_ascii_digit() || c == '-');
        let float = digits.then(|| text.parse::<f64>().ok()).flatten();
        float.and_then(Number::from_f64)
    };
    match text {
        "true" => Value::Bool(true),
        "false" => Value::Bool(false),
        _ => match number().or_else(fraction) {
            Some(number) => Value::Number(number),
            None => Value::String(text.to_owned()),
        },
    }
}
