//! Settings of routers of any kind, and what follows from them.

use std::time::Duration;

use serde_json::json;

use super::{good, read};
use crate::topology::model::{Kind, Topology, Unicast};

const LAB: &str = "
lab: 1
name: t
timers: { profile: fast, join_prune: 4s }
unicast: { mode: oracle, delay: 100ms, skew: 30ms }
pim:
  rp: { address: \"${r2.lo}\", groups: 239.0.0.0/8 }
  spt_switch: never
igmp: { query_interval: 7s }
nodes:
  h: host
  r1:
    kind: mcrd
    pim: { interfaces: { r2: { dr_priority: 9 } } }
    igmp: { interfaces: { h: { immediate_leave: true } } }
    config: { pim: { keepalive_period: 99 } }
  r2: frr
  far: custom
kinds: { custom: { cmd: cat } }
links: [h -- r1, r1 -- r2, r2 -- far]
";

fn config(topology: &Topology, node: usize) -> &serde_json::Value {
    match &topology.nodes[node].kind {
        Kind::Mcrd { config } => config,
        Kind::Host
        | Kind::Frr
        | Kind::Pimd
        | Kind::Smcroute { .. }
        | Kind::Kernel
        | Kind::Custom(_) => panic!("no mcrd"),
    }
}

#[test]
fn mcrd_gets_its_sections_and_its_own_config_upon_them() {
    let topology = good(LAB);
    let pim = &config(&topology, 1)["pim"];
    assert_eq!(
        pim["rp"],
        json!({"static": [{"address": "10.255.0.3", "groups": ["239.0.0.0/8"]}]})
    );
    assert_eq!(pim["spt_switch"], "never");
    assert_eq!(pim["join_prune_interval"], 4.0);
    assert_eq!(pim["keepalive_period"], 99);
    let interfaces = &pim["interfaces"];
    assert_eq!(interfaces["r2"]["dr_priority"], 9);
    assert_eq!(interfaces["h"]["hello_interval"], 1.0);
    // IGMP is where a host is.
    let igmp = &config(&topology, 1)["igmp"]["interfaces"];
    assert_eq!(igmp.as_object().unwrap().len(), 1);
    assert_eq!(igmp["h"]["query_interval"], 7.0);
    assert_eq!(igmp["h"]["immediate_leave"], true);
    assert_eq!(igmp["h"]["query_response_interval"], 1.0);
}

#[test]
fn routers_of_other_kinds_have_the_same_settings() {
    let topology = good(LAB);
    let router = topology.nodes[2].router.as_ref().unwrap();
    assert!(router.never_switch);
    assert_eq!(router.timers.join_prune, Some(Duration::from_secs(4)));
    let names: Vec<&str> = router.pim.iter().map(|one| one.name.as_str()).collect();
    assert_eq!(names, ["r1", "far"]);
    assert_eq!(router.igmp.len(), 1, "a custom node may be a host");
    assert_eq!(topology.nodes[2].loopback.len(), 1, "a loopback of its own");
    let millis = Duration::from_millis;
    let (delay, skew) = (millis(100), millis(30));
    assert_eq!(topology.unicast, Unicast::Oracle { delay, skew });
    assert!(topology.nodes[0].router.is_none());
}

#[test]
fn without_pim_there_is_no_router_and_no_section() {
    let topology = good("lab: 1\nnodes: { r1: mcrd, h: host }\nlinks: [r1 -- h]\n");
    assert!(topology.nodes[0].router.is_none());
    assert!(topology.nodes[0].loopback.is_empty());
    assert_eq!(*config(&topology, 0), json!({}));
    assert_eq!(topology.unicast, Unicast::None);
}

#[test]
fn interfaces_can_be_left_out_and_put_in() {
    let topology = good(
        "
lab: 1
pim: { interfaces: {} }
nodes:
  r1:
    kind: mcrd
    pim: { interfaces: { h: { enabled: false } } }
    igmp: { interfaces: { r2: { enabled: true }, h: { enabled: false } } }
  r2: mcrd
  h: host
links: [r1 -- h, r1 -- r2]
",
    );
    let router = topology.nodes[0].router.as_ref().unwrap();
    let pim: Vec<&str> = router.pim.iter().map(|one| one.name.as_str()).collect();
    let igmp: Vec<&str> = router.igmp.iter().map(|one| one.name.as_str()).collect();
    assert_eq!((pim, igmp), (vec!["r2"], vec!["r2"]));
}

#[test]
fn questions_name_interfaces_by_what_they_lead_to() {
    let steps = "
steps:
  - expect:
      - neighbors: r1/r2
      - neighbors: { at: r1, not: r2 }
      - dr: { at: r2--r1, is: r2 }
      - querier: { at: r2--r1, is: r1, by: r2 }
      - rp: { at: [r1, r2], group: 239.1.1.1, is: \"${r2.lo}\" }
      - rp: { at: r1, group: 232.1.1.1, is: none }
      - mroute: { at: [r1, r2], group: 239.1.1.1, oif: [] }
      - mroute: { at: r1, group: 239.1.1.1, source: \"${h.ip}\", iif: h--r1, oif: { has: r2 } }
      - igmp: { at: r1, interface: h, group: 239.1.1.1, absent: true }
      - rpf: { at: r2, address: \"${h.ip}\", neighbor: r1 }
      - tree: { group: 239.1.1.1, links: [r1--h, r2--r1] }
";
    let topology = good(&format!("{LAB}{steps}"));
    let checks = topology.steps[0].expect.iter();
    let checks: Vec<String> = checks.map(|one| format!("{:?}", one.check)).collect();
    assert_eq!(checks.len(), 12, "one mroute for each router");
    assert!(checks[0].contains("10.0.1.2") && checks[0].contains("10.0.1.1"));
    assert!(checks[1].contains("wanted: false"));
    assert!(checks[2].contains("address: 10.0.1.2"), "{}", checks[2]);
    assert!(checks[3].contains("Querier") && checks[3].contains("at: [(NodeId(2)"));
    assert!(checks[4].contains("is: Some(10.255.0.3)"));
    assert!(checks[5].contains("is: None"));
    assert!(checks[6].contains("exact: Some({})"));
    assert!(checks[8].contains("iif: Some(\"h\")") && checks[8].contains("has: {\"r2\"}"));
    assert!(checks[10].contains("neighbor: Some(Some(10.0.1.1))"));
    assert!(checks[11].contains("{\"h--r1\", \"r1--r2\"}"));
}

#[test]
fn mistakes_in_questions_are_told() {
    let before = "lab: 1\npim: {}\nnodes: {r1: mcrd, r2: mcrd, r3: mcrd, h: host}\n\
                  links: [r1 -- r2, r2 -- r3, r3 -- h]\nsteps:\n- expect: ";
    let cases: &[super::mistakes::Case] = &[
        (
            "{neighbors: r1-r2}\n",
            1,
            "`r1-r2` is no pair of routers",
            "write it as `r1/r2`",
        ),
        (
            "{neighbors: [r1/r3]}\n",
            1,
            "`r1` and `r3` share no link",
            "",
        ),
        (
            "{neighbors: r3/h}\n",
            1,
            "`h` is no router that tells its state",
            "routers of kind mcrd and frr do, where there is `pim`",
        ),
        (
            "{dr: {at: r1--r2, is: r3}}\n",
            1,
            "`r3` is not on r1--r2",
            "",
        ),
        (
            "{querier: {at: r1--r2, is: r1, by: r3}}\n",
            1,
            "`r3` is not on r1--r2",
            "",
        ),
        (
            "{rp: {at: r1, group: 239.1.1.1, is: r2}}\n",
            1,
            "expected an IPv4 address or `none`, found `r2`",
            "",
        ),
        (
            "{mroute: {at: r1, group: 239.1.1.1, oif: [r4]}}\n",
            1,
            "there is no interface of `r1` named `r4`",
            "did you mean `r2`?",
        ),
        (
            "{tree: {group: 239.1.1.1, links: [r1--r3]}}\n",
            1,
            "there is no link `r1--r3`",
            "did you mean `r1--r2`?",
        ),
    ];
    super::mistakes::judge(before, cases);
}

#[test]
fn mistakes_in_counters_of_protocols_are_told() {
    let before = "lab: 1\npim: {}\nnodes: {r1: mcrd, r2: mcrd}\n\
                  links: [r1 -- r2]\nsteps:\n- expect: ";
    let cases: &[super::mistakes::Case] = &[
        (
            "{counters: {at: r1, interface: r3, pim.rx.hello: 1}}\n",
            1,
            "there is no interface of `r1` named `r3`",
            "did you mean `r2`?",
        ),
        (
            "{counters: {at: r1, interface: r2, hello: 1}}\n",
            1,
            "there is no counter `hello`",
            "known: pim.rx.hello",
        ),
        (
            "{counters: {at: r1, input: r2, interface: r2, received: 1}}\n",
            1,
            "counters are those of a `rule`, of an `input` or of an `interface`",
            "",
        ),
    ];
    super::mistakes::judge(before, cases);
}

#[test]
fn mistakes_in_settings_are_told() {
    let cases: &[super::mistakes::Case] = &[
        (
            "lab: 1\nnodes: {r1: frr}\n",
            2,
            "`r1` has nothing to do",
            "give it `pim: {}`, or all routers one at the top of the file, or a `config_file`",
        ),
        (
            "lab: 1\nnodes: {h: {kind: host, pim: {}}}\n",
            2,
            "`h` is no router with PIM",
            "",
        ),
        (
            "lab: 1\npim: {rp: 10.0.0.300}\nnodes: {r1: mcrd}\n",
            2,
            "expected an IPv4 address, found `10.0.0.300`",
            "",
        ),
        (
            "lab: 1\npim: {}\nigmp: {interfaces: {lan: {}}}\nnodes: {r1: mcrd, h: host}\nlinks: [r1 -- h]\n",
            3,
            "there is no interface of `r1` named `lan`",
            "known: h",
        ),
        (
            "lab: 1\nnodes: {a: host, b: host}\nlinks: [{a -- b: {metric: 0}}]\n",
            3,
            "a metric is from 1 to 65535, not 0",
            "",
        ),
    ];
    super::mistakes::judge("", cases);
}

#[test]
fn tables_and_logs_are_asked_for() {
    let before = "lab: 1\nunicast: oracle\npim: {}\n\
                  nodes: {r1: mcrd, r2: frr, k: kernel, h: host}\n\
                  links: [r1 -- r2, k -- h]\n\
                  segments: {lan: {members: [r1, r2, h], snooping: true}}\n\
                  steps:\n- expect:\n";
    let checks = "  - mfc: {at: [r1, r2], group: 239.1.1.1, oif: [lan], packets: {min: 3}}\n\
                  \x20 - mfc: {at: k, group: 239.1.1.1, source: \"${r1.r2.ip}\", iif: h, absent: true}\n\
                  \x20 - mdb: {at: lan, group: 239.1.1.1, members: {not: h}}\n\
                  \x20 - mdb: {at: lan, routers: [r1, r2]}\n\
                  \x20 - log: {at: r2, match: \"new .*neighbor\", count: 2}\n\
                  \x20   holds: 1s\n";
    let topology = good(&format!("{before}{checks}"));
    let checks = topology.steps[0].expect.iter();
    let checks: Vec<String> = checks.map(|one| format!("{:?}", one.check)).collect();
    assert_eq!(checks.len(), 6, "one mfc for each node");
    assert!(checks[1].contains("NodeId(1)") && checks[1].contains("min: Some(3.0)"));
    assert!(checks[2].contains("iif: Some(\"h\")") && checks[2].contains("absent: true"));
    assert!(checks[3].contains("not: {\"h\"}"), "{}", checks[3]);
    assert!(checks[4].contains("group: None") && checks[4].contains("{\"r1\", \"r2\"}"));
    assert!(checks[5].contains("new .*neighbor") && checks[5].contains("max: Some(2.0)"));
}

#[test]
fn mistakes_about_tables_and_logs_are_told() {
    let before = "lab: 1\npim: {}\nnodes: {r1: mcrd, r2: mcrd, h: host, m: {kind: mcrd, \
                  pim: null, config: {rules: []}}}\nlinks: [r1 -- r2, r1 -- m]\n\
                  segments: {lan: [r2, h], sw: {members: [r1, h], snooping: true}}\n\
                  receivers: {R: {at: h, interface: lan, group: 239.1.1.1}}\nsteps:\n- expect: ";
    let cases: &[super::mistakes::Case] = &[
        (
            "{mfc: {at: h, group: 239.1.1.1}}\n",
            1,
            "`h` is a host, which forwards nothing",
            "ask a router",
        ),
        (
            "{mfc: {at: r1, group: 239.1.1.1, packets: {max: 3}}}\n",
            1,
            "this would be true before more of them can come",
            "say how long it `holds`",
        ),
        (
            "{mdb: {at: lan, group: 239.1.1.1}}\n",
            1,
            "no switch of lan snoops IGMP",
            "write the segment as `{ members: [a, b], snooping: true }`",
        ),
        (
            "{mdb: {at: sw, group: 239.1.1.1, members: r2}}\n",
            1,
            "`r2` is not on sw",
            "",
        ),
        (
            "{mdb: {at: sw}}\n",
            1,
            "`mdb` asks either for the ports of a `group` or for the `routers`",
            "write `{ at: lan, group: 239.1.1.1, members: [h1] }` or \
             `{ at: lan, routers: [r1] }`",
        ),
        (
            "{log: {at: h, match: x}}\n",
            1,
            "`h` is a host, where no daemon writes a log",
            "",
        ),
        (
            "{log: {at: r1, match: \"up(\"}}\n",
            1,
            "no regular expression: unclosed group",
            "a backslash before one of `.+*?()[]{}|^$\\` means that sign itself",
        ),
        (
            "{outage: {by: R, max: 1s}, holds: 1s}\n",
            1,
            "an outage is watched for the whole of `within`; take `holds` away",
            "",
        ),
    ];
    super::mistakes::judge(before, cases);
}

const CHAIN: &str = "lab: 1\npim: {}\nnodes: {a: host, r1: mcrd, r2: mcrd, b: host}\n\
    links: [a -- r1, r1 -- r2, r2 -- b]\n";

#[test]
fn static_routes_are_the_nodes_own() {
    let topology = good(&format!("{CHAIN}unicast: static\n"));
    assert_eq!(topology.unicast, Unicast::Static);
    assert_eq!(topology.unicast.follows(), None);
    let routes = |at: usize| {
        let routes = topology.nodes[at].routes.iter();
        routes
            .map(|(to, by)| format!("{to} via {by}"))
            .collect::<Vec<_>>()
    };
    assert_eq!(routes(0), ["0.0.0.0/0 via 10.0.0.2"]);
    let to_r2 = ["10.0.2.0/24 via 10.0.1.2", "10.255.0.3/32 via 10.0.1.2"];
    assert_eq!(routes(1), to_r2);
    // A broken file has no paths, and is told as it is.
    let broken = read(&format!("{CHAIN}unicast: static\nsteps: [join: X]\n"));
    assert_eq!(broken.map_err(|found| found.list.len()).err(), Some(1));
}

#[test]
fn only_the_oracle_takes_its_time_and_loses_routes() {
    let mistake = |unicast: &str, steps: &str| {
        let found = read(&format!("{CHAIN}unicast: {unicast}\nsteps: [{steps}]\n"));
        found.expect_err("a mistake").render(false)
    };
    for mode in ["static", "frr-ospf", "none"] {
        let delay = mistake(&format!("{{mode: {mode}, delay: 1s}}"), "");
        assert!(delay.contains("`delay` is for `mode: oracle`"), "{delay}");
        let skew = mistake(&format!("{{mode: {mode}, skew: 1s}}"), "");
        assert!(skew.contains("`skew` is for `mode: oracle`"), "{skew}");
        let time = mistake(
            mode,
            "expect: {neighbors: r1/r2, within: 2 * unicast.delay}",
        );
        assert!(time.contains("there is no time `unicast.delay`"), "{time}");
    }
    let lost = mistake("static", "unicast: {withdraw: 10.0.0.0/24}");
    assert!(lost.contains("`unicast: static` never change"), "{lost}");
    let lost = mistake("static", "daemon: {kill: r1, withdraw: 10.0.0.0/24}");
    assert!(lost.contains("`unicast: static` never change"), "{lost}");
    let lost = mistake("frr-ospf", "unicast: {at: r1, fail: 10.0.2.0/24}");
    assert!(lost.contains("are OSPF's own"), "{lost}");
}
