//! Tests of what sees the frames of links, with frames of the test's own.

use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use mcr_sys::capture;
use mcr_sys::packet::statistics;
use mcr_sys::ring::SNAPLEN;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{MsgFlags, recv, send};

use super::*;
use crate::clock;
use crate::run::capture::Capture;

const PATIENCE: Duration = Duration::from_secs(30);
const GROUP: Ipv4Addr = Ipv4Addr::new(239, 9, 9, 9);

/// Ethernet: to all, from a station of this test.
fn ethernet(kind: u16, content: &[u8]) -> Vec<u8> {
    let stations = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 9];
    [&stations[..], &kind.to_be_bytes(), content].concat()
}

/// An IPv4 packet of a protocol in a frame, without a right checksum.
fn ipv4(protocol: u8, payload: usize) -> Vec<u8> {
    let total = u16::try_from(20 + payload).unwrap().to_be_bytes();
    let mut packet = vec![0x45, 0, total[0], total[1], 0, 0, 0, 0, 16, protocol, 0, 0];
    packet.extend([10, 0, 0, 99]);
    packet.extend(GROUP.octets());
    packet.extend(vec![7; payload]);
    ethernet(0x0800, &packet)
}

fn end(network: &Network, node: usize) -> OwnedFd {
    let index = network.index(NodeId(node), 0).unwrap();
    let opened = network.in_namespace(NodeId(node), || capture::open_wire(index));
    opened.unwrap().unwrap()
}

fn put(socket: &OwnedFd, frame: &[u8]) {
    let sent = send(socket.as_raw_fd(), frame, MsgFlags::empty());
    assert_eq!(sent, Ok(frame.len()));
}

/// Waits until there is something to read.
fn wait(descriptor: impl AsFd) {
    let timeout = PollTimeout::try_from(PATIENCE).unwrap();
    let mut watched = [PollFd::new(descriptor.as_fd(), PollFlags::POLLIN)];
    assert_eq!(poll(&mut watched, timeout), Ok(1));
}

#[test]
fn messages_and_all_else_come_apart_and_whole_or_cut() {
    let name = "watched::messages_and_all_else_come_apart_and_whole_or_cut";
    in_a_world(name, async |options| {
        let network = Network::deploy(&pair(), &options).await.unwrap();
        let (messages, mut rest) = network.watch(NodeId(1), 0, 1 << 16).unwrap();
        let from = end(&network, 0);
        let began = clock::now_ns();
        let said = [ipv4(2, 8), ipv4(103, 1400)];
        // What cannot be looked into is no message either.
        let others = [
            ipv4(17, 1400),
            ethernet(0x88b5, &[2; 40]),
            ethernet(0x88b5, &[]),
            ethernet(0x0800, &[2; 9]),
        ];
        for frame in said.iter().chain(&others) {
            put(&from, frame);
        }
        let mut buffer = [0; 2_000];
        for frame in &said {
            wait(&messages);
            let length = recv(messages.as_raw_fd(), &mut buffer, MsgFlags::MSG_DONTWAIT);
            assert_eq!(&buffer[..length.unwrap()], &frame[..]);
        }
        let mut got = Vec::new();
        while got.len() < others.len() {
            wait(&rest);
            rest.read(|frame| {
                if frame.bytes.get(6..12) == Some(&[2, 0, 0, 0, 0, 9]) {
                    assert!((began..=clock::now_ns()).contains(&frame.at_ns));
                    got.push((frame.length as usize, frame.bytes.to_vec()));
                }
            });
        }
        let cut = |frame: &Vec<u8>| (frame.len(), frame[..frame.len().min(SNAPLEN)].to_vec());
        assert_eq!(got, others.iter().map(cut).collect::<Vec<_>>());
        assert!(network.teardown().await.is_empty());
    });
}

#[test]
fn a_full_ring_tells_what_it_lost_and_goes_on() {
    let name = "watched::a_full_ring_tells_what_it_lost_and_goes_on";
    in_a_world(name, async |options| {
        let network = Network::deploy(&pair(), &options).await.unwrap();
        let (_, mut rest) = network.watch(NodeId(1), 0, 1).unwrap();
        let from = end(&network, 0);
        let (mut passed, mut lost) = (0, 0);
        let mut told = |rest: &mcr_sys::ring::Ring| {
            let told = statistics(rest).unwrap();
            passed += told.packets as usize;
            lost += told.drops as usize;
            (passed, lost)
        };
        let sent = rest.slots() * 3;
        for _ in 0..sent {
            put(&from, &ethernet(0x88b5, &[1; 50]));
        }
        let deadline = Instant::now() + PATIENCE;
        while told(&rest).0 < sent {
            assert!(Instant::now() < deadline);
        }
        assert_eq!(rest.read(|_| ()), rest.slots());
        let (passed, lost) = told(&rest);
        assert_eq!(passed - lost, rest.slots());
        for number in 0..100 {
            put(&from, &ethernet(0x88b5, &[number; 50]));
            let mut found = false;
            while !found {
                wait(&rest);
                rest.read(|frame| found |= frame.bytes.get(14..) == Some(&[number; 50][..]));
            }
        }
        assert!(network.teardown().await.is_empty());
    });
}

#[test]
fn a_capture_has_counted_what_passed_when_it_is_looked_at() {
    let name = "watched::a_capture_has_counted_what_passed_when_it_is_looked_at";
    in_a_world(name, async |options| {
        let topology = pair();
        let network = Network::deploy(&topology, &options).await.unwrap();
        let capture = Capture::start(&topology, &network, true).unwrap();
        let count = || capture.by_link(GROUP)[&LinkId(0)];
        let mut sent = 0;
        let mut send_some = |from: &OwnedFd, count: u64| {
            let deadline = Instant::now() + PATIENCE;
            for _ in 0..count {
                put(from, &ipv4(17, 50));
                sent += 1;
                // One by one, so that each is there without another one.
                while capture.by_link(GROUP)[&LinkId(0)] < sent {
                    assert!(Instant::now() < deadline);
                }
            }
        };
        send_some(&end(&network, 0), 1_000);
        assert!(capture.last_on(LinkId(0), GROUP).is_some());
        let link = async |change| network.link(LinkId(0), change, None).await.unwrap();
        // The same socket, after its error was told and cleared.
        link(LinkChange::Down).await;
        link(LinkChange::Up).await;
        send_some(&end(&network, 0), 100);
        link(LinkChange::Delete).await;
        link(LinkChange::Create).await;
        capture.reopen(&network, LinkId(0)).unwrap();
        send_some(&end(&network, 0), 100);
        put(&end(&network, 0), &ipv4(103, 30));
        let deadline = Instant::now() + PATIENCE;
        while capture.messages(0).messages.is_empty() {
            assert!(Instant::now() < deadline);
            std::thread::yield_now();
        }
        assert_eq!(count(), 1_200);
        let (names, frames) = capture.frames(|_| true);
        assert_eq!(names, ["a--b"]);
        let ours = frames.iter().filter(|(_, frame)| frame.length == 34 + 50);
        assert_eq!(ours.count(), 1_200);
        drop(capture);
        assert!(network.teardown().await.is_empty());
    });
}
