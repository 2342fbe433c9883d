//! Expressions over messages of IGMP and PIM, and over datagrams of sources:
//! `pim.join(*, 239.1.1.1) r3>r2`, `data(10.1.0.9, 239.1.1.1) ttl = 62`.
//!
//! One language for whoever asks for messages: `packets` expectations look for
//! them, and a wire can be told which of them to drop. An expression is parsed
//! once, with the names of nodes replaced by their addresses, and then asked
//! about packets.
//!
//! ```text
//! expression = message { "or" message }
//! message    = kind [ "(" [ source "," ] group [ "," "rpt" ] ")" ] { condition }
//! source     = "*" | "any" | address [ "/" length ]
//! group      = "any" | address [ "/" length ]
//! condition  = place ">" place | "from" place | "to" place
//!            | field ( "=" | "!=" | "<" | "<=" | ">" | ">=" ) number
//! place      = node | address
//! ```

mod facts;
mod parse;

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use mcr_wire::igmp::RecordType;

pub use facts::Packet;
pub use parse::{BadExpression, Known};

use facts::{Entry, Facts, Tree};

#[cfg(test)]
mod tests;

/// What an expression may ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expression {
    any: Vec<Pattern>,
}

impl Expression {
    /// Reads an expression; `addresses` tells those of a node.
    ///
    /// # Errors
    /// What is wrong with it, and where.
    pub fn parse(
        text: &str,
        addresses: &dyn Fn(&str) -> Option<BTreeSet<Ipv4Addr>>,
    ) -> Result<Expression, BadExpression> {
        let any = parse::patterns(text, addresses)?;
        Ok(Expression { any })
    }

    /// Whether a packet is one of those that are meant. A message that cannot
    /// be read is none.
    #[must_use]
    pub fn matches(&self, packet: &Packet<'_>) -> bool {
        let facts = Facts::of(packet);
        facts.is_some_and(|facts| self.any.iter().any(|one| one.matches(&facts)))
    }

    /// Whether datagrams may be meant, and not messages of IGMP and PIM only.
    #[must_use]
    pub fn names_data(&self) -> bool {
        self.any.iter().any(|one| one.kind == Kind::Data)
    }
}

/// One kind of message with conditions on it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Pattern {
    kind: Kind,
    about: Option<About>,
    from: Option<BTreeSet<Ipv4Addr>>,
    to: Option<BTreeSet<Ipv4Addr>>,
    fields: Vec<Condition>,
}

/// The trees that one message must be about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct About {
    source: SourceOf,
    /// All groups where it is `None`.
    group: Option<Ipv4Net>,
    rpt: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SourceOf {
    /// (*,G) only.
    Star,
    /// (*,G) and every (S,G).
    Any,
    /// (S,G) of these sources.
    In(Ipv4Net),
}

impl About {
    fn is(self, entry: &Entry) -> bool {
        let group = self.group.is_none_or(|group| group.contains(&entry.group));
        let source = match (self.source, entry.tree) {
            (SourceOf::Star, Tree::Star { .. }) => true,
            (SourceOf::Star, Tree::Source { .. }) => false,
            (SourceOf::Any, Tree::Star { .. }) => !self.rpt,
            (SourceOf::Any, Tree::Source { rpt, .. }) => rpt == self.rpt,
            (SourceOf::In(_), Tree::Star { .. }) => false,
            (SourceOf::In(net), Tree::Source { source, rpt }) => {
                net.contains(&source) && rpt == self.rpt
            }
        };
        group && source
    }
}

/// A kind of packet, as an expression names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Data,
    Igmp,
    Query,
    Report,
    Leave,
    /// A record of this type in a report of IGMPv3.
    Record(RecordType),
    Pim,
    Hello,
    Register,
    NullRegister,
    RegisterStop,
    Join,
    Prune,
    Bootstrap,
    CandidateRp,
    Assert,
    Graft,
    GraftAck,
    StateRefresh,
}

impl Kind {
    const ALL: [(&'static str, Kind); 24] = [
        ("data", Kind::Data),
        ("igmp", Kind::Igmp),
        ("igmp.query", Kind::Query),
        ("igmp.report", Kind::Report),
        ("igmp.leave", Kind::Leave),
        ("igmp.is-in", Kind::Record(RecordType::IsInclude)),
        ("igmp.is-ex", Kind::Record(RecordType::IsExclude)),
        ("igmp.to-in", Kind::Record(RecordType::ToInclude)),
        ("igmp.to-ex", Kind::Record(RecordType::ToExclude)),
        ("igmp.allow", Kind::Record(RecordType::Allow)),
        ("igmp.block", Kind::Record(RecordType::Block)),
        ("pim", Kind::Pim),
        ("pim.hello", Kind::Hello),
        ("pim.register", Kind::Register),
        ("pim.null-register", Kind::NullRegister),
        ("pim.register-stop", Kind::RegisterStop),
        ("pim.join", Kind::Join),
        ("pim.prune", Kind::Prune),
        ("pim.bootstrap", Kind::Bootstrap),
        ("pim.candidate-rp", Kind::CandidateRp),
        ("pim.assert", Kind::Assert),
        ("pim.graft", Kind::Graft),
        ("pim.graft-ack", Kind::GraftAck),
        ("pim.state-refresh", Kind::StateRefresh),
    ];

    /// It names the router that it is for: by its destination, or in itself.
    fn is_for_one(self) -> bool {
        match self {
            Kind::Data => true,
            Kind::Igmp | Kind::Query | Kind::Report | Kind::Leave => false,
            Kind::Record(_) => false,
            Kind::Hello | Kind::Assert | Kind::StateRefresh => false,
            Kind::Pim | Kind::Register | Kind::NullRegister | Kind::RegisterStop => true,
            Kind::Join | Kind::Prune | Kind::Graft | Kind::GraftAck => true,
            Kind::Bootstrap | Kind::CandidateRp => true,
        }
    }
}

/// A number that a message has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Field {
    Ttl,
    Length,
    Version,
    MaxRespTime,
    Qrv,
    Qqi,
    Holdtime,
    DrPriority,
    GenerationId,
    Priority,
    Preference,
    Metric,
}

impl Field {
    const ALL: [(&'static str, Field); 12] = [
        ("ttl", Field::Ttl),
        ("length", Field::Length),
        ("version", Field::Version),
        ("max_resp_time", Field::MaxRespTime),
        ("qrv", Field::Qrv),
        ("qqi", Field::Qqi),
        ("holdtime", Field::Holdtime),
        ("dr_priority", Field::DrPriority),
        ("generation_id", Field::GenerationId),
        ("priority", Field::Priority),
        ("preference", Field::Preference),
        ("metric", Field::Metric),
    ];
}

/// A field compared with a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Condition {
    field: Field,
    compare: Compare,
    number: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Compare {
    Equal,
    NotEqual,
    Less,
    AtMost,
    More,
    AtLeast,
}

impl Compare {
    fn holds(self, one: u64, other: u64) -> bool {
        match self {
            Compare::Equal => one == other,
            Compare::NotEqual => one != other,
            Compare::Less => one < other,
            Compare::AtMost => one <= other,
            Compare::More => one > other,
            Compare::AtLeast => one >= other,
        }
    }
}

impl Pattern {
    fn matches(&self, facts: &Facts<'_>) -> bool {
        let Some(entries) = facts.entries(self.kind) else {
            return false;
        };
        let meant: Vec<&Entry> = match self.about {
            Some(about) => entries.iter().filter(|entry| about.is(entry)).collect(),
            None => entries.iter().collect(),
        };
        if self.about.is_some() && meant.is_empty() {
            return false;
        }
        let from = self.from.as_ref();
        let to = self.to.as_ref();
        from.is_none_or(|from| from.contains(&facts.packet.source))
            && to
                .is_none_or(|to| to.contains(&facts.packet.destination) || facts.is_for(to, &meant))
            && self.fields.iter().all(|one| {
                // A message without the field has no value that could be right.
                let value = facts.field(one.field);
                value.is_some_and(|value| one.compare.holds(value, one.number))
            })
    }
}
