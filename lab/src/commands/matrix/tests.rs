//! Combinations, and the grid of what came of them.

use std::path::PathBuf;

use super::{Cell, combinations, conclude, grid};
use crate::exit::Exit;

fn cells(verdicts: &[(&'static str, Option<usize>)]) -> Vec<Cell> {
    let two = |name: &str| (name.to_owned(), vec!["mcrd".to_owned(), "frr".to_owned()]);
    let all = combinations(&[two("rp"), two("fhr"), two("lhr")]);
    let cells = all.into_iter().zip(verdicts.iter().cycle());
    cells
        .map(|(values, (verdict, step))| Cell {
            values,
            verdict,
            exit: 0,
            seconds: 9.84,
            step: *step,
            reason: None,
            evidence: PathBuf::new(),
        })
        .collect()
}

#[test]
fn every_combination_has_its_place_in_the_grid() {
    let cells = cells(&[("PASS", None), ("FAIL", Some(3)), ("SKIP", None)]);
    assert_eq!(cells.len(), 8);
    let text = grid(&cells).to_string();
    let words: Vec<Vec<&str>> = text
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect();
    assert_eq!(words[0], ["rp=mcrd", "rp=frr"]);
    assert_eq!(
        words[1],
        ["fhr=mcrd", "lhr=mcrd", "PASS", "9.8s", "FAIL", "step", "3"]
    );
    assert_eq!(words[2], ["fhr=mcrd", "lhr=frr", "FAIL", "step", "3", "-"]);
    assert_eq!(words.len(), 5);
    assert!(text.lines().all(|line| line.len() <= 80));
}

#[test]
fn the_worst_cell_decides() {
    let of = |verdicts: &[(&'static str, Option<usize>)]| conclude(&cells(verdicts));
    assert_eq!(of(&[("PASS", None), ("SKIP", None)]), Exit::Pass);
    assert_eq!(of(&[("PASS", None), ("FAIL", Some(1))]), Exit::Failed);
    assert_eq!(
        of(&[("ERROR", None), ("FAIL", Some(1))]),
        Exit::Infrastructure
    );
    assert_eq!(of(&[("SKIP", None)]), Exit::NothingToRun);
}
