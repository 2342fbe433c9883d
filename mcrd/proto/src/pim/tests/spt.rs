//! Update_SPTbit (RFC 7761 §4.2.2), condition by condition.

use mcr_wire::pim::{Assert, AssertMetric, EncodedGroup, Message};

use super::rig::*;
use crate::router::{DataPlaneEvent, Input};

/// A packet of the source arrives; whether the SPTbit is set then.
fn set_by_packet(rig: &mut Rig, iface: u32, source: &str) -> bool {
    rig.give(Input::DataPlane(DataPlaneEvent::Switched {
        iif: index(iface),
        source: host(source),
        group: group(G),
    }));
    let sg = rig.router.tib().sg(host(source), group(G));
    sg.is_some_and(|sg| sg.spt_bit)
}

/// Both trees come over eth2, from these neighbours.
fn over_one_link(rp_by: &str, source_by: &str) -> Rig {
    let mut rig = Rig::new();
    rig.route("10.9.9.9/32", 2, rp_by);
    rig.route("10.8.0.0/16", 2, source_by);
    rig
}

/// RFC 7761 §4.2.2: on RPF_interface(S), with JoinDesired(S,G), where any of
/// five conditions holds.
#[test]
fn the_conditions_of_update_sptbit() {
    let mut rig = Rig::new();
    rig.below(G, &["+*", "+10.8.0.1"]);
    assert!(!set_by_packet(&mut rig, 1, S), "not RPF_interface(S)");
    assert!(set_by_packet(&mut rig, 2, S), "the RP is over another one");

    let mut rig = Rig::new();
    rig.below(G, &["+*"]);
    assert!(!set_by_packet(&mut rig, 2, S), "no JoinDesired(S,G)");

    let mut rig = over_one_link("10.0.2.2", "10.0.2.1");
    rig.below(G, &["+*", "+10.8.0.1"]);
    assert!(!set_by_packet(&mut rig, 2, S), "none of them");
    rig.below(G, &["+*", "+10.8.0.1", "-10.8.0.1r"]);
    assert!(set_by_packet(&mut rig, 2, S), "nobody wants it from the RP");

    let mut rig = over_one_link("10.0.2.1", "10.0.2.1");
    rig.below(G, &["+*", "+10.8.0.1"]);
    assert!(set_by_packet(&mut rig, 2, S), "RPF' is the same");

    let mut rig = over_one_link("10.0.2.2", "10.0.2.1");
    rig.hello(2, "10.0.2.3", 1);
    rig.below(G, &["+*", "+10.8.0.1"]);
    let metric = AssertMetric {
        rpt: false,
        preference: 0,
        metric: 0,
    };
    let assert = Message::Assert(Assert {
        group: EncodedGroup::host(ip(G)),
        source: ip(S),
        metric,
    });
    rig.packet(2, "10.0.2.3", &assert);
    assert!(set_by_packet(&mut rig, 2, S), "an Assert was lost there");

    let mut rig = Rig::new();
    rig.route("10.9.9.9/32", 4, "10.0.4.1");
    rig.give(Input::Route(crate::router::io::RouteChange::Set(
        crate::router::io::Route {
            prefix: "10.0.4.0/24".parse().unwrap(),
            metric: 0,
            protocol: 2,
            next_hops: vec![crate::router::io::RouteNextHop {
                iface: index(4),
                gateway: None,
            }],
        },
    )));
    rig.below(G, &["+*", "+10.0.4.77"]);
    assert!(set_by_packet(&mut rig, 4, "10.0.4.77"), "it is connected");
}
