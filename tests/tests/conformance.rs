//! docs/CONFORMANCE.md is what the requirement list and the tests say together.
//! `make docs` writes it anew.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;

use mcr_tests::root;
use serde::Deserialize;

/// One thing that an RFC demands.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Requirement {
    id: String,
    rfc: String,
    level: Level,
    text: String,
    /// FILE#FUNCTION of each test that shows it, or the folder of a scenario.
    tests: Vec<String>,
    /// What is missing, where no test shows the whole.
    gap: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Level {
    Must,
    Should,
}

fn requirements() -> Vec<Requirement> {
    let path = root().join("tests/conformance/requirements.yaml");
    serde_yaml::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

/// The RFC's number, without the section.
fn rfc(requirement: &Requirement) -> &str {
    requirement.rfc.split(" §").next().unwrap()
}

/// What is wrong with the naming of a test, if anything.
fn wrong(requirement: &Requirement, test: &str) -> Option<String> {
    let Some((file, function)) = test.split_once('#') else {
        return wrong_scenario(requirement, test);
    };
    let Ok(text) = fs::read_to_string(root().join(file)) else {
        return Some(format!("{test}: there is no such file"));
    };
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let opening = format!("fn {function}(");
    let Some(at) = lines.iter().position(|line| line.contains(&opening)) else {
        return Some(format!("{test}: there is no such function"));
    };
    let above = lines[..at].iter().rev();
    let above: Vec<&str> = above
        .take_while(|line| line.starts_with("#[") || line.starts_with("///"))
        .copied()
        .collect();
    let is_test = above.iter().any(|line| line.starts_with("#[test]"))
        || text.contains("proptest!")
        || above.iter().any(|line| line.contains("test"));
    if !is_test {
        return Some(format!("{test}: the function is not a test"));
    }
    let header = lines.iter().take_while(|line| line.starts_with("//!"));
    let cited = above
        .iter()
        .chain(header)
        .any(|line| line.contains(rfc(requirement)));
    (!cited).then(|| format!("{test}: neither it nor its file cites {}", rfc(requirement)))
}

/// A scenario is a folder whose page cites the RFC.
fn wrong_scenario(requirement: &Requirement, folder: &str) -> Option<String> {
    let folder = folder.strip_prefix("topologies/").map(|_| folder);
    let Some(folder) = folder.map(|folder| root().join(folder)) else {
        return Some(format!("{} names no FILE#FUNCTION", requirement.id));
    };
    if !folder.join("lab.yaml").is_file() {
        return Some(format!("{}: there is no scenario", folder.display()));
    }
    let page = fs::read_to_string(folder.join("README.md")).unwrap_or_default();
    let cited = page.contains(rfc(requirement));
    (!cited).then(|| format!("{}: does not cite {}", folder.display(), rfc(requirement)))
}

#[test]
fn every_test_that_is_named_exists_and_cites_the_rfc() {
    let requirements = requirements();
    let mut seen = BTreeSet::new();
    let mut wrongs = Vec::new();
    for requirement in &requirements {
        if !seen.insert(&requirement.id) {
            wrongs.push(format!("{} is listed twice", requirement.id));
        }
        for test in &requirement.tests {
            wrongs.extend(wrong(requirement, test));
        }
    }
    assert!(wrongs.is_empty(), "{}", wrongs.join("\n"));
}

#[test]
fn the_page_is_what_the_list_says() {
    let expected = page(&requirements());
    let path = root().join("docs/CONFORMANCE.md");
    if std::env::var_os("UPDATE_REFERENCE").is_some() {
        fs::write(&path, expected).unwrap();
        return;
    }
    let found = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        found == expected,
        "docs/CONFORMANCE.md is not what the list says: type  make docs"
    );
}

fn page(requirements: &[Requirement]) -> String {
    let shown = requirements
        .iter()
        .filter(|requirement| !requirement.tests.is_empty() && requirement.gap.is_none())
        .count();
    let mut page = format!(
        "# Conformance\n\n\
         What the RFCs demand of the router, in our words, and the tests that show\n\
         it: {shown} of {} requirements are shown whole. `make docs` writes this page\n\
         from [the list](../tests/conformance/requirements.yaml); a test that is named\n\
         there and does not exist, or does not cite the RFC, fails `make test`.\n",
        requirements.len()
    );
    let mut by_rfc: BTreeMap<&str, Vec<&Requirement>> = BTreeMap::new();
    for requirement in requirements {
        by_rfc
            .entry(rfc(requirement))
            .or_default()
            .push(requirement);
    }
    for (rfc, requirements) in by_rfc {
        write!(page, "\n## {rfc}\n\n").unwrap();
        page.push_str("| section | level | requirement | shown by |\n|---|---|---|---|\n");
        for requirement in requirements {
            let section = requirement.rfc.split(" §").nth(1).unwrap_or("–");
            let level = match requirement.level {
                Level::Must => "must",
                Level::Should => "should",
            };
            let text = requirement.text.trim();
            let by = shown_by(requirement);
            writeln!(page, "| {section} | {level} | {text} | {by} |").unwrap();
        }
    }
    page
}

fn shown_by(requirement: &Requirement) -> String {
    let mut by: Vec<String> = requirement
        .tests
        .iter()
        .map(|test| {
            let (file, name) = test.split_once('#').unwrap_or((test, test));
            format!("[{name}](../{file})")
        })
        .collect();
    match &requirement.gap {
        Some(gap) => by.push(format!("**not whole**: {}", gap.trim())),
        None if by.is_empty() => by.push("**no test**".to_owned()),
        None => {}
    }
    by.join("<br>")
}
