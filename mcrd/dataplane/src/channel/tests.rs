//! Tests of the typed channel.

use std::io::ErrorKind;

use mcr_proto::fib::{Egress, FibOutput, Rewrite, TtlRewrite, Unavailable};
use mcr_proto::id::{GroupAddr, IpProtocol, MacAddr, Ttl};

use super::*;

fn set(outputs: usize) -> ToWorker {
    let iif = IfIndex::new(u32::MAX).unwrap();
    let rewrite = Rewrite {
        source: Some([255; 4].into()),
        source_port: Some(u16::MAX.try_into().unwrap()),
        destination: Some([239, 1, 1, 1].into()),
        port: Some(u16::MAX.try_into().unwrap()),
        ttl: TtlRewrite::Set(Ttl::MAX),
        dscp: Some(63.try_into().unwrap()),
    };
    let ready = Egress::Ready {
        oif: iif,
        source_mac: MacAddr([255; 6]),
        destination_mac: MacAddr([255; 6]),
        mtu: u32::MAX,
    };
    ToWorker::Set {
        key: FibKey {
            iif,
            group: GroupAddr::try_from(std::net::Ipv4Addr::new(239, 255, 255, 255)).unwrap(),
            source: None,
            protocol: IpProtocol::UDP,
            port: None,
        },
        entry: FibEntry {
            rule: "r".repeat(63).parse().unwrap(),
            outputs: (0..outputs)
                .map(|n| FibOutput {
                    egress: if n == 1 {
                        Egress::Unavailable(Unavailable::NoAddress)
                    } else {
                        ready
                    },
                    rewrite,
                })
                .collect(),
        },
        slot: Slot(u32::MAX),
    }
}

#[test]
fn the_largest_entry_is_below_half_of_the_limit() {
    let bytes = postcard::to_stdvec(&set(mcr_proto::relay::MAX_OUTPUTS)).unwrap();
    assert!(bytes.len() < MAX_MESSAGE / 2, "{}", bytes.len());
}

#[test]
fn messages_travel_both_ways() {
    let (supervisor, worker) = pair().unwrap();
    let mut worker = WorkerEnd::new(worker).unwrap();
    supervisor.send(&set(3), &[]).unwrap();
    let open = ToWorker::OpenOutput(IfIndex::new(7).unwrap());
    supervisor.send(&open, &[supervisor.as_fd()]).unwrap();
    let (message, fds) = worker.recv().unwrap().unwrap();
    assert_eq!((message, fds.len()), (set(3), 0));
    let (message, fds) = worker.recv().unwrap().unwrap();
    assert_eq!((message, fds.len()), (open, 1));
    let applied = FromWorker::Applied {
        commit: 3,
        digest: FibDigest::default(),
        entries: 1,
    };
    worker.send(&applied).unwrap();
    assert_eq!(supervisor.recv().unwrap(), Some(applied));
    assert_eq!(supervisor.recv().unwrap_err().kind(), ErrorKind::WouldBlock);
    drop(fds);
    drop(worker);
    assert_eq!(supervisor.recv().unwrap(), None);
}

#[test]
fn bytes_that_are_no_message_are_an_error() {
    for bytes in [&[0xff; 20][..], &[7], &[6, 1, 2]] {
        let (other, worker) = SeqPacket::pair().unwrap();
        let mut worker = WorkerEnd::new(worker.into()).unwrap();
        other.send(bytes, &[]).unwrap();
        // 7 alone is Stop, the only one of the three that is a message.
        match worker.recv() {
            Ok(message) => assert_eq!(message.unwrap().0, ToWorker::Stop),
            Err(error) => assert_eq!(error.kind(), ErrorKind::InvalidData, "{bytes:?}"),
        }
    }
}
