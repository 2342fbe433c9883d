//! Who waits for a close.

use std::io::Read;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use super::*;

/// The other end sees the end when the descriptor is really closed.
fn pair() -> (SlowClose, UnixStream) {
    let (here, there) = UnixStream::pair().unwrap();
    there
        .set_read_timeout(Some(Duration::from_secs(5)))
        .unwrap();
    (SlowClose::new(here.into()), there)
}

#[test]
fn it_is_closed_at_once_outside_a_runtime() {
    let (slow, mut there) = pair();
    drop(slow);
    there.set_nonblocking(true).unwrap();
    assert_eq!(there.read(&mut [0]).unwrap(), 0);
}

/// With its only thread for what blocks taken, nothing is closed, and the
/// caller goes on.
#[test]
fn it_is_closed_on_another_thread_inside_one() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .max_blocking_threads(1)
        .build()
        .unwrap();
    let (release, wait) = std::sync::mpsc::channel::<()>();
    let (slow, mut there) = pair();
    runtime.block_on(async {
        tokio::task::spawn_blocking(move || wait.recv());
        drop(slow);
        there.set_nonblocking(true).unwrap();
        let error = there.read(&mut [0]).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
        there.set_nonblocking(false).unwrap();
        release.send(()).unwrap();
        assert_eq!(there.read(&mut [0]).unwrap(), 0);
    });
}

#[test]
fn another_descriptor_keeps_it_open() {
    let (slow, mut there) = pair();
    let other = SlowClose::of(&slow).unwrap();
    drop(slow);
    there.set_nonblocking(true).unwrap();
    assert!(there.read(&mut [0]).is_err());
    drop(other);
    assert_eq!(there.read(&mut [0]).unwrap(), 0);
}
