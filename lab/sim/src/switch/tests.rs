//! Who gets what from a switch that has heard some messages.

use std::time::Duration;

use mcr_wire::igmp::Version;
use mcr_wire::pim::Hello;

use super::*;
use crate::network::FlowId;
use crate::packet::Data;

const ROUTER: NodeId = NodeId(0);
const SILENT: NodeId = NodeId(1);
const MEMBER: NodeId = NodeId(2);
const OTHER: NodeId = NodeId(3);

fn ip(text: &str) -> Ipv4Addr {
    text.parse().unwrap()
}

fn t(seconds: u64) -> Instant {
    Instant::from_micros(seconds * 1_000_000)
}

fn control(protocol: IpProtocol, payload: Vec<u8>) -> Frame {
    Frame::Control(Datagram {
        src: ip("10.0.0.1"),
        dst: ip("224.0.0.1"),
        ttl: 1,
        router_alert: true,
        protocol,
        payload,
    })
}

fn igmp(message: &Message) -> Frame {
    control(IpProtocol::IGMP, message.emit())
}

fn query(group: Option<Ipv4Addr>) -> Frame {
    igmp(&Message::Query(Query {
        version: Version::V3,
        group,
        max_response_time: Duration::from_secs(1),
        suppress: false,
        robustness: 2,
        query_interval: Duration::from_secs(125),
        sources: Vec::new(),
    }))
}

fn report() -> Frame {
    igmp(&Message::ReportV2(ip("239.1.1.1")))
}

fn data() -> Frame {
    Frame::Data(Data {
        source: ip("10.0.0.9").try_into().unwrap(),
        group: ip("239.1.1.1").try_into().unwrap(),
        ttl: 9,
        flow: FlowId(0),
        sequence: 0,
    })
}

/// A router has asked, another one said Hello, a member reported.
fn learned() -> Switch {
    let mut switch = Switch::default();
    switch.note(t(0), ROUTER, &query(None));
    let hello = pim::Message::Hello(Hello::default());
    let hello = hello.emit();
    switch.note(t(0), SILENT, &control(IpProtocol::PIM, hello));
    switch.note(t(0), MEMBER, &report());
    switch
}

fn who(switch: &Switch, now: Instant, frame: &Frame) -> Vec<NodeId> {
    let all = [ROUTER, SILENT, MEMBER, OTHER].into_iter();
    all.filter(|to| switch.passes_to(now, *to, frame)).collect()
}

#[test]
fn before_anybody_asked_everybody_gets_everything() {
    let mut switch = Switch::default();
    switch.note(t(0), MEMBER, &report());
    let all = [ROUTER, SILENT, MEMBER, OTHER];
    assert_eq!(who(&switch, t(1), &data()), all);
    assert_eq!(who(&switch, t(1), &report()), all);
}

#[test]
fn members_and_routers_get_data_and_routers_reports() {
    let switch = learned();
    assert_eq!(who(&switch, t(1), &data()), [ROUTER, SILENT, MEMBER]);
    assert_eq!(who(&switch, t(1), &report()), [ROUTER, SILENT]);
    let all = [ROUTER, SILENT, MEMBER, OTHER];
    assert_eq!(who(&switch, t(1), &query(None)), all);
}

#[test]
fn a_group_that_is_asked_for_and_not_reported_ends() {
    let mut switch = learned();
    let asked = query(Some(ip("239.1.1.1")));
    switch.note(t(10), ROUTER, &asked);
    assert_eq!(who(&switch, t(11), &data()), [ROUTER, SILENT, MEMBER]);
    assert_eq!(who(&switch, t(12), &data()), [ROUTER, SILENT]);
    switch.note(t(12), MEMBER, &report());
    assert_eq!(who(&switch, t(13), &data()), [ROUTER, SILENT, MEMBER]);
}

#[test]
fn what_is_not_heard_again_is_forgotten() {
    let mut switch = learned();
    switch.note(t(200), ROUTER, &query(None));
    assert_eq!(who(&switch, t(259), &data()), [ROUTER, MEMBER]);
    assert_eq!(who(&switch, t(260), &data()), [ROUTER]);
}
