//! Verbs that change what routers know and who is on a link: unicast routes,
//! configurations, many hosts.

use super::Context;
use super::nodes::check_config;
use super::steps::{Cast, Done, read};
use super::traffic;
use crate::topology::file::{ConfigVerb, HostsVerb, UnicastVerb, Verbs};
use crate::topology::model::{Action, Hosts, Kind};
use crate::topology::place::{At, OneOrMany};
use crate::topology::tree::{Span, Tree};
use crate::topology::value::{Address, Dur, Group, Net};

/// The most hosts of one verb.
const MAX_HOSTS: u32 = 10_000;
/// The most groups of one verb.
const MAX_GROUPS: u32 = 65_536;

pub(super) fn perform(cx: &Context<'_>, cast: &Cast<'_>, verbs: &Verbs, done: &mut Done) {
    if let Some((OneOrMany(verbs), span)) = read(cx, verbs.unicast.as_ref()) {
        for verb in verbs {
            unicast(cx, cast, &verb, span, done);
        }
    }
    if let Some((OneOrMany(verbs), span)) = read(cx, verbs.config.as_ref()) {
        for verb in verbs {
            config(cx, cast, &verb, span, done);
        }
    }
    if let Some((verb, span)) = read(cx, verbs.hosts.as_ref()) {
        hosts(cx, cast, &verb, span, done);
    }
}

fn unicast(cx: &Context<'_>, cast: &Cast<'_>, verb: &UnicastVerb, span: Span, done: &mut Done) {
    let own = [&verb.fail, &verb.restore];
    let common = [(&verb.withdraw, true), (&verb.announce, false)];
    let named = |nets: &OneOrMany<Net>| !nets.0.is_empty();
    if !own.into_iter().any(named) && !common.iter().any(|(nets, _)| named(nets)) {
        let problem = cx.problem(span, "no network is named here");
        let help = "write `unicast: {at: r1, fail: 10.0.0.0/24}`";
        cx.sink.add(problem.help(help));
    }
    if let Some((why, help)) = cast.unicast.refuses() {
        return cx.sink.add(cx.problem(span, why).help(help));
    }
    for (nets, lost) in common {
        for Net(net) in &nets.0 {
            let net = *net;
            done.add(span, Action::Withdraw { net, lost });
        }
    }
    let Some(router) = &verb.at else {
        if own.into_iter().any(named) {
            let problem = cx.problem(span, "`fail` and `restore` are about one router");
            cx.sink
                .add(problem.help("name it as `at`, or write `withdraw`"));
        }
        return;
    };
    let Some(at) = cast.node(cx, router) else {
        return;
    };
    if !cast.nodes[at.0].kind.is_router() {
        let message = format!("the lab sets no routes of `{}`", router.value);
        let help = "it sets those of routers, with `unicast: oracle`";
        cx.sink.add(cx.problem(router.span, message).help(help));
        return;
    }
    for (nets, lost) in [(&verb.fail, true), (&verb.restore, false)] {
        for Net(net) in &nets.0 {
            let net = *net;
            done.add(span, Action::Unicast { at, net, lost });
        }
    }
}

fn config(cx: &Context<'_>, cast: &Cast<'_>, verb: &ConfigVerb, span: Span, done: &mut Done) {
    let Some(at) = cast.node(cx, &verb.at) else {
        return;
    };
    let Kind::Mcrd { config } = &cast.nodes[at.0].kind else {
        let message = format!("`{}` does not run mcrd", verb.at.value);
        return cx.tell(verb.at.span, message);
    };
    let mut configs = cast.configs.borrow_mut();
    let before = configs.entry(at).or_insert_with(|| config.clone());
    let tree = Tree::from_json(before, span).overlay(verb.set.tree.clone());
    *before = tree.to_json();
    check_config(cx, &verb.at.value, &tree, before);
    let config = before.clone();
    done.add(span, Action::Config { at, config });
}

fn hosts(cx: &Context<'_>, cast: &Cast<'_>, verb: &HostsVerb, span: Span, done: &mut Done) {
    let Some(at) = cast.node(cx, &verb.at) else {
        return;
    };
    let within = |number: &At<u32>, most: u32| {
        let fits = (1..=most).contains(&number.value);
        if !fits {
            let message = format!("{} is not between 1 and {most}", number.value);
            cx.tell(number.span, message);
        }
        fits
    };
    if !within(&verb.count, MAX_HOSTS) || !within(&verb.groups, MAX_GROUPS) {
        return;
    }
    let [_] = cast.nodes[at.0].interfaces.as_slice() else {
        let message = format!("`{}` has not exactly one interface", verb.at.value);
        return cx.tell(verb.at.span, message);
    };
    let (Address(address), Group(group), Dur(time)) = (verb.address, verb.group, verb.span);
    let per_host = verb.per_host.as_ref();
    if per_host.is_some_and(|one| !within(one, verb.groups.value)) {
        return;
    }
    let igmp = verb.igmp.as_ref();
    if let Some(At { span, value }) = igmp.filter(|one| !(1..=3).contains(&one.value)) {
        return cx.tell(*span, format!("IGMP has versions 1, 2 and 3, not {value}"));
    }
    let Some(wanted) = traffic::wanted(cx, span, &verb.source, &verb.exclude, igmp) else {
        return;
    };
    let positive = |rate: &At<f64>| rate.value.is_finite() && rate.value > 0.0;
    let mut rates = verb.rate.iter().chain(&verb.churn);
    if let Some(rate) = rates.find(|rate| !positive(rate)) {
        return cx.tell(rate.span, "this rate is more than 0");
    }
    if let (Some(hold), Some(_)) = (&verb.hold, &verb.churn) {
        return cx.tell(hold.span, "`hold` and `churn` exclude each other");
    }
    let hosts = Hosts {
        at,
        interface: 0,
        count: verb.count.value,
        address,
        group,
        groups: verb.groups.value,
        per_host: per_host.map(|one| one.value),
        wanted,
        igmp: igmp.map_or(3, |one| one.value),
        rate: verb.rate.as_ref().map(|rate| rate.value),
        hold: verb.hold.as_ref().map(|hold| hold.value.0),
        churn: verb.churn.as_ref().map(|rate| rate.value),
        seed: verb.seed.unwrap_or(1),
        time,
    };
    done.add(span, Action::Hosts(hosts));
}
