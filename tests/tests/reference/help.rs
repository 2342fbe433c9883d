//! A program's command line, from what it says of itself.

use std::process::{Command, Stdio};

/// What `program` prints.
pub(crate) fn run(program: &str, args: &[&str]) -> String {
    let path = mcr_tests::program(program).unwrap();
    let output = Command::new(path)
        .args(args)
        // Neither the terminal's width nor the user's settings are in the page.
        .env_remove("COLUMNS")
        .env_remove("MCR_SOCKET")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{program} {args:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

/// The help of the program and of all its commands.
pub(crate) fn page(program: &str) -> String {
    let mut text = format!("# {program}\n");
    section(program, &mut Vec::new(), &mut text);
    text
}

fn section(program: &str, path: &mut Vec<String>, text: &mut String) {
    let mut args: Vec<&str> = path.iter().map(String::as_str).collect();
    args.push("--help");
    let help = run(program, &args);
    if !path.is_empty() {
        text.push_str(&format!("\n## {program} {}\n", path.join(" ")));
    }
    text.push_str("\n```text\n");
    for line in help.lines() {
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text.push_str("```\n");
    for command in commands(&help) {
        path.push(command);
        section(program, path, text);
        path.pop();
    }
}

/// The names below `Commands:`.
fn commands(help: &str) -> Vec<String> {
    help.lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .take_while(|line| !line.is_empty())
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| *name != "help")
        .map(str::to_owned)
        .collect()
}

#[test]
fn commands_are_found() {
    let help = "X\n\nCommands:\n  one    Does one\n         thing\n  two    Two\n  help   Help\n\n\
                Options:\n  -h\n";
    assert_eq!(commands(help), ["one", "two"]);
}
