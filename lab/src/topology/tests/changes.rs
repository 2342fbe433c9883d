//! Steps that change routes and configurations and bring hosts.

use std::time::Duration;

use super::mistakes::{Case, judge};
use super::{good, read};
use crate::topology::model::{Action, Check, Hosts, NodeId, Wanted};
use crate::topology::question::Question;

const BEFORE: &str = "lab: 1\nunicast: oracle\npim: {}\n\
    nodes: {a: host, r1: mcrd, r2: mcrd, c: {kind: custom, cmd: x}}\n\
    links: [a -- r1, r1 -- r2, c -- r2]\n";

fn actions(steps: &str) -> Vec<Action> {
    let topology = good(&format!("name: t\n{BEFORE}{steps}"));
    let steps = topology.steps.into_iter();
    steps.flat_map(|step| step.actions).collect()
}

#[test]
fn routes_are_lost_and_come_back() {
    let all = actions(
        "steps: [{unicast: {at: r2, fail: \"${a.r1.net}\"}}, \
                       {unicast: {at: r2, restore: [10.0.0.0/24]}}]\n",
    );
    let wanted = "10.0.0.0/24".parse().unwrap();
    for (action, gone) in all.iter().zip([true, false]) {
        let Action::Unicast { at, net, lost } = action else {
            panic!("not unicast: {action:?}");
        };
        assert_eq!((*at, *net, *lost), (NodeId(2), wanted, gone));
    }
    assert_eq!(all.len(), 2);
}

#[test]
fn a_configuration_is_laid_upon_the_one_before() {
    let all = actions(
        "steps: [{config: {at: r1, set: {pim: {interfaces: {a: {dr_priority: 5}}}}}}, \
         {config: {at: r1, set: {pim: {interfaces: {r2: {dr_priority: 6}}}}}}]\n",
    );
    let [Action::Config { at, .. }, Action::Config { config, .. }] = all.as_slice() else {
        panic!("not two configurations: {all:?}");
    };
    assert_eq!(*at, NodeId(1));
    assert_eq!(config["pim"]["interfaces"]["a"]["dr_priority"], 5);
    assert_eq!(config["pim"]["interfaces"]["r2"]["dr_priority"], 6);
}

#[test]
fn many_hosts_are_counted_out() {
    let all = actions(
        "steps: [{hosts: {at: a, count: 3, address: 10.0.0.50, \
                       group: 239.9.0.1, groups: 7, for: 1500ms}}]\n",
    );
    let [Action::Hosts(hosts)] = all.as_slice() else {
        panic!("not hosts: {all:?}");
    };
    let wanted = Hosts {
        at: NodeId(0),
        interface: 0,
        count: 3,
        address: "10.0.0.50".parse().unwrap(),
        group: "239.9.0.1".parse().unwrap(),
        groups: 7,
        per_host: None,
        wanted: Wanted::default(),
        igmp: 3,
        rate: None,
        hold: None,
        churn: None,
        seed: 1,
        time: Duration::from_millis(1500),
    };
    assert_eq!(*hosts, wanted);
}

#[test]
fn hosts_may_come_and_go_and_name_sources() {
    let all = actions(
        "steps: [{hosts: {at: a, count: 3, address: 10.0.0.50, group: 239.9.0.1, groups: 7, \
         per_host: 4, rate: 50, churn: 12.5, seed: 9, exclude: [10.1.1.1, 10.1.1.2], \
         for: 1s}}, {hosts: {at: a, count: 1, address: 10.0.0.50, group: 232.9.0.1, \
         groups: 1, source: 10.1.1.1, hold: 300ms, igmp: 3, for: 1s}}]\n",
    );
    let [Action::Hosts(one), Action::Hosts(other)] = all.as_slice() else {
        panic!("not hosts: {all:?}");
    };
    assert_eq!((one.per_host, one.seed), (Some(4), 9));
    assert_eq!(
        (one.rate, one.churn, one.hold),
        (Some(50.0), Some(12.5), None)
    );
    let unwanted = vec![[10, 1, 1, 1].into(), [10, 1, 1, 2].into()];
    assert_eq!(one.wanted, Wanted::AllBut(unwanted));
    assert_eq!(other.wanted, Wanted::Only(vec![[10, 1, 1, 1].into()]));
    assert_eq!(other.hold, Some(Duration::from_millis(300)));
}

#[test]
fn hosts_that_cannot_be_are_refused() {
    let hosts = "{at: a, count: 1, address: 10.0.0.50, group: 239.9.0.1, groups: 2, for: 1s";
    for (more, told) in [
        ("churn: 0", "this rate is more than 0"),
        (
            "churn: 5, hold: 1s",
            "`hold` and `churn` exclude each other",
        ),
        ("per_host: 3", "3 is not between 1 and 2"),
        ("igmp: 4", "IGMP has versions 1, 2 and 3, not 4"),
        (
            "source: 10.1.1.1, exclude: 10.1.1.2",
            "`source` and `exclude` exclude each other",
        ),
        ("source: 239.1.1.1", "239.1.1.1 is a group, not a source"),
        (
            "igmp: 2, source: 10.1.1.1",
            "a source is joined with IGMP version 3 only",
        ),
    ] {
        let text = format!("name: t\n{BEFORE}steps: [{{hosts: {hosts}, {more}}}}}]\n");
        let error = read(&text).unwrap_err().to_string();
        assert!(error.contains(told), "{more}: {error}");
    }
}

#[test]
fn the_number_of_groups_may_be_asked() {
    let topology = good(&format!(
        "name: t\n{BEFORE}steps: [{{expect: {{igmp: {{at: r1, interface: a, groups: 6}}}}}}]\n"
    ));
    let Check::Router(Question::Groups { groups, .. }) = &topology.steps[0].expect[0].check else {
        panic!("not groups");
    };
    assert_eq!(*groups, 6);
}

#[test]
fn networks_are_withdrawn_everywhere() {
    let topology = good(&format!(
        "name: t\n{BEFORE}steps: [{{unicast: {{withdraw: 10.9.0.0/16}}}}, \
         {{unicast: {{announce: 10.9.0.0/16}}}}]\n"
    ));
    let actions = topology.steps.iter().flat_map(|step| &step.actions);
    let told: Vec<String> = actions.map(|action| format!("{action:?}")).collect();
    assert_eq!(
        told,
        [
            "Withdraw { net: 10.9.0.0/16, lost: true }",
            "Withdraw { net: 10.9.0.0/16, lost: false }",
        ]
    );
}

#[test]
fn a_daemon_ends_by_a_signal_and_its_network_goes_at_once() {
    let verb = "{daemon: {kill: [r1, r1], signal: TERM, withdraw: 10.9.0.0/16}, mark: then}";
    let topology = good(&format!(
        "name: t\n{BEFORE}steps: [{verb}, {{parallel: [{verb}, {{mark: x}}]}}]\n"
    ));
    let [Action::Together(rows), Action::Mark(_)] = &topology.steps[0].actions[..] else {
        panic!("{:?}", topology.steps[0].actions);
    };
    let told: Vec<String> = rows.iter().map(|row| format!("{row:?}")).collect();
    let killed = "Daemon { change: Kill(Term), at: NodeId(1) }";
    assert_eq!(
        told,
        [
            format!("[{killed}, {killed}]"),
            "[Withdraw { net: 10.9.0.0/16, lost: true }]".to_owned(),
        ]
    );
    // What is at once within what is at once counts as well.
    let each = topology.steps[1].actions.iter().flat_map(Action::each);
    assert_eq!(each.count(), 5);
}

#[test]
fn a_daemon_is_killed_by_sigkill_where_no_signal_is_named() {
    let topology = good(&format!(
        "name: t\n{BEFORE}steps: [{{daemon: {{kill: r1}}}}]\n"
    ));
    let told = format!("{:?}", topology.steps[0].actions);
    assert_eq!(told, "[Daemon { change: Kill(Kill), at: NodeId(1) }]");
}

const MISTAKES: &[Case] = &[
    (
        "steps: [{daemon: {stop: r1, signal: TERM}}]\n",
        1,
        "`signal` is for `kill`",
        "",
    ),
    (
        "steps: [{daemon: {kill: r1, signal: term}}]\n",
        1,
        "`term` is not known here",
        "known: KILL, TERM, INT, QUIT, ABRT, SEGV",
    ),
    (
        "steps: [{daemon: {start: r1, withdraw: 10.9.0.0/16}}]\n",
        1,
        "`withdraw` is for `kill` and `stop`",
        "write `unicast: {withdraw: 10.9.0.0/16}`",
    ),
    (
        "steps: [{unicast: {fail: 10.0.0.0/24}}]\n",
        1,
        "`fail` and `restore` are about one router",
        "name it as `at`, or write `withdraw`",
    ),
    (
        "steps: [{unicast: {at: a, fail: 10.0.0.0/24}}]\n",
        1,
        "the lab sets no routes of `a`",
        "it sets those of routers, with `unicast: oracle`",
    ),
    (
        "steps: [{unicast: {at: r1}}]\n",
        1,
        "no network is named here",
        "write `unicast: {at: r1, fail: 10.0.0.0/24}`",
    ),
    (
        "steps: [{config: {at: c, set: {}}}]\n",
        1,
        "`c` does not run mcrd",
        "",
    ),
    (
        "steps: [{config: {at: r1, set: {pim: {join_prune: 5}}}}]\n",
        1,
        "there is no key 'join_prune' here",
        "known here: interfaces, rp, ssm_range, spt_switch, join_prune_interval, \
             keepalive_period, register_suppression, register_probe, register_accept, \
             assert_time, preferences, ecmp",
    ),
    (
        "steps: [{hosts: {at: r1, count: 1, address: 10.0.0.5, group: 239.1.1.1, \
         groups: 1, for: 1s}}]\n",
        1,
        "`r1` has not exactly one interface",
        "",
    ),
    (
        "steps: [{hosts: {at: a, count: 0, address: 10.0.0.5, group: 239.1.1.1, \
         groups: 1, for: 1s}}]\n",
        1,
        "0 is not between 1 and 10000",
        "",
    ),
    (
        "steps: [{expect: {igmp: {at: r1, interface: a}}}]\n",
        1,
        "expected either `group` or `groups`",
        "",
    ),
];

#[test]
fn mistakes_are_told() {
    judge(BEFORE, MISTAKES);
}
