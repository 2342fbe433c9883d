//! What is taken, and what is said of the others.

use std::path::Path;

use super::*;

fn parsed(text: &str) -> Topology {
    let file = Path::new("t.yaml");
    let text = format!("{{lab: 1, name: t, unicast: oracle, pim: {{}}, {text}}}");
    crate::topology::parse(file, &text, &[], &|_| None)
        .unwrap_or_else(|mistakes| panic!("{}", mistakes.render(false)))
}

#[test]
fn hosts_and_routers_are_taken() {
    let lab = parsed(
        "nodes: {s: host, r: mcrd, h: host}, links: [s -- r, r -- h], \
         receivers: {R: {at: h, group: 239.1.1.1}}, \
         sources: {S: {at: s, group: 239.1.1.1}}, \
         steps: [{join: R, send: S, expect: {rx: {by: R, of: S}}}]",
    );
    let hosted = host(&lab).unwrap_or_else(|reason| panic!("{reason}"));
    let routers: Vec<bool> = hosted.configs.iter().map(Option::is_some).collect();
    assert_eq!(routers, [false, true, false]);
}

#[test]
fn hosts_have_the_routes_that_the_lab_gives_them() {
    let lab = |unicast: &str, own: &str| {
        let file = Path::new("t.yaml");
        let text = format!(
            "{{lab: 1, name: t, unicast: {unicast}, pim: {{}}, \
             nodes: {{s: {{{own}}}, r: mcrd}}, links: [s -- r]}}"
        );
        let lab = crate::topology::parse(file, &text, &[], &|_| None);
        let lab = lab.unwrap_or_else(|mistakes| panic!("{}", mistakes.render(false)));
        host(&lab).map(|_| ()).map_err(|reason| reason.to_string())
    };
    let refused = Err("s: hosts have no routes in the simulator".to_owned());
    let own = "routes: 10.9.0.0/16 via 10.0.0.2";
    assert_eq!(lab("static", ""), Ok(()));
    assert_eq!(lab("static", own), refused);
    assert_eq!(lab("none", own), refused);
}

#[test]
fn each_thing_that_is_not_there_is_named_once() {
    let lab = parsed(
        "nodes: {s: host, r: mcrd, f: frr, c: {kind: custom, cmd: cat}}, \
         links: [s -- r, r -- f, f -- c], \
         sources: {S: {at: s, host: \"${r.s.ip}\"}, T: {at: r, interface: s, group: 239.1.1.1}}, \
         steps: [{exec: [{at: r, run: a}, {at: r, run: b}]}, {link: {delete: s--r}}, \
         {daemon: {kill_workers: r}}, {expect: {packets: data}}, {address: {at: \"r:s\", set: 10.9.0.1/24}}]",
    );
    let reasons = host(&lab).err().map(|reasons| reasons.to_string());
    let reasons = reasons.unwrap_or_default();
    for part in [
        "f: the simulator has no frr",
        "c: the simulator has no custom",
        "S: sources send to groups only",
        "T: receivers and sources are on hosts",
        "there are no commands",
        "interfaces are not deleted",
        "there are no workers",
        "does not time the datagrams",
        "addresses do not change",
    ] {
        assert_eq!(reasons.matches(part).count(), 1, "{part} in {reasons}");
    }
}

#[test]
fn rules_are_not_taken_in_a_changed_configuration_either() {
    let lab = parsed(
        "nodes: {s: host, r: mcrd, t: host}, links: [s -- r, r -- t], \
         steps: [{config: {at: r, set: {rules: \
         [{input: {interface: s, group: 239.1.1.1}, outputs: [{interface: t}]}]}}}]",
    );
    let reasons = host(&lab).err().map(|reasons| reasons.to_string());
    let reasons = reasons.unwrap_or_default();
    assert!(reasons.contains("no relay rules"), "{reasons}");
}
