//! What a worker makes of good traffic, over real cables.

#![allow(clippy::unwrap_used, reason = "a test program")]

mod worker_rig;

use mcr_dataplane::counters::{DropReason, Slot};
use mcr_proto::fib::Rewrite;
use mcr_proto::id::Port;
use worker_rig::{Options, Rig, frame, isolated, keep};

const GROUP: [u8; 4] = [239, 1, 1, 1];

fn options(io_uring: bool) -> Options {
    Options {
        outputs: 3,
        mtu: 1500,
        io_uring,
    }
}

/// A few hundred datagrams of two sizes reach all outputs, in order, rewritten,
/// with right checksums, and every counter says so exactly (D25).
fn relays(io_uring: bool) {
    let rig = Rig::new(options(io_uring));
    let changed = Rewrite {
        source: Some([192, 0, 2, 7].into()),
        source_port: Port::new(7000),
        destination: Some([239, 9, 9, 9].into()),
        port: Port::new(6000),
        dscp: Some(46.try_into().unwrap()),
        ..keep()
    };
    let mut entry = rig.entry(&[0, 1, 2], keep());
    entry.outputs[1].rewrite = changed;
    rig.set(rig.key(GROUP, Some(5000)), entry, 0);
    assert_eq!(rig.commit().1, 1);
    let sent: Vec<Vec<u8>> = (0..400u32)
        .map(|n| {
            let mut payload = n.to_be_bytes().to_vec();
            payload.resize(if n % 50 == 49 { 300 } else { 1000 }, n as u8);
            payload
        })
        .collect();
    for payload in &sent {
        rig.inject(&frame::udp(GROUP, 5000, payload));
    }
    for output in 0..3 {
        let got = rig.capture(output, sent.len());
        let payloads: Vec<Vec<u8>> = got.iter().map(|f| frame::payload(f)).collect();
        assert_eq!(payloads, sent, "output {output}");
        let want = match output {
            1 => ([239, 9, 9, 9], 6000),
            _ => (GROUP, 5000),
        };
        assert!(got.iter().all(|f| frame::destination(f) == want));
        assert!(got.iter().all(|f| f[6..12] == rig.outputs[output].mac.0));
        assert!(got.iter().all(|f| f[22] == 9), "time to live");
        let tos = if output == 1 { 46 << 2 } else { 0 };
        assert!(got.iter().all(|f| f[15] == tos), "type of service");
    }
    rig.commit();
    let bytes: usize = sent.iter().map(|payload| payload.len() + 28).sum();
    assert_eq!(rig.counters.totals().received, 400);
    assert_eq!(rig.counters.totals().matched, 400);
    for slot in 0..4 {
        let cell = rig.counters.cell(Slot(slot));
        assert_eq!((cell.packets, cell.bytes), (400, bytes as u64), "{slot}");
        assert_eq!(cell.dropped, 0);
    }
    for reason in DropReason::ALL {
        assert_eq!(rig.dropped(reason), 0, "{}", reason.name());
    }
}

#[test]
fn relays_with_io_uring() {
    isolated("relays_with_io_uring", || relays(true));
}

#[test]
fn relays_with_system_calls() {
    isolated("relays_with_system_calls", || relays(false));
}
