//! What `${...}` becomes.

use std::path::Path;

use super::good;

#[test]
fn every_form_in_one_table() {
    const CASES: [(&str, &str); 15] = [
        ("${g}", "239.1.1.1"),
        ("${vars.g}", "239.1.1.1"),
        ("udp://${g}:${port}", "udp://239.1.1.1:5000"),
        ("${nested}", "[239.1.1.1]"),
        ("${env.HOME_NET}", "10.9.0.0/24"),
        ("${env.NONE:-fallback}", "fallback"),
        ("${env.NONE:-}", ""),
        ("${vars.none:-7}", "7"),
        ("${a.ip}", "10.0.0.1"),
        ("${a.b.ip}", "10.0.0.1"),
        ("${b.lo}", "10.255.0.2"),
        ("${self.ip}", "10.0.0.1"),
        ("${self.b.if} in ${self.b.net}", "b in 10.0.0.0/24"),
        ("costs $5, $HOME and $${g}", "costs $5, $HOME and ${g}"),
        ("${ a.ip }", "10.0.0.1"),
    ];
    let settings: String = CASES
        .iter()
        .enumerate()
        .map(|(number, (written, _))| format!("      V{number}: '{written}'\n"))
        .collect();
    let text = format!(
        "lab: 1\nvars: {{g: 239.1.1.1, port: 5000, nested: '[${{g}}]'}}\nnodes:\n  a:\n    \
         env:\n{settings}  b: {{lo: auto}}\nlinks: [a -- b]\n"
    );
    let topology = good(&text);
    for ((name, value), (written, want)) in topology.nodes[0].env.iter().zip(CASES) {
        assert_eq!(value, want, "of {written} ({name})");
    }
    assert_eq!(topology.nodes[0].env.len(), CASES.len());
}

#[test]
fn the_command_line_wins_and_keeps_types() {
    let text = "lab: 1\nvars: {port: 5000, rate: 10pps}\nnodes: {a: host, b: host}\n\
                links: [a -- b]\n\
                sources: {S: {at: a, group: 239.1.1.1, port: '${port}', rate: '${rate}'}}\n";
    let vars = [("port".to_owned(), "6000".to_owned())];
    let topology = crate::topology::parse(Path::new("lab.yaml"), text, &vars, &|_| None);
    let topology = topology.unwrap_or_else(|mistakes| panic!("{mistakes}"));
    assert_eq!(topology.sources[0].port, 6000);
}

#[test]
fn variables_that_grow_are_stopped() {
    let mut text = "lab: 1\nvars:\n  v0: '${w}${w}'\n  w: ''\n".to_owned();
    for level in 1..40 {
        let below = level - 1;
        text.push_str(&format!("  v{level}: '${{v{below}}}${{v{below}}}'\n"));
    }
    text.push_str("nodes: {a: {env: {X: '${v39}'}}}\n");
    let mistakes = super::read(&text).expect_err("accepted");
    let told = mistakes.list.iter().map(|mistake| mistake.message.as_str());
    assert_eq!(
        told.collect::<Vec<_>>(),
        ["the variables of this file grow too much"],
        "{mistakes}"
    );
}

#[test]
fn sums_and_what_is_inside_first() {
    const CASES: [(&str, &str); 8] = [
        ("${n + 1}", "4"),
        ("${(n - 1) * 2 % 3}", "1"),
        ("r${n - 2}.x", "r1.x"),
        ("${r${n - 2}.ip}", "10.0.0.1"),
        ("${env.NONE:-${n}}", "3"),
        ("${n / 2}", "1.5"),
        ("${times.${kind}}", "25s"),
        ("${vars.times.mcrd.soon}", "1s"),
    ];
    let settings: String = CASES
        .iter()
        .enumerate()
        .map(|(number, (written, _))| format!("      V{number}: '{written}'\n"))
        .collect();
    let text = format!(
        "lab: 1\nvars: {{n: 3, kind: frr, times: {{mcrd: {{soon: 1s}}, frr: 25s}}}}\n\
         nodes:\n  r1:\n    env:\n{settings}  r2:\nlinks: [r1 -- r2]\n"
    );
    let topology = good(&text);
    for ((_, value), (written, want)) in topology.nodes[0].env.iter().zip(CASES) {
        assert_eq!(value, want, "of {written}");
    }
}

#[test]
fn a_matrix_has_its_first_values_unless_others_are_chosen() {
    let text = "lab: 1\nmatrix: {rp: [mcrd, host], n: [1, 2]}\n\
                nodes: {r1: {kind: '${matrix.rp}'}, r2: {kind: '${rp}', env: {N: '${n}'}}}\n";
    let kinds = |vars: &[(String, String)]| {
        let topology = crate::topology::parse(Path::new("lab.yaml"), text, vars, &|_| None);
        let topology = topology.unwrap_or_else(|mistakes| panic!("{mistakes}"));
        let kinds = topology.nodes.iter().map(|node| node.kind.word());
        (kinds.collect::<Vec<_>>(), topology.matrix)
    };
    let (first, matrix) = kinds(&[]);
    assert_eq!(first, ["mcrd", "mcrd"]);
    let values = |values: &[&str]| values.iter().map(|&value| value.to_owned()).collect();
    let want: [(String, Vec<String>); 2] = [
        ("rp".to_owned(), values(&["mcrd", "host"])),
        ("n".to_owned(), values(&["1", "2"])),
    ];
    assert_eq!(matrix, want);
    let chosen = [("rp".to_owned(), "host".to_owned())];
    assert_eq!(kinds(&chosen).0, ["host", "host"]);
}
