//! Files upon files: what becomes of them, and which are refused.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use crate::diagnostic::Diagnostics;
use crate::topology::load;
use crate::topology::model::Topology;

/// A folder with these files; `lab.yaml` of the folder `a` is the lab.
fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, text).expect("a file");
    }
    folder
}

fn read(files: &[(&str, &str)]) -> Result<Topology, Diagnostics> {
    load(&folder(files).path().join("a/lab.yaml"), &[])
}

const BASE: &str = "lab: 1\nname: base\nvars: {g: 239.1.1.1}\n\
    nodes: {a: {env: {X: 1, Y: 1}}, b: host}\nlinks: [a -- b]\n\
    receivers: {R: {at: a, group: '${g}'}, Q: {at: a, group: '${g}'}}\n\
    steps: [{join: R}, {leave: R}]\n";

#[test]
fn a_file_lies_over_those_that_it_extends() {
    let more = "nodes: {c: host, a: {env: {Y: 2}}}\nlinks: [b -- c]\n";
    let own = "lab: 1\nextends: [../base.yaml, more.yaml]\nvars: {g: 239.9.9.9}\n\
               nodes: {d:, b: mcrd}\nlinks: [c -- d]\nreceivers: {Q: null}\n\
               steps: [{join: R}]\n";
    let files = [
        ("base.yaml", BASE),
        ("a/more.yaml", more),
        ("a/lab.yaml", own),
    ];
    let topology = read(&files).unwrap_or_else(|mistakes| panic!("{mistakes}"));
    assert_eq!(topology.name, "a");
    let nodes = topology.nodes.iter();
    let nodes: Vec<(&str, &str)> = nodes
        .map(|node| (node.name.as_str(), node.kind.word()))
        .collect();
    let want = [("a", "host"), ("b", "mcrd"), ("c", "host"), ("d", "host")];
    assert_eq!(nodes, want);
    let env: Vec<&str> = topology.nodes[0]
        .env
        .iter()
        .map(|(_, value)| &**value)
        .collect();
    assert_eq!(env, ["1", "2"]);
    let links: Vec<&str> = topology.links.iter().map(|link| &*link.name).collect();
    assert_eq!(links, ["a--b", "b--c", "c--d"]);
    assert_eq!(topology.receivers.len(), 1);
    assert_eq!(topology.receivers[0].groups[0].octets(), [239, 9, 9, 9]);
    assert_eq!(topology.steps.len(), 1);
}

/// A configuration file is beside the file that names it.
#[test]
fn other_files_are_found_beside_the_file_that_names_them() {
    let base = "lab: 1\nnodes: {r: {kind: mcrd, config_file: r.json5}}\n";
    let files = [
        ("common/base.yaml", base),
        ("common/r.json5", "{ log: { level: 'debug' } }"),
        ("a/lab.yaml", "lab: 1\nextends: ../common/base.yaml\n"),
    ];
    assert!(read(&files).is_ok());
}

#[test]
fn a_mistake_is_told_of_the_file_that_has_it() {
    let base = "lab: 1\nnodes: {a: host}\nlinks:\n  - a -- bb\n";
    let own = "lab: 1\nextends: base.yaml\n\nnodes: {b: {knd: host}}\n";
    let mistakes = read(&[("a/base.yaml", base), ("a/lab.yaml", own)]).expect_err("accepted");
    let told: Vec<_> = mistakes
        .list
        .iter()
        .map(|one| (one.file.is_some(), one.line, one.path.as_str()))
        .collect();
    assert_eq!(told, [(false, 4, "nodes.b.knd"), (true, 4, "links[0]")]);
    let text = mistakes.to_string();
    assert!(text.contains("/base.yaml:4:5"), "{text}");
    assert!(text.contains("/lab.yaml:4:13"), "{text}");
}

#[test]
fn what_may_not_be_extended() {
    let around = tempfile::tempdir().expect("a folder");
    let outside = around.path().join("secret.yaml");
    fs::write(&outside, "lab: 1\n").expect("a file");
    let here = folder(&[("a/lab.yaml", "")]);
    std::os::unix::fs::symlink(&outside, here.path().join("a/link.yaml")).expect("a link");
    let cases = [
        ("/etc/passwd", "`/etc/passwd` is an absolute path"),
        ("../../../etc/passwd", "is outside of the lab's folder"),
        ("link.yaml", "`link.yaml` is outside of the lab's folder"),
        (
            "none.yaml",
            "cannot read `none.yaml`: No such file or directory",
        ),
        (".", "`.` is not a file"),
        ("lab.yaml", "`lab.yaml` extends itself"),
    ];
    for (name, want) in cases {
        // However deep the folder of temporary files lies.
        let name = name.replacen("../../../", &"../".repeat(20), 1);
        let text = format!("lab: 1\nextends: {name}\n");
        let file = here.path().join("a/lab.yaml");
        fs::write(&file, text).expect("a file");
        let mistakes = load(&file, &[]).expect_err("accepted");
        let [mistake] = mistakes.list.as_slice() else {
            panic!("{mistakes}");
        };
        assert!(mistake.message.contains(want), "{}", mistake.message);
        assert_eq!(mistake.line, 2);
    }
}

#[test]
fn circles_and_too_many_are_refused() {
    let files = [
        ("a/lab.yaml", "lab: 1\nextends: b.yaml\n"),
        ("a/b.yaml", "extends: c.yaml\n"),
        ("a/c.yaml", "extends: b.yaml\n"),
    ];
    let mistakes = read(&files).expect_err("accepted");
    assert_eq!(mistakes.list[0].message, "`b.yaml` extends itself");
    assert!(
        mistakes.list[0]
            .file
            .as_ref()
            .is_some_and(|file| file.ends_with("c.yaml"))
    );

    // Each extends the next one twice: many readings of few files.
    let mut many = vec![(
        "a/lab.yaml".to_owned(),
        "lab: 1\nextends: [0.yaml, 0.yaml]\n".to_owned(),
    )];
    for level in 0..12 {
        let next = level + 1;
        let text = format!("extends: [{next}.yaml, {next}.yaml]\n");
        many.push((format!("a/{level}.yaml"), text));
    }
    many.push(("a/12.yaml".to_owned(), "vars: {}\n".to_owned()));
    let many: Vec<(&str, &str)> = many.iter().map(|(a, b)| (&**a, &**b)).collect();
    let mistakes = read(&many).expect_err("accepted");
    assert_eq!(mistakes.list[0].message, "a lab has 32 files at most");
}

#[test]
fn what_cannot_be_read_is_told() {
    let folder = folder(&[("a/lab.yaml", "lab: 1\nextends: big.yaml\n")]);
    let big = fs::File::create(folder.path().join("a/big.yaml")).expect("a file");
    big.set_len(5 << 20).expect("a length");
    let mistakes = load(&folder.path().join("a/lab.yaml"), &[]).expect_err("accepted");
    assert_eq!(
        mistakes.list[0].message,
        "`big.yaml`: the file is larger than 4 MiB"
    );
    // A file without end.
    let mistakes = load(Path::new("/dev/zero"), &[]).expect_err("accepted");
    assert_eq!(mistakes.list[0].message, "the file is larger than 4 MiB");
    assert_eq!(mistakes.list[0].line, 0);
}
