//! Rules, and what they forward and count.

use std::time::Duration;

use mcr_api::ErrorCode;
use mcr_api::Method;
use mcr_api::state::{Page, RuleState, RuleStatus};
use mcr_tests::eventually;

use crate::mcrd::{Mcrd, SOON, Start, output, rule};
use crate::traffic::{receiver, send, sender, take};
use crate::world::in_world;

#[test]
fn a_burst_is_relayed_and_counted_to_the_packet() {
    in_world(
        "rules::a_burst_is_relayed_and_counted_to_the_packet",
        || {
            let mcrd = Start::new().ready();
            mcrd.add(&[rule("a", 1), rule("b", 2)]);
            mcrd.wait_workers(1);
            let (sender, a, b) = (sender(), receiver(1), receiver(2));
            // D25: a burst of 50 never showed, and the last packets were missing.
            send(&sender, 1, 0..50);
            assert_eq!(take(&a, 50, SOON), Vec::from_iter(0..50));
            send(&sender, 2, 0..7);
            assert_eq!(take(&b, 7, SOON), Vec::from_iter(0..7));
            let stats = mcrd.stats("a");
            assert_eq!((stats.packets, stats.bytes), (50, 50 * 32));
            assert_eq!(
                (stats.outputs[0].packets, stats.outputs[0].dropped),
                (50, 0)
            );
            assert_eq!(mcrd.stats("b").packets, 7);
            let input = mcrd.input("in0");
            assert_eq!(
                (input.received, input.matched, input.kernel_drops),
                (57, 57, 0)
            );
        },
    );
}

#[test]
fn the_last_rule_of_an_input_takes_its_worker_along() {
    in_world(
        "rules::the_last_rule_of_an_input_takes_its_worker_along",
        || {
            let mcrd = Start::new().ready();
            assert!(mcrd.workers().is_empty(), "no rule, no worker");
            mcrd.add(&[rule("a", 1), rule("b", 2)]);
            // D27: a pure output interface gets none.
            assert_eq!(mcrd.wait_workers(1)[0].interface, "in0");
            let (sender, receiver) = (sender(), receiver(1));
            send(&sender, 1, 0..1);
            assert_eq!(take(&receiver, 1, SOON), [0]);
            mcrd.remove("a");
            mcrd.wait_workers(1);
            // D8: what was removed is forwarded no more.
            send(&sender, 1, 1..100);
            assert_eq!(take(&receiver, 1, Duration::from_millis(200)), [0; 0]);
            mcrd.remove("b");
            assert!(eventually(SOON, || mcrd.workers().is_empty()));
            // A name that comes again counts from zero.
            mcrd.add(&[rule("a", 1)]);
            mcrd.wait_workers(1);
            assert_eq!(mcrd.stats("a").packets, 0);
            send(&sender, 1, 0..3);
            assert_eq!(take(&receiver, 3, SOON), [0, 1, 2]);
            assert_eq!(mcrd.stats("a").packets, 3);
        },
    );
}

#[test]
fn a_change_is_made_whole_or_not_at_all() {
    in_world("rules::a_change_is_made_whole_or_not_at_all", || {
        let mcrd = Start::new().ready();
        mcrd.add(&[rule("a", 1)]);
        // D17: the same input under another name, and rules without outputs.
        let mut silent = rule("c", 3);
        silent.outputs.clear();
        let mut own = rule("d", 4);
        own.outputs = vec![output("in0", [239, 2, 2, 4])];
        for (bad, code, words) in [
            (rule("b", 1), ErrorCode::Exists, "same input"),
            (rule("a", 9), ErrorCode::Exists, "named 'a'"),
            (silent, ErrorCode::Invalid, "no outputs"),
            // D15: a loop through one interface.
            (own, ErrorCode::Invalid, "input interface"),
        ] {
            let rules = vec![rule("good", 7), bad];
            let failure = mcrd.refusal(Method::RulesAdd { rules });
            assert_eq!(failure.code, code, "{failure:?}");
            let told = serde_json::to_string(&failure).unwrap();
            assert!(told.contains(words), "{words}: {told}");
        }
        let names = vec!["a".to_owned(), "nobody".to_owned()];
        let failure = mcrd.refusal(Method::RulesRemove { names });
        assert_eq!(failure.code, ErrorCode::NotFound);
        assert_eq!(mcrd.status().rules, 1);
    });
}

#[test]
fn a_rule_says_what_it_waits_for() {
    in_world("rules::a_rule_says_what_it_waits_for", || {
        let mcrd = Start::new().ready();
        let mut both = rule("both", 1);
        both.outputs.push(output("nowhere0", [239, 2, 2, 1]));
        let mut never = rule("never", 2);
        never.input.interface = "nowhere1".to_owned();
        mcrd.add(&[both, never]);
        let show = |name: &str| -> RuleStatus {
            mcrd.call(Method::RulesShow {
                name: name.to_owned(),
            })
        };
        assert_eq!(show("both").state, RuleState::Partial);
        assert!(show("both").waiting[0].contains("nowhere0"));
        assert_eq!(show("never").state, RuleState::Waiting);
        assert!(show("never").waiting[0].contains("nowhere1"));
        assert_eq!(mcrd.status().rules_waiting, 2);
        // D6: the output that is missing costs the others nothing.
        mcrd.wait_workers(1);
        let (sender, receiver) = (sender(), receiver(1));
        send(&sender, 1, 0..100);
        assert_eq!(take(&receiver, 100, SOON).len(), 100);
        let stats = mcrd.stats("both");
        assert_eq!(
            (stats.outputs[0].packets, stats.outputs[1].dropped),
            (100, 100)
        );
        assert_eq!(mcrd.workers()[0].restarts, 0);
    });
}

/// Ten thousand rules; the first and the last of them forward.
fn check_ten_thousand(mcrd: &Mcrd) {
    let entries = || {
        let workers = mcrd.workers();
        workers.len() == 1 && workers[0].entries == 10_000 && workers[0].in_sync
    };
    assert!(eventually(SOON * 3, entries), "{:?}", mcrd.workers());
    let rules: Vec<RuleStatus> = mcrd
        .client()
        .pages(|cursor| Method::RulesList { cursor })
        .unwrap();
    assert_eq!(rules.len(), 10_000);
    let first: Page<RuleStatus> = mcrd.call(Method::RulesList { cursor: None });
    assert!(first.next.is_some(), "a long list comes in pages");
    let interfaces = || {
        let all: Vec<mcr_api::state::Interface> = mcrd.call(Method::Interfaces {});
        all.iter()
            .any(|one| one.name == "in0" && one.groups == 10_000)
    };
    assert!(eventually(SOON * 3, interfaces), "every group is joined");
    let (sender, receiver) = (sender(), receiver(1));
    for number in [0, 9_999] {
        let to = std::net::SocketAddrV4::new(many_group(number), 5000);
        sender.send_to(&number.to_be_bytes(), to).unwrap();
    }
    assert_eq!(take(&receiver, 2, SOON), [0, 9_999]);
    let worker = &mcrd.workers()[0];
    assert_eq!((worker.healed, worker.restarts), (0, 0));
}

fn many_group(number: u32) -> std::net::Ipv4Addr {
    (0xEF10_0000 + number).into()
}

fn many(number: u32) -> mcr_api::rule::Rule {
    let mut many = rule(&format!("many-{number:05}"), 1);
    many.input.group = many_group(number);
    many
}

#[test]
fn ten_thousand_rules_come_in_one_file() {
    in_world("rules::ten_thousand_rules_come_in_one_file", || {
        let rules: Vec<_> = (0..10_000).map(many).collect();
        let text = format!("{{ rules: {} }}", serde_json::to_string(&rules).unwrap());
        // D13: the limit was the size of a message.
        assert!(text.len() > mcr_api::MAX_LINE);
        check_ten_thousand(&Mcrd::with_config(&text));
    });
}

#[test]
fn ten_thousand_rules_come_one_by_one() {
    in_world("rules::ten_thousand_rules_come_one_by_one", || {
        let mcrd = Start::new().ready();
        let mut client = mcrd.client();
        for number in 0..10_000 {
            let rules = vec![many(number)];
            let _: serde_json::Value = client.call(Method::RulesAdd { rules }).unwrap();
        }
        check_ten_thousand(&mcrd);
        let rules = vec![many(10_000)];
        assert_eq!(
            mcrd.refusal(Method::RulesAdd { rules }).code,
            ErrorCode::Limit
        );
    });
}
