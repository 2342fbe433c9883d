//! The protocols' own times, which deadlines are written with.

use std::time::Duration;

use super::expression::{self, Amount, Fault};
use super::suggest;

/// The longest duration, in nanoseconds: a day.
const LONGEST: f64 = 86_400e9;

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
