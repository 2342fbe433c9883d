//! Every kind of mistake: where it is shown, what is said, what is advised.

use super::read;

/// A text, the line of its one mistake, what is said, and the advice.
pub(super) type Case = (&'static str, usize, &'static str, &'static str);

pub(super) fn judge(before: &str, cases: &[Case]) {
    let skipped = before.matches('\n').count();
    for (text, line, message, help) in cases {
        let whole = format!("{before}{text}");
        let mistakes = match read(&whole) {
            Ok(_) => panic!("accepted:\n{text}"),
            Err(mistakes) => mistakes.list,
        };
        let told: Vec<(usize, &str, &str)> = mistakes
            .iter()
            .map(|mistake| {
                let help = mistake.help.as_deref().unwrap_or_default();
                (mistake.line - skipped, mistake.message.as_str(), help)
            })
            .collect();
        assert_eq!(told, [(*line, *message, *help)], "of\n{text}");
    }
}

const OF_YAML: &[Case] = &[
    (
        "lab: 1\nname: a\nname: b\n",
        3,
        "the key `name` is there twice",
        "keep one of the two",
    ),
    (
        "lab: 1\nnodes: {a: host, b: host, a: mcrd}\n",
        2,
        "the key `a` is there twice",
        "keep one of the two",
    ),
    (
        "lab: 1\nnodes: [a, b\nlinks: []\n",
        3,
        "this is not YAML: illegal placement of ':' indicator",
        "",
    ),
    (
        "lab: 1\nnodes: {a: *b}\n",
        2,
        "this is not YAML: alias references unknown anchor",
        "",
    ),
    ("", 1, "expected a map, found nothing", ""),
    ("- lab: 1\n", 1, "expected a map, found a list", ""),
];

#[test]
fn of_yaml() {
    let cases = OF_YAML;
    for case in cases {
        if case.0.is_empty() {
            // A file without text has no line to show.
            let mistakes = read("").expect_err("accepted an empty file").list;
            assert_eq!(mistakes[0].message, case.2);
            continue;
        }
        judge("", &[*case]);
    }
}

const OF_THE_FILE: &[Case] = &[
    ("name: a\n", 1, "the key `lab` is missing", ""),
    ("lab: 2\n", 1, "this lab reads schema version 1, not 2", ""),
    (
        "lab: 1\nnoods: {}\n",
        2,
        "the key `noods` is not known here",
        "did you mean `nodes`?",
    ),
    (
        "lab: 1\nname: a b\n",
        2,
        "`a b` cannot be a lab's name",
        "letters, digits, `-` and `_`, at most 40",
    ),
    (
        "lab: 1\nartifacts:\n  capture: {control: none, data: none}\n",
        3,
        "no packets are left",
        "write `keep: never` for that",
    ),
    (
        "lab: 1\nartifacts:\n  keep: never\n  capture: {data: all}\n",
        4,
        "with `keep: never` there are no packets to choose from",
        "leave one of the two out",
    ),
    (
        "lab: 1\nartifacts:\n  capture: {data: some}\n",
        3,
        "`some` is not known here",
        "known: all, none",
    ),
    (
        "lab: 1\nlimits: {max_time: 0s}\n",
        2,
        "a run needs some time",
        "",
    ),
    (
        "lab: 1\nlinks: {a: b}\n",
        2,
        "expected a list, found a map",
        "",
    ),
];

#[test]
fn of_the_file() {
    let cases = OF_THE_FILE;
    judge("", cases);
}

const OF_NODES: &[Case] = &[
    (
        "nodes: {a: hots}\n",
        1,
        "`hots` is not known here",
        "did you mean `host`?",
    ),
    (
        "nodes: {a: 5}\n",
        1,
        "expected a kind or a map, found the number 5",
        "",
    ),
    (
        "nodes: {a: {kinds: mcrd}}\n",
        1,
        "the key `kinds` is not known here",
        "did you mean `kind`?",
    ),
    (
        "nodes: {a--b: host}\n",
        1,
        "`a--b` cannot be a node's name",
        "letters, digits, `-` and `_`, at most 32, no `--`",
    ),
    (
        "nodes: {self: host}\n",
        1,
        "`self` means something else in `${self...}`",
        "",
    ),
    (
        "nodes: {a: custom}\n",
        1,
        "`a` is of kind custom, but has no `cmd`",
        "",
    ),
    (
        "nodes: {a: {cmd: cat}}\n",
        1,
        "only a node of kind custom has `cmd`",
        "",
    ),
    (
        "nodes: {a: {config: {}}}\n",
        1,
        "only a node of kind mcrd has `config`",
        "",
    ),
    (
        "nodes: {a: {lo: 10.0.0.300}}\n",
        1,
        "expected `auto` or an IPv4 address such as `192.0.2.1/32`, found `10.0.0.300`",
        "",
    ),
    (
        "nodes: {a: {routes: 10.9.0.0/16}}\n",
        1,
        "expected a route such as `10.9.0.0/16 via 10.1.0.1` or `default via 10.1.0.1`, \
             found `10.9.0.0/16`",
        "",
    ),
    (
        "nodes: {a: {routes: default via 10.1.0.1}}\n",
        1,
        "`a` has no interface in the network of 10.1.0.1",
        "the next hop of a route is on one of the node's own links",
    ),
    (
        "nodes: {a: {addresses: {b: 10.1.0.1/24}}}\n",
        1,
        "there is no interface of `a` named `b`",
        "",
    ),
    (
        "kinds: {mrcd: {}}\n",
        1,
        "there is no kind `mrcd`",
        "did you mean `mcrd`?",
    ),
    (
        "nodes: {a1: host}\ngroups: {g: {members: [a2]}}\n",
        2,
        "there is no node `a2`",
        "did you mean `a1`?",
    ),
    (
        "groups: {g: {lo: auto}}\n",
        1,
        "the key `members` is missing",
        "",
    ),
    (
        "defaults: {node: {ol: auto}}\n",
        1,
        "the key `ol` is not known here",
        "did you mean `lo`?",
    ),
    (
        "nodes:\n  a: {kind: mcrd, config_file: none.json5}\n",
        2,
        "cannot read none.json5: No such file or directory (os error 2)",
        "",
    ),
    (
        "nodes:\n  a:\n    kind: mcrd\n    config: {log: {levle: debug}}\n",
        4,
        "there is no key 'levle' here",
        "did you mean 'level'?",
    ),
];

#[test]
fn of_nodes() {
    let cases = OF_NODES;
    judge("lab: 1\n", cases);
}

const OF_LINKS: &[Case] = &[
    (
        "links: [a--b]\n",
        1,
        "`a--b` is not a link",
        "write `a -- b`, with spaces around the dashes",
    ),
    (
        "links:\n  - a -- b\n  - a -- bb\n",
        3,
        "there is no node `bb`",
        "did you mean `b`?",
    ),
    (
        "links: [a -- a]\n",
        1,
        "both ends of this link are in `a`",
        "",
    ),
    (
        "links: [{a -- b: {}, a -- c: {}}]\n",
        1,
        "expected one link",
        "write `- a -- b`, or `- a -- b: {net: 10.1.0.0/24}`",
    ),
    (
        "links: [\"a:l -- b\"]\n",
        1,
        "`l` cannot be an interface's name",
        "letters, digits, `-` and `_`, at most 15, not `l`, `r`, `lo`, `all`",
    ),
    (
        "links: [\"a:x -- b\", \"a:x -- c\"]\n",
        1,
        "`a` has an interface `x` already",
        "",
    ),
    (
        "links: [a -- b: {ntu: 9000}]\n",
        1,
        "the key `ntu` is not known here",
        "did you mean `mtu`?",
    ),
    (
        "links: [a -- b: {mtu: 67}]\n",
        1,
        "an MTU is from 68 to 65535, not 67",
        "",
    ),
    (
        "links: [a -- b: {net: 10.1.0.1/24}]\n",
        1,
        "expected an IPv4 network such as `10.1.0.0/24`, found `10.1.0.1/24`",
        "",
    ),
    (
        "links: [a@10.1.0.0/24 -- b]\n",
        1,
        "expected an IPv4 address with its prefix length such as `10.1.0.7/24`, \
             found `10.1.0.0/24`",
        "",
    ),
    (
        "links: [a@10.1.0.7/24 -- b@10.1.0.7/24]\n",
        1,
        "10.1.0.7 is there twice on this link",
        "",
    ),
    (
        "links: [a -- b: {net: 10.1.0.0/32}]\n",
        1,
        "10.1.0.0/32 has too few addresses for this link",
        "",
    ),
    (
        "links:\n  - a -- b: {net: 10.1.0.0/24}\n  - a -- c: {net: 10.1.0.0/16}\n",
        3,
        "`a` has 10.1.0.0/24 on a--b already, which overlaps 10.1.0.0/16",
        "",
    ),
    (
        "segments: {lan: []}\n",
        1,
        "segment `lan` has no member",
        "",
    ),
    (
        "segments: {a: [b, c]}\n",
        1,
        "`a` is the name of a node already",
        "",
    ),
    (
        "segments: {lan: {members: [a, b], snoop: true}}\n",
        1,
        "the key `snoop` is not known here",
        "did you mean `snooping`?",
    ),
    (
        "segments: {lan: {members: [a, b], snooping: on}}\n",
        1,
        "expected `true` or `false`, found `on`",
        "",
    ),
];

#[test]
fn of_links() {
    let cases = OF_LINKS;
    judge("lab: 1\nnodes: {a: host, b: host, c: host}\n", cases);
}

const OF_RECEIVERS_AND_SOURCES: &[Case] = &[
    (
        "receivers:\n  R: {group: 239.1.1.1}\n",
        2,
        "the key `at` is missing",
        "",
    ),
    (
        "receivers:\n  R: {at: aa, group: 239.1.1.1}\n",
        2,
        "there is no node `aa`",
        "did you mean `a`?",
    ),
    (
        "receivers:\n  R: {at: c, group: 239.1.1.1}\n",
        2,
        "`c` is on no link",
        "",
    ),
    (
        "receivers:\n  R: {at: r, group: 239.1.1.1}\n",
        2,
        "`r` has several interfaces: a, b",
        "say which with `interface`",
    ),
    (
        "receivers:\n  R: {at: r, interface: bb, group: 239.1.1.1}\n",
        2,
        "there is no interface of `r` named `bb`",
        "did you mean `b`?",
    ),
    (
        "receivers:\n  R: {at: a, group: 10.9.9.9}\n",
        2,
        "10.9.9.9 is neither a group nor an address of `a`",
        "",
    ),
    (
        "receivers:\n  R: {at: a, group: 239.255.255.255, groups: 2}\n",
        2,
        "2 groups from 239.255.255.255 go beyond 239.255.255.255",
        "",
    ),
    (
        "receivers:\n  R: {at: a, group: 239.1.1.1, port: 70000}\n",
        2,
        "expected a number from 0 to 65535, found the number 70000",
        "",
    ),
    (
        "receivers:\n  R: {at: a, group: 239.1.1.1, port: 0}\n",
        2,
        "0 is not a port",
        "",
    ),
    (
        "receivers:\n  R: {at: a, group: 239.1.1.1, igmp: 4}\n",
        2,
        "IGMP has versions 1, 2 and 3, not 4",
        "",
    ),
    (
        "receivers:\n  R: {at: a, group: 239.1.1.1, igmp: 2, source: 10.1.1.1}\n",
        2,
        "a source is joined with IGMP version 3 only",
        "",
    ),
    (
        "sources:\n  S: {at: a}\n",
        2,
        "`S` has neither `group` nor `host`",
        "",
    ),
    (
        "sources:\n  S: {at: a, group: 10.1.1.1}\n",
        2,
        "expected a multicast address, 224.0.0.0 to 239.255.255.255, found `10.1.1.1`",
        "",
    ),
    (
        "sources:\n  S: {at: a, host: 239.1.1.1}\n",
        2,
        "239.1.1.1 is a group, not a host",
        "write it as `group`",
    ),
    (
        "sources:\n  S: {at: a, group: 239.1.1.1, rate: 1000}\n",
        2,
        "expected a rate such as `1000pps` or `10Mbit/s`, found the number 1000",
        "",
    ),
    (
        "sources:\n  S: {at: a, group: 239.1.1.1, rate: 0pps}\n",
        2,
        "a source's rate is more than 0",
        "",
    ),
    (
        "sources:\n  S: {at: a, group: 239.1.1.1, size: 43}\n",
        2,
        "from 44 to 65507, not 43",
        "",
    ),
    (
        "sources:\n  S: {at: a, group: 239.1.1.1, ttl: 0}\n",
        2,
        "from 1 to 255, not 0",
        "",
    ),
    (
        "sources:\n  S: {at: a, group: 239.1.1.1, dscp: 64}\n",
        2,
        "from 0 to 63, not 64",
        "",
    ),
];

#[test]
fn of_receivers_and_sources() {
    let cases = OF_RECEIVERS_AND_SOURCES;
    let before = "lab: 1\nnodes: {a: host, b: host, c: host, r: host}\nlinks: [a -- r, r -- b]\n";
    judge(before, cases);
}

const OF_VARIABLES: &[Case] = &[
    (
        "about: \"${gg}\"\nvars: {g: 1}\nnodes: {a: \"${gg}\"}\n",
        3,
        "there is no variable `gg`",
        "did you mean `g`?",
    ),
    (
        "vars: {x: \"${y}\", y: \"a${x}\"}\nnodes: {a: \"${x}\"}\n",
        1,
        "the variables stand for each other: x -> y -> x",
        "",
    ),
    (
        "nodes: {a: \"${env.NOT_THERE}\"}\n",
        1,
        "the environment has no `NOT_THERE`",
        "give a default: ${env.NOT_THERE:-value}",
    ),
    (
        "nodes: {a: {lo: \"${b.lo}\"}, b: host}\n",
        1,
        "the nodes' addresses are not known here",
        "what makes the network may use ${vars...} and ${env...} only",
    ),
    (
        "nodes: {a: {env: {X: \"${b.lo}\"}}, b: host}\n",
        1,
        "`b` has no address on its loopback",
        "give it one: `b: {lo: auto}`",
    ),
    (
        "nodes: {a: {env: {X: \"${bb.ip}\"}}, b: host}\n",
        1,
        "there is no node `bb`",
        "did you mean `b`?",
    ),
    (
        "nodes: {a: {env: {X: \"${b.cc.ip}\"}}, b: host, c: host}\nlinks: [b -- c]\n",
        1,
        "`b` has no interface `cc`",
        "did you mean `c`?",
    ),
    (
        "nodes: {a: {env: {X: \"${b.c.mac}\"}}, b: host, c: host}\nlinks: [b -- c]\n",
        1,
        "an interface has no `mac`",
        "an interface has `ip`, `net` and `if`",
    ),
    (
        "nodes: {a: {env: {X: \"x${b.ip\"}}, b: host}\n",
        1,
        "`${` without its `}`",
        "write `$${` where `${` itself is meant",
    ),
    (
        "receivers: {R: {at: \"${self.ip}\", group: 239.1.1.1}}\n",
        1,
        "`self` is known inside of a node only",
        "",
    ),
];

#[test]
fn of_variables() {
    let cases = OF_VARIABLES;
    judge("lab: 1\n", cases);
}

#[test]
fn several_are_told_at_once() {
    let text = "lab: 1\nnam: x\nnodes: {a: hots, b: {konfig: 1}}\nlinks: [a -- c]\n\
                receivers: {R: {at: d, group: 239.1.1.1}}\nsteps: [{jion: R}]\n";
    let mistakes = read(text).expect_err("accepted");
    let told: Vec<(usize, usize, &str)> = mistakes
        .list
        .iter()
        .map(|mistake| (mistake.line, mistake.column, mistake.path.as_str()))
        .collect();
    let want = [
        (2, 1, "nam"),
        (3, 12, "nodes.a"),
        (3, 22, "nodes.b.konfig"),
        (4, 9, "links[0]"),
        (5, 21, "receivers.R.at"),
        (6, 10, "steps[0].jion"),
    ];
    assert_eq!(told, want, "{mistakes}");
}

#[test]
fn a_variable_of_the_command_line_must_exist() {
    let vars = [("grp".to_owned(), "239.1.1.1".to_owned())];
    let file = std::path::Path::new("lab.yaml");
    let text = "lab: 1\nvars: {group: 239.2.2.2}\n";
    let mistakes = crate::topology::parse(file, text, &vars, &|_| None).expect_err("accepted");
    let message = &mistakes.list[0].message;
    assert_eq!(message, "--var grp: the file has no variable `grp`");
}

#[test]
fn the_line_is_shown_with_the_file() {
    let mistakes = read("lab: 1\nnodes: {a: hots}\n").expect_err("accepted");
    let want = "\
error: nodes.a: `hots` is not known here
 --> lab.yaml:2:12
  |
2 | nodes: {a: hots}
  |            ^^^^
  |
  = help: did you mean `host`?

lab.yaml: 1 mistake
";
    assert_eq!(mistakes.to_string(), want);
}
