//! The file: at the start, at a reload, by a client, and saved.

use std::fs;
use std::process::Command;

use mcr_api::config::ConfigFile;
use mcr_api::state::{ConfigChange, Saved};
use mcr_api::{ErrorCode, Method};
use mcr_tests::eventually;
use nix::sys::signal::Signal;

use crate::mcrd::{Mcrd, SOON, Start, binary, config, rule, rule_text};
use crate::traffic::{receiver, send, sender, take};
use crate::world::in_world;

pub(crate) fn load(mcrd: &Mcrd, text: &str, merge: bool) -> ConfigChange {
    let mut client = mcrd.client();
    let begin = Method::ConfigBegin {
        name: "test".to_owned(),
    };
    let _: serde_json::Value = client.call(begin).unwrap();
    // In small parts, as a long text would be.
    for part in text.as_bytes().chunks(50) {
        let text = String::from_utf8(part.to_vec()).unwrap();
        let _: serde_json::Value = client.call(Method::ConfigPut { text }).unwrap();
    }
    let checked: ConfigChange = client.call(Method::ConfigCheck { merge }).unwrap();
    let loaded: ConfigChange = client.call(Method::ConfigLoad { merge }).unwrap();
    assert_eq!(checked, loaded, "what a check says is what a load does");
    loaded
}

#[test]
fn a_missing_interface_is_no_error_at_the_start() {
    in_world(
        "configuration::a_missing_interface_is_no_error_at_the_start",
        || {
            // D28: it ended the daemon.
            let text = rule_text("a", 1).replace("in0", "later0");
            let mcrd = Mcrd::with_config(&format!("{{ rules: [{text}] }}"));
            assert_eq!(mcrd.status().rules_waiting, 1);
            assert!(mcrd.workers().is_empty());
        },
    );
}

#[test]
fn a_wrong_file_ends_the_start_with_every_mistake() {
    in_world(
        "configuration::a_wrong_file_ends_the_start_with_every_mistake",
        || {
            // D15, D17, D33: all were accepted, or only the first was told.
            let text = "{ colour: 1, rules: [ { input: { interface: 'in0', group: '239.1.1.1', \
                    protocol: 'tcp6' }, outputs: [] }, { input: { interface: 'in0', \
                    group: '239.1.1.2' }, outputs: [ { interface: 'in0' } ] } ] }";
            let path = config(text);
            let mut mcrd = Start::new().config(&path).spawn();
            assert_eq!(mcrd.ended(SOON).unwrap().code(), Some(1));
            let check = Command::new(binary())
                .args(["check", "--json"])
                .arg(&path)
                .output()
                .unwrap();
            assert_eq!(check.status.code(), Some(1));
            for text in [mcrd.log(), String::from_utf8(check.stdout).unwrap()] {
                for words in [
                    "colour",
                    "tcp6",
                    "no outputs",
                    "rules[1].outputs[0].interface",
                ] {
                    assert!(text.contains(words), "{words}: {text}");
                }
            }
            let missing = Command::new(binary())
                .args(["check", "/run/nothing.json5"])
                .output()
                .unwrap();
            assert_eq!(missing.status.code(), Some(1));
            let good = config("{}");
            let good = Command::new(binary())
                .arg("check")
                .arg(good)
                .output()
                .unwrap();
            assert_eq!(good.status.code(), Some(0));
        },
    );
}

#[test]
fn a_load_starts_the_workers_it_needs() {
    in_world("configuration::a_load_starts_the_workers_it_needs", || {
        let mcrd = Start::new().ready();
        let text = format!(
            "{{ pinning: {{ in0: [0] }}, log: {{ facilities: {{ relay: 'debug' }} }}, \
             rules: [{}, {}] }}",
            rule_text("a", 1),
            rule_text("b", 2)
        );
        let change = load(&mcrd, &text, false);
        assert_eq!((change.added, change.removed, change.changed), (2, 0, 0));
        assert!(
            change
                .settings
                .iter()
                .any(|one| one.contains("pinning.in0"))
        );
        // D10: no worker was started, and pinning was ignored.
        assert_eq!(mcrd.wait_workers(1)[0].cpu, Some(0));
        let (sender, receiver) = (sender(), receiver(1));
        send(&sender, 1, 0..100);
        assert_eq!(take(&receiver, 100, SOON).len(), 100);
        // The next one takes a rule away and changes the other.
        let text = format!(
            "{{ rules: [{}] }}",
            rule_text("a", 1).replace("6000", "6001")
        );
        let change = load(&mcrd, &text, true);
        assert_eq!((change.added, change.removed, change.changed), (0, 0, 1));
        assert_eq!(mcrd.stats("a").packets, 100, "the rule's own count goes on");
        let change = load(&mcrd, &text, false);
        assert_eq!((change.added, change.removed, change.changed), (0, 1, 0));
        assert_eq!(mcrd.status().rules, 1);
    });
}

#[test]
fn a_wrong_load_changes_nothing_and_says_where() {
    in_world(
        "configuration::a_wrong_load_changes_nothing_and_says_where",
        || {
            let mcrd = Start::new().ready();
            mcrd.add(&[rule("a", 1)]);
            let mut client = mcrd.client();
            for method in [
                Method::ConfigBegin {
                    name: "my.json5".to_owned(),
                },
                Method::ConfigPut {
                    text: "{\n  rules: 5,\n}".to_owned(),
                },
            ] {
                let _: serde_json::Value = client.call(method).unwrap();
            }
            match client.call::<ConfigChange>(Method::ConfigLoad { merge: false }) {
                Err(mcr_api::client::ClientError::Refused(failure)) => {
                    assert_eq!(failure.code, ErrorCode::Invalid);
                    let problem = &failure.problems[0];
                    assert_eq!(problem.file.as_deref(), Some("my.json5"));
                    assert_eq!((problem.line, problem.key.as_str()), (Some(2), "rules"));
                }
                other => panic!("{other:?}"),
            }
            assert_eq!(mcrd.status().rules, 1);
        },
    );
}

#[test]
fn a_hangup_reloads_or_goes_on() {
    in_world("configuration::a_hangup_reloads_or_goes_on", || {
        let mcrd = Mcrd::with_config(&format!("{{ rules: [{}] }}", rule_text("a", 1)));
        let pid = mcrd.wait_workers(1)[0].pid;
        config(&format!(
            "{{ rules: [{}, {}] }}",
            rule_text("a", 1),
            rule_text("b", 2)
        ));
        let diff: ConfigChange = mcrd.call(Method::ConfigDiff {});
        assert_eq!(diff.rules.added, ["b"]);
        // D29: it killed the daemon.
        mcrd.signal(Signal::SIGHUP);
        assert!(eventually(SOON, || mcrd.status().rules == 2));
        mcrd.assert_logged("1 added");
        config("{ rules: 5 }");
        mcrd.signal(Signal::SIGHUP);
        let noted = |words: &str| {
            eventually(SOON, || {
                mcrd.status().notes.iter().any(|note| note.contains(words))
            })
        };
        assert!(noted("the last reload failed"), "{:?}", mcrd.status());
        mcrd.assert_logged("rules: 5");
        let status = mcrd.status();
        assert_eq!((status.rules, status.workers_running), (2, 1));
        config("{}");
        let change: ConfigChange = mcrd.call(Method::ConfigReload {});
        assert_eq!(change.removed, 2);
        assert!(
            !mcrd
                .status()
                .notes
                .iter()
                .any(|note| note.contains("failed"))
        );
        assert_ne!(pid, None);
    });
}

#[test]
fn what_is_saved_is_what_runs() {
    in_world("configuration::what_is_saved_is_what_runs", || {
        let text = format!(
            "{{ control: {{ group: 'root' }}, log: {{ level: 'debug', facilities: {{ relay: \
             'trace' }} }}, workers: {{ io_uring: false }}, pinning: {{ in0: [0] }}, rules: [{}] }}",
            rule_text("a", 1)
        );
        let path = config(&text);
        let mcrd = Start::new().config(&path).ready();
        let mut with_source = rule("b", 2);
        with_source.input.source = Some([10, 0, 0, 2].into());
        mcrd.add(&[with_source]);
        let copy = "/run/etc/copy.json5".to_owned();
        let saved: Saved = mcrd.call(Method::ConfigSave { path: Some(copy) });
        assert_eq!(saved.rules, 2);
        // D11: only the rules were written, over the start-up file.
        let saved: Saved = mcrd.call(Method::ConfigSave { path: None });
        assert_eq!(saved.path, path.display().to_string());
        let diff: ConfigChange = mcrd.call(Method::ConfigDiff {});
        assert_eq!(diff, ConfigChange::default());
        let copy: ConfigFile = mcr_config::load(std::path::Path::new("/run/etc/copy.json5"))
            .unwrap()
            .file;
        let own = mcr_config::load(&path).unwrap().file;
        assert_eq!(copy, own);
        assert_eq!(own.control.group.as_deref(), Some("root"));
        assert_eq!(own.workers.io_uring, Some(false));
        assert_eq!(own.pinning["in0"], [0]);
        assert_eq!(own.rules.len(), 2);
        let left = fs::read_dir("/run/etc").unwrap().count();
        assert_eq!(left, 2, "no temporary file stays");
        let path = Some("/proc/nowhere".to_owned());
        let failure = mcrd.refusal(Method::ConfigSave { path });
        assert_eq!(failure.code, ErrorCode::Failed);
        assert!(failure.message.contains("/proc"), "{}", failure.message);
    });
}
