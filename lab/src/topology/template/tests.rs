//! How texts are taken apart.

use super::{Fault, Piece, parse};

fn text(text: &str) -> Piece {
    Piece::Text(text.to_owned())
}

#[test]
fn parts() {
    let variable = |name: &str| Piece::Variable(vec![text(name)]);
    let nested = Piece::Variable(vec![text("r"), variable("i"), text(".lo")]);
    let cases = [
        ("", vec![]),
        ("plain $5 } {", vec![text("plain $5 } {")]),
        ("a${b}c", vec![text("a"), variable("b"), text("c")]),
        ("${r${i}.lo}", vec![nested]),
        ("$${b}", vec![Piece::Escape, text("b}")]),
        ("é${}", vec![text("é"), Piece::Variable(vec![])]),
    ];
    for (written, want) in cases {
        assert_eq!(parse(written), Ok(want), "of {written}");
    }
    assert_eq!(parse("a${b"), Err(Fault::Open));
    assert_eq!(parse("${a${b}"), Err(Fault::Open));
    assert_eq!(parse(&"${".repeat(50)), Err(Fault::Deep));
}
