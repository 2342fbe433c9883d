//! The `mcrgen` program.

fn main() {}
