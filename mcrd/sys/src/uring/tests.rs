//! What a ring lets be asked of it.

use std::io::Write;
use std::net::UdpSocket;

use super::*;

/// A worker's ring, or a word that there can be none.
fn ring(test: &str) -> Option<PacketRing> {
    let rx = UdpSocket::bind("127.0.0.1:0").unwrap();
    let (control, _) = std::os::unix::net::UnixStream::pair().unwrap();
    match PacketRing::new(rx.into(), control.into()) {
        Ok(ring) => Some(ring),
        Err(error) => {
            let line = format!(
                "uring::tests::{test}: no io_uring: {error}; \
                 Linux 6.1 and sysctl kernel.io_uring_disabled=0\n"
            );
            if let Some(file) = std::env::var_os("MCR_SKIPPED") {
                let mut options = std::fs::File::options();
                let mut file = options.create(true).append(true).open(file).unwrap();
                file.write_all(line.as_bytes()).unwrap();
            }
            None
        }
    }
}

/// What the kernel answers to one operation.
fn outcome(ring: &mut PacketRing, entry: squeue::Entry) -> i32 {
    ring.push(entry.user_data(7)).unwrap();
    ring.ring.submit_and_wait(1).unwrap();
    let done = ring.ring.completion().next().unwrap();
    assert_eq!(done.user_data(), 7);
    done.result()
}

fn poll(fd: &OwnedFd) -> squeue::Entry {
    opcode::PollAdd::new(Fd(fd.as_raw_fd()), libc::POLLOUT as u32).build()
}

#[test]
fn a_ring_does_nothing_but_move_packets() {
    let Some(mut ring) = ring("a_ring_does_nothing_but_move_packets") else {
        return;
    };
    let path = c"/proc/self/status";
    let rx = Fd(ring.rx.as_raw_fd());
    let refused = [
        (
            "socket",
            opcode::Socket::new(libc::AF_INET, libc::SOCK_DGRAM, 0).build(),
        ),
        (
            "openat",
            opcode::OpenAt::new(Fd(libc::AT_FDCWD), path.as_ptr()).build(),
        ),
        ("close", opcode::Close::new(rx).build()),
        ("nop", opcode::Nop::new().build()),
        // An operation that is allowed, in a way that is not.
        (
            "poll, forced async",
            poll(&ring.rx).flags(squeue::Flags::ASYNC),
        ),
    ];
    for (what, entry) in refused {
        assert_eq!(outcome(&mut ring, entry), -libc::EACCES, "{what}");
    }
    let entry = poll(&ring.rx);
    assert_eq!(outcome(&mut ring, entry) & i32::from(libc::POLLOUT), 4);
}

#[test]
fn nothing_more_is_registered_with_a_ring() {
    let Some(ring) = ring("nothing_more_is_registered_with_a_ring") else {
        return;
    };
    let refused = ring.ring.submitter().register_files(&[ring.rx.as_raw_fd()]);
    assert_eq!(refused.unwrap_err().raw_os_error(), Some(libc::EACCES));
}
