//! Lines of a plan.

use super::broken;

#[test]
fn a_long_line_is_broken_between_words() {
    assert_eq!(broken("  ", "+ node r1  mcrd"), ["  + node r1  mcrd"]);
    let long = format!("~ link a--b  {}", "word ".repeat(30).trim_end());
    let lines = broken("  ", &long);
    assert!(lines.len() > 1, "{lines:?}");
    assert!(lines.iter().all(|line| line.chars().count() <= 80));
    assert!(lines[1..].iter().all(|line| line.starts_with("       ")));
    let words: Vec<&str> = lines.iter().flat_map(|line| line.split(' ')).collect();
    let words = words.iter().filter(|word| !word.is_empty());
    assert_eq!(words.count(), 3 + 30);
}
