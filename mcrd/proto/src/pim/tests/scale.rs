//! The work grows with what changes, and not with what there is.

use std::net::Ipv4Addr;

use mcr_wire::igmp::{self, GroupRecord, RecordType};
use mcr_wire::pim::{EncodedSource, JoinPrune};

use super::rig::{ME, Rig, S, SSM, group, index, ip, message};
use crate::id::IpProtocol;
use crate::router::Input;
use crate::router::io::Packet;

const SOURCES: u32 = 10_000;
/// In a message.
const BLOCK: u32 = 100;

/// Messages that join or prune these many sources of one group.
fn messages(sign: &str) -> Vec<JoinPrune> {
    let word = format!("{sign}{S}");
    let of_block = |first: u32| {
        let mut message = message(ME, &[(SSM, &[&word])]);
        let block = &mut message.groups[0];
        for list in [&mut block.joins, &mut block.prunes] {
            let source = |number| {
                move |one: &EncodedSource| EncodedSource {
                    source: Ipv4Addr::from_bits(one.source.to_bits() + number),
                    ..*one
                }
            };
            let all = (first..first + BLOCK).flat_map(|number| list.iter().map(source(number)));
            *list = all.collect();
        }
        message
    };
    (0..SOURCES).step_by(100).map(of_block).collect()
}

fn tell(rig: &mut Rig, sign: &str) -> (usize, usize) {
    let before = rig.router.looked_at();
    let mut said = 0;
    for message in messages(sign) {
        said += rig.hear_message(3, "10.0.3.1", message).len();
    }
    (rig.router.looked_at() - before, said)
}

/// All sources of one group, learned, refreshed, rerouted and pruned.
#[test]
fn sources_of_one_group_are_looked_at_when_they_change() {
    let count = usize::try_from(SOURCES).unwrap();
    let mut rig = Rig::new();
    let (looked_at, said) = tell(&mut rig, "+");
    assert_eq!(rig.router.tib().entries(), count);
    // Each is joined in one round, and a second one finds nothing to do.
    assert!(looked_at <= 2 * count + 2 * said, "{looked_at}");
    assert_eq!(said, 100, "a message for each that came");
    let timers = rig.router.timers().len();

    assert_eq!(tell(&mut rig, "+"), (0, 0), "a refresh changes nothing");
    assert_eq!(rig.router.timers().len(), timers);

    let before = rig.router.looked_at();
    rig.route("10.8.0.77/32", 1, "10.0.1.1");
    assert_eq!(rig.said().len(), 2, "one is pruned there and joined here");
    assert!(rig.router.looked_at() - before <= 4);

    let before = rig.router.looked_at();
    let refreshes = rig.wait(60.0);
    assert_eq!(rig.router.looked_at(), before, "nor does our own refresh");
    // 80 000 bytes of sources, and packets of 1500; one of them is elsewhere.
    assert!(refreshes.len() <= 80_000 / 1400 + 64, "{}", refreshes.len());

    let (looked_at, _) = tell(&mut rig, "-");
    assert!(looked_at <= 2 * count + 200, "{looked_at}");
    let before = rig.router.looked_at();
    rig.wait(10.0);
    assert!(rig.router.looked_at() - before <= 4 * count);
    rig.assert_no_trees();
}

/// RFC 9776 §4.2.16: a report that adds one source to those of a group.
#[test]
fn a_source_that_a_member_adds_is_looked_at_alone() {
    let mut rig = Rig::new();
    tell(&mut rig, "+");
    for number in 0..100 {
        let record = GroupRecord {
            record_type: RecordType::Allow,
            group: ip(SSM),
            sources: vec![Ipv4Addr::from_bits(ip(S).to_bits() + number)],
        };
        let before = rig.router.looked_at();
        rig.give(Input::Packet(Packet {
            iface: index(4),
            src: ip("10.0.4.99"),
            dst: ip("224.0.0.22"),
            ttl: 1,
            router_alert: true,
            protocol: IpProtocol::IGMP,
            payload: igmp::Message::ReportV3(vec![record]).emit(),
        }));
        let looked_at = rig.router.looked_at() - before;
        assert!((1..=4).contains(&looked_at), "{looked_at}");
    }
    let olist = |number| {
        let flows = rig.router.routes().flows(group(SSM));
        flows
            .filter(|(_, flow)| flow.olist.contains(&index(number)))
            .count()
    };
    assert_eq!((olist(3), olist(4)), (10_000, 100));
}
