//! Which commands may replace their shell.

use super::is_simple;

#[test]
fn only_one_plain_command_is_simple() {
    for (command, want) in [
        ("smcrouted -n -f /tmp/x", true),
        ("cat; echo", false),
        ("a | b", false),
        ("a > b", false),
        ("exec a", false),
        ("A=1 b", false),
        ("while true\ndo a\ndone", false),
    ] {
        assert_eq!(is_simple(command), want, "{command}");
    }
}
