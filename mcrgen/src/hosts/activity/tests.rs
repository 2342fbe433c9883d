//! What is done at which time.

use super::*;

const SECOND: u64 = 1_000_000_000;

fn script() -> Script {
    Script {
        groups: (1..=4).map(|n| Ipv4Addr::new(239, 1, 1, n)).collect(),
        per_host: 2,
        join_rate: 2.0,
        hold: None,
        churn: 0.0,
        seed: 3,
    }
}

fn play(script: Script, hosts: usize, until: u64) -> Vec<(u64, Action)> {
    let mut activity = Activity::new(script, hosts, SECOND);
    let mut all = Vec::new();
    while let Some(at) = activity.next().filter(|at| *at <= until) {
        all.push((at, activity.pop(at).unwrap()));
    }
    all
}

#[test]
fn joins_are_dealt_out_in_turn_and_at_the_rate() {
    let all = play(script(), 3, 100 * SECOND);
    let want: Vec<(u64, usize, u8)> = vec![
        (1000, 0, 1),
        (1500, 0, 2),
        (2000, 1, 3),
        (2500, 1, 4),
        (3000, 2, 1),
        (3500, 2, 2),
    ];
    let joins = want.into_iter().map(|(millis, host, group)| {
        let group = Ipv4Addr::new(239, 1, 1, group);
        (millis * 1_000_000, Action::Join(host, group))
    });
    assert_eq!(all, joins.collect::<Vec<_>>());
}

#[test]
fn memberships_end_after_the_hold_time() {
    let hold = Some(Duration::from_secs(10));
    let all = play(Script { hold, ..script() }, 1, 100 * SECOND);
    let leaves: Vec<u64> = all
        .iter()
        .filter(|(_, action)| matches!(action, Action::Leave(..)))
        .map(|(at, _)| *at)
        .collect();
    assert_eq!(leaves, [11 * SECOND, 11 * SECOND + SECOND / 2]);
}

#[test]
fn churn_comes_after_the_start_and_from_the_seed() {
    let churn = |seed| {
        let script = Script {
            churn: 10.0,
            seed,
            ..script()
        };
        play(script, 3, 10 * SECOND)
    };
    let all = churn(3);
    // Three seconds of joins, then six of churn.
    assert_eq!(all.len(), 6 + 60);
    let toggles = all[6..].iter();
    assert!(
        toggles
            .clone()
            .all(|(_, action)| matches!(action, Action::Toggle(..)))
    );
    assert_eq!(all, churn(3));
    assert_ne!(all, churn(4));
}
