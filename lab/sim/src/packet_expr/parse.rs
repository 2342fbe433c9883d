//! From text to patterns.

use std::collections::BTreeSet;
use std::fmt;
use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

use super::{About, Compare, Condition, Field, Kind, Pattern, SourceOf};

/// The longest expression.
const LONGEST: usize = 1000;
/// The most messages that `or` may join.
const MOST: usize = 32;

/// Why a text is no expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadExpression {
    /// Where it is wrong, as a byte of the text.
    pub at: usize,
    /// What is wrong.
    pub message: String,
    /// What could have been meant by an unknown word.
    pub known: Option<Known>,
}

/// A word that is not known, and those that could stand in its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// The word.
    pub word: String,
    /// The words that are known; of nodes the caller has the names.
    pub words: Vec<&'static str>,
}

impl fmt::Display for BadExpression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.message)
    }
}

impl std::error::Error for BadExpression {}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token<'a> {
    Word(&'a str),
    Sign(&'a str),
}

impl fmt::Display for Token<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Token::Word(text) | Token::Sign(text) => write!(f, "`{text}`"),
        }
    }
}

type Addresses<'a> = &'a dyn Fn(&str) -> Option<BTreeSet<Ipv4Addr>>;

struct Parser<'a> {
    tokens: Vec<(usize, Token<'a>)>,
    next: usize,
    end: usize,
    addresses: Addresses<'a>,
}

pub(super) fn patterns(
    text: &str,
    addresses: Addresses<'_>,
) -> Result<Vec<Pattern>, BadExpression> {
    if text.len() > LONGEST {
        return Err(wrong(
            0,
            format!("an expression has at most {LONGEST} bytes"),
        ));
    }
    let mut parser = Parser {
        tokens: tokens(text)?,
        next: 0,
        end: text.len(),
        addresses,
    };
    let mut all = vec![parser.pattern()?];
    while parser.eat(Token::Word("or")) {
        if all.len() == MOST {
            let message = format!("at most {MOST} messages can be joined by `or`");
            return Err(wrong(parser.place(), message));
        }
        all.push(parser.pattern()?);
    }
    match parser.peek() {
        None => Ok(all),
        Some(token) => Err(wrong(
            parser.place(),
            format!("{token} is not expected here"),
        )),
    }
}

fn wrong(at: usize, message: impl Into<String>) -> BadExpression {
    BadExpression {
        at,
        message: message.into(),
        known: None,
    }
}

fn tokens(text: &str) -> Result<Vec<(usize, Token<'_>)>, BadExpression> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        let word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | '-' | '/');
        let letters = rest.find(|c| !word(c)).unwrap_or(rest.len());
        if let Some(text) = rest.get(..letters).filter(|text| !text.is_empty()) {
            found.push((at, Token::Word(text)));
            at += letters;
            continue;
        }
        let signs = ["!=", "<=", ">=", "(", ")", ",", "*", "=", "<", ">"];
        if let Some(sign) = signs.into_iter().find(|sign| rest.starts_with(sign)) {
            found.push((at, Token::Sign(sign)));
            at += sign.len();
            continue;
        }
        match rest.chars().next() {
            Some(space) if space.is_whitespace() => at += space.len_utf8(),
            Some(other) => return Err(wrong(at, format!("`{other}` has no meaning here"))),
            None => break,
        }
    }
    Ok(found)
}

fn chosen<T: Copy>(all: &[(&'static str, T)], word: &str) -> Option<T> {
    let mut known = all.iter();
    known.find(|(name, _)| *name == word).map(|(_, one)| *one)
}

fn names<T>(all: &[(&'static str, T)]) -> Vec<&'static str> {
    all.iter().map(|(name, _)| *name).collect()
}

fn compare(token: Token<'_>) -> Option<Compare> {
    match token {
        Token::Sign("=") => Some(Compare::Equal),
        Token::Sign("!=") => Some(Compare::NotEqual),
        Token::Sign("<") => Some(Compare::Less),
        Token::Sign("<=") => Some(Compare::AtMost),
        Token::Sign(">") => Some(Compare::More),
        Token::Sign(">=") => Some(Compare::AtLeast),
        Token::Sign(_) | Token::Word(_) => None,
    }
}

impl<'a> Parser<'a> {
    fn peek(&self) -> Option<Token<'a>> {
        self.tokens.get(self.next).map(|(_, token)| *token)
    }

    fn place(&self) -> usize {
        self.tokens.get(self.next).map_or(self.end, |(at, _)| *at)
    }

    fn eat(&mut self, token: Token<'_>) -> bool {
        let found = self.peek() == Some(token);
        self.next += usize::from(found);
        found
    }

    fn missing(&self, what: &str) -> BadExpression {
        let message = match self.peek() {
            Some(token) => format!("expected {what}, found {token}"),
            None => format!("expected {what} at the end"),
        };
        wrong(self.place(), message)
    }

    fn need(&mut self, sign: &'static str) -> Result<(), BadExpression> {
        match self.eat(Token::Sign(sign)) {
            true => Ok(()),
            false => Err(self.missing(&format!("`{sign}`"))),
        }
    }

    fn word(&mut self, what: &str) -> Result<&'a str, BadExpression> {
        match self.peek() {
            Some(Token::Word(word)) => {
                self.next += 1;
                Ok(word)
            }
            Some(Token::Sign(_)) | None => Err(self.missing(what)),
        }
    }

    fn unknown(
        &self,
        at: usize,
        what: &str,
        word: &str,
        words: Vec<&'static str>,
    ) -> BadExpression {
        BadExpression {
            at,
            message: format!("there is no {what} `{word}`"),
            known: Some(Known {
                word: word.to_owned(),
                words,
            }),
        }
    }

    fn pattern(&mut self) -> Result<Pattern, BadExpression> {
        let at = self.place();
        let word = self.word("a message, like `pim.join`")?;
        let Some(kind) = chosen(&Kind::ALL, word) else {
            return Err(self.unknown(at, "message", word, names(&Kind::ALL)));
        };
        let about = match self.eat(Token::Sign("(")) {
            true => Some(self.about()?),
            false => None,
        };
        let mut pattern = Pattern {
            kind,
            about,
            from: None,
            to: None,
            fields: Vec::new(),
        };
        while let Some(Token::Word(word)) = self.peek() {
            if word == "or" {
                break;
            }
            self.condition(&mut pattern)?;
        }
        Ok(pattern)
    }

    fn about(&mut self) -> Result<About, BadExpression> {
        let first = self.place();
        let star = self.eat(Token::Sign("*"));
        let net = match star {
            true => None,
            false => self.net()?,
        };
        if !star && self.eat(Token::Sign(")")) {
            // One address alone is a group: `igmp.report(239.1.1.1)`.
            group(first, net)?;
            let (source, group) = (SourceOf::Any, net);
            let rpt = false;
            return Ok(About { source, group, rpt });
        }
        let source = match (star, net) {
            (true, _) => SourceOf::Star,
            (false, None) => SourceOf::Any,
            (false, Some(net)) => SourceOf::In(net),
        };
        self.need(",")?;
        let at = self.place();
        let net = self.net()?;
        group(at, net)?;
        let mut rpt = false;
        if self.eat(Token::Sign(",")) {
            let at = self.place();
            match self.word("`rpt`")? {
                "rpt" if !star => rpt = true,
                "rpt" => return Err(wrong(at, "a (*,G) has no `rpt` state of its own")),
                other => return Err(wrong(at, format!("expected `rpt`, found `{other}`"))),
            }
        }
        self.need(")")?;
        Ok(About {
            source,
            group: net,
            rpt,
        })
    }

    /// An address or a prefix; `None` stands for all.
    fn net(&mut self) -> Result<Option<Ipv4Net>, BadExpression> {
        let at = self.place();
        let word = self.word("an address")?;
        if word == "any" {
            return Ok(None);
        }
        let address = word.parse::<Ipv4Addr>().map(Ipv4Net::from);
        match address.or_else(|_| word.parse::<Ipv4Net>()) {
            Ok(net) => Ok(Some(net.trunc())),
            Err(_) => Err(wrong(at, format!("`{word}` is no address"))),
        }
    }

    fn condition(&mut self, pattern: &mut Pattern) -> Result<(), BadExpression> {
        let at = self.place();
        let word = self.word("a condition")?;
        let (from, to) = match word {
            "from" => (Some(self.node()?), None),
            "to" => (None, Some(self.to(pattern.kind)?)),
            _ => {
                if let Some(field) = chosen(&Field::ALL, word) {
                    let condition = self.field(field)?;
                    pattern.fields.push(condition);
                    return Ok(());
                }
                if self.peek() != Some(Token::Sign(">")) {
                    let mut known = vec!["from", "to", "or"];
                    known.extend(names(&Field::ALL));
                    return Err(self.unknown(at, "condition", word, known));
                }
                let from = self.resolve(at, word)?;
                self.need(">")?;
                (Some(from), Some(self.to(pattern.kind)?))
            }
        };
        for (part, new) in [(&mut pattern.from, from), (&mut pattern.to, to)] {
            if part.is_some() && new.is_some() {
                return Err(wrong(at, "who it is from, or to, is said twice"));
            }
            if new.is_some() {
                *part = new;
            }
        }
        Ok(())
    }

    fn field(&mut self, field: Field) -> Result<Condition, BadExpression> {
        let sign = self.peek().and_then(compare);
        let Some(compare) = sign else {
            return Err(self.missing("one of = != < <= > >="));
        };
        self.next += 1;
        let at = self.place();
        let word = self.word("a number")?;
        match word.parse() {
            Ok(number) => Ok(Condition {
                field,
                compare,
                number,
            }),
            Err(_) => Err(wrong(at, format!("`{word}` is no number"))),
        }
    }

    fn node(&mut self) -> Result<BTreeSet<Ipv4Addr>, BadExpression> {
        let at = self.place();
        let word = self.word("a node or an address")?;
        self.resolve(at, word)
    }

    fn to(&mut self, kind: Kind) -> Result<BTreeSet<Ipv4Addr>, BadExpression> {
        let at = self.place();
        let to = self.node()?;
        let multicast = to.iter().all(Ipv4Addr::is_multicast);
        match kind.is_for_one() || multicast {
            true => Ok(to),
            false => Err(wrong(
                at,
                "this message is for all on its link, so it has no receiver to ask for",
            )),
        }
    }

    fn resolve(&self, at: usize, word: &str) -> Result<BTreeSet<Ipv4Addr>, BadExpression> {
        if let Ok(address) = word.parse() {
            return Ok(BTreeSet::from([address]));
        }
        match (self.addresses)(word) {
            Some(addresses) => Ok(addresses),
            None => Err(self.unknown(at, "node", word, Vec::new())),
        }
    }
}

fn group(at: usize, net: Option<Ipv4Net>) -> Result<(), BadExpression> {
    match net {
        Some(net) if !net.addr().is_multicast() => {
            Err(wrong(at, format!("{} is no group", net.addr())))
        }
        Some(_) | None => Ok(()),
    }
}
