//! What is asked of messages: names become links and addresses, and texts
//! expressions.

use std::collections::BTreeSet;
use std::time::Duration;

use super::Context;
use super::bounds::counted;
use super::messages;
use super::steps::Cast;
use crate::topology::file::{Packets, PacketsEntry};
use crate::topology::messages::{MOST_PATTERNS, Messages, MessagesCheck, Pattern};
use crate::topology::model::{Bound, LinkId};
use crate::topology::place::{At, OneOrMany, Part};
use crate::topology::tree::{Span, Value};
use crate::topology::value::Dur;

/// When the condition is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Judged {
    /// Over a span of time.
    Measured,
    /// As soon as it is true.
    AtOnce,
    /// After it was true for a while, or as something that must not be.
    Held,
}

/// Reads conditions on messages.
struct Reader<'a> {
    cx: &'a Context<'a>,
    cast: &'a Cast<'a>,
    judged: Judged,
    span: Span,
}

pub(super) fn packets(
    cx: &Context<'_>,
    cast: &Cast<'_>,
    part: &Part<PacketsEntry>,
    judged: Judged,
) -> Option<MessagesCheck> {
    let (tree, span) = (part.tree.clone(), part.tree.span);
    let reader = Reader {
        cx,
        cast,
        judged,
        span,
    };
    let written = if matches!(tree.value, Value::Map(_)) {
        Part::new(tree).read(&cx.scope, cx.sink)?
    } else {
        Packets {
            first: Some(Part::new(tree).read(&cx.scope, cx.sink)?),
            ..Packets::default()
        }
    };
    let asked = reader.asked(&written)?;
    let (links, place) = reader.place(&written)?;
    Some(MessagesCheck {
        links,
        place,
        asked,
        after: written.after.map_or(Duration::ZERO, |Dur(after)| after),
    })
}

impl Reader<'_> {
    fn tell(&self, message: &str, help: &str) {
        let problem = self.cx.problem(self.span, message);
        self.cx.sink.add(problem.help(help));
    }

    fn asked(&self, written: &Packets) -> Option<Messages> {
        let count = written.count.is_some() || written.window.is_some();
        match (&written.first, &written.seq, &written.matching) {
            (Some(first), None, None) if !count => {
                self.not_measured()?;
                let of = match &written.of {
                    Some(of) => Some(self.pattern(of)?),
                    None => None,
                };
                let first = self.pattern(first)?;
                Some(Messages::First { first, of })
            }
            (None, Some(OneOrMany(all)), None) if !count && written.of.is_none() => {
                self.not_measured()?;
                if all.is_empty() || all.len() > MOST_PATTERNS {
                    let message = format!("a sequence has 1 to {MOST_PATTERNS} messages");
                    self.tell(&message, "write `seq: [pim.register, pim.register-stop]`");
                    return None;
                }
                let all: Option<Vec<Pattern>> = all.iter().map(|one| self.pattern(one)).collect();
                Some(Messages::Sequence(all?))
            }
            (None, None, Some(of)) if written.of.is_none() => {
                let of = self.pattern(of)?;
                let count = self.count(written)?;
                let window = written.window.map(|Dur(window)| window);
                if window.is_some_and(|window| window.is_zero()) {
                    self.tell("a window has some length", "write `window: 1s`");
                }
                Some(Messages::Count { of, count, window })
            }
            _ => {
                self.tell(
                    "messages are asked for by `first`, by `seq`, or by `match` and `count`",
                    "write one of these: `first: \"pim.join(*, 239.1.1.1)\"`, \
                     `seq: [pim.register, pim.register-stop]`, \
                     `{match: pim.hello, count: {min: 1}}`",
                );
                None
            }
        }
    }

    fn not_measured(&self) -> Option<()> {
        if self.judged == Judged::Measured {
            self.tell(
                "in a measured time messages are counted",
                "write `{match: pim.hello, count: 2}`",
            );
            return None;
        }
        Some(())
    }

    fn count(&self, written: &Packets) -> Option<Bound> {
        let Some(limits) = &written.count else {
            self.tell("`match` needs a `count`", "write `count: {max: 3}`");
            return None;
        };
        let instead = "count in `measure: {for: 5s, packets: ...}`, or say how long it `holds`";
        counted(self.cx, limits, self.judged, instead)
    }

    fn pattern(&self, text: &At<String>) -> Option<Pattern> {
        Some(Pattern {
            text: text.value.clone(),
            expression: messages::expression(self.cx, self.cast.network, text)?,
        })
    }

    /// The links, and what they are called together.
    fn place(&self, written: &Packets) -> Option<(Vec<LinkId>, String)> {
        let (OneOrMany(at), OneOrMany(between)) = (&written.at, &written.between);
        let network = self.cast.network;
        let names = |all: &[At<String>]| {
            let names: Vec<&str> = all.iter().map(|name| name.value.as_str()).collect();
            names.join(", ")
        };
        match (at.as_slice(), between.as_slice()) {
            ([], []) => {
                let all = (0..network.links.len()).map(LinkId).collect();
                Some((all, "all links".to_owned()))
            }
            (at, []) => {
                let links = at.iter().map(|name| self.cast.link(self.cx, name));
                Some((links.collect::<Option<_>>()?, names(at)))
            }
            ([], between) => {
                let nodes = between.iter().map(|name| self.cast.node(self.cx, name));
                let nodes: BTreeSet<_> = nodes.collect::<Option<_>>()?;
                let links = network.links.iter().enumerate();
                let links: Vec<LinkId> = links
                    .filter(|(_, link)| {
                        let ends = link.ends.iter().filter(|(node, _)| nodes.contains(node));
                        ends.count() > 1
                    })
                    .map(|(position, _)| LinkId(position))
                    .collect();
                if links.is_empty() && network.whole {
                    self.tell(
                        "these nodes have no link in common",
                        "name two or more that do, or links as `at: a--b`",
                    );
                    return None;
                }
                Some((links, format!("the links between {}", names(between))))
            }
            (_, _) => {
                self.tell(
                    "`at` and `between` both say which links are meant",
                    "write one of them",
                );
                None
            }
        }
    }
}
