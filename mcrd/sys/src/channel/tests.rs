//! Tests of the channel.

use std::fs::File;
use std::io::{ErrorKind, Read, Write};

use super::*;

#[test]
fn messages_keep_their_borders_and_order() {
    let (one, other) = SeqPacket::pair().unwrap();
    one.send(b"first", &[]).unwrap();
    one.send(b"second!", &[]).unwrap();
    let mut buf = [0; 64];
    assert_eq!(other.recv(&mut buf).unwrap().len, 5);
    assert_eq!(&buf[..5], b"first");
    assert_eq!(other.recv(&mut buf).unwrap().len, 7);
    assert_eq!(
        other.recv(&mut buf).unwrap_err().kind(),
        ErrorKind::WouldBlock
    );
}

#[test]
fn the_largest_message_fits_an_empty_queue() {
    let (one, other) = SeqPacket::pair().unwrap();
    let long = vec![7u8; 64 * 1024];
    one.send(&long, &[]).unwrap();
    let mut buf = vec![0; 64 * 1024];
    assert_eq!(other.recv(&mut buf).unwrap().len, long.len());
    assert_eq!(buf, long);
}

#[test]
fn a_full_queue_blocks_and_loses_nothing() {
    let (one, other) = SeqPacket::pair().unwrap();
    let mut sent = 0;
    let error = loop {
        match one.send(&[1; 1000], &[]) {
            Ok(()) => sent += 1,
            Err(error) => break error,
        }
        assert!(sent < 10_000, "the queue has no end");
    };
    assert_eq!(error.kind(), ErrorKind::WouldBlock);
    let mut buf = [0; 1000];
    for _ in 0..sent {
        assert_eq!(other.recv(&mut buf).unwrap().len, 1000);
    }
}

#[test]
fn descriptors_arrive_beside_their_message() {
    let (one, other) = SeqPacket::pair().unwrap();
    let (mut reader, mut writer) = std::io::pipe().unwrap();
    one.send(b"fd", &[writer.as_fd()]).unwrap();
    one.send(b"none", &[]).unwrap();
    let mut buf = [0; 8];
    let mut received = other.recv(&mut buf).unwrap();
    assert_eq!(received.fds.len(), 1);
    let fd = received.fds.pop().unwrap();
    let flags = fcntl(&fd, FcntlArg::F_GETFD).unwrap();
    assert_eq!(flags & libc::FD_CLOEXEC, libc::FD_CLOEXEC);
    File::from(fd).write_all(b"x").unwrap();
    writer.flush().unwrap();
    let mut byte = [0];
    reader.read_exact(&mut byte).unwrap();
    assert_eq!(&byte, b"x");
    assert!(other.recv(&mut buf).unwrap().fds.is_empty());
}

#[test]
fn a_message_too_long_is_an_error_and_leaks_nothing() {
    let (one, other) = SeqPacket::pair().unwrap();
    let (mut reader, writer) = std::io::pipe().unwrap();
    one.send(&[0; 100], &[writer.as_fd()]).unwrap();
    drop(writer);
    let error = other.recv(&mut [0; 10]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidData);
    // The pipe ends at once only if the descriptor that came was closed.
    assert_eq!(reader.read(&mut [0]).unwrap(), 0);
}

#[test]
fn a_closed_end_reads_as_length_zero() {
    let (one, other) = SeqPacket::pair().unwrap();
    one.send(b"last", &[]).unwrap();
    drop(one);
    let mut buf = [0; 8];
    assert_eq!(other.recv(&mut buf).unwrap().len, 4);
    assert_eq!(other.recv(&mut buf).unwrap().len, 0);
    assert_eq!(
        other.send(b"x", &[]).unwrap_err().kind(),
        ErrorKind::BrokenPipe
    );
}

#[test]
fn only_a_seqpacket_socket_is_taken_over() {
    let (reader, _writer) = std::io::pipe().unwrap();
    assert!(SeqPacket::from_fd(reader.into()).is_err());
    let (one, other) = SeqPacket::pair().unwrap();
    let one = SeqPacket::from_fd(one.into()).unwrap();
    one.send(b"x", &[]).unwrap();
    assert_eq!(other.recv(&mut [0; 4]).unwrap().len, 1);
}

#[test]
fn an_empty_message_is_refused() {
    let (one, _other) = SeqPacket::pair().unwrap();
    assert_eq!(
        one.send(&[], &[]).unwrap_err().kind(),
        ErrorKind::InvalidInput
    );
}
