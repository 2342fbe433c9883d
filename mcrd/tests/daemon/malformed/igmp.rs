//! IGMP.

use std::net::Ipv4Addr;
use std::time::Duration;

use mcr_tests::eventually;
use mcr_wire::igmp::{GroupRecord, Message, Query, RecordType, Version};

use super::{Case, KNOWN, OFF_LINK, ROUTER, case, cuts, nothing_changes, router};
use crate::inject::{Cable, Ip, summed};
use crate::mcrd::{Mcrd, SOON};
use crate::world::in_world;

const KEPT: Ipv4Addr = Ipv4Addr::new(239, 7, 7, 7);
const GROUP: Ipv4Addr = Ipv4Addr::new(239, 9, 9, 9);
const SSM: Ipv4Addr = Ipv4Addr::new(232, 9, 9, 9);
const SOURCE: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);
const ALL_SYSTEMS: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 1);
const ALL_ROUTERS: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 2);
const V3_ROUTERS: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 22);

fn record(record_type: RecordType, group: Ipv4Addr, sources: &[Ipv4Addr]) -> GroupRecord {
    GroupRecord {
        record_type,
        group,
        sources: sources.to_vec(),
    }
}

fn report(records: Vec<GroupRecord>) -> Ip {
    Ip::igmp(KNOWN, V3_ROUTERS, Message::ReportV3(records).emit())
}

fn joined(group: Ipv4Addr) -> GroupRecord {
    record(RecordType::ToExclude, group, &[])
}

/// From an address lower than the router's: it would win the election.
fn query(version: Version, group: Option<Ipv4Addr>, sources: &[Ipv4Addr]) -> Ip {
    let message = Message::Query(Query {
        version,
        group,
        max_response_time: Duration::from_secs(10),
        suppress: false,
        robustness: 5,
        query_interval: Duration::from_secs(60),
        sources: sources.to_vec(),
    });
    Ip::igmp(KNOWN, group.unwrap_or(ALL_SYSTEMS), message.emit())
}

/// Every message that is taken; each would change what is known.
fn all() -> Vec<Ip> {
    let two = vec![
        joined(GROUP),
        record(RecordType::Allow, SSM, &[SOURCE, OFF_LINK]),
    ];
    vec![
        query(Version::V1, None, &[]),
        query(Version::V2, Some(KEPT), &[]),
        query(Version::V3, None, &[]),
        query(Version::V3, Some(KEPT), &[SOURCE]),
        Ip::igmp(KNOWN, GROUP, Message::ReportV1(GROUP).emit()),
        Ip::igmp(KNOWN, GROUP, Message::ReportV2(GROUP).emit()),
        Ip::igmp(KNOWN, ALL_ROUTERS, Message::Leave(KEPT).emit()),
        report(two),
    ]
}

/// A member, which every test wants to keep.
fn acquainted() -> (Mcrd, Cable) {
    let mcrd = router();
    let cable = Cable::new(&mcrd, "dst", "out0");
    cable.send(&report(vec![joined(KEPT)]).bytes());
    assert!(eventually(SOON, || mcrd.groups().len() == 1));
    (mcrd, cable)
}

/// Each message, good, is taken: also with a TTL that is not 1, from a host
/// without an address, and in a longer form.
fn good_ones_work(mcrd: &Mcrd, cable: &Cable) {
    let knows = |group: Ipv4Addr| mcrd.groups().iter().any(|one| one.group == group);
    let mut packet = report(vec![joined(GROUP)]);
    (packet.ttl, packet.src) = (64, Ipv4Addr::UNSPECIFIED);
    packet.router_alert = false;
    cable.send(&packet.bytes());
    assert!(eventually(SOON, || knows(GROUP)));
    let mut long = Message::ReportV2([239, 9, 9, 8].into()).emit();
    long.extend([1, 2, 3, 4, 5]);
    cable.send(&Ip::igmp(KNOWN, [239, 9, 9, 8].into(), summed(long)).bytes());
    assert!(eventually(SOON, || knows([239, 9, 9, 8].into())));
    cable.send(&Ip::igmp(KNOWN, ALL_ROUTERS, Message::Leave(KEPT).emit()).bytes());
    assert!(eventually(SOON, || !knows(KEPT)));
    cable.send(&query(Version::V3, None, &[]).bytes());
    let asks = || mcrd.call::<serde_json::Value>(mcr_api::Method::IgmpInterfaces {});
    let lost = eventually(SOON, || {
        asks().to_string().contains(&format!("\"{KNOWN}\""))
    });
    assert!(lost, "{}", asks());
}

/// RFC 9776 §4.
#[test]
fn truncated_at_each_length() {
    in_world("malformed::igmp::truncated_at_each_length", || {
        let (mcrd, cable) = acquainted();
        let mut cases = Vec::new();
        for packet in all() {
            // A v3 query that is cut to eight bytes is a v1 or v2 query.
            let mut cut = cuts(&packet, "igmp", |payload| {
                Message::parse(payload).map(|_| ())
            });
            assert!(cut.len() >= 8, "{}", cut.len());
            cases.append(&mut cut);
        }
        // RFC 9776 §7.1: of these lengths there is no query.
        for length in 9..12 {
            let mut payload = query(Version::V2, None, &[]).payload;
            payload.resize(length, 0);
            let packet = Ip::igmp(KNOWN, ALL_SYSTEMS, summed(payload));
            cases.push(case(&packet, "igmp.drop.length"));
        }
        assert!(cases.len() > 90, "{}", cases.len());
        nothing_changes(&mcrd, &cable, "out0", &cases);
        good_ones_work(&mcrd, &cable);
    });
}

fn with(packet: &Ip, at: usize, bytes: &[u8]) -> Ip {
    let mut packet = packet.clone();
    packet.payload[at..at + bytes.len()].copy_from_slice(bytes);
    packet.payload = summed(packet.payload);
    packet
}

/// Fields that lie.
fn fields() -> Vec<Case> {
    let two = report(vec![
        record(RecordType::Allow, GROUP, &[SOURCE]),
        record(RecordType::Allow, SSM, &[SOURCE]),
    ]);
    let asked = query(Version::V3, Some(KEPT), &[SOURCE]);
    let many = [0xff, 0xff];
    let mut cases = Vec::new();
    for (packet, counter) in [
        // How many records, sources, words.
        (with(&two, 6, &[0, 3]), "length"),
        (with(&two, 6, &many), "length"),
        (with(&two, 10, &[0, 9]), "length"),
        (with(&two, 10, &many), "length"),
        (with(&two, 9, &[200]), "length"),
        (with(&asked, 10, &[0, 2]), "length"),
        (with(&asked, 10, &many), "length"),
        // What is no group.
        (with(&two, 12, &[10]), "address"),
        (with(&two, 12, &[0; 4]), "address"),
        (with(&asked, 4, &[0; 4]), "address"),
        (with(&asked, 4, &[10]), "address"),
        (
            with(&query(Version::V2, Some(KEPT), &[]), 4, &[9]),
            "address",
        ),
        // A type of nobody.
        (with(&all()[4], 0, &[0x13]), "unknown-type"),
        (with(&all()[4], 0, &[0]), "unknown-type"),
        (with(&all()[4], 0, &[0xff]), "unknown-type"),
    ] {
        cases.push(case(&packet, &format!("igmp.drop.{counter}")));
    }
    cases
}

/// Groups that nobody can join, or not so.
fn groups() -> Vec<Case> {
    let link_local = Ipv4Addr::new(224, 0, 0, 251);
    let any = RecordType::IsExclude;
    let mut cases = Vec::new();
    for (packet, counter) in [
        (report(vec![joined(link_local)]), "link-local-group"),
        (report(vec![joined(SSM)]), "ssm"),
        (report(vec![record(any, SSM, &[SOURCE])]), "ssm"),
        (
            report(vec![record(RecordType::Allow, SSM, &[GROUP])]),
            "source-address",
        ),
        (
            report(vec![record(RecordType::Allow, SSM, &[ALL_ROUTERS])]),
            "source-address",
        ),
    ] {
        cases.push(case(&packet, &format!("igmp.drop.{counter}")));
    }
    for message in [Message::ReportV1, Message::ReportV2, Message::Leave] {
        for (group, counter) in [(link_local, "link-local-group"), (SSM, "ssm")] {
            let packet = Ip::igmp(KNOWN, group, message(group).emit());
            cases.push(case(&packet, &format!("igmp.drop.{counter}")));
        }
        let unicast = Ip::igmp(KNOWN, GROUP, summed(with_group(&message(GROUP), SOURCE)));
        cases.push(case(&unicast, "igmp.drop.address"));
    }
    cases
}

fn with_group(message: &Message, group: Ipv4Addr) -> Vec<u8> {
    let mut bytes = message.emit();
    bytes[4..8].copy_from_slice(&group.octets());
    bytes
}

/// RFC 9776 §4.
#[test]
fn fields_that_lie() {
    in_world("malformed::igmp::fields_that_lie", || {
        let (mcrd, cable) = acquainted();
        let mut cases = fields();
        cases.extend(groups());
        nothing_changes(&mcrd, &cable, "out0", &cases);
        good_ones_work(&mcrd, &cable);
    });
}

/// Of every message: the checksum, the sender, the receiver.
#[test]
fn headers_and_addresses_that_are_wrong() {
    in_world(
        "malformed::igmp::headers_and_addresses_that_are_wrong",
        || {
            let (mcrd, cable) = acquainted();
            let mut cases = Vec::new();
            for packet in all() {
                for byte in [2, 3] {
                    let mut altered = packet.clone();
                    altered.payload[byte] ^= 0x10;
                    cases.push(case(&altered, "igmp.drop.checksum"));
                }
                for (src, counter) in [
                    (OFF_LINK, "igmp.drop.off-link"),
                    (ROUTER, "drop.own-packet"),
                ] {
                    let other = Ip {
                        src,
                        ..packet.clone()
                    };
                    cases.push(case(&other, counter));
                }
                let elsewhere = Ip {
                    dst: [224, 0, 0, 9].into(),
                    ..packet.clone()
                };
                cases.push(case(&elsewhere, "igmp.drop.destination"));
            }
            // A leave to the router alone is none.
            let leave = Ip::igmp(KNOWN, ROUTER, Message::Leave(KEPT).emit());
            cases.push(case(&leave, "igmp.drop.destination"));
            nothing_changes(&mcrd, &cable, "out0", &cases);
            good_ones_work(&mcrd, &cable);
        },
    );
}

/// Where the configuration demands the Router Alert option.
#[test]
fn without_the_router_alert_that_is_demanded() {
    in_world(
        "malformed::igmp::without_the_router_alert_that_is_demanded",
        || {
            let mcrd = router();
            let cable = Cable::new(&mcrd, "src", "in0");
            let mut cases = Vec::new();
            for mut packet in all() {
                packet.src = SOURCE;
                packet.router_alert = false;
                cases.push(case(&packet, "igmp.drop.router-alert"));
            }
            nothing_changes(&mcrd, &cable, "in0", &cases);
            let mut good = report(vec![joined(GROUP)]);
            good.src = SOURCE;
            cable.send(&good.bytes());
            assert!(eventually(SOON, || mcrd.groups().len() == 1));
        },
    );
}
