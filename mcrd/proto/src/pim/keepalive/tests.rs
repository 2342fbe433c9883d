//! Data packets that make state, and those that must not (RFC 7761 §4.2).

use super::*;
use crate::pim::tests::bed::{Bed, FAR_RP, GROUP, data, eth, forwarded, group, unicast};
use crate::router::event::{AssertRole, RegisterState};
use crate::router::io::RouteChange;
use crate::router::{Input, Output};

const SOURCE: &str = "10.0.1.7";

fn sg<'a>(bed: &'a Bed, source: &str) -> Option<&'a crate::tib::Sg> {
    bed.router.tib().sg(unicast(source), group(GROUP))
}

/// RFC 7761 §4.2: KAT of a connected source runs from the first packet on, and
/// as long as there are more.
#[test]
fn a_connected_source_is_kept_while_it_sends() {
    let mut bed = Bed::new(FAR_RP);
    bed.no_entry(1, data(SOURCE, GROUP, 16, 100));
    assert!(sg(&bed, SOURCE).unwrap().keepalive);
    let timer = TimerId::Keepalive(unicast(SOURCE), group(GROUP));
    let due = |bed: &Bed| bed.router.timers().deadline(timer);
    let period = bed.config.pim.keepalive_period;
    assert_eq!(due(&bed), Some(bed.now + period));
    bed.now = bed.now + std::time::Duration::from_secs(100);
    let active = DataPlaneEvent::Active {
        iif: eth(1),
        source: unicast(SOURCE),
        group: group(GROUP),
    };
    bed.give(Input::DataPlane(active));
    assert_eq!(due(&bed), Some(bed.now + period));
    let end = bed.now + period;
    while bed.now < end {
        bed.next_timer();
    }
    assert!(sg(&bed, SOURCE).is_none(), "nothing needs it any more");
    assert!(bed.router.routes().table(eth(1)).is_none());
}

/// RFC 7761 §4.2, §4.2.2: a receiver and a source on other LANs of the same
/// router need no tree.
#[test]
fn a_connected_source_switches_at_once() {
    let mut bed = Bed::new(FAR_RP);
    let name = "eth2".parse().unwrap();
    let igmp = bed.config.interfaces.get_mut(&name).unwrap().igmp.as_mut();
    igmp.unwrap().static_groups.insert((group(GROUP), None));
    let interface = bed.config.interfaces.get_mut(&name).unwrap();
    interface.pim.as_mut().unwrap().dr_priority = 9;
    let config = Box::new(bed.config.clone());
    bed.give(Input::Config(config));
    let outputs = bed.no_entry(1, data(SOURCE, GROUP, 16, 100));
    assert_eq!(forwarded(&outputs), [[eth(2)]]);
    let sg = sg(&bed, SOURCE).unwrap();
    assert!(sg.spt_bit);
    assert_eq!(sg.register, RegisterState::Join);
}

/// RFC 7761 §4.4.2: the RP takes no Register of what it had from the tree that
/// it joined. A packet that the data plane forwarded by an older entry follows
/// by the new one, in the order of the packets.
#[test]
fn a_packet_before_the_join_follows_it() {
    let mut bed = Bed::new(FAR_RP);
    bed.no_entry(1, data(SOURCE, GROUP, 16, 100));
    let register = |bed: &mut Bed, by: &[u32]| {
        let outputs = bed.give(Input::DataPlane(DataPlaneEvent::Register {
            iif: eth(1),
            forwarded: by.iter().map(|oif| eth(*oif)).collect(),
            packet: data(SOURCE, GROUP, 16, 100),
        }));
        forwarded(&outputs)
    };
    assert!(register(&mut bed, &[]).is_empty());
    let name = "eth2".parse().unwrap();
    let igmp = bed.config.interfaces.get_mut(&name).unwrap().igmp.as_mut();
    igmp.unwrap().static_groups.insert((group(GROUP), None));
    let interface = bed.config.interfaces.get_mut(&name).unwrap();
    interface.pim.as_mut().unwrap().dr_priority = 9;
    let config = Box::new(bed.config.clone());
    bed.give(Input::Config(config));
    assert_eq!(register(&mut bed, &[]), [[eth(2)]]);
    assert!(register(&mut bed, &[2]).is_empty());
}

/// RFC 7761 §4.2.1: a last hop joins the source's tree with the first packet,
/// unless it must not.
#[test]
fn a_last_hop_switches_where_it_may() {
    use crate::config::SptSwitch::{Groups, Immediate, Never};
    let groups = |range: &str| Groups(vec![range.parse().unwrap()]);
    for (switch, want) in [
        (Immediate, true),
        (Never, false),
        (groups("239.1.1.0/24"), true),
        (groups("239.1.2.0/24"), false),
    ] {
        let mut bed = Bed::with(FAR_RP, |config| config.pim.spt_switch = switch);
        bed.member(group(GROUP));
        let packet = data("10.7.0.1", GROUP, 16, 100);
        let event = DataPlaneEvent::NewSource {
            iif: eth(2),
            packet,
        };
        let outputs = bed.give(Input::DataPlane(event));
        assert!(forwarded(&outputs).is_empty(), "the entry forwarded it");
        assert_eq!(sg(&bed, "10.7.0.1").is_some_and(|sg| sg.keepalive), want);
    }
}

/// RFC 7761 §4.2: the first packet that comes down the RP tree, before its
/// entry, goes to the members.
#[test]
fn the_first_packet_is_forwarded() {
    let mut bed = Bed::new(FAR_RP);
    bed.member(group(GROUP));
    let outputs = bed.no_entry(2, data("10.7.0.1", GROUP, 16, 100));
    assert_eq!(forwarded(&outputs), [[eth(1)]]);
}

/// RFC 7761 §4.6.2: packets of a far source on the members' LAN: somebody else
/// forwards there too.
#[test]
fn a_packet_on_the_olist_calls_for_an_assert() {
    let mut bed = Bed::new(FAR_RP);
    bed.member(group(GROUP));
    bed.no_entry(1, data("10.7.0.1", GROUP, 16, 100));
    let star_g = bed.router.tib().star_g(group(GROUP)).unwrap();
    let role = star_g.asserts.get(&eth(1)).map(|state| state.role);
    assert_eq!(role, Some(AssertRole::Winner));
    assert_eq!(bed.count(1, "pim.tx.assert"), 1);
    bed.no_entry(1, data("10.7.0.2", GROUP, 16, 100));
    assert_eq!(bed.count(1, "pim.tx.assert"), 1, "once a second");
    bed.now = bed.now + std::time::Duration::from_secs(1);
    bed.no_entry(1, data("10.7.0.2", GROUP, 16, 100));
    assert_eq!(bed.count(1, "pim.tx.assert"), 2);
}

/// RFC 5771 §4, RFC 1812 §5.3.1.
#[test]
fn what_must_not_be_routed_makes_no_state() {
    let mut bed = Bed::new(FAR_RP);
    let mut broken = data(SOURCE, GROUP, 16, 100);
    broken[10] ^= 1;
    for (packet, reason) in [
        (data(SOURCE, GROUP, 1, 100), "data.drop.ttl"),
        (data(SOURCE, "224.0.0.5", 9, 100), "data.drop.group"),
        (data("0.0.0.0", GROUP, 9, 100), "data.drop.source"),
        (data("10.0.1.1", GROUP, 9, 100), "data.drop.own-source"),
        (broken, "data.drop.malformed"),
        (Vec::new(), "data.drop.malformed"),
    ] {
        bed.no_entry(1, packet);
        assert!(bed.count(1, reason) >= 1, "{reason}");
    }
    assert_eq!(bed.router.tib().entries(), 0);
    assert!(bed.router.routes().table(eth(1)).is_none());
}

/// A flow that nobody wants asks once, and is forgotten again.
#[test]
fn an_unwanted_flow_is_dropped_by_an_entry() {
    let mut bed = Bed::new(FAR_RP);
    let outputs = bed.no_entry(1, data("10.7.0.1", GROUP, 16, 100));
    let updates = outputs.iter().filter(|output| match output {
        Output::Route(_) => true,
        Output::Transmit(_) | Output::Forward(_) | Output::Listen { .. } | Output::Event(_) => {
            false
        }
    });
    assert_eq!(updates.count(), 1);
    let table = bed.router.routes().table(eth(1)).unwrap();
    let accepts: Vec<Accept> = table.entries().values().map(|entry| entry.accept).collect();
    assert_eq!(accepts, [Accept::Discard]);
    while bed.router.timers().is_set(TimerId::Unwanted) {
        bed.next_timer();
    }
    assert!(bed.router.routes().table(eth(1)).is_none());
}

/// Neither does the data plane ask for each packet of a source that it knows,
/// where that source's packets have no business.
#[test]
fn a_known_source_elsewhere_is_dropped_by_an_entry() {
    let mut bed = Bed::new("10.0.1.1");
    bed.no_entry(1, data(SOURCE, GROUP, 16, 100));
    assert!(sg(&bed, SOURCE).is_some());
    assert!(bed.router.routes().table(eth(2)).is_none());
    bed.no_entry(2, data(SOURCE, GROUP, 16, 100));
    let table = bed.router.routes().table(eth(2)).unwrap();
    let accepts: Vec<Accept> = table.entries().values().map(|entry| entry.accept).collect();
    assert_eq!(accepts, [Accept::Discard]);
}

/// 100 000 random sources and groups, of the LAN and not: state stays bounded,
/// and others find room.
#[test]
fn a_storm_of_sources_stays_bounded() {
    let mut bed = Bed::with(FAR_RP, |config| config.limits.entries = 4000);
    let mut rng = crate::rng::Rng::new(5);
    for _ in 0..100_000 {
        let source = match rng.below(2) {
            0 => format!("10.0.1.{}", 2 + rng.below(250)),
            _ => format!("10.7.{}.{}", rng.below(256), rng.below(256)),
        };
        let group = format!("239.{}.{}.1", rng.below(256), rng.below(256));
        bed.no_entry(1, data(&source, &group, 16, 8));
    }
    assert_eq!(bed.router.tib().entries(), 3000);
    let table = bed.router.routes().table(eth(1)).unwrap();
    assert!(table.entries().len() <= 3000 + 16 * 1024);
    bed.member(group(GROUP));
    assert!(bed.router.tib().star_g(group(GROUP)).is_some());
}

/// RFC 7761 §4.2: only a packet on RPF_interface(S) restarts KAT.
#[test]
fn only_data_on_the_right_interface_counts() {
    let mut bed = Bed::new(FAR_RP);
    bed.no_entry(1, data(SOURCE, GROUP, 16, 100));
    let timer = TimerId::Keepalive(unicast(SOURCE), group(GROUP));
    let due = bed.router.timers().deadline(timer).unwrap();
    bed.now = bed.now + std::time::Duration::from_secs(100);
    bed.no_entry(2, data(SOURCE, GROUP, 16, 100));
    for (iif, later) in [(2, 0), (1, 100)] {
        bed.give(Input::DataPlane(DataPlaneEvent::Active {
            iif: eth(iif),
            source: unicast(SOURCE),
            group: group(GROUP),
        }));
        let now = bed.router.timers().deadline(timer).unwrap();
        assert_eq!((now - due).as_secs(), later, "eth{iif}");
    }
}

/// RFC 7761 §4.2.2: "SPTbit(S,G) is cleared when JoinDesired(S,G) becomes
/// false", also while KAT runs on.
#[test]
fn who_joins_no_more_has_no_spt_bit() {
    let mut bed = Bed::new(FAR_RP);
    bed.member(group(GROUP));
    let packet = data("10.7.0.1", GROUP, 16, 100);
    let iif = eth(2);
    bed.give(Input::DataPlane(DataPlaneEvent::NewSource { iif, packet }));
    assert!(sg(&bed, "10.7.0.1").unwrap().spt_bit);
    let name = "eth1".parse().unwrap();
    let igmp = bed.config.interfaces.get_mut(&name).unwrap().igmp.as_mut();
    igmp.unwrap().static_groups.clear();
    bed.give(Input::Config(Box::new(bed.config.clone())));
    let sg = sg(&bed, "10.7.0.1").unwrap();
    assert!(sg.keepalive && !sg.upstream.joined && !sg.spt_bit);
}

/// Its own tree brings nothing any more, and the RP's is pruned while SPTbit is
/// set.
#[test]
fn a_source_without_a_way_has_no_spt_bit() {
    let mut bed = Bed::new(FAR_RP);
    bed.member(group(GROUP));
    let packet = data("10.7.0.1", GROUP, 16, 100);
    let iif = eth(2);
    bed.give(Input::DataPlane(DataPlaneEvent::NewSource { iif, packet }));
    assert!(sg(&bed, "10.7.0.1").unwrap().spt_bit);
    let lost = RouteChange::Remove("0.0.0.0/0".parse().unwrap());
    bed.give(Input::Route(lost));
    let sg = sg(&bed, "10.7.0.1").unwrap();
    assert!(sg.keepalive && sg.upstream.joined && !sg.spt_bit);
}

/// A source that is known and whose packets arrive where no tree takes them is
/// asked about once, and not with every packet.
#[test]
fn packets_on_a_strange_interface_are_dropped_by_the_data_plane() {
    let mut bed = Bed::new(FAR_RP);
    bed.no_entry(1, data(SOURCE, GROUP, 16, 100));
    bed.no_entry(2, data(SOURCE, GROUP, 16, 100));
    let table = bed.router.routes().table(eth(2)).unwrap();
    let mut entries = table.entries().iter();
    let entry = entries.find(|(key, _)| key.source == Some(unicast(SOURCE)));
    assert_eq!(entry.unwrap().1.accept, Accept::Discard);
}
