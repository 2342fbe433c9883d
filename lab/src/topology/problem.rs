//! Mistakes, and where they are gathered.

use std::cell::{Cell, RefCell};

use super::tree::Span;

/// The most different mistakes that are told of one lab.
const MAX_PROBLEMS: usize = 1_000;

/// A mistake in the file.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Problem {
    pub(crate) span: Span,
    pub(crate) message: String,
    pub(crate) help: Option<String>,
}

impl Problem {
    pub(crate) fn new(span: Span, message: impl Into<String>) -> Problem {
        Problem {
            span,
            message: message.into(),
            help: None,
        }
    }

    pub(crate) fn help(mut self, help: impl Into<String>) -> Problem {
        self.help = Some(help.into());
        self
    }

    pub(crate) fn advice(mut self, advice: Option<String>) -> Problem {
        self.help = advice;
        self
    }
}

/// Where mistakes are gathered.
#[derive(Debug, Default)]
pub(crate) struct Sink {
    problems: RefCell<Vec<Problem>>,
    told: Cell<usize>,
}

impl Sink {
    pub(crate) fn add(&self, problem: Problem) {
        self.told.set(self.told.get() + 1);
        let mut problems = self.problems.borrow_mut();
        // A template that several nodes inherit is read for each of them.
        if problems.len() < MAX_PROBLEMS && !problems.contains(&problem) {
            problems.push(problem);
        }
    }

    /// How often it was told something, the same again included.
    pub(crate) fn count(&self) -> usize {
        self.told.get()
    }

    pub(crate) fn take(self) -> Vec<Problem> {
        self.problems.into_inner()
    }
}
