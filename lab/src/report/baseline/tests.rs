//! What a baseline keeps, and what it refuses.

use super::{Baseline, Known, Machine, cpu_name, kernel_version};
use crate::report::distribution::Values;

fn machine(cpu: &str) -> Machine {
    Machine {
        cpu: cpu.to_owned(),
        cpus: 2,
        kernel: "6.18".to_owned(),
        build: "debug".to_owned(),
    }
}

fn figure(metric: &str, all: &[f64]) -> Values {
    Values {
        lab: "ring".to_owned(),
        metric: metric.to_owned(),
        unit: "s".into(),
        all: all.to_vec(),
    }
}

#[test]
fn figures_are_kept_by_machine() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("baseline.json");
    let (one, other) = (machine("one"), machine("other"));
    let mut baseline = Baseline::empty();
    let set = |baseline: &mut Baseline, machine, figures| {
        baseline.set(machine, "2026-01-01T00:00:00Z".to_owned(), figures);
    };
    set(
        &mut baseline,
        &one,
        vec![figure("join", &[1.0]), figure("leave", &[9.0])],
    );
    set(&mut baseline, &other, vec![figure("join", &[2.0])]);
    set(&mut baseline, &one, vec![figure("join", &[3.0, 4.0])]);
    baseline.write(&path).unwrap();
    let read = Baseline::read(&path).unwrap();
    assert_eq!(read, baseline);
    let join = figure("join", &[]);
    assert_eq!(read.of(&one, &join), Known::Values(&[3.0, 4.0]));
    assert_eq!(read.of(&other, &join), Known::Values(&[2.0]));
    assert_eq!(read.of(&machine("third"), &join), Known::OtherMachine);
    let leave = figure("leave", &[]);
    assert_eq!(
        read.of(&one, &leave),
        Known::Values(&[9.0]),
        "was not run again"
    );
    assert_eq!(read.of(&one, &figure("first", &[])), Known::Nothing);
}

#[test]
fn what_is_no_baseline_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("baseline.json");
    let told = |text: Option<&str>| {
        if let Some(text) = text {
            std::fs::write(&path, text).unwrap();
        }
        Baseline::read(&path).unwrap_err()
    };
    assert!(told(None).ends_with("`--baseline-write` makes it"));
    assert!(told(Some("[]")).contains("is no baseline of lab test"));
    let later = "{\"version\": 2, \"machines\": []}";
    assert!(told(Some(later)).contains("has the form 2"));
}

#[test]
fn machines_are_told_apart() {
    let x86 = "processor\t: 0\nmodel name\t: Some CPU @ 2GHz\n";
    assert_eq!(cpu_name(x86), "Some CPU @ 2GHz");
    assert_eq!(cpu_name("processor: 0\nCPU part : 0xd0c\n"), "0xd0c");
    assert_eq!(cpu_name(""), "unknown");
    assert_eq!(kernel_version("6.18.44-fc-v669\n"), "6.18");
    assert_eq!(Machine::this(), Machine::this());
    assert_ne!(Machine::this(), Machine::of_virtual_time());
}
