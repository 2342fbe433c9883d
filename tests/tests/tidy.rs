//! The repository's own rules, as far as a program can check them; clippy.toml
//! and the workspace's lints check the others.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::{Path, PathBuf};

use mcr_tests::root;

/// Files that may be longer than the limit, with their own limit. The list may
/// only shrink.
const LONG_FILES: &[(&str, usize)] = &[];

/// A file of the repository, read.
struct Source {
    name: String,
    text: String,
}

impl Source {
    fn is_test(&self) -> bool {
        self.name.ends_with("/tests.rs")
            || self.name.contains("/tests/")
            || self.name.starts_with("tests/")
    }

    fn is_bench(&self) -> bool {
        self.name.starts_with("benches/")
    }

    /// The libraries inside the daemon's folder, who talk to no terminal.
    fn is_library(&self) -> bool {
        self.name.starts_with("mcrd/") && !self.name.starts_with("mcrd/src/")
    }

    /// Lines with their number, without comments and without the contents of
    /// string literals that end on their line.
    fn code(&self) -> impl Iterator<Item = (usize, String)> {
        self.text
            .lines()
            .enumerate()
            .map(|(index, line)| (index + 1, strip(line)))
    }
}

/// Takes a line's comment and the contents of its strings away.
fn strip(line: &str) -> String {
    let mut out = String::new();
    let mut in_string = false;
    let mut previous = ' ';
    for char in line.chars() {
        match char {
            '"' if previous != '\\' && previous != '\'' => {
                in_string = !in_string;
                out.push('"');
            }
            '/' if !in_string && previous == '/' => {
                out.pop();
                return out;
            }
            other if !in_string => out.push(other),
            _ => {}
        }
        previous = char;
    }
    out
}

fn walk(folder: &Path, into: &mut Vec<PathBuf>) {
    const SKIP: [&str; 5] = ["target", ".git", ".tools", "runs", "node_modules"];
    let mut entries: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    entries.sort();
    for path in entries {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() && !path.is_symlink() && !SKIP.contains(&name.as_str()) {
            walk(&path, into);
        } else if path.is_file() {
            into.push(path);
        }
    }
}

fn sources(extensions: &[&str]) -> Vec<Source> {
    let mut paths = Vec::new();
    walk(root(), &mut paths);
    let found: Vec<Source> = paths
        .iter()
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extensions.iter().any(|wanted| extension == *wanted))
        })
        .map(|path| Source {
            name: path
                .strip_prefix(root())
                .unwrap()
                .to_string_lossy()
                .into_owned(),
            text: fs::read_to_string(path).unwrap(),
        })
        .collect();
    assert!(!found.is_empty(), "no files found under {:?}", root());
    found
}

/// Fails with every finding at once.
fn report(rule: &str, findings: &[String]) {
    assert!(findings.is_empty(), "{rule}\n  {}\n", findings.join("\n  "));
}

#[test]
fn files_are_short() {
    let mut findings = Vec::new();
    let sources = sources(&["rs"]);
    for source in &sources {
        let usual = if source.is_test() { 1000 } else { 500 };
        let exception = LONG_FILES.iter().find(|(name, _)| *name == source.name);
        let limit = exception.map_or(usual, |(_, limit)| *limit);
        let lines = source.text.lines().count();
        if lines > limit {
            findings.push(format!("{}: {lines} lines, limit {limit}", source.name));
        }
        if exception.is_some() && lines <= usual {
            findings.push(format!("{}: take it off LONG_FILES", source.name));
        }
    }
    for (name, _) in LONG_FILES {
        if !sources.iter().any(|source| source.name == *name) {
            findings.push(format!("{name}: take it off LONG_FILES"));
        }
    }
    report("Split a long file by what its parts are about.", &findings);
}

#[test]
fn files_say_what_lives_in_them() {
    let findings: Vec<String> = sources(&["rs"])
        .iter()
        .filter(|source| !source.text.starts_with("//! "))
        .map(|source| source.name.clone())
        .collect();
    report(
        "The first line of a .rs file is a `//!` comment.",
        &findings,
    );
}

#[test]
fn tests_do_not_sleep() {
    let mut findings = Vec::new();
    for source in sources(&["rs"]).iter().filter(|source| source.is_test()) {
        for (line, code) in source.code() {
            // A pause named POLL belongs to a loop that waits with a deadline.
            let sleeps = code.match_indices("sleep(").any(|(at, _)| {
                !code[..at].ends_with(|before: char| before.is_alphanumeric() || before == '_')
            });
            let waits = sleeps && !code.contains("sleep(POLL)");
            if waits || shell_sleeps(&code) {
                findings.push(format!("{}:{line}", source.name));
            }
        }
    }
    for source in sources(&["yaml"]) {
        for (number, line) in source.text.lines().enumerate() {
            if shell_sleeps(line) {
                findings.push(format!("{}:{}", source.name, number + 1));
            }
        }
    }
    report(
        "Wait on the condition with a deadline: mcr_tests::eventually.",
        &findings,
    );
}

/// A command waits for a time: what a node runs for good is `tail -f /dev/null`.
fn shell_sleeps(line: &str) -> bool {
    line.match_indices("sleep ").any(|(at, word)| {
        let after = &line[at + word.len()..];
        after.starts_with(|first: char| first.is_ascii_digit() || first == '$')
    })
}

#[test]
fn no_test_is_ignored() {
    let mut findings = Vec::new();
    for source in sources(&["rs"]) {
        for (line, code) in source.code() {
            if code.contains("#[ignore") {
                findings.push(format!("{}:{line}", source.name));
            }
        }
    }
    report(
        "A test that cannot run says so with mcr_tests::skip; a program that \
         tests run is tests/src/bin/mcr-test-helper.rs.",
        &findings,
    );
}

#[test]
fn lints_are_not_switched_off() {
    const KEPT: [&str; 5] = [
        "clippy::too_many_lines",
        "clippy::unwrap_used",
        "clippy::expect_used",
        "clippy::wildcard_enum_match_arm",
        "clippy::let_underscore_must_use",
    ];
    let mut findings = Vec::new();
    for source in sources(&["rs"]) {
        if source.is_test() || source.is_bench() {
            continue;
        }
        for (line, code) in source.code() {
            let switched_off = code.contains("allow(") || code.contains("expect(clippy");
            if switched_off && KEPT.iter().any(|lint| code.contains(lint)) {
                findings.push(format!("{}:{line}: {}", source.name, code.trim()));
            }
        }
    }
    report("These lints hold outside tests.", &findings);
}

#[test]
fn nothing_unwraps_outside_tests() {
    let mut findings = Vec::new();
    for source in sources(&["rs"]) {
        if source.is_test() || source.is_bench() {
            continue;
        }
        for (line, code) in source.code() {
            if code.contains(".unwrap()") {
                findings.push(format!("{}:{line}: {}", source.name, code.trim()));
            }
        }
    }
    report("Return an error.", &findings);
}

#[test]
fn libraries_do_not_print() {
    let mut findings = Vec::new();
    for source in sources(&["rs"]) {
        if source.is_test() || !source.is_library() {
            continue;
        }
        for (line, code) in source.code() {
            let names = ["println!(", "print!(", "clippy::print_std"];
            if names.iter().any(|name| code.contains(name)) {
                findings.push(format!("{}:{line}: {}", source.name, code.trim()));
            }
        }
    }
    report("Write to the writer that was given.", &findings);
}

#[test]
fn code_does_not_know_that_it_is_tested() {
    let mut findings = Vec::new();
    for source in sources(&["rs"]) {
        if source.is_test() {
            continue;
        }
        for (line, code) in source.code() {
            let inside = code.starts_with(char::is_whitespace) && code.contains("#[cfg(test)]");
            if inside || code.contains("cfg!(test)") || code.contains("cfg(feature = \"testing\")")
            {
                findings.push(format!("{}:{line}: {}", source.name, code.trim()));
            }
        }
    }
    report("No cfg(test) inside functions and types.", &findings);
}

#[test]
fn the_core_asks_the_world_nothing() {
    const WORDS: [&str; 10] = [
        "Instant::now",
        "SystemTime",
        "std::fs",
        "std::env",
        "std::thread",
        "std::process",
        "UdpSocket",
        "TcpStream",
        // Their order differs from run to run.
        "HashMap",
        "HashSet",
    ];
    let mut findings = Vec::new();
    for source in sources(&["rs"]) {
        let core = ["mcrd/wire/src/", "mcrd/proto/src/"]
            .iter()
            .any(|folder| source.name.starts_with(folder));
        if !core || source.is_test() {
            continue;
        }
        for (line, code) in source.code() {
            if WORDS.iter().any(|word| code.contains(word)) {
                findings.push(format!("{}:{line}: {}", source.name, code.trim()));
            }
        }
    }
    report("Time and packets are arguments.", &findings);
}

#[test]
fn no_marks_of_unfinished_work() {
    // Written apart, so that this file does not find itself.
    let marks = [
        concat!("TO", "DO"),
        concat!("FIX", "ME"),
        concat!("XX", "X:"),
    ];
    let mut findings = Vec::new();
    for source in sources(&["rs", "md", "toml", "sh", "yaml", "yml", "json5"]) {
        for (index, line) in source.text.lines().enumerate() {
            if marks.iter().any(|mark| line.contains(mark)) {
                findings.push(format!("{}:{}: {}", source.name, index + 1, line.trim()));
            }
        }
    }
    report("Plans are issues.", &findings);
}

#[test]
fn topologies_explain_and_judge_themselves() {
    let mut findings = Vec::new();
    let folder = root().join("topologies");
    let index = fs::read_to_string(root().join("README.md")).unwrap();
    let topologies = fs::read_dir(folder).map_or_else(|_| Vec::new(), Iterator::collect);
    for entry in topologies {
        let path = entry.unwrap().path();
        if !path.is_dir() {
            continue;
        }
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if !path.join("README.md").is_file() {
            findings.push(format!("topologies/{name}: no README.md"));
        }
        if !index.contains(&format!("[{name}](topologies/{name})")) {
            findings.push(format!("topologies/{name}: not in the table of README.md"));
        }
        let judges = fs::read_to_string(path.join("lab.yaml")).is_ok_and(|text| {
            ["expect:", "never:", "measure:"]
                .iter()
                .any(|word| text.contains(word))
        });
        if !judges {
            findings.push(format!(
                "topologies/{name}: no lab.yaml with an expectation"
            ));
        }
    }
    report(
        "A topology has a README.md, a lab.yaml that expects something, and a row.",
        &findings,
    );
}

#[test]
fn strip_takes_comments_and_strings_away() {
    assert_eq!(strip("let a = 1; // nap("), "let a = 1; ");
    assert_eq!(strip(r#"f("nap(", b)"#), r#"f("", b)"#);
    assert_eq!(strip(r#"f("a\"b", '"')"#), r#"f("", '"')"#);
    assert_eq!(strip("/// nap("), "");
}
