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
            "log.facilities.relay: default -> trace",
            "log.level: debug -> default",
            "pinning.a0: [1] -> default",
            "pinning.c0: default -> [3, 4]",
            "workers.io_uring: default -> false",
        ]
    );
    assert_eq!(
        change.at_restart,
        [
            "control.group: default -> root",
            "control.socket: default -> /run/x",
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
    let merged = merged(&running, text.clone()).unwrap().file;
    let expected = file(
        "{ log: { level: 'debug', facilities: { relay: 'warn' } }, pinning: { a0: [1], b0: [3] } }",
    );
    assert_eq!(merged, expected);
    assert_eq!(replaced(text.clone()), text);
}

#[test]
fn settings_of_the_router_are_named_too() {
    let running = file(
        "{ pim: { interfaces: { a0: {}, b0: {}, c0: { dr_priority: 1 } }, spt_switch: 'never',
             rp: { static: [{ address: '10.0.0.1' }] } } }",
    );
    let target = file(
        "{ pim: { interfaces: { a0: { dr_priority: 7 }, c0: { dr_priority: 2 } } },
           igmp: { interfaces: { a0: { version: 2 }, b0: {} } },
           mroutes: [{ network: '10.0.0.0/8', interface: 'a0' }] }",
    );
    let change = describe(&RuleChanges::default(), &running, &target);
    assert_eq!(
        change.settings,
        [
            r#"igmp.interfaces.a0: none -> {"version":2}"#,
            "igmp.interfaces.b0: none -> {}",
            r#"mroutes: default -> [{"network":"10.0.0.0/8","interface":"a0"}]"#,
            "pim.interfaces.a0.dr_priority: default -> 7",
            "pim.interfaces.b0: {} -> none",
            "pim.interfaces.c0.dr_priority: 1 -> 2",
            r#"pim.rp.static: [{"address":"10.0.0.1"}] -> default"#,
            "pim.spt_switch: never -> default",
        ]
    );
}

#[test]
fn what_is_wrong_together_is_refused() {
    let running = file("{ igmp: { interfaces: { a0: { query_interval: 30 } } } }");
    let response = |seconds: u32| {
        let text = format!(
            "{{ igmp: {{ interfaces: {{ a0: {{ query_response_interval: {seconds} }} }} }} }}"
        );
        merged(&running, file(&text))
    };
    let loaded = response(20).unwrap();
    let igmp = loaded.router.interfaces.values().next().unwrap();
    let igmp = igmp.igmp.as_ref().unwrap();
    assert_eq!(igmp.query_interval.as_secs(), 30);
    assert_eq!(igmp.query_response_interval.as_secs(), 20);
    let problems = response(40).unwrap_err();
    assert!(
        problems.to_string().contains("must be less than"),
        "{problems}"
    );
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
