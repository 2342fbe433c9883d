//! Counters by name, and what is said of them.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use mcr_api::state::{InputStats, OutputStats, RuleStats};

use super::{judge, of_input, of_rule, since};
use crate::assertion::Truth;
use crate::topology::model::Bound;

const AT_LEAST_9: Bound = Bound {
    min: Some(9.0),
    max: None,
};

fn output(packets: u64, dropped: u64) -> OutputStats {
    OutputStats {
        interface: "a".to_owned(),
        destination: Ipv4Addr::LOCALHOST,
        port: None,
        packets,
        bytes: packets * 100,
        dropped,
    }
}

#[test]
fn names_of_a_rule() {
    let counters = of_rule(&RuleStats {
        name: "r".to_owned(),
        packets: 9,
        bytes: 900,
        outputs: vec![output(9, 0), output(7, 2)],
    });
    assert_eq!(counters["dropped"], 2);
    assert_eq!(counters["outputs[1].packets"], 7);
    let observed = judge(&[("outputs[0].packets".to_owned(), AT_LEAST_9)], &counters);
    assert_eq!(observed.truth, Truth::True);
    assert_eq!(observed.measured, "outputs[0].packets 9");
    let observed = judge(&[("outputs[1].packets".to_owned(), AT_LEAST_9)], &counters);
    assert_eq!(
        observed.missed,
        ["outputs[1].packets 7, expected at least 9"]
    );
}

#[test]
fn names_of_an_input_and_differences() {
    let stats = |no_rule| InputStats {
        interface: "a".to_owned(),
        received: 10,
        matched: 4,
        kernel_drops: 0,
        drops: BTreeMap::from([("no-rule".to_owned(), no_rule)]),
    };
    let counters = since(&of_input(&stats(2)), of_input(&stats(11)));
    assert_eq!(counters["drops.no-rule"], 9);
    assert_eq!(counters["received"], 0);
    let observed = judge(&[("drops.nonsense".to_owned(), AT_LEAST_9)], &counters);
    assert_eq!(observed.truth, Truth::False);
    assert!(observed.missed[0].contains("there is no counter `drops.nonsense`"));
    assert!(
        observed.missed[0].contains("drops.no-rule"),
        "{:?}",
        observed.missed
    );
}
