//! What holds for any text, and for any network.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::{good, read};
use crate::topology::model::Topology;

/// A network of some hosts and links between them, as text.
fn network() -> impl Strategy<Value = (usize, Vec<(usize, usize)>, Vec<Vec<usize>>)> {
    (2..12_usize).prop_flat_map(|nodes| {
        let pair = (0..nodes, 0..nodes).prop_filter("two nodes", |(a, b)| a != b);
        let segment = proptest::collection::btree_set(0..nodes, 1..nodes);
        let segment = segment.prop_map(|set| set.into_iter().collect::<Vec<_>>());
        (
            Just(nodes),
            proptest::collection::vec(pair, 0..20),
            proptest::collection::vec(segment, 0..4),
        )
    })
}

fn text(nodes: usize, links: &[(usize, usize)], segments: &[Vec<usize>]) -> String {
    let names: String = (0..nodes)
        .map(|node| format!("  n{node}: {{lo: auto}}\n"))
        .collect();
    let links = links.iter().map(|(a, b)| format!("  - n{a} -- n{b}\n"));
    let links: String = links.collect();
    let segments = segments.iter().enumerate().map(|(number, members)| {
        let members: Vec<String> = members.iter().map(|node| format!("n{node}")).collect();
        format!("  lan{number}: [{}]\n", members.join(", "))
    });
    let segments: String = segments.collect();
    format!("lab: 1\nnodes:\n{names}links:\n{links}segments:\n{segments}")
        .replace("links:\nsegments", "segments")
        .trim_end_matches("segments:\n")
        .to_owned()
}

fn unique(topology: &Topology) -> Result<(), TestCaseError> {
    let mut addresses = BTreeSet::new();
    for node in &topology.nodes {
        let mut names = BTreeSet::new();
        for interface in &node.interfaces {
            prop_assert!(names.insert(&interface.name), "{} twice", interface.name);
            prop_assert!(interface.name.len() <= 15);
            let net = topology.links[interface.link.0].net;
            for address in &interface.addresses {
                prop_assert!(addresses.insert(address.addr()), "{address} twice");
                prop_assert!(net.contains(&address.addr()));
            }
        }
        for address in &node.loopback {
            prop_assert!(addresses.insert(address.addr()), "{address} twice");
        }
    }
    let mut nets = BTreeSet::new();
    for link in &topology.links {
        prop_assert!(nets.insert(link.net), "{} twice", link.net);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..Default::default() })]

    #[test]
    fn random_text_never_panics(text in "\\PC{0,200}") {
        prop_assert!(read(&text).is_err());
    }

    #[test]
    fn random_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), &bytes).expect("written");
        let refused = crate::topology::load(file.path(), &[]).expect_err("accepted");
        prop_assert!(refused.render(true).contains("mistake"));
    }

    /// A good file with a hole or a foreign piece in it.
    #[test]
    fn a_damaged_file_never_panics(
        at in 0..1000_usize,
        cut in 0..40_usize,
        put in "[ -~\n]{0,12}",
    ) {
        let whole = super::QUICKSTART;
        let start = at % whole.len();
        let end = (start + cut).min(whole.len());
        let damaged = format!("{}{put}{}", &whole[..start], &whole[end..]);
        match read(&damaged) {
            Ok(topology) => prop_assert!(topology.nodes.len() < 100),
            Err(mistakes) => {
                let last = damaged.matches('\n').count() + 1;
                for mistake in &mistakes.list {
                    prop_assert!(mistake.line <= last, "{mistake:?}");
                }
                prop_assert!(mistakes.to_string().contains("lab.yaml"));
            }
        }
    }

    #[test]
    fn addresses_and_names_are_unique((nodes, links, segments) in network()) {
        unique(&good(&text(nodes, &links, &segments)))?;
    }

    #[test]
    fn a_link_at_the_end_changes_no_other((nodes, links, segments) in network()) {
        let before = good(&text(nodes, &links, &segments));
        let mut more = links.clone();
        more.push((0, 1));
        let after = good(&text(nodes, &more, &segments));
        let nets = |topology: &Topology, count: usize| {
            let links = topology.links.iter().filter(|link| link.name.contains("--"));
            links.take(count).map(|link| link.net).collect::<Vec<_>>()
        };
        prop_assert_eq!(nets(&before, links.len()), nets(&after, links.len()));
        let lans = |topology: &Topology| {
            let links = topology.links.iter().filter(|link| !link.name.contains("--"));
            links.map(|link| link.net).collect::<Vec<_>>()
        };
        prop_assert_eq!(lans(&before), lans(&after));
    }
}

/// Aliases of aliases, and brackets without end: refused before they grow.
#[test]
fn small_files_do_not_grow_large() {
    let mut bomb = "lab: 1\nvars:\n  v0: &v0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..10 {
        let below = format!("*v{}", level - 1);
        let many = vec![below; 9].join(", ");
        bomb.push_str(&format!("  v{level}: &v{level} [{many}]\n"));
    }
    let deep = format!(
        "lab: 1\nvars: {{v: {}{}}}\n",
        "[".repeat(9999),
        "]".repeat(9999)
    );
    let long = format!("lab: 1\nabout: {}\n", "x".repeat(5 << 20));
    for (text, said) in [
        (bomb, "alias replay limit exceeded"),
        (deep, "recursion limit exceeded"),
        (long, "the file is larger than 4 MiB"),
    ] {
        let mistakes = read(&text).expect_err("accepted").list;
        assert_eq!(mistakes.len(), 1);
        assert!(
            mistakes[0].message.contains(said),
            "{}",
            mistakes[0].message
        );
    }
}
