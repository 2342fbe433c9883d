//! A state breaks an invariant once it has lasted; it is told once.

use std::time::Duration;

use super::Watched;
use crate::topology::model::{Always, Invariant};

fn watched(within: u64) -> Watched {
    Watched {
        invariant: Invariant {
            what: Always::OneDr,
            within: Duration::from_secs(within),
            max: 0,
            line: 7,
        },
        since: None,
        told: false,
    }
}

#[test]
fn a_state_is_told_once_it_has_lasted() {
    let mut watched = watched(3);
    let wrong = || vec!["two of them".to_owned()];
    let mut judge = |at: u64, wrong: Vec<String>| watched.judge(Duration::from_secs(at), wrong);
    assert!(judge(1, wrong()).is_none());
    assert!(judge(3, wrong()).is_none());
    // It was right for a moment, and the time begins anew.
    assert!(judge(4, Vec::new()).is_none());
    assert!(judge(5, wrong()).is_none());
    assert!(judge(7, wrong()).is_none());
    let told = judge(8, wrong()).map(|told| (told.about, told.measured, told.missed, told.line));
    let measured = "broken for 3.0s, 3.0s allowed".to_owned();
    let about = "invariant one-dr-per-segment".to_owned();
    assert_eq!(told, Some((about, measured, wrong(), 7)));
    assert!(judge(20, wrong()).is_none(), "once");
}
