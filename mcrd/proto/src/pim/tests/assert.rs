//! Assert of a whole router (RFC 7761 §4.6): who asserts, when, with what, and
//! what becomes of forwarding.

use std::net::Ipv4Addr;
use std::time::Duration;

use mcr_wire::pim::{ALL_PIM_ROUTERS, Assert, AssertMetric, EncodedGroup, Hello, Message};

use super::rig::*;
use crate::id::IpProtocol;
use crate::pim::macros::better;
use crate::router::event::AssertRole::{self, Loser, NoInfo, Winner};
use crate::router::io::Transmit;
use crate::router::{DataPlaneEvent, Input, Output, TimerId};
use crate::tib::{AssertState, TreeKey};

/// Another forwarder on eth3, with a higher address than the router's.
const OTHER: &str = "10.0.3.9";
const STAR: &str = "0.0.0.0";

fn metric(rpt: bool, preference: u32, metric: u32) -> AssertMetric {
    AssertMetric {
        rpt,
        preference,
        metric,
    }
}

fn drain(rig: &mut Rig) -> Vec<Transmit> {
    let outputs = std::iter::from_fn(|| rig.router.poll_output());
    let sent = outputs.filter_map(|output| match output {
        Output::Transmit(packet) if packet.protocol == IpProtocol::PIM => Some(packet),
        Output::Transmit(_)
        | Output::Forward(_)
        | Output::Route(_)
        | Output::Listen { .. }
        | Output::Event(_) => None,
    });
    sent.collect()
}

/// The Asserts sent since this was asked last: of which source, and how near.
fn asserts(rig: &mut Rig) -> Vec<(Ipv4Addr, AssertMetric)> {
    let of = |packet: Transmit| match Message::parse(&packet.payload) {
        Ok(Message::Assert(assert)) => Some((assert.source, assert.metric)),
        Ok(_) | Err(_) => None,
    };
    drain(rig).into_iter().filter_map(of).collect()
}

/// The Asserts of this time, with when.
fn wait(rig: &mut Rig, seconds: u64) -> Vec<(u64, AssertMetric)> {
    let start = rig.now;
    let end = start + Duration::from_secs(seconds);
    let mut all = Vec::new();
    while let Some((at, _)) = rig.router.poll_timeout().filter(|(at, _)| *at <= end) {
        rig.now = at;
        rig.router.handle_timeout(at);
        let sent = asserts(rig).into_iter();
        all.extend(sent.map(|(_, metric)| ((at - start).as_secs(), metric)));
    }
    rig.now = end;
    all
}

/// An Assert arrives on eth3.
fn hear(rig: &mut Rig, src: &str, source: &str, metric: AssertMetric) {
    let assert = Message::Assert(Assert {
        group: EncodedGroup::host(ip(G)),
        source: ip(source),
        metric,
    });
    rig.packet(3, src, &assert);
}

/// A data packet arrives on eth3, to which the router forwards such.
fn data(rig: &mut Rig, iface: u32, source: &str) {
    rig.give(Input::DataPlane(DataPlaneEvent::WrongInterface {
        iif: index(iface),
        source: host(source),
        group: group(G),
    }));
}

/// A downstream router joins for ever.
fn join(rig: &mut Rig, iface: u32, words: &[&str]) {
    let (src, me) = (format!("10.0.{iface}.1"), format!("10.0.{iface}.5"));
    let mut message = message(&me, &[(G, words)]);
    message.holdtime = 0xffff;
    rig.hear_message(iface, &src, message);
}

/// A forwarder of both trees onto eth3 and of the source's onto eth4 too, which
/// has seen the source's packets.
fn forwarder() -> Rig {
    let mut rig = Rig::new();
    join(&mut rig, 3, &["+*", "+10.8.0.1"]);
    join(&mut rig, 4, &["+10.8.0.1"]);
    rig.hello(3, OTHER, 1);
    rig.switched();
    rig
}

fn state(rig: &Rig, key: TreeKey) -> Option<AssertState> {
    let state = rig.router.tib().groups.get(&group(G))?;
    let asserts = match key {
        TreeKey::StarG(_) => &state.star_g.as_ref()?.asserts,
        TreeKey::Sg(source, _) => &state.sg.get(&source)?.asserts,
        TreeKey::SgRpt(..) => return None,
    };
    asserts.get(&index(3)).copied()
}

fn role(rig: &Rig, key: TreeKey) -> AssertRole {
    state(rig, key).map_or(NoInfo, |state| state.role)
}

/// Whether the source's packets go out of eth3.
fn forwards(rig: &Rig) -> bool {
    let table = rig.router.routes().table(index(2)).unwrap();
    let mut entries = table.entries().iter();
    let entry = entries.find(|(key, _)| key.source == Some(host(S)));
    let outputs = &entry.unwrap().1.outputs;
    assert!(outputs.iter().any(|output| output.oif == index(4)));
    outputs.iter().any(|output| output.oif == index(3))
}

/// RFC 7761 §4.6.3, §4.9.6: to ALL-PIM-ROUTERS with TTL 1 from the interface's
/// address, with the preference and metric of the way to the source; and anew
/// when they change.
#[test]
fn an_assert_says_who_and_how_near() {
    let mut rig = forwarder();
    data(&mut rig, 3, S);
    let sent = drain(&mut rig);
    // RFC 7761 §4.3.1: the newcomer is owed a Hello, which goes first.
    let [_, packet] = &sent[..] else {
        panic!("not a Hello and one packet: {sent:?}");
    };
    assert_eq!((packet.src, packet.dst), (ip(ME), ALL_PIM_ROUTERS));
    assert_eq!((packet.ttl, packet.tos), (1, 0xc0));
    assert_eq!((packet.iface, packet.router_alert), (Some(index(3)), false));
    let want = Message::Assert(Assert {
        group: EncodedGroup::host(ip(G)),
        source: ip(S),
        // RFC 7761 §4.6.3: the distance of a static route.
        metric: metric(false, 1, 0),
    });
    assert_eq!(Message::parse(&packet.payload), Ok(want));
    rig.configure(|config| {
        config.pim.preferences.insert(4, 77);
    });
    assert_eq!(asserts(&mut rig), [(ip(S), metric(false, 77, 0))]);
}

/// RFC 7761 §4.6.3: R, then preference, then metric, then the higher address.
#[test]
fn the_better_metric_and_then_the_higher_address_wins() {
    let order = [
        (metric(false, 0, 9), "10.0.3.1"),
        (metric(false, 1, 0), "10.0.3.9"),
        (metric(false, 1, 0), "10.0.3.5"),
        (metric(false, 1, 0), "10.0.3.1"),
        (metric(false, 1, 1), "10.0.3.9"),
        (metric(false, 2, 0), "10.0.3.9"),
        (metric(true, 0, 0), "10.0.3.9"),
        (AssertMetric::INFINITE, "10.0.3.9"),
    ];
    let claims = order.map(|(metric, address)| (metric, ip(address)));
    for (one, winner) in claims.iter().enumerate() {
        for loser in &claims[one + 1..] {
            assert!(better(*winner, *loser), "{winner:?} {loser:?}");
            assert!(!better(*loser, *winner), "{winner:?} {loser:?}");
        }
    }
    // The same of a router with the third of these claims.
    for (one, (metric, address)) in order.into_iter().enumerate() {
        if one == 2 {
            continue;
        }
        let mut rig = forwarder();
        data(&mut rig, 3, S);
        asserts(&mut rig);
        hear(&mut rig, address, S, metric);
        let want = if one < 2 { Loser } else { Winner };
        assert_eq!(role(&rig, sg()), want, "{metric:?} {address}");
        assert_eq!(asserts(&mut rig).is_empty(), one < 2, "a winner answers");
        assert_eq!(forwards(&rig), one > 2);
    }
}

/// RFC 7761 §4.3.1: a router that has said no Hello is not believed.
#[test]
fn an_assert_of_a_stranger_changes_nothing() {
    let mut rig = forwarder();
    hear(&mut rig, "10.0.3.77", S, metric(false, 0, 0));
    assert_eq!((role(&rig, sg()), role(&rig, star_g())), (NoInfo, NoInfo));
    assert_eq!(asserts(&mut rig), []);
    assert_eq!(rig.count(3, "pim.drop.not-a-neighbor"), 1);
}

/// RFC 7761 §4.6.1: Data on an interface that packets are forwarded to; §4.2
/// leaves it to us how often.
#[test]
fn data_on_an_output_calls_for_an_assert_once_a_second() {
    let mut rig = forwarder();
    for _ in 0..10 {
        data(&mut rig, 3, S);
        rig.now = rig.now + Duration::from_millis(100);
    }
    assert_eq!(asserts(&mut rig).len(), 1);
    data(&mut rig, 3, S);
    assert_eq!(asserts(&mut rig).len(), 1);
    assert_eq!(role(&rig, sg()), Winner);
}

/// RFC 7761 §4.6.1, §4.6.2: CouldAssert(S,G,I) needs the SPTbit and an interface
/// that packets are forwarded to, other than RPF_interface(S);
/// CouldAssert(*,G,I) a Join or a member there.
#[test]
fn only_a_forwarder_asserts() {
    let mut rig = Rig::new();
    join(&mut rig, 3, &["+10.8.0.1"]);
    data(&mut rig, 3, S);
    assert_eq!(asserts(&mut rig), [], "no packet of the source was seen");
    rig.switched();
    for iface in [2, 4] {
        data(&mut rig, iface, S);
        assert_eq!(asserts(&mut rig), [], "eth{iface}");
    }
    data(&mut rig, 3, S);
    assert_eq!(asserts(&mut rig), [(ip(S), metric(false, 1, 0))]);

    let mut rig = Rig::new();
    join(&mut rig, 3, &["+*"]);
    for iface in [1, 4] {
        data(&mut rig, iface, S);
        assert_eq!(asserts(&mut rig), [], "eth{iface}");
    }
    data(&mut rig, 3, S);
    assert_eq!(asserts(&mut rig), [(ip(STAR), metric(true, 1, 0))]);
}

/// RFC 7761 §4.6.4: who has won and can assert no more says so.
#[test]
fn a_winner_that_forwards_no_more_cancels() {
    for (word, source, key) in [("-10.8.0.1", S, sg()), ("-*", STAR, star_g())] {
        let mut rig = Rig::new();
        let joined = word.replace('-', "+");
        join(&mut rig, 3, &[&joined]);
        join(&mut rig, 4, &[&joined]);
        if key == sg() {
            rig.switched();
        }
        data(&mut rig, 3, S);
        assert_eq!(role(&rig, key), Winner, "{word}");
        asserts(&mut rig);
        rig.packet(
            3,
            "10.0.3.1",
            &Message::JoinPrune(message(ME, &[(G, &[word])])),
        );
        assert_eq!(asserts(&mut rig), [(ip(source), AssertMetric::INFINITE)]);
        assert_eq!(role(&rig, key), NoInfo, "{word}");
        assert_eq!(rig.left(TimerId::Assert(key, index(3))), None);
    }
}

/// RFC 7761 §4.6, §4.11: Assert_Time is 180 s, and Assert_Override_Interval
/// 3 s less.
#[test]
fn a_winner_repeats_itself_before_the_loser_forgets() {
    let mut rig = forwarder();
    data(&mut rig, 3, S);
    assert_eq!(asserts(&mut rig).len(), 1);
    let mine = metric(false, 1, 0);
    assert_eq!(wait(&mut rig, 400), [(177, mine), (354, mine)]);

    let mut rig = forwarder();
    hear(&mut rig, OTHER, S, metric(false, 0, 0));
    assert_eq!(role(&rig, sg()), Loser);
    assert_eq!(wait(&mut rig, 179), []);
    assert!(!forwards(&rig));
    // Each of the winner's Asserts counts anew.
    hear(&mut rig, OTHER, S, metric(false, 0, 0));
    assert_eq!(wait(&mut rig, 179), []);
    assert!(!forwards(&rig));
    wait(&mut rig, 1);
    assert_eq!(role(&rig, sg()), NoInfo);
    assert!(forwards(&rig));
}

/// RFC 7761 §4.6.1: what takes a loser to NoInfo.
#[test]
fn a_loser_forwards_again_when_the_reason_is_gone() {
    type Reason = fn(&mut Rig);
    let goodbye = |rig: &mut Rig| {
        let hello = Hello {
            holdtime: Some(0),
            ..Hello::default()
        };
        rig.packet(3, OTHER, &Message::Hello(hello));
    };
    let reasons: [(&str, Reason); 6] = [
        ("the winner leaves", goodbye),
        ("it restarts", |rig| rig.hello(3, OTHER, 2)),
        ("it cancels", |rig| {
            hear(rig, OTHER, S, AssertMetric::INFINITE)
        }),
        ("it is worse", |rig| {
            hear(rig, OTHER, S, metric(false, 5, 5))
        }),
        ("a Join comes", |rig| join(rig, 3, &["+10.8.0.1"])),
        ("we are nearer", |rig| {
            rig.configure(|config| {
                config.pim.preferences.insert(4, 0);
            });
        }),
    ];
    for (reason, happen) in reasons {
        let mut rig = forwarder();
        // Nearer than the router, and further than it may become.
        hear(&mut rig, OTHER, S, metric(false, 0, 5));
        assert_eq!(role(&rig, sg()), Loser, "{reason}");
        assert!(!forwards(&rig), "{reason}");
        hear(&mut rig, "10.0.3.1", S, AssertMetric::INFINITE);
        rig.hello(3, "10.0.3.1", 5);
        hear(&mut rig, "10.0.3.1", S, metric(false, 5, 5));
        assert_eq!(role(&rig, sg()), Loser, "others than the winner");
        happen(&mut rig);
        assert_eq!(role(&rig, sg()), NoInfo, "{reason}");
        assert!(forwards(&rig), "{reason}");
    }
}

/// RFC 7761 §4.6: the (S,G) machine goes first, and the (*,G) one takes only
/// what that had no part in.
#[test]
fn an_assert_of_a_source_concerns_its_entry_first() {
    let mut rig = forwarder();
    hear(&mut rig, OTHER, S, metric(false, 0, 0));
    assert_eq!((role(&rig, sg()), role(&rig, star_g())), (Loser, NoInfo));

    let mut rig = forwarder();
    data(&mut rig, 3, S);
    hear(&mut rig, OTHER, S, metric(true, 0, 0));
    assert_eq!((role(&rig, sg()), role(&rig, star_g())), (Winner, NoInfo));

    // Of a source without an entry, and of all: the group's own.
    for source in ["10.8.0.77", STAR] {
        let mut rig = forwarder();
        hear(&mut rig, OTHER, source, metric(true, 0, 0));
        let roles = (role(&rig, sg()), role(&rig, star_g()));
        assert_eq!(roles, (NoInfo, Loser), "{source}");
        let winner = state(&rig, star_g()).unwrap();
        assert_eq!(
            (winner.winner, winner.metric),
            (ip(OTHER), metric(true, 0, 0))
        );
    }
}
