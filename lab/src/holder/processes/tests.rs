//! What a process took, out of its `stat` file.

use super::used;

#[test]
fn the_fields_are_counted_behind_the_name() {
    let stat = "7 (a) b (c) S 1 7 7 0 -1 4194304 100 0 0 0 150 50 0 0 20 0 1 0 9 1000 3 184 0";
    let (seconds, bytes) = used(stat);
    let (again, twice) = used(
        &stat
            .replace(" 150 50 ", " 300 100 ")
            .replace(" 3 184", " 6 184"),
    );
    assert!(seconds > 0.0 && bytes >= 3 * 4096, "{seconds} {bytes}");
    assert_eq!((again, twice), (seconds * 2.0, bytes * 2));
    assert_eq!(used(""), (0.0, 0));
}
