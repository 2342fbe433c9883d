//! Sums and products of numbers, durations and names: `2 * pim.hello`,
//! `igmp.last_member + 100ms`, `i % 8 + 1`.

use std::time::Duration;

/// The deepest that parentheses may be nested.
const MAX_DEPTH: usize = 16;

/// A value of an expression.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Amount {
    /// A plain number.
    Number(f64),
    /// A duration, in nanoseconds.
    Time(f64),
}

/// Why an expression has no value.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Fault {
    pub(super) message: String,
    pub(super) help: Option<String>,
}

impl Fault {
    pub(super) fn new(message: impl Into<String>) -> Fault {
        let message = message.into();
        let help = None;
        Fault { message, help }
    }
}

/// What the names in an expression stand for.
pub(super) type Names<'a> = dyn Fn(&str) -> Result<Amount, Fault> + 'a;

#[expect(
    clippy::cast_precision_loss,
    reason = "a day in nanoseconds is less than 2^53"
)]
impl From<Duration> for Amount {
    fn from(time: Duration) -> Amount {
        Amount::Time(time.as_nanos() as f64)
    }
}

/// Whether text can only be meant as an expression: it has an operator, or a
/// name with a point in it.
pub(super) fn is_expression(text: &str) -> bool {
    let named = || {
        let mut letters = text.as_bytes().windows(3);
        letters.any(|at| {
            let [before, b'.', after] = at else {
                return false;
            };
            before.is_ascii_alphabetic() && after.is_ascii_alphabetic()
        })
    };
    text.contains(['*', '+', '(', '%']) && !text.trim_end().ends_with('%') || named()
}

/// The value of an expression.
pub(super) fn evaluate(text: &str, names: &Names<'_>) -> Result<Amount, Fault> {
    let tokens = tokens(text)?;
    let mut parser = Parser {
        text,
        tokens: &tokens,
        names,
        depth: 0,
    };
    let value = parser.sum()?;
    match parser.tokens {
        [] => Ok(value),
        [next, ..] => Err(parser.unexpected(next)),
    }
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Value(Amount),
    Name(String),
    Sign(char),
}

/// Numbers, durations, names and signs.
fn tokens(text: &str) -> Result<Vec<Token>, Fault> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let in_word = |c: char| c.is_alphanumeric() || c == '.' || c == '_';
        let length = match first {
            _ if in_word(first) => rest.find(|c| !in_word(c)).unwrap_or(rest.len()),
            '+' | '-' | '*' | '/' | '%' | '(' | ')' => 1,
            other => return Err(Fault::new(format!("`{text}`: there is no sign `{other}`"))),
        };
        let (word, after) = rest.split_at(length);
        tokens.push(if first.is_ascii_digit() {
            Token::Value(literal(word)?)
        } else if in_word(first) {
            Token::Name(word.to_owned())
        } else {
            Token::Sign(first)
        });
        rest = after.trim_start();
    }
    Ok(tokens)
}

/// `2`, `1.5`, `100ms`.
fn literal(word: &str) -> Result<Amount, Fault> {
    if let Ok(number) = word.parse::<f64>()
        && number.is_finite()
    {
        return Ok(Amount::Number(number));
    }
    match humantime::parse_duration(word) {
        Ok(time) => Ok(time.into()),
        Err(_) => Err(Fault::new(format!(
            "`{word}` is neither a number nor a duration such as `500ms`"
        ))),
    }
}

struct Parser<'a> {
    text: &'a str,
    tokens: &'a [Token],
    names: &'a Names<'a>,
    depth: usize,
}

impl Parser<'_> {
    fn unexpected(&self, token: &Token) -> Fault {
        let shown = match token {
            Token::Value(Amount::Number(number)) => number.to_string(),
            Token::Value(Amount::Time(_)) => "a duration".to_owned(),
            Token::Name(name) => format!("`{name}`"),
            Token::Sign(sign) => format!("`{sign}`"),
        };
        Fault::new(format!("`{}`: {shown} cannot stand there", self.text))
    }

    fn wrong(&self, message: &str) -> Fault {
        Fault::new(format!("`{}`: {message}", self.text))
    }

    /// Takes the next token, where it is one of these signs.
    fn sign(&mut self, signs: &[char]) -> Option<char> {
        match self.tokens {
            [Token::Sign(sign), rest @ ..] if signs.contains(sign) => {
                self.tokens = rest;
                Some(*sign)
            }
            _ => None,
        }
    }

    fn sum(&mut self) -> Result<Amount, Fault> {
        let mut value = self.product()?;
        while let Some(sign) = self.sign(&['+', '-']) {
            let other = self.product()?;
            let factor = if sign == '+' { 1.0 } else { -1.0 };
            value = match (value, other) {
                (Amount::Number(a), Amount::Number(b)) => Amount::Number(a + factor * b),
                (Amount::Time(a), Amount::Time(b)) => Amount::Time(a + factor * b),
                (_, _) => return Err(self.wrong("a number and a duration have no sum")),
            };
        }
        Ok(value)
    }

    fn product(&mut self) -> Result<Amount, Fault> {
        let mut value = self.factor()?;
        while let Some(sign) = self.sign(&['*', '/', '%']) {
            let other = self.factor()?;
            value = self.multiplied(value, sign, other)?;
        }
        Ok(value)
    }

    fn multiplied(&self, left: Amount, sign: char, right: Amount) -> Result<Amount, Fault> {
        let nothing = matches!(right, Amount::Number(0.0));
        match (left, sign, right) {
            (_, '/' | '%', _) if nothing => Err(self.wrong("nothing can be divided by 0")),
            (Amount::Number(a), '*', Amount::Number(b)) => Ok(Amount::Number(a * b)),
            (Amount::Number(a), '/', Amount::Number(b)) => Ok(Amount::Number(a / b)),
            (Amount::Number(a), _, Amount::Number(b)) => Ok(Amount::Number(a.rem_euclid(b))),
            (Amount::Time(a), '*', Amount::Number(b))
            | (Amount::Number(a), '*', Amount::Time(b)) => Ok(Amount::Time(a * b)),
            (Amount::Time(a), '/', Amount::Number(b)) => Ok(Amount::Time(a / b)),
            (Amount::Time(_), _, _) | (_, _, Amount::Time(_)) => {
                Err(self.wrong("a duration can be multiplied and divided by a number only"))
            }
        }
    }

    fn factor(&mut self) -> Result<Amount, Fault> {
        if self.sign(&['-']).is_some() {
            self.deeper()?;
            let value = self.factor()?;
            self.depth -= 1;
            return Ok(match value {
                Amount::Number(value) => Amount::Number(-value),
                Amount::Time(value) => Amount::Time(-value),
            });
        }
        if self.sign(&['(']).is_some() {
            self.deeper()?;
            let value = self.sum()?;
            self.depth -= 1;
            return match self.sign(&[')']) {
                Some(_) => Ok(value),
                None => Err(self.wrong("`(` without its `)`")),
            };
        }
        match self.tokens {
            [] => Err(self.wrong("something is missing at the end")),
            [Token::Value(value), rest @ ..] => {
                self.tokens = rest;
                Ok(*value)
            }
            [Token::Name(name), rest @ ..] => {
                self.tokens = rest;
                (self.names)(name)
            }
            [token @ Token::Sign(_), ..] => Err(self.unexpected(token)),
        }
    }

    fn deeper(&mut self) -> Result<(), Fault> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(self.wrong("this is nested too deeply"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
