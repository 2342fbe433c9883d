//! Sending and receiving on loopback.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::fd::AsFd;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use socket2::Socket;

use super::*;

const LO: Ipv4Addr = Ipv4Addr::LOCALHOST;

fn open_sender(ttl: u8, dscp: u8) -> Socket {
    sender(&SendConfig {
        bind: SocketAddrV4::new(LO, 0),
        interface: None,
        ttl,
        dscp,
        multicast_loop: true,
    })
    .unwrap()
}

fn open_receiver(buffer: usize) -> (Socket, SocketAddrV4) {
    let socket = receiver(&ReceiveConfig {
        group: LO,
        port: 0,
        interface: 1,
        interface_address: LO,
        sources: Vec::new(),
        exclude: false,
        buffer,
    })
    .unwrap();
    let address = socket.local_addr().unwrap().as_socket_ipv4().unwrap();
    (socket, address)
}

fn wait(socket: &Socket) {
    let mut fds = [PollFd::new(socket.as_fd(), PollFlags::POLLIN)];
    let ready = poll(&mut fds, PollTimeout::from(5_000_u16)).unwrap();
    assert_eq!(ready, 1, "nothing arrived in 5 s");
}

#[test]
fn many_datagrams_arrive_with_their_marks() {
    let from = open_sender(9, 46);
    let (to, address) = open_receiver(1 << 20);
    let bodies: Vec<Vec<u8>> = (0..20_u8).map(|i| vec![i; 10 + usize::from(i)]).collect();
    let datagrams: Vec<Datagram<'_>> = bodies
        .iter()
        .map(|body| Datagram {
            to: address,
            parts: [&body[..4], &body[4..]],
        })
        .collect();
    let sent = send_many(from.as_fd(), &datagrams, &mut SendScratch::new()).unwrap();
    assert_eq!(sent, 20);
    wait(&to);
    let mut batch = ReceiveBatch::new(32, 2048);
    assert_eq!(batch.receive(to.as_fd()).unwrap(), 20);
    let port = from.local_addr().unwrap().as_socket_ipv4().unwrap().port();
    for (index, body) in bodies.iter().enumerate() {
        let received = batch.get(index).unwrap();
        assert_eq!(received.payload, body);
        assert_eq!(received.from, SocketAddrV4::new(LO, port));
        assert_eq!((received.ttl, received.tos), (Some(9), Some(46 << 2)));
        assert!(!received.truncated);
        let now = crate::clock::realtime_ns();
        let age = now - received.arrival_ns.unwrap();
        assert!(age < 10_000_000_000, "{age} ns old");
    }
    assert_eq!(batch.receive(to.as_fd()).unwrap(), 0);
}

#[test]
fn segments_arrive_as_datagrams() {
    let from = open_sender(1, 0);
    let (to, address) = open_receiver(1 << 20);
    let body = [7_u8; 100];
    let datagram = Datagram {
        to: address,
        parts: [&body[..44], &body[44..]],
    };
    let datagrams = [datagram; MAX_SEGMENTS];
    send_segments(
        from.as_fd(),
        address,
        100,
        &datagrams,
        &mut SendScratch::new(),
    )
    .unwrap();
    wait(&to);
    let mut batch = ReceiveBatch::new(128, 2048);
    assert_eq!(batch.receive(to.as_fd()).unwrap(), MAX_SEGMENTS);
    let first = batch.get(0).unwrap();
    assert_eq!(first.payload, body);
}

#[test]
fn a_long_datagram_is_marked_truncated() {
    let from = open_sender(1, 0);
    let (to, address) = open_receiver(1 << 20);
    let body = [1_u8; 300];
    let datagrams = [Datagram {
        to: address,
        parts: [&body, &[]],
    }];
    send_many(from.as_fd(), &datagrams, &mut SendScratch::new()).unwrap();
    wait(&to);
    let mut batch = ReceiveBatch::new(4, 200);
    assert_eq!(batch.receive(to.as_fd()).unwrap(), 1);
    let received = batch.get(0).unwrap();
    assert!(received.truncated);
    assert_eq!(received.payload.len(), 200);
}

#[test]
fn a_full_buffer_is_counted_as_drops() {
    let from = open_sender(1, 0);
    let (to, address) = open_receiver(1);
    let body = [1_u8; 1000];
    let datagrams = [Datagram {
        to: address,
        parts: [&body, &[]],
    }; 50];
    let sent = send_many(from.as_fd(), &datagrams, &mut SendScratch::new()).unwrap();
    let mut batch = ReceiveBatch::new(64, 2048);
    let received = batch.receive(to.as_fd()).unwrap();
    let drops = socket_drops(to.as_fd()).unwrap();
    assert!(drops > 0);
    assert_eq!(received + drops as usize, sent);

    // The next one that is queued carries the counter.
    send_many(from.as_fd(), &datagrams[..1], &mut SendScratch::new()).unwrap();
    wait(&to);
    assert_eq!(batch.receive(to.as_fd()).unwrap(), 1);
    assert_eq!(batch.get(0).unwrap().drops, Some(drops));
}

#[test]
fn an_address_that_is_in_use_is_named() {
    let (_held, address) = open_receiver(1);
    let error = receiver(&ReceiveConfig {
        group: LO,
        port: address.port(),
        interface: 1,
        interface_address: LO,
        sources: Vec::new(),
        exclude: false,
        buffer: 1,
    })
    .unwrap_err();
    assert!(error.to_string().contains(&address.to_string()), "{error}");
}
