//! What expressions come to, and what is said of those that come to nothing.

use std::time::Duration;

use super::{Amount, Fault, evaluate, is_expression};

fn names(name: &str) -> Result<Amount, Fault> {
    match name {
        "i" => Ok(Amount::Number(7.0)),
        "pim.hello" => Ok(Duration::from_secs(30).into()),
        _ => Err(Fault::new(format!("no {name}"))),
    }
}

fn millis(time: u64) -> Amount {
    Duration::from_millis(time).into()
}

#[test]
fn values() {
    let cases = [
        ("2 * pim.hello", millis(60_000)),
        ("1.5*pim.hello", millis(45_000)),
        ("pim.hello / 2 + 100ms", millis(15_100)),
        ("pim.hello - 2 * (1s + 500ms)", millis(27_000)),
        ("i", Amount::Number(7.0)),
        ("i % 7 + 1", Amount::Number(1.0)),
        ("-1 % 8", Amount::Number(7.0)),
        ("(i + 1) * 2 - i / 2", Amount::Number(12.5)),
        ("2 + 3 * 4", Amount::Number(14.0)),
    ];
    for (text, want) in cases {
        assert_eq!(evaluate(text, &names), Ok(want), "of {text}");
    }
}

#[test]
fn mistakes() {
    let deep = format!("{}1{}", "(".repeat(17), ")".repeat(17));
    let cases = [
        ("2 * pim.helo", "no pim.helo"),
        ("2 *", "`2 *`: something is missing at the end"),
        ("", "``: something is missing at the end"),
        (
            "2 pim.hello",
            "`2 pim.hello`: `pim.hello` cannot stand there",
        ),
        ("* 2", "`* 2`: `*` cannot stand there"),
        ("(2", "`(2`: `(` without its `)`"),
        ("2 + 1s", "`2 + 1s`: a number and a duration have no sum"),
        (
            "1s * 1s",
            "`1s * 1s`: a duration can be multiplied and divided by a number only",
        ),
        ("i / (i - 7)", "`i / (i - 7)`: nothing can be divided by 0"),
        ("i ^ 2", "`i ^ 2`: there is no sign `^`"),
        (
            "5parsecs",
            "`5parsecs` is neither a number nor a duration such as `500ms`",
        ),
        (&deep, &format!("`{deep}`: this is nested too deeply")),
    ];
    for (text, want) in cases {
        assert_eq!(evaluate(text, &names), Err(Fault::new(want)), "of {text}");
    }
}

#[test]
fn what_is_taken_for_an_expression() {
    for text in ["2 * pim.hello", "pim.hello", "1s + 2s", "igmp.query / 2"] {
        assert!(is_expression(text), "{text}");
    }
    for text in ["500ms", "1m 30s", "10Mbit/s", "0.1%", "soon", "1.5s"] {
        assert!(!is_expression(text), "{text}");
    }
}
