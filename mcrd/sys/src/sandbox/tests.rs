//! Tests of the filter itself. What it does to a process is tested where there
//! is a program to shut in: tests/tests/sandbox.rs.

use super::*;

#[test]
fn the_filter_fits_the_kernel() {
    // BPF_MAXINSNS
    assert!(filter().unwrap().len() < 4096);
}
