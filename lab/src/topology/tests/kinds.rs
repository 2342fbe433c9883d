//! Nodes of each kind, and what is no key of theirs.

use super::good;
use super::mistakes::{Case, judge};
use crate::diagnostic::Diagnostics;
use crate::topology::model::{Kind, OwnConfig, StaticMroute, Topology};

#[test]
fn static_routes_name_interfaces_by_what_they_lead_to() {
    let topology = good(
        "lab: 1\nnodes:\n  a: host\n  s: {kind: smcroute, mroutes: {from: a, group: 239.1.1.1, \
         source: '${a.ip}', to: [b, lan]}}\n  b: host\n\
         links: ['s:out -- b', 'a -- s:in']\nsegments: {lan: [s]}\n",
    );
    let want = StaticMroute {
        from: "in".to_owned(),
        group: [239, 1, 1, 1].into(),
        source: Some([10, 0, 1, 1].into()),
        to: vec!["out".to_owned(), "lan".to_owned()],
    };
    let mroutes = vec![want];
    assert_eq!(topology.nodes[1].kind, Kind::Smcroute { mroutes });
}

/// IGMP runs where hosts are; other routers are none.
#[test]
fn routers_without_pim_are_no_hosts() {
    let topology =
        good("lab: 1\npim: {}\nnodes: {r: mcrd, k: kernel, h: host}\nlinks: [r -- k, r -- h]\n");
    let router = topology.nodes[0].router.as_ref().expect("a router");
    let igmp: Vec<&str> = router
        .igmp
        .iter()
        .map(|interface| &*interface.name)
        .collect();
    assert_eq!(igmp, ["h"]);
    assert!(topology.nodes[1].router.is_none());
}

const MISTAKES: &[Case] = &[
    (
        "nodes: {a: smcroute}\n",
        1,
        "`a` has no `mroutes`",
        "write `mroutes: [{from: a, group: 239.1.1.1, to: b}]`",
    ),
    (
        "nodes: {a: {kind: kernel, mroutes: []}}\n",
        1,
        "only a node of kind smcroute has `mroutes`",
        "",
    ),
    (
        "nodes: {a: {kind: smcroute, mroutes: {from: b, group: 239.1.1.1, to: c}}, b: host}\n\
         links: [a -- b]\n",
        1,
        "there is no interface of `a` named `c`",
        "known: b",
    ),
    (
        "nodes: {a: {kind: smcroute, mroutes: {from: b, group: 10.1.1.1, to: b}}}\n",
        1,
        "expected a multicast address, 224.0.0.0 to 239.255.255.255, found `10.1.1.1`",
        "",
    ),
    (
        "nodes: {k: kernel}\nsteps: [{daemon: {kill: k}}]\n",
        2,
        "`k` is a kernel without daemon",
        "",
    ),
    (
        "nodes: {k: kernel}\nsteps: [{expect: {rp: {at: k, group: 239.1.1.1, is: none}}}]\n",
        2,
        "`k` is no router that tells its state",
        "routers of kind mcrd and frr do, where there is `pim`",
    ),
    (
        "nodes: {h: {kind: host, config_file: h.conf}}\n",
        1,
        "only a node of kind mcrd, frr, pimd or smcroute has `config_file`",
        "",
    ),
    (
        "nodes:\n  r: {kind: frr, config_file: none.conf}\n",
        2,
        "none.conf: cannot be read: No such file or directory (os error 2)",
        "",
    ),
    (
        "nodes:\n  r: {kind: frr, config_file: {instead: /dev/null, only: 1}}\n",
        2,
        "the key `only` is not known here",
        "known: instead",
    ),
    ("limits: {ready: 0s}\n", 1, "a daemon needs some time", ""),
];

#[test]
fn mistakes() {
    judge("lab: 1\n", MISTAKES);
}

/// A lab in a folder of its own, with this configuration file beside it.
fn beside(file: &str, text: &str) -> Result<Topology, Diagnostics> {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("own.conf"), file).expect("a file");
    std::fs::write(folder.path().join("lab.yaml"), text).expect("a file");
    crate::topology::load(folder.path(), &[])
}

#[test]
fn a_configuration_of_the_users_is_a_text_with_variables() {
    let text = "lab: 1\nvars: {dr: 7}\npim: {}\nnodes:\n  r: {kind: frr, config_file: own.conf}\n  \
                s: {kind: smcroute, config_file: {instead: own.conf}}\nlinks: [r -- s]\n";
    let lab = beside(
        "interface s\n ip pim drpriority ${vars.dr}\n! ${r.s.ip}\n",
        text,
    );
    let lab = lab.unwrap_or_else(|mistakes| panic!("{mistakes}"));
    let own = |at: usize| lab.nodes[at].own.as_ref().expect("a text");
    let want = "interface s\n ip pim drpriority 7\n! 10.0.0.1\n";
    assert_eq!((own(0).text.as_str(), own(0).instead), (want, false));
    assert!(own(1).instead);
    let written = OwnConfig::behind(Some(own(0)), "first\n".to_owned());
    assert_eq!(written, format!("first\n{want}"));
    let written = OwnConfig::behind(Some(own(1)), "first\n".to_owned());
    assert_eq!(written, want);
}

#[test]
fn a_mistake_in_it_is_told_with_its_line() {
    let text = "lab: 1\nnodes:\n  r: {kind: frr, config_file: own.conf}\n";
    let mistakes = beside("!\nip pim rp ${vars.rp}\n", text).expect_err("a mistake");
    let told = mistakes.to_string();
    assert!(
        told.contains("own.conf line 2: there is no variable `rp`"),
        "{told}"
    );
}

/// The kernel's multicast routing knows 32 interfaces.
#[test]
fn routers_of_the_kernel_have_so_many_links_and_no_more() {
    for (kind, most) in [("frr", 30), ("pimd", 31), ("mcrd", 100)] {
        for links in [most, most + 1] {
            let text = format!(
                "lab: 1\npim: {{}}\nnodes:\n  r: {kind}\n  \
                 'h${{i}}': {{foreach: {{i: '1..{links}'}}}}\n\
                 links:\n  - 'r -- h${{i}}': {{foreach: {{i: '1..{links}'}}}}\n"
            );
            let read = crate::topology::parse("x.yaml".as_ref(), &text, &[], &|_| None);
            let told = read.err().map(|mistakes| mistakes.to_string());
            let refused = links > most && kind != "mcrd";
            assert_eq!(told.is_some(), refused, "{kind} {links}: {told:?}");
            if let Some(told) = told {
                let part = format!("`r` routes multicast between {links} links");
                assert!(told.contains(&part), "{told}");
                assert!(
                    told.contains(&format!("so {kind} takes {most} links")),
                    "{told}"
                );
            }
        }
    }
}
