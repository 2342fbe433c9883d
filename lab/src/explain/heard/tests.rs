//! Messages as routers and hosts send them.

use mcr_wire::igmp::GroupRecord;
use mcr_wire::pim::{EncodedGroup, EncodedSource, Hello, JoinPruneGroup, Register};

use super::*;

const LINK: LinkId = LinkId(0);
const GROUP: Ipv4Addr = Ipv4Addr::new(239, 1, 1, 1);
const SOURCE: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
const RP: Ipv4Addr = Ipv4Addr::new(10, 255, 0, 2);
const R1: Ipv4Addr = Ipv4Addr::new(10, 0, 1, 1);
const R2: Ipv4Addr = Ipv4Addr::new(10, 0, 1, 2);

fn control(at: u64, link: LinkId, source: Ipv4Addr, protocol: u8, payload: Vec<u8>) -> Control {
    Control {
        at_ns: at * SECOND,
        link,
        source,
        destination: RP,
        ttl: 1,
        protocol,
        payload: payload.into(),
    }
}

fn pim(at: u64, from: Ipv4Addr, message: &pim::Message<'_>) -> Control {
    control(at, LINK, from, pim::PROTOCOL, message.emit())
}

fn igmp(at: u64, from: Ipv4Addr, message: &igmp::Message) -> Control {
    control(at, LINK, from, igmp::PROTOCOL, message.emit())
}

fn hello(at: u64, from: Ipv4Addr, dr_priority: Option<u32>) -> Control {
    let hello = Hello {
        holdtime: Some(10),
        dr_priority,
        ..Hello::default()
    };
    pim(at, from, &pim::Message::Hello(hello))
}

fn source(address: Ipv4Addr, wildcard: bool, rpt: bool) -> EncodedSource {
    EncodedSource {
        source: address,
        mask_len: 32,
        sparse: true,
        wildcard,
        rpt,
    }
}

fn join_prune(at: u64, joins: Vec<EncodedSource>, prunes: Vec<EncodedSource>) -> Control {
    let group = JoinPruneGroup {
        group: EncodedGroup {
            group: GROUP,
            mask_len: 32,
            bidirectional: false,
            scope_zone: false,
        },
        joins,
        prunes,
    };
    let message = JoinPrune {
        upstream_neighbor: R1,
        holdtime: 7,
        groups: vec![group],
    };
    pim(at, R2, &pim::Message::JoinPrune(message))
}

fn at(now: u64, messages: &[Control]) -> Heard {
    heard(messages, GROUP, SOURCE, now * SECOND)
}

#[test]
fn who_speaks_last_holds_as_long_as_it_says() {
    let said = [hello(0, R1, Some(1)), hello(3, R2, Some(1))];
    assert_eq!(at(9, &said).dr(LINK), Some(R2), "the highest address");
    assert_eq!(at(12, &said).speakers(LINK).count(), 1);
    assert_eq!(at(13, &said).dr(LINK), None);
    assert_eq!(at(9, &said).dr(LinkId(1)), None);
    let left = [hello(0, R1, Some(1)), pim(1, R1, &goodbye())];
    assert_eq!(at(2, &left).dr(LINK), None);
}

fn goodbye() -> pim::Message<'static> {
    pim::Message::Hello(Hello {
        holdtime: Some(0),
        ..Hello::default()
    })
}

#[test]
fn the_dr_has_the_highest_priority_where_all_tell_one() {
    let said = [hello(0, R1, Some(5)), hello(0, R2, Some(1))];
    assert_eq!(at(1, &said).dr(LINK), Some(R1));
    let said = [hello(0, R1, Some(5)), hello(0, R2, None)];
    assert_eq!(at(1, &said).dr(LINK), Some(R2));
}

#[test]
fn joins_hold_until_they_are_pruned_or_end() {
    let star = source(RP, true, true);
    let of_source = source(SOURCE, false, false);
    let off_the_rp_tree = source(SOURCE, false, true);
    let said = vec![join_prune(0, vec![star, of_source], vec![off_the_rp_tree])];
    let now = at(6, &said);
    assert!(now.has_joined(LINK, R1, None) && now.has_joined(LINK, R1, Some(SOURCE)));
    assert!(!now.has_joined(LINK, R2, None) && !now.has_joined(LinkId(1), R1, None));
    assert_eq!(now.rps.get(&(LINK, R2)), Some(&RP));
    assert!(!at(7, &said).has_joined(LINK, R1, None));
    let mut said = said;
    said.push(join_prune(1, Vec::new(), vec![star]));
    let now = at(2, &said);
    assert!(!now.has_joined(LINK, R1, None) && now.has_joined(LINK, R1, Some(SOURCE)));
}

#[test]
fn registers_are_counted_by_the_link_that_showed_most() {
    let header = Register::null_header(SOURCE, GROUP);
    let other = Register::null_header(R1, GROUP);
    let register = |link, packet: &[u8]| {
        let message = pim::Message::Register(Register::null(packet));
        control(0, link, R1, pim::PROTOCOL, message.emit())
    };
    let said = [
        register(LINK, &header),
        register(LinkId(1), &header),
        register(LinkId(1), &header),
        register(LinkId(1), &other),
    ];
    assert_eq!(at(1, &said).registers_to(RP), 2);
    assert_eq!(at(1, &said).registers_to(R1), 0);
}

#[test]
fn a_host_wants_what_it_said_last() {
    let wants = |said: &[igmp::Message]| {
        let said: Vec<Control> = said.iter().map(|one| igmp(0, R2, one)).collect();
        at(1, &said).members(LINK).count() == 1
    };
    let record = |record_type, sources: &[Ipv4Addr]| {
        igmp::Message::ReportV3(vec![GroupRecord {
            record_type,
            group: GROUP,
            sources: sources.to_vec(),
        }])
    };
    let any = record(RecordType::ToExclude, &[]);
    assert!(wants(&[igmp::Message::ReportV2(GROUP)]));
    assert!(!wants(&[igmp::Message::ReportV2(RP)]));
    assert!(!wants(&[
        igmp::Message::ReportV2(GROUP),
        igmp::Message::Leave(GROUP)
    ]));
    assert!(wants(std::slice::from_ref(&any)));
    assert!(!wants(&[any.clone(), record(RecordType::ToInclude, &[])]));
    assert!(!wants(&[record(RecordType::IsExclude, &[SOURCE])]));
    assert!(wants(&[record(RecordType::Allow, &[SOURCE])]));
    assert!(wants(&[any.clone(), record(RecordType::Block, &[R1])]));
    assert!(!wants(&[any, record(RecordType::Block, &[SOURCE])]));
}
