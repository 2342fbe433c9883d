//! Who may have the name, and what is left of it.

use super::*;

fn here() -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("new/control.sock");
    (directory, path)
}

#[test]
fn a_live_socket_is_left_alone_and_a_dead_one_replaced() {
    let (_directory, path) = here();
    let (first, listener) = claim(&path, None, None).unwrap();
    let refused = claim(&path, None, None).unwrap_err();
    assert!(matches!(refused, SocketError::Live(_)), "{refused}");
    drop(listener);
    let mode = fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o660);
    // As after a kill: the lock is free, the socket is there.
    drop(first);
    drop(UnixListener::bind(&path).unwrap());
    assert!(path.exists());
    let (second, _listener) = claim(&path, None, None).unwrap();
    assert!(UnixStream::connect(&path).is_ok());
    drop(second);
    assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 0);
}

#[test]
fn what_is_not_ours_is_not_removed() {
    let (_directory, path) = here();
    fs::create_dir(path.parent().unwrap()).unwrap();
    fs::write(&path, "precious").unwrap();
    let refused = claim(&path, None, None).unwrap_err();
    assert!(matches!(refused, SocketError::NotASocket(_)), "{refused}");
    fs::remove_file(&path).unwrap();
    let _other_program = UnixListener::bind(&path).unwrap();
    let refused = claim(&path, None, None).unwrap_err();
    assert!(matches!(refused, SocketError::Live(_)), "{refused}");
    let refused = claim(&path, None, Some("no-such-group")).unwrap_err();
    assert!(refused.to_string().contains("no-such-group"), "{refused}");
}
