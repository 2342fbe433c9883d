//! Relative links in every Markdown file lead somewhere, with their anchors.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::{Path, PathBuf};

use mcr_tests::root;

/// A link as written, with its line.
struct Link {
    line: usize,
    target: String,
}

fn markdown(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let skipped = name == "target" || name == "runs" || name == ".git" || name == ".tools";
        if path.is_dir() && !path.is_symlink() && !skipped {
            markdown(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "md") {
            into.push(path);
        }
    }
}

/// The lines outside fenced code, with their numbers.
fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut fenced = false;
    text.lines().enumerate().filter_map(move |(index, line)| {
        let fence = line.trim_start().starts_with("```");
        fenced ^= fence;
        (!fenced && !fence).then_some((index + 1, line))
    })
}

fn links(text: &str) -> Vec<Link> {
    let mut found = Vec::new();
    for (line, content) in prose(text) {
        for after in content.split("](").skip(1) {
            if let Some((target, _)) = after.split_once(')') {
                found.push(Link {
                    line,
                    target: target.split(' ').next().unwrap_or(target).to_owned(),
                });
            }
        }
    }
    found
}

/// A heading's anchor, made as the common renderers do.
fn anchors(text: &str) -> Vec<String> {
    prose(text)
        .filter(|(_, line)| line.starts_with('#'))
        .map(|(_, line)| {
            line.trim_start_matches('#')
                .trim()
                .to_lowercase()
                .chars()
                .filter(|char| char.is_alphanumeric() || matches!(char, ' ' | '-' | '_'))
                .map(|char| if char == ' ' { '-' } else { char })
                .collect()
        })
        .collect()
}

/// What is wrong with a link in the file at `path`, if anything.
fn broken(path: &Path, text: &str, link: &Link) -> Option<String> {
    if link.target.contains("://") || link.target.starts_with("mailto:") {
        return None;
    }
    let (file, anchor) = link.target.split_once('#').unwrap_or((&link.target, ""));
    let target = path.parent().unwrap_or(path).join(file);
    if !file.is_empty() && !target.exists() {
        return Some("no such file".to_owned());
    }
    if anchor.is_empty() {
        return None;
    }
    let there = if file.is_empty() {
        text.to_owned()
    } else {
        fs::read_to_string(&target).unwrap_or_default()
    };
    let known = anchors(&there).iter().any(|name| name == anchor);
    (!known).then(|| "no such heading".to_owned())
}

#[test]
fn relative_links_resolve() {
    let mut files = Vec::new();
    markdown(root(), &mut files);
    let mut findings = Vec::new();
    for path in files {
        let text = fs::read_to_string(&path).unwrap();
        for link in links(&text) {
            if let Some(reason) = broken(&path, &text, &link) {
                findings.push(format!(
                    "{}:{}: {}: {reason}",
                    path.display(),
                    link.line,
                    link.target
                ));
            }
        }
    }
    assert!(findings.is_empty(), "\n  {}\n", findings.join("\n  "));
}

#[test]
fn a_broken_link_is_found() {
    let text = "# One thing\n[a](nowhere.md) [b](#one-thing) [c](#two)\n";
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("x.md");
    let found: Vec<bool> = links(text)
        .iter()
        .map(|link| broken(&here, text, link).is_some())
        .collect();
    assert_eq!(found, [true, false, true]);
}
