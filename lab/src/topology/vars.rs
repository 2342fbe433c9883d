//! What `${...}` stands for.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use indexmap::IndexMap;
use serde_json::Number;

use super::decode::{Problem, Sink};
use super::expression::{self, Amount, Fault};
use super::suggest;
use super::tree::{Span, Tree, Value};

/// The longest text that one value may become.
const MAX_TEXT: usize = 64 << 10;

/// The most times that a variable is looked up for one file: variables that
/// stand for several others each grow quickly.
const MAX_LOOKUPS: u32 = 1_000_000;

/// The longest duration, in nanoseconds.
const LONGEST: f64 = 86_400e9;

/// What the words of nodes stand for: `r1.lo`, `r1.r2.ip`.
pub(crate) trait Places {
    /// The value of a path whose first word is a node's name, or why there is
    /// none.
    fn value(&self, node: &str, path: &[&str]) -> Result<String, NoPlace>;
}

/// Why a path stands for nothing.
#[derive(Debug, PartialEq)]
pub(crate) struct NoPlace {
    pub(crate) message: String,
    pub(crate) help: Option<String>,
}

/// The times of the protocols, which deadlines may be written with.
#[derive(Debug, Default)]
pub(crate) struct Times(Vec<(&'static str, Duration)>);

impl Times {
    pub(crate) fn new(times: impl IntoIterator<Item = (&'static str, Duration)>) -> Times {
        Times(times.into_iter().collect())
    }

    /// What an expression of them comes to, in nanoseconds.
    pub(super) fn evaluate(&self, text: &str) -> Result<f64, Fault> {
        match expression::evaluate(text, &|name| self.of(name))? {
            Amount::Time(nanos) if nanos < 0.0 => {
                Err(Fault::new(format!("`{text}` is less than nothing")))
            }
            Amount::Time(nanos) if nanos > LONGEST => {
                Err(Fault::new(format!("`{text}` is more than a day")))
            }
            Amount::Time(nanos) => Ok(nanos),
            Amount::Number(_) => Err(Fault {
                message: format!("`{text}` is a number, not a duration"),
                help: Some("write it as `500ms`, `2s` or `2 * pim.hello`".to_owned()),
            }),
        }
    }

    fn of(&self, name: &str) -> Result<Amount, Fault> {
        let found = self.0.iter().find(|(known, _)| *known == name);
        if let Some((_, time)) = found {
            return Ok((*time).into());
        }
        let known = || self.0.iter().map(|(known, _)| *known);
        let help = match suggest::nearest(name, known()) {
            Some(nearest) => format!("did you mean `{nearest}`?"),
            None => format!("known: {}", known().collect::<Vec<_>>().join(", ")),
        };
        Err(Fault {
            message: format!("there is no time `{name}`"),
            help: Some(help),
        })
    }
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

/// What an expression stands for: text, or a value with a type of its own.
struct Found {
    value: Value,
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
        };
        let tree = walk.tree(tree);
        (sink.count() == before).then_some(tree)
    }
}

/// One walk through a tree; remembers which variables it is inside of.
struct Walk<'a> {
    scope: &'a Scope<'a>,
    sink: &'a Sink,
    stack: RefCell<Vec<String>>,
}

impl Walk<'_> {
    fn tree(&self, tree: &Tree) -> Tree {
        let value = match &tree.value {
            Value::String(text) => self.text(text, tree.span),
            Value::List(items) => Value::List(items.iter().map(|item| self.tree(item)).collect()),
            Value::Map(entries) => Value::Map(
                entries
                    .iter()
                    .map(|(key, value)| (key.clone(), self.tree(value)))
                    .collect(),
            ),
            Value::Null | Value::Bool(_) | Value::Number(_) => tree.value.clone(),
        };
        let span = tree.span;
        Tree { span, value }
    }

    fn text(&self, text: &str, span: Span) -> Value {
        let whole = text
            .strip_prefix("${")
            .and_then(|rest| rest.strip_suffix('}'));
        if let Some(expression) = whole
            && !expression.contains(['{', '}'])
        {
            return match self.expression(expression, span) {
                Some(found) => found.value,
                None => Value::Null,
            };
        }
        self.mixed(text, span).map_or(Value::Null, Value::String)
    }

    fn mixed(&self, text: &str, span: Span) -> Option<String> {
        let mut made = String::new();
        let mut rest = text;
        while let Some(dollar) = rest.find('$') {
            made.push_str(&rest[..dollar]);
            rest = &rest[dollar..];
            if let Some(after) = rest.strip_prefix("$${") {
                made.push_str("${");
                rest = after;
            } else if let Some(after) = rest.strip_prefix("${") {
                let Some((expression, after)) = after.split_once('}') else {
                    let problem = Problem::new(span, "`${` without its `}`");
                    self.sink
                        .add(problem.help("write `$${` where `${` itself is meant"));
                    return None;
                };
                made.push_str(&plain(&self.expression(expression, span)?.value));
                rest = after;
            } else {
                made.push('$');
                rest = &rest[1..];
            }
            if made.len() > MAX_TEXT {
                let message = "this text becomes too long";
                self.sink.add(Problem::new(span, message));
                return None;
            }
        }
        made.push_str(rest);
        Some(made)
    }

    fn expression(&self, expression: &str, span: Span) -> Option<Found> {
        let lookups = self.scope.vars.lookups.get().saturating_add(1);
        self.scope.vars.lookups.set(lookups);
        if lookups > MAX_LOOKUPS {
            self.sink.add(Problem::new(
                span,
                "the variables of this file grow too much",
            ));
            return None;
        }
        let (path, default) = match expression.split_once(":-") {
            Some((path, default)) => (path.trim(), Some(default)),
            None => (expression.trim(), None),
        };
        match (self.lookup(path, span), default) {
            (Ok(found), _) => found,
            (Err(_), Some(default)) => Some(Found {
                value: retyped(default),
            }),
            (Err(NoPlace { message, help }), None) => {
                self.sink.add(Problem::new(span, message).advice(help));
                None
            }
        }
    }

    /// `Ok(None)` where it is there, but wrong in itself.
    fn lookup(&self, path: &str, span: Span) -> Result<Option<Found>, NoPlace> {
        let words: Vec<&str> = path.split('.').collect();
        match words.as_slice() {
            ["vars", name] | [name] => self.var(name, span),
            ["env", name] => match (self.scope.vars.env)(name) {
                Some(value) => Ok(Some(Found {
                    value: retyped(&value),
                })),
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

    fn place(&self, node: &str, path: &[&str]) -> Result<Option<Found>, NoPlace> {
        let Some(places) = self.scope.places else {
            return Err(no_place(
                "the nodes' addresses are not known here",
                Some("what makes the network may use ${vars...} and ${env...} only".to_owned()),
            ));
        };
        let value = Value::String(places.value(node, path)?);
        Ok(Some(Found { value }))
    }

    fn var(&self, name: &str, span: Span) -> Result<Option<Found>, NoPlace> {
        let values = &self.scope.vars.values;
        let Some(tree) = values.get(name) else {
            let known = values.keys().map(String::as_str);
            let help = suggest::advice(name, known);
            return Err(no_place(format!("there is no variable `{name}`"), help));
        };
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
        self.stack.borrow_mut().push(name.to_owned());
        let before = self.sink.count();
        let value = self.tree(tree).value;
        self.stack.borrow_mut().pop();
        Ok((self.sink.count() == before).then_some(Found { value }))
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
