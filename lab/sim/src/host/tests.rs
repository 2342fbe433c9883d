//! What hosts say, by version (RFC 9776 §5, RFC 2236 §3, RFC 1112).

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::time::Duration;

use mcr_proto::id::{GroupAddr, UnicastAddr};
use mcr_proto::rng::Rng;
use mcr_proto::time::Instant;
use mcr_wire::igmp::{GroupRecord, Message, Query, RecordType, Version};

use super::{ALL_ROUTERS, ALL_V3_ROUTERS, Filter, Host, Sent};

const GROUP: Ipv4Addr = Ipv4Addr::new(239, 1, 1, 1);

fn group() -> GroupAddr {
    GROUP.try_into().unwrap()
}

fn source(last: u8) -> UnicastAddr {
    Ipv4Addr::new(10, 0, 0, last).try_into().unwrap()
}

fn records(sent: &[Sent]) -> Vec<GroupRecord> {
    let mut records = Vec::new();
    for (to, message) in sent {
        assert_eq!(*to, ALL_V3_ROUTERS);
        let Message::ReportV3(told) = message else {
            panic!("{message:?}");
        };
        records.extend(told.clone());
    }
    records
}

fn record(record_type: RecordType, sources: &[u8]) -> GroupRecord {
    GroupRecord {
        record_type,
        group: GROUP,
        sources: sources.iter().map(|last| source(*last).get()).collect(),
    }
}

fn query(version: Version, group: Option<Ipv4Addr>, sources: &[u8]) -> Message {
    Message::Query(Query {
        version,
        group,
        max_response_time: Duration::from_secs(10),
        suppress: false,
        robustness: 2,
        query_interval: Duration::from_secs(125),
        sources: sources.iter().map(|last| source(*last).get()).collect(),
    })
}

/// All that a host says until a moment.
fn until(host: &mut Host, rng: &mut Rng, seconds: u64) -> Vec<Sent> {
    let mut sent = Vec::new();
    while let Some(at) = host.next_timer()
        && at <= Instant::ZERO + Duration::from_secs(seconds)
    {
        sent.extend(host.timeout(at, rng));
    }
    sent
}

/// RFC 9776 §5.1: each change is told twice.
#[test]
fn version_3_tells_changes() {
    let (mut host, mut rng) = (Host::new(Version::V3), Rng::new(1));
    for (at, filter, want) in [
        (0, Filter::any(), record(RecordType::ToExclude, &[])),
        (
            10,
            Filter::Exclude(BTreeSet::from([source(1)])),
            record(RecordType::Block, &[1]),
        ),
        (
            20,
            Filter::source(source(2)),
            record(RecordType::ToInclude, &[2]),
        ),
        (30, Filter::none(), record(RecordType::Block, &[2])),
    ] {
        let now = Instant::ZERO + Duration::from_secs(at);
        let mut sent = host.set(now, &mut rng, group(), filter);
        sent.extend(until(&mut host, &mut rng, at + 5));
        assert_eq!(records(&sent), [want.clone(), want]);
    }
    assert!(host.filters().is_empty());
}

/// RFC 9776 §5.2.
#[test]
fn version_3_answers_what_it_was_asked() {
    let (mut host, mut rng) = (Host::new(Version::V3), Rng::new(2));
    let filter = Filter::Include(BTreeSet::from([source(1), source(2)]));
    host.set(Instant::ZERO, &mut rng, group(), filter);
    until(&mut host, &mut rng, 5);
    for (asked, want) in [
        (query(Version::V3, None, &[]), Some(vec![1, 2])),
        (query(Version::V3, Some(GROUP), &[]), Some(vec![1, 2])),
        (query(Version::V3, Some(GROUP), &[2, 3]), Some(vec![2])),
        (query(Version::V3, Some(GROUP), &[3]), None),
    ] {
        host.receive(Instant::ZERO, &mut rng, &asked);
        let answer = records(&until(&mut host, &mut rng, 100));
        let want = want.map(|sources| record(RecordType::IsInclude, &sources));
        assert_eq!(answer, Vec::from_iter(want), "{asked:?}");
    }
}

/// RFC 2236 §3: the one who reported last says goodbye; another one's report
/// saves one's own.
#[test]
fn version_2_is_quiet_where_others_speak() {
    let (mut host, mut rng) = (Host::new(Version::V2), Rng::new(3));
    let sent = host.set(Instant::ZERO, &mut rng, group(), Filter::any());
    assert_eq!(sent, [(GROUP, Message::ReportV2(GROUP))]);
    assert_eq!(until(&mut host, &mut rng, 20).len(), 1);
    let query = query(Version::V2, None, &[]);
    host.receive(Instant::ZERO, &mut rng, &query);
    host.receive(Instant::ZERO, &mut rng, &Message::ReportV2(GROUP));
    assert!(until(&mut host, &mut rng, 20).is_empty());
    assert!(
        host.set(Instant::ZERO, &mut rng, group(), Filter::none())
            .is_empty()
    );
    host.set(Instant::ZERO, &mut rng, group(), Filter::any());
    let sent = host.set(Instant::ZERO, &mut rng, group(), Filter::none());
    assert_eq!(sent, [(ALL_ROUTERS, Message::Leave(GROUP))]);
}

/// RFC 9776 §7.2.1: a host speaks no newer version than the querier.
#[test]
fn an_older_querier_is_followed() {
    let (mut host, mut rng) = (Host::new(Version::V3), Rng::new(4));
    for older in [Version::V2, Version::V1] {
        host.receive(Instant::ZERO, &mut rng, &query(older, None, &[]));
        assert_eq!(host.speaks(), older);
    }
    until(&mut host, &mut rng, 300);
    assert_eq!(host.speaks(), Version::V3);
}
