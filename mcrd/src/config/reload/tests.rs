//! What a load is said to change, and what a merge keeps.

use mcr_config::parse;

use super::*;

fn file(text: &str) -> ConfigFile {
    parse("test", text).unwrap().file
}

#[test]
fn each_setting_that_differs_is_named_with_both_values() {
    let running = file("{ log: { level: 'debug' }, pinning: { a0: [1], b0: [2] } }");
    let target = file(
        "{ control: { socket: '/run/x', group: 'root' }, log: { facilities: { relay: 'trace' } },
           workers: { io_uring: false, user: 'nobody' }, pinning: { b0: [2], c0: [3, 4] } }",
    );
    let change = describe(&RuleChanges::default(), &running, &target);
    assert_eq!(
        change.settings,
        [
            "workers.io_uring: default -> false",
            "log.level: debug -> default",
            "log.facilities.relay: default -> trace",
            "pinning.a0: [1] -> default",
            "pinning.c0: default -> [3, 4]",
        ]
    );
    assert_eq!(
        change.at_restart,
        [
            "control.socket: default -> /run/x",
            "control.group: default -> root",
            "workers.user: default -> nobody",
        ]
    );
    let same = describe(&RuleChanges::default(), &target, &target);
    assert_eq!(same, ConfigChange::default());
}

#[test]
fn a_merge_keeps_what_the_file_does_not_say() {
    let running = file("{ log: { level: 'debug' }, pinning: { a0: [1], b0: [2] } }");
    let text = file("{ log: { facilities: { relay: 'warn' } }, pinning: { b0: [3] } }");
    let merged = target(&running, &text, true);
    let expected = file(
        "{ log: { level: 'debug', facilities: { relay: 'warn' } }, pinning: { a0: [1], b0: [3] } }",
    );
    assert_eq!(merged, expected);
    assert_eq!(target(&running, &text, false), text);
}

#[test]
fn many_names_are_counted_and_not_all_told() {
    let removed = (0..150)
        .map(|number| format!("r{number}").parse().unwrap())
        .collect();
    let rules = RuleChanges {
        removed,
        ..RuleChanges::default()
    };
    let change = describe(&rules, &ConfigFile::default(), &ConfigFile::default());
    assert_eq!((change.removed, change.rules.removed.len()), (150, 100));
    assert_eq!(summary(&change), "rules: 0 added, 150 removed, 0 changed");
}
