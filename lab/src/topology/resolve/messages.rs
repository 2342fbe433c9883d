//! Messages of IGMP and PIM, as expressions name them.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use mcr_sim::packet_expr::{BadExpression, Expression};
use mcr_sim::rules::{Does, Rule, Which};

use super::Context;
use super::network::Network;
use crate::topology::file::MessageFault;
use crate::topology::place::At;
use crate::topology::suggest;
use crate::topology::value::Dur;

/// The most rules of one wire.
const MAX_RULES: usize = 64;

/// An expression over messages, in which nodes stand for their addresses.
pub(super) fn expression(
    cx: &Context<'_>,
    network: &Network,
    written: &At<String>,
) -> Option<Expression> {
    let addresses = |name: &str| network.node(name).map(|node| addresses(network, node.0));
    match Expression::parse(&written.value, &addresses) {
        Ok(expression) => Some(expression),
        Err(error) => {
            tell(cx, network, written, &error);
            None
        }
    }
}

fn addresses(network: &Network, node: usize) -> BTreeSet<Ipv4Addr> {
    let node = &network.nodes[node];
    let interfaces = node.interfaces.iter().flat_map(|one| &one.addresses);
    let all = interfaces.chain(&node.loopback);
    all.map(|address| address.addr()).collect()
}

fn tell(cx: &Context<'_>, network: &Network, written: &At<String>, error: &BadExpression) {
    let problem = cx.problem(written.span, error.to_string());
    let problem = match &error.known {
        Some(known) if known.words.is_empty() => {
            problem.advice(suggest::advice(&known.word, network.node_names()))
        }
        Some(known) => {
            let words = known.words.iter().copied();
            problem.advice(suggest::advice(&known.word, words))
        }
        None => problem,
    };
    cx.sink.add(problem);
}

/// The rules of a wire.
pub(super) fn rules(
    cx: &Context<'_>,
    network: &Network,
    faults: &[At<MessageFault>],
) -> Option<Vec<Rule>> {
    if let Some(fault) = faults.get(MAX_RULES) {
        cx.tell(
            fault.span,
            format!("a wire has at most {MAX_RULES} of these"),
        );
        return None;
    }
    let all = faults.iter().map(|fault| rule(cx, network, fault));
    // All are read, so that a mistake in one hides no other.
    let all: Vec<Option<Rule>> = all.collect();
    all.into_iter().collect()
}

fn rule(cx: &Context<'_>, network: &Network, fault: &At<MessageFault>) -> Option<Rule> {
    let At { span, value } = fault;
    let (written, does) = match (&value.drop, &value.delay, &value.dup) {
        (Some(drop), None, None) => (drop, Does::Drop),
        (None, None, Some(dup)) => (dup, Does::Double),
        (None, Some(delay), None) => {
            let Some(At { value: Dur(by), .. }) = value.by else {
                let problem = cx.problem(*span, "`delay` needs the time, as `by`");
                let help = "write `{delay: pim.register-stop, by: 3s}`";
                cx.sink.add(problem.help(help));
                return None;
            };
            (delay, Does::Delay(by))
        }
        _ => {
            let problem = cx.problem(*span, "a message gets one of `drop`, `delay` and `dup`");
            let help = "write `{drop: \"pim.join r2>r1\", first: 2}`";
            cx.sink.add(problem.help(help));
            return None;
        }
    };
    if let (Does::Drop | Does::Double, Some(by)) = (does, &value.by) {
        cx.tell(by.span, "`by` is for `delay`");
    }
    let which = match (&value.first, &value.nth) {
        (None, None) => Which::Every,
        (Some(first), None) => Which::First(counted(cx, first)?),
        (None, Some(nth)) => Which::Nth(counted(cx, nth)?),
        (Some(_), Some(nth)) => {
            cx.tell(nth.span, "`first` and `nth` exclude each other");
            return None;
        }
    };
    Some(Rule {
        text: written.value.clone(),
        expression: expression(cx, network, written)?,
        which,
        does,
    })
}

fn counted(cx: &Context<'_>, number: &At<u64>) -> Option<u64> {
    if number.value == 0 {
        cx.tell(number.span, "messages are counted from 1");
        return None;
    }
    Some(number.value)
}
