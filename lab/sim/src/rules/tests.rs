//! Which messages rules mean.

use std::net::Ipv4Addr;

use mcr_wire::pim::{self, Hello};

use super::*;

fn rule(text: &str, which: Which, does: Does) -> Rule {
    Rule {
        text: text.to_owned(),
        expression: Expression::parse(text, &|_| None).unwrap(),
        which,
        does,
    }
}

fn hello() -> Vec<u8> {
    pim::Message::Hello(Hello::default()).emit()
}

fn verdicts(rules: Vec<Rule>, messages: usize) -> Vec<Verdict> {
    let mut rules = Rules::new(rules);
    let payload = hello();
    let packet = Packet {
        source: Ipv4Addr::new(10, 0, 0, 1),
        destination: pim::ALL_PIM_ROUTERS,
        ttl: 1,
        protocol: pim::PROTOCOL,
        payload: &payload,
    };
    (0..messages).map(|_| rules.judge(&packet)).collect()
}

#[test]
fn messages_are_counted_from_one() {
    let dropped = |which| {
        let all = verdicts(vec![rule("pim.hello", which, Does::Drop)], 4);
        all.iter().map(|one| one.dropped).collect::<Vec<_>>()
    };
    assert_eq!(dropped(Which::Every), [true; 4]);
    assert_eq!(dropped(Which::First(2)), [true, true, false, false]);
    assert_eq!(dropped(Which::Nth(3)), [false, false, true, false]);
}

#[test]
fn other_messages_are_left_alone_and_not_counted() {
    let rules = vec![
        rule("pim.join", Which::Every, Does::Drop),
        rule("igmp", Which::Every, Does::Drop),
    ];
    assert!(verdicts(rules, 3).iter().all(Verdict::is_nothing));
}

#[test]
fn rules_add_up() {
    let second = Duration::from_secs(1);
    let rules = vec![
        rule("pim.hello", Which::Nth(2), Does::Double),
        rule("pim", Which::Every, Does::Delay(second)),
    ];
    let said = verdicts(rules, 2);
    assert_eq!((said[0].doubled, said[0].delay), (false, second));
    assert_eq!((said[1].doubled, said[1].delay), (true, second));
}

#[test]
fn a_rule_says_what_it_does() {
    let told = |which, does| rule("pim.hello", which, does).to_string();
    assert_eq!(told(Which::Every, Does::Drop), "drop pim.hello");
    assert_eq!(
        told(Which::Nth(2), Does::Delay(Duration::from_secs(3))),
        "delay by 3s number 2 of pim.hello"
    );
    assert_eq!(
        told(Which::First(5), Does::Double),
        "double the first 5 of pim.hello"
    );
}
