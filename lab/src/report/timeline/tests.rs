//! Tests of the time line as people read it.

use super::*;

fn moment(at: u32) -> Moment {
    Moment {
        after: f64::from(at) / 1e3,
        node: "r1".to_owned(),
        kind: "link".to_owned(),
        text: format!("moment {at}"),
    }
}

#[test]
fn a_long_one_is_told_by_its_beginning_and_its_end() {
    let of = Timeline {
        moments: (0..40).map(moment).collect(),
        left_out: 2,
    };
    let lines = lines(&of);
    assert_eq!(lines.len(), 1 + FIRST + 1 + LAST);
    assert_eq!(lines[2], "  +1.0ms   r1  moment 1");
    assert!(lines[11].contains("27 more"), "{}", lines[11]);
    assert!(lines[16].ends_with("moment 39"), "{}", lines[16]);
}

#[test]
fn a_short_one_is_told_whole_and_an_empty_one_not() {
    let of = Timeline {
        moments: (0..16).map(moment).collect(),
        left_out: 0,
    };
    assert_eq!(lines(&of).len(), 17);
    assert!(lines(&Timeline::default()).is_empty());
}
