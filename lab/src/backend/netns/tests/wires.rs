//! Tests of wires, with frames of a type that nobody else sends.

use std::collections::BTreeMap;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use mcr_sim::wire::{Impairment, Lane, Share};
use mcr_sys::capture;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{MsgFlags, recv, send};

use super::*;

const FRAMES: u32 = 1_000;
/// Ethernet: to all, from nobody, for local experiments (IEEE 802).
const HEADER: [u8; 14] = [
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 1, 0x88, 0xb5,
];
const PATIENCE: Duration = Duration::from_secs(10);

fn wired(there: Impairment) -> Topology {
    let mut topology = pair();
    topology.links[0].wire = Some([there, Impairment::default()]);
    topology
}

fn end(network: &Network, node: usize) -> OwnedFd {
    let index = network.index(NodeId(node), 0).unwrap();
    let opened = network.in_namespace(NodeId(node), || capture::open_wire(index));
    opened.unwrap().unwrap()
}

fn send_frame(socket: &OwnedFd, number: u32) {
    let frame = [&HEADER[..], &number.to_be_bytes(), &[0; 42]].concat();
    let sent = send(socket.as_raw_fd(), &frame, MsgFlags::empty());
    assert_eq!(sent, Ok(frame.len()));
}

/// The number of the next frame, and whether it is as it was sent; `None` after
/// so long without one.
fn next_frame(socket: &OwnedFd, patience: Duration) -> Option<(u32, bool)> {
    let deadline = Instant::now() + patience;
    let mut buffer = [0; 2_000];
    loop {
        let left = deadline.checked_duration_since(Instant::now())?;
        let timeout = PollTimeout::try_from(left).unwrap();
        let mut watched = [PollFd::new(socket.as_fd(), PollFlags::POLLIN)];
        poll(&mut watched, timeout).unwrap();
        let Ok(length) = recv(socket.as_raw_fd(), &mut buffer, MsgFlags::MSG_DONTWAIT) else {
            continue;
        };
        let (header, content) = buffer[..length].split_at(HEADER.len());
        if header == HEADER {
            let (number, rest) = content.split_first_chunk().unwrap();
            let whole = rest.iter().all(|byte| *byte == 0);
            return Some((u32::from_be_bytes(*number), whole));
        }
    }
}

/// Frames that are under way to the wire at once.
const AT_ONCE: u32 = 64;

/// What arrives of [`FRAMES`] frames, in order.
async fn arrivals(seed: u64, impairment: Impairment, options: &Options) -> Vec<u32> {
    let options = Options {
        seed,
        ..options.clone()
    };
    let network = Network::deploy(&wired(impairment), &options).await.unwrap();
    let (a, b) = (end(&network, 0), end(&network, 1));
    let mut arrived = Vec::new();
    let carried = || network.carried()[0].1[0].counts;
    for number in 0..FRAMES + AT_ONCE {
        if number < FRAMES {
            send_frame(&a, number);
        }
        // On a busy machine the kernel's own queue between two interfaces, of
        // 1000 frames, would run over.
        let wanted = (number + 1).saturating_sub(AT_ONCE);
        let deadline = Instant::now() + PATIENCE;
        while carried().frames < u64::from(wanted) {
            assert!(Instant::now() < deadline, "{:?}", carried());
            arrived.extend(next_frame(&b, Duration::from_millis(1)).map(|frame| frame.0));
        }
    }
    let counts = carried();
    let expected = counts.frames - counts.lost + counts.copied;
    while (arrived.len() as u64) < expected {
        arrived.push(next_frame(&b, PATIENCE).expect("all frames arrive").0);
    }
    // The last one sent may be followed by its copy, and by nothing else.
    assert_eq!(next_frame(&b, Duration::from_millis(20)), None);
    assert_eq!(counts.frames, u64::from(FRAMES), "no frame of others");
    assert_eq!(network.carried()[0].1[0].overrun, 0);
    assert!(network.teardown().await.is_empty());
    arrived
}

#[test]
fn the_same_seed_gives_the_same_losses_and_copies() {
    let name = "wires::the_same_seed_gives_the_same_losses_and_copies";
    in_a_world(name, async |options| {
        let impairment = Impairment {
            loss: Share::new(0.2),
            dup: Share::new(0.1),
            ..Impairment::default()
        };
        let first = arrivals(1, impairment, &options).await;
        assert_eq!(first, arrivals(1, impairment, &options).await);
        assert_ne!(first, arrivals(2, impairment, &options).await);
        // And they are those of the fates, which the simulator shares.
        let lane = Lane::new(1, "a--b", 0, impairment);
        let copies = |n: u32| match lane.fate(n.into()) {
            fate if fate.lost => 0,
            fate => 1 + usize::from(fate.copied),
        };
        let wanted = (0..FRAMES).flat_map(|n| std::iter::repeat_n(n, copies(n)));
        assert_eq!(first, wanted.collect::<Vec<_>>());
    });
}

#[test]
fn a_wire_delays_and_reorders() {
    in_a_world("wires::a_wire_delays_and_reorders", async |options| {
        let mut impairment = Impairment {
            delay: Duration::from_millis(20),
            ..Impairment::default()
        };
        let network = Network::deploy(&wired(impairment), &options).await.unwrap();
        let (a, b) = (end(&network, 0), end(&network, 1));
        // On a busy machine some take much longer, and never one less.
        let deadline = Instant::now() + PATIENCE;
        let (mut number, mut timely) = (0, 0);
        while timely < 10 {
            let sent = Instant::now();
            assert!(sent < deadline, "{timely} of {number} were in time");
            send_frame(&a, number);
            assert_eq!(next_frame(&b, PATIENCE), Some((number, true)));
            let took = sent.elapsed();
            assert!(took >= impairment.delay, "{took:?}");
            timely += u32::from(took < impairment.delay + Duration::from_millis(5));
            number += 1;
        }
        // The other direction does nothing.
        loop {
            let sent = Instant::now();
            assert!(sent < deadline, "all took as long as the delay");
            send_frame(&b, 1);
            assert_eq!(next_frame(&a, PATIENCE), Some((1, true)));
            if sent.elapsed() < impairment.delay {
                break;
            }
        }
        // A step changes it: now every third frame or so overtakes.
        impairment.reorder = Share::new(0.3);
        network
            .set_wire(WireId::of(LinkId(0)), &[impairment, Impairment::default()])
            .unwrap();
        for number in 0..100 {
            send_frame(&a, number);
        }
        let order: Vec<u32> = (0..100)
            .map(|_| next_frame(&b, PATIENCE).unwrap().0)
            .collect();
        assert!(!order.is_sorted(), "{order:?}");
        let jumped = network.carried()[0].1[0].counts.jumped;
        assert!((10..50).contains(&jumped), "{jumped}");
        assert!(network.teardown().await.is_empty());
    });
}

#[test]
fn a_wire_corrupts_one_bit_and_keeps_a_rate() {
    let name = "wires::a_wire_corrupts_one_bit_and_keeps_a_rate";
    in_a_world(name, async |options| {
        // A frame of 60 bytes takes 10 ms.
        let impairment = Impairment {
            corrupt: Share::ALL,
            rate: Some(48_000),
            ..Impairment::default()
        };
        let network = Network::deploy(&wired(impairment), &options).await.unwrap();
        let (a, b) = (end(&network, 0), end(&network, 1));
        let began = Instant::now();
        for _ in 0..40 {
            send_frame(&a, 0);
        }
        let mut changed = 0;
        let mut got = BTreeMap::new();
        while let Some(frame) = next_frame(&b, Duration::from_millis(200)) {
            changed += 1;
            *got.entry(frame).or_insert(0) += 1;
            if changed == 10 {
                assert!(began.elapsed() >= Duration::from_millis(100));
            }
        }
        assert_eq!(got.get(&(0, true)), None, "each has another bit");
        let counts = network.carried()[0].1[0].counts;
        assert_eq!(counts.frames, 40);
        // 100 ms of frames wait, and the one that is being sent.
        assert!((10..=14).contains(&changed), "{changed} {counts:?}");
        assert_eq!(counts.queue_full, 40 - changed);
        assert!(network.teardown().await.is_empty());
    });
}

#[test]
fn a_wire_goes_down_and_comes_back_as_a_link_does() {
    let name = "wires::a_wire_goes_down_and_comes_back_as_a_link_does";
    in_a_world(name, async |options| {
        let network = Network::deploy(&wired(Impairment::default()), &options)
            .await
            .unwrap();
        assert_eq!(named(&options), ["a", "b", "lab.wires"]);
        let link = LinkId(0);
        assert!(passes(&network, 0, 1, "10.0.0.2"));
        let change = async |change, at| network.link(link, change, at).await.unwrap();
        change(LinkChange::Down, Some(NodeId(0))).await;
        let other = output(&network, 1, &["ip", "-o", "link", "show", "to-a"]).await;
        assert!(other.contains("NO-CARRIER"), "{other}");
        change(LinkChange::Up, Some(NodeId(0))).await;
        assert!(passes(&network, 0, 1, "10.0.0.2"));
        change(LinkChange::Down, None).await;
        change(LinkChange::Up, None).await;
        assert!(passes(&network, 1, 0, "10.0.0.1"));
        change(LinkChange::Delete, None).await;
        change(LinkChange::Create, None).await;
        assert!(passes(&network, 0, 1, "10.0.0.2"));
        assert!(network.teardown().await.is_empty());
        assert_eq!(open_namespaces(), 0);
    });
}
