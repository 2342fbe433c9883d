//! Values as people read them.

use super::*;

#[test]
fn durations() {
    for (seconds, text) in [
        (0, "0s"),
        (59, "59s"),
        (60, "1m 0s"),
        (11_525, "3h 12m 5s"),
        (90_000, "1d 1h 0m 0s"),
    ] {
        assert_eq!(duration(seconds), text);
    }
}

#[test]
fn bit_rates() {
    for (rate, text) in [
        (0.0, "0 bit/s"),
        (999.0, "999 bit/s"),
        (1500.0, "1.5 kbit/s"),
        (12_340_000.0, "12.3 Mbit/s"),
        (9.9e15, "9900.0 Tbit/s"),
    ] {
        assert_eq!(bit_rate(rate), text);
    }
}

#[test]
fn a_long_change_says_how_much_it_does_not_name() {
    let change = ConfigChange {
        rules: Changed {
            added: vec!["a".to_owned(), "b".to_owned()],
            ..Changed::default()
        },
        added: 9,
        removed: 1,
        ..ConfigChange::default()
    };
    assert_eq!(
        config_change(&change),
        "9 rules added, 1 removed, 0 changed\n+ a\n+ b\n... and 8 more\n"
    );
}
