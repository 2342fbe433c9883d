//! Tests of the shared memory.

use std::sync::atomic::Ordering::Relaxed;

use super::*;

#[test]
fn both_mappings_see_one_memory() {
    let one = SharedWords::create("test", 1024).unwrap();
    let other = SharedWords::open(one.as_fd().try_clone_to_owned().unwrap()).unwrap();
    assert_eq!(other.words().len(), 1024);
    one.words()[1023].store(42, Relaxed);
    assert_eq!(other.words()[1023].load(Relaxed), 42);
}

#[test]
fn the_size_cannot_change() {
    let words = SharedWords::create("test", 8).unwrap();
    assert!(ftruncate(words.as_fd(), 0).is_err());
    assert!(ftruncate(words.as_fd(), 1 << 20).is_err());
}

#[test]
fn a_file_that_is_not_sealed_is_refused() {
    let file = memfd_create("test", MFdFlags::MFD_ALLOW_SEALING).unwrap();
    ftruncate(&file, 4096).unwrap();
    let error = SharedWords::open(file).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::InvalidData);
}

#[test]
fn a_large_file_takes_no_memory_until_it_is_written() {
    let words = SharedWords::create("test", 16 << 20).unwrap();
    words.words()[9 << 20].store(1, Relaxed);
    assert!(fstat(words.as_fd()).unwrap().st_blocks < 64);
}
