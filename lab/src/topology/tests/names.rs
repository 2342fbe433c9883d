//! Names that would be something else in a path, in a shell or in a page: each
//! is refused wherever the file gives names.

use super::read;

const BAD: [&str; 15] = [
    "../x",
    "/etc/passwd",
    "a/b",
    "..",
    ".",
    "-rf",
    "a b",
    "a;reboot",
    "$(reboot)",
    "`reboot`",
    "a|b",
    "<script>",
    "a\\nb",
    "é",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
];

#[test]
fn they_are_refused_everywhere() {
    let places = [
        "name: NAME\nnodes: {a: host}\n",
        "nodes: {NAME: host}\n",
        "nodes: {a: host}\nsegments: {NAME: [a]}\n",
        "nodes: {a: host, b: host}\nlinks: [\"a:NAME -- b\"]\n",
        "nodes: {a: host, b: host}\nlinks: [a -- b]\nreceivers: {NAME: {at: b, group: 239.1.1.1}}\n",
        "nodes: {a: host, b: host}\nlinks: [a -- b]\nsources: {NAME: {at: b, group: 239.1.1.1}}\n",
    ];
    for name in BAD {
        for place in places {
            let quoted = if place.contains("a:NAME") {
                name.to_owned()
            } else {
                format!("\"{name}\"")
            };
            let text = format!("lab: 1\n{}", place.replace("NAME", &quoted));
            let Err(mistakes) = read(&text) else {
                panic!("accepted:\n{text}");
            };
            assert!(!mistakes.list.is_empty());
        }
    }
}

/// What a loop or a variable makes of a name is looked at too.
#[test]
fn made_names_are_refused_too() {
    let texts = [
        "nodes: {'r${x}': {foreach: {x: ['../../tmp/x']}}}",
        "generate: {chain: 2, names: '../'}",
        "vars: {x: '$(reboot)'}\nnodes: {a: host, b: host}\nlinks: ['a:${x} -- b']",
        "nodes: {a: {kind: mcrd, config_file: '../../../etc/shadow'}}",
    ];
    for text in texts {
        let text = format!("lab: 1\n{text}\n");
        assert!(read(&text).is_err(), "accepted:\n{text}");
    }
}
