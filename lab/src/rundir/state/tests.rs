//! Tests of a lab's state.

use super::*;

fn state(init: i32, init_started: u64) -> State {
    State {
        name: "x".to_owned(),
        file: PathBuf::from("x.yaml"),
        started: 0,
        init,
        init_started,
        rootless: true,
        programs: PathBuf::new(),
        nodes: Vec::new(),
        points: Vec::new(),
    }
}

#[test]
fn only_the_process_that_was_started_is_held() {
    let own = std::process::id().cast_signed();
    let started = process_started(own).unwrap();
    assert!(state(own, started).hold_init().is_some());
    assert!(state(own, started + 1).hold_init().is_none());
}

#[test]
fn the_start_is_found_behind_any_name() {
    let fields: Vec<String> = (3..=24).map(|field| field.to_string()).collect();
    let stat = format!("7 (a) b) {}", fields.join(" "));
    assert_eq!(started_in_stat(&stat), Some(22));
    assert_eq!(started_in_stat("7 (a) S 1"), None);
    let zombie = stat.replace(") 3 ", ") Z ");
    assert_eq!(started_in_stat(&zombie), None);
}
