//! Members of the router's own LANs, its connected sources and the Keepalive
//! Timer: what they make of the trees (RFC 7761 §4.1.6, §4.5.4, §4.5.5).

use mcr_wire::igmp::{self, GroupRecord, RecordType};
use mcr_wire::pim::{Hello, Message};

use super::rig::*;
use crate::id::IpProtocol;
use crate::pim::tests::bed;
use crate::router::io::{Packet, Route, RouteChange, RouteNextHop};
use crate::router::{DataPlaneEvent, Input};
use crate::tib::Target;

/// A host on eth3 reports; what the router says in PIM.
pub(super) fn report(
    rig: &mut Rig,
    record_type: RecordType,
    of: &str,
    sources: &[&str],
) -> Vec<String> {
    let record = GroupRecord {
        record_type,
        group: ip(of),
        sources: sources.iter().map(|source| ip(source)).collect(),
    };
    rig.give(Input::Packet(Packet {
        iface: index(3),
        src: ip("10.0.3.77"),
        dst: ip("224.0.0.22"),
        ttl: 1,
        router_alert: true,
        protocol: IpProtocol::IGMP,
        payload: igmp::Message::ReportV3(vec![record]).emit(),
    }));
    rig.said()
}

/// RFC 7761 §4.1.6, RFC 4607 §6: local_receiver_include(S,G,I) joins the source
/// at once and no shared tree, in the SSM range and outside; and leaves it
/// after the Last Member Query Time.
#[test]
fn an_include_membership_joins_its_sources_only() {
    for of in [G, SSM] {
        let mut rig = Rig::new();
        let said = report(&mut rig, RecordType::Allow, of, &[S]);
        assert_eq!(said, [format!("2 10.0.2.1 {of} +10.8.0.1")]);
        let state = &rig.router.tib().groups[&group(of)];
        assert!(state.star_g.is_none() && state.sg_rpt.is_empty());
        assert_eq!(report(&mut rig, RecordType::Block, of, &[S]), [""; 0]);
        let prune = (2.0, format!("2 10.0.2.1 {of} -10.8.0.1"));
        assert_eq!(rig.wait(3.0), [prune]);
        rig.assert_no_trees();
    }
}

/// RFC 7761 §4.1.6, §4.5.6: pim_exclude(S,G) is taken out of
/// inherited_olist(S,G,rpt), and nobody else wants the source.
#[test]
fn a_source_that_members_exclude_is_pruned_off_the_shared_tree() {
    let mut rig = Rig::new();
    let said = report(&mut rig, RecordType::ToExclude, G, &[S]);
    assert_eq!(said, ["1 10.0.1.1 239.1.1.1 +* -10.8.0.1r"]);
    let said = report(&mut rig, RecordType::Allow, G, &[S]);
    assert!(
        said.iter().any(|said| said.contains("+10.8.0.1r")),
        "{said:?}"
    );
    assert!(rig.router.tib().sg_rpt(host(S), group(G)).is_none());
}

/// RFC 7761 §4.3.2, §4.1.6: pim_include needs I_am_DR; who is DR no more leaves
/// at once, and who becomes it joins at once.
#[test]
fn a_change_of_dr_moves_the_members_at_once() {
    let mut rig = Rig::new();
    let joined = ["1 10.0.1.1 239.1.1.1 +*"];
    assert_eq!(report(&mut rig, RecordType::ToExclude, G, &[]), joined);
    rig.hello(3, "10.0.3.9", 1);
    assert_eq!(rig.said(), ["1 10.0.1.1 239.1.1.1 -*"]);
    let goodbye = Hello {
        holdtime: Some(0),
        ..Hello::default()
    };
    rig.packet(3, "10.0.3.9", &Message::Hello(goodbye));
    assert_eq!(rig.said(), joined);
}

/// RFC 7761 §4.5.5: JoinDesired(S,G) is also true while KeepaliveTimer(S,G)
/// runs and inherited_olist(S,G) is not empty.
#[test]
fn a_running_keepalive_timer_joins_the_source_while_anybody_wants_it() {
    let mut rig = Rig::new();
    report(&mut rig, RecordType::ToExclude, G, &[]);
    let packet = bed::data(S, G, 16, 100);
    let iif = index(1);
    rig.give(Input::DataPlane(DataPlaneEvent::NewSource { iif, packet }));
    assert_eq!(rig.said(), ["2 10.0.2.1 239.1.1.1 +10.8.0.1"]);
    report(&mut rig, RecordType::ToInclude, G, &[]);
    let said: Vec<String> = rig.wait(3.0).into_iter().map(|(_, said)| said).collect();
    let left = ["1 10.0.1.1 239.1.1.1 -*", "2 10.0.2.1 239.1.1.1 -10.8.0.1"];
    assert_eq!(said, left);
    assert!(rig.router.tib().sg(host(S), group(G)).unwrap().keepalive);
    let said = report(&mut rig, RecordType::ToExclude, G, &[]);
    assert_eq!(said, left.map(|said| said.replace(" -", " +")));
    let said = rig.wait(208.0);
    let prune = (207.0, left[1].to_owned());
    assert!(said.contains(&prune), "KAT has run out: {said:?}");
}

/// RFC 7761 §4.5.5: RPF'(S,G) of a connected source is nobody.
#[test]
fn a_connected_source_is_joined_from_nobody() {
    let mut rig = Rig::new();
    rig.give(Input::Route(RouteChange::Set(Route {
        prefix: "10.0.4.0/24".parse().unwrap(),
        metric: 0,
        protocol: 2,
        next_hops: vec![RouteNextHop {
            iface: index(4),
            gateway: None,
        }],
    })));
    assert_eq!(rig.below(SSM, &["+10.0.4.77"]), [""; 0]);
    let sg = rig.router.tib().sg(host("10.0.4.77"), group(SSM)).unwrap();
    let want = Target {
        iface: index(4),
        neighbor: None,
    };
    assert_eq!((sg.upstream.joined, sg.upstream.target), (true, Some(want)));
    let table = rig.router.routes().table(index(4)).unwrap();
    let outputs: Vec<_> = table.entries().values().map(|of| &of.outputs).collect();
    assert_eq!(outputs.len(), 1);
    assert_eq!(outputs[0][0].oif, index(3));
    assert_eq!(rig.wait(130.0), []);
}
