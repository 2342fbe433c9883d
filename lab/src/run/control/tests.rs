//! Messages made by the wire crate, in words.

use mcr_wire::igmp::{self, GroupRecord, RecordType};
use mcr_wire::pim::{self, EncodedGroup, EncodedSource, JoinPrune, JoinPruneGroup, Register};

use super::*;

const GROUP: Ipv4Addr = Ipv4Addr::new(239, 1, 1, 1);
const SOURCE: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 7);

fn encoded(wildcard: bool, rpt: bool) -> EncodedSource {
    EncodedSource {
        source: SOURCE,
        mask_len: 32,
        sparse: true,
        wildcard,
        rpt,
    }
}

fn join_prune(joins: Vec<EncodedSource>, prunes: Vec<EncodedSource>) -> Vec<u8> {
    let group = EncodedGroup {
        group: GROUP,
        mask_len: 32,
        bidirectional: false,
        scope_zone: false,
    };
    let message = pim::Message::JoinPrune(JoinPrune {
        upstream_neighbor: Ipv4Addr::new(10, 0, 1, 1),
        holdtime: 7,
        groups: vec![JoinPruneGroup {
            group,
            joins,
            prunes,
        }],
    });
    message.emit()
}

fn pim(payload: &[u8]) -> (&'static str, String) {
    let said = said(pim::PROTOCOL, payload).unwrap();
    (said.kind, said.text)
}

#[test]
fn joins_and_prunes_are_told_by_route() {
    let star = join_prune(vec![encoded(true, true)], Vec::new());
    let want = "(*, 239.1.1.1) to 10.0.1.1".to_owned();
    assert_eq!(pim(&star), ("pim.join", want));
    let rpt = join_prune(Vec::new(), vec![encoded(false, true)]);
    let want = "(10.0.0.7, 239.1.1.1, rpt) to 10.0.1.1".to_owned();
    assert_eq!(pim(&rpt), ("pim.prune", want));
    let both = join_prune(vec![encoded(false, false)], vec![encoded(false, true)]);
    assert_eq!(pim(&both).0, "pim.join-prune");
}

#[test]
fn a_register_whose_packet_was_cut_is_still_told() {
    let mut packet = vec![0x45, 0, 5, 0, 0, 0, 0, 0, 64, 17, 0, 0];
    packet.extend(SOURCE.octets());
    packet.extend(GROUP.octets());
    let message = pim::Message::Register(Register {
        border: false,
        null: false,
        packet: &packet,
    });
    let want = "(10.0.0.7, 239.1.1.1)".to_owned();
    assert_eq!(pim(&message.emit()), ("pim.register", want));
}

#[test]
fn a_report_names_some_groups_and_counts_the_others() {
    let record = |last| GroupRecord {
        record_type: RecordType::ToExclude,
        group: Ipv4Addr::new(239, 1, 1, last),
        sources: Vec::new(),
    };
    let report = igmp::Message::ReportV3((1..=5).map(record).collect()).emit();
    let said = said(igmp::PROTOCOL, &report).unwrap();
    assert_eq!(said.kind, "igmp.report");
    let want = "to-ex(239.1.1.1, {}) to-ex(239.1.1.2, {}) to-ex(239.1.1.3, {}) and 2 more";
    assert_eq!(said.text, want);
}

#[test]
fn what_cannot_be_read_says_so() {
    assert_eq!(said(17, &[]), None);
    assert_eq!(pim(&[0x20, 0]).0, "pim.bad");
    let broken = said(igmp::PROTOCOL, &[0x16, 0, 1, 2, 239, 1, 1, 1]).unwrap();
    assert_eq!(broken.kind, "igmp.bad");
}
