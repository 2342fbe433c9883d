//! Register from both ends (RFC 7761 §4.4), of whole routers.

use super::*;
use crate::config::RegisterAccept;
use crate::pim::tests::bed::unicast as host;
use crate::pim::tests::bed::{Bed, FAR_RP, GROUP, NEIGHBOR, data, eth, forwarded, group, ip, sent};
use crate::router::Output;
use mcr_wire::pim::EncodedGroup;

const SOURCE: &str = "10.0.1.7";
/// Of the router under test: it is the RP in some tests.
const ME: &str = "10.0.2.1";

fn state(bed: &Bed) -> RegisterState {
    let sg = bed.router.tib().sg(host(SOURCE), group(GROUP));
    sg.map_or(RegisterState::NoInfo, |sg| sg.register)
}

/// The sizes of the packets inside the Registers to the RP.
fn registers(outputs: &[Output]) -> Vec<usize> {
    let sent = sent(outputs);
    let registers = sent.iter().filter_map(|(dst, message)| {
        let Message::Register(register) = message else {
            return None;
        };
        assert_eq!(*dst, ip(FAR_RP));
        (!register.null).then_some(register.packet.len())
    });
    registers.collect()
}

fn stops(outputs: &[Output]) -> Vec<Ipv4Addr> {
    let sent = sent(outputs);
    let stops = sent.iter().filter_map(|(dst, message)| {
        if let Message::RegisterStop(stop) = message {
            assert_eq!(stop.group.mask_len, 32);
            Some(*dst)
        } else {
            None
        }
    });
    stops.collect()
}

fn stop_of(source: &str) -> Message<'static> {
    Message::RegisterStop(RegisterStop {
        group: EncodedGroup {
            group: ip(GROUP),
            mask_len: 32,
            bidirectional: false,
            scope_zone: false,
        },
        source: ip(source),
    })
}

/// RFC 7761 §4.4.1: the very first packet is registered.
#[test]
fn the_dr_registers_from_the_first_packet_on() {
    let mut bed = Bed::new(FAR_RP);
    let outputs = bed.no_entry(1, data(SOURCE, GROUP, 16, 100));
    assert_eq!(registers(&outputs), [120]);
    assert_eq!(state(&bed), RegisterState::Join);
    let packet = outputs.iter().find_map(|output| {
        if let Output::Transmit(packet) = output {
            (packet.dst == ip(FAR_RP)).then_some(packet)
        } else {
            None
        }
    });
    let packet = packet.unwrap();
    assert_eq!((packet.src, packet.ttl), (ip("10.0.1.1"), 64));
    let table = bed.router.routes().table(eth(1)).unwrap();
    assert!(table.entries().values().any(|entry| entry.register));
}

/// RFC 7761 §4.4.1: what the tunnel does not take whole goes in parts, and what
/// must not be cut not at all.
#[test]
fn large_packets_are_cut_before() {
    let mut bed = Bed::new(FAR_RP);
    let outputs = bed.no_entry(1, data(SOURCE, GROUP, 16, 1480));
    assert_eq!(registers(&outputs).len(), 2);
    let mut whole = data(SOURCE, GROUP, 16, 1480);
    let mut header = *ipv4::Packet::parse(&whole).unwrap().header();
    header.flags_fragment = 0x4000.into();
    whole[..20].copy_from_slice(mcr_wire::IntoBytes::as_bytes(&header.with_checksum()));
    let outputs = bed.no_entry(1, whole);
    assert_eq!(registers(&outputs), [0; 0]);
    assert_eq!(bed.count(1, "pim.drop.register-too-big"), 1);
}

/// RFC 7761 §4.4.1, RFC 1191 §4: the source is told what fits, once a second.
#[test]
fn who_forbids_to_cut_is_told_what_fits() {
    let mut bed = Bed::new(FAR_RP);
    bed.no_entry(1, data(SOURCE, GROUP, 16, 100));
    let mut whole = data(SOURCE, GROUP, 16, 1480);
    let mut header = *ipv4::Packet::parse(&whole).unwrap().header();
    header.flags_fragment = 0x4000.into();
    whole[..20].copy_from_slice(mcr_wire::IntoBytes::as_bytes(&header.with_checksum()));
    let answers = |outputs: Vec<Output>| {
        let icmp = outputs.into_iter().filter_map(|output| match output {
            Output::Transmit(packet) => (packet.protocol == IpProtocol::ICMP).then_some(packet),
            Output::Forward(_) | Output::Route(_) | Output::Listen { .. } | Output::Event(_) => {
                None
            }
        });
        Vec::from_iter(icmp)
    };
    let sent = answers(bed.no_entry(1, whole.clone()));
    let [answer] = &sent[..] else {
        unreachable!("{sent:?}");
    };
    assert_eq!((answer.src, answer.dst), (ip("10.0.1.1"), ip(SOURCE)));
    assert_eq!(answer.payload[..2], [3, 4]);
    let mtu = bed.router.config().pim.register_mtu;
    assert_eq!(answer.payload[4..8], [[0, 0], mtu.to_be_bytes()].concat());
    assert_eq!(answer.payload[8..], whole[..28]);
    assert_eq!(mcr_wire::checksum::internet(&answer.payload), 0);
    assert_eq!(answers(bed.no_entry(1, whole.clone())), []);
    assert_eq!(bed.count(1, "pim.drop.register-too-big"), 2);
}

/// RFC 7761 §4.4.1: only sources on the LAN itself are registered.
#[test]
fn a_source_that_is_not_on_the_lan_is_not_registered() {
    let mut bed = Bed::new(FAR_RP);
    let outputs = bed.no_entry(1, data("10.7.0.1", GROUP, 16, 100));
    assert_eq!(registers(&outputs), [0; 0]);
    assert_eq!(bed.router.tib().entries(), 0);
}

/// RFC 7761 §4.4.1: stop, suppression, probe, and data again where no
/// Register-Stop answers the probe.
#[test]
fn a_stop_is_in_force_until_a_probe_has_no_answer() {
    let mut bed = Bed::new(FAR_RP);
    bed.no_entry(1, data(SOURCE, GROUP, 16, 100));
    bed.pim(NEIGHBOR, ip(ME), &stop_of(SOURCE));
    assert_eq!(state(&bed), RegisterState::Join, "not from the RP");
    bed.pim(FAR_RP, ip(ME), &stop_of("10.0.1.8"));
    assert_eq!(state(&bed), RegisterState::Join, "another source");
    let start = bed.now;
    bed.pim(FAR_RP, ip(ME), &stop_of(SOURCE));
    assert_eq!(state(&bed), RegisterState::Prune);
    let quiet = bed.no_entry(1, data(SOURCE, GROUP, 16, 100));
    assert_eq!(registers(&quiet), [0; 0]);
    let mut probes = 0;
    while state(&bed) != RegisterState::JoinPending {
        let outputs = bed.next_timer();
        let sent = sent(&outputs);
        let null = |message: &Message<'_>| matches!(message, Message::Register(of) if of.null);
        probes += sent.iter().filter(|(_, message)| null(message)).count();
    }
    assert_eq!(probes, 1);
    let waited = (bed.now - start).as_secs();
    assert!((25..=85).contains(&waited), "{waited}");
    while state(&bed) == RegisterState::JoinPending {
        bed.next_timer();
    }
    assert_eq!((bed.now - start).as_secs() - waited, 5);
    assert_eq!(state(&bed), RegisterState::Join);
    // RFC 7761 §4.9.4: the source 0.0.0.0 is all of them.
    bed.pim(FAR_RP, ip(ME), &stop_of("0.0.0.0"));
    assert_eq!(state(&bed), RegisterState::Prune);
}

/// RFC 7761 §4.4.1: a new RP has stopped nobody.
#[test]
fn another_rp_starts_anew() {
    let mut bed = Bed::new(FAR_RP);
    bed.no_entry(1, data(SOURCE, GROUP, 16, 100));
    bed.pim(FAR_RP, ip(ME), &stop_of(SOURCE));
    bed.config.pim.static_rps[0].address = host("10.9.0.2");
    let config = Box::new(bed.config.clone());
    bed.give(crate::router::Input::Config(config));
    assert_eq!(state(&bed), RegisterState::Join);
}

fn register_of<'a>(packet: &'a [u8]) -> Message<'a> {
    Message::Register(Register {
        border: false,
        null: false,
        packet,
    })
}

/// RFC 7761 §4.4.2: with receivers the packet goes down the tree, without any
/// the DR is stopped.
#[test]
fn the_rp_forwards_or_stops() {
    let mut bed = Bed::new(ME);
    let packet = data("10.7.0.1", GROUP, 16, 100);
    let outputs = bed.pim("10.7.0.254", ip(ME), &register_of(&packet));
    assert_eq!(stops(&outputs), [ip("10.7.0.254")]);
    assert!(forwarded(&outputs).is_empty());
    bed.member(group(GROUP));
    let outputs = bed.pim("10.7.0.254", ip(ME), &register_of(&packet));
    assert_eq!(stops(&outputs), [] as [Ipv4Addr; 0]);
    assert_eq!(forwarded(&outputs), [[eth(1)]]);
    let kept = bed.router.tib().sg(host("10.7.0.1"), group(GROUP)).unwrap();
    assert!(kept.keepalive && kept.upstream.joined, "{kept:?}");
}

/// RFC 7761 §4.4.2: the source's own tree delivers, so the DR is stopped and
/// its packets are not forwarded twice.
#[test]
fn the_rp_stops_the_dr_once_the_tree_delivers() {
    let mut bed = Bed::new(ME);
    bed.member(group(GROUP));
    let packet = data("10.7.0.1", GROUP, 16, 100);
    bed.pim("10.7.0.254", ip(ME), &register_of(&packet));
    let switched = crate::router::DataPlaneEvent::Switched {
        iif: eth(2),
        source: host("10.7.0.1"),
        group: group(GROUP),
    };
    bed.give(crate::router::Input::DataPlane(switched));
    let outputs = bed.pim("10.7.0.254", ip(ME), &register_of(&packet));
    assert_eq!(stops(&outputs), [ip("10.7.0.254")]);
    assert!(forwarded(&outputs).is_empty());
}

/// RFC 7761 §4.4.2, §4.8: a Register that is not for this RP makes no state.
#[test]
fn what_an_rp_refuses_is_stopped_and_makes_no_state() {
    let mut bed = Bed::with(ME, |config| {
        config.pim.register_accept = Some(vec![RegisterAccept {
            sources: "10.7.0.0/24".parse().unwrap(),
            groups: "239.0.0.0/8".parse().unwrap(),
        }]);
    });
    for (source, group, dst, reason) in [
        ("10.8.0.1", GROUP, ME, "pim.drop.register-filter"),
        ("10.7.0.1", "238.1.1.1", ME, "pim.drop.register-filter"),
        ("10.7.0.1", "232.1.1.1", ME, "pim.drop.register-ssm"),
        ("10.7.0.1", GROUP, "10.0.1.1", "pim.drop.register-not-rp"),
    ] {
        let packet = data(source, group, 16, 100);
        let before = bed.count(2, reason);
        let outputs = bed.pim("10.7.0.254", ip(dst), &register_of(&packet));
        assert_eq!(stops(&outputs), [ip("10.7.0.254")], "{reason}");
        assert_eq!(bed.count(2, reason), before + 1, "{reason}");
    }
    let packet = data("10.7.0.1", GROUP, 16, 100);
    for (packet, dst, reason) in [
        (&packet[..], "10.0.2.77", "pim.drop.register-destination"),
        (&packet[..30], ME, "pim.drop.register-malformed"),
        (
            &data("127.0.0.1", GROUP, 9, 9)[..],
            ME,
            "pim.drop.register-address",
        ),
        (
            &data("10.7.0.1", "224.0.0.5", 9, 9)[..],
            ME,
            "pim.drop.register-address",
        ),
    ] {
        let outputs = bed.pim("10.7.0.254", ip(dst), &register_of(packet));
        assert_eq!(stops(&outputs), [] as [Ipv4Addr; 0], "{reason}");
        assert!(bed.count(2, reason) >= 1, "{reason}");
    }
    assert_eq!(bed.router.tib().entries(), 0);
}

/// However many Registers there are, Register-Stops stay few.
#[test]
fn stops_are_limited() {
    let mut bed = Bed::new(ME);
    let packet = data("10.7.0.1", GROUP, 16, 100);
    let stopped: usize = (0..1000)
        .map(|_| stops(&bed.pim("10.7.0.254", ip(ME), &register_of(&packet))).len())
        .sum();
    assert_eq!(stopped, 10);
    assert_eq!(bed.count(2, "pim.limited.register-stop"), 990);
}

fn transmitted(outputs: &[Output]) -> Vec<crate::router::io::Transmit> {
    let sent = outputs.iter().filter_map(|output| {
        if let Output::Transmit(packet) = output {
            Some(packet.clone())
        } else {
            None
        }
    });
    sent.collect()
}

/// Another router on the source's LAN, with the higher address, says this.
fn rival(bed: &mut Bed, holdtime: u16) -> Vec<Output> {
    let hello = mcr_wire::pim::Hello {
        holdtime: Some(holdtime),
        dr_priority: Some(1),
        generation_id: Some(3),
        ..mcr_wire::pim::Hello::default()
    };
    bed.give(crate::router::Input::Packet(Packet {
        iface: eth(1),
        src: ip("10.0.1.200"),
        dst: mcr_wire::pim::ALL_PIM_ROUTERS,
        ttl: 1,
        router_alert: false,
        protocol: IpProtocol::PIM,
        payload: Message::Hello(hello).emit(),
    }))
}

/// RFC 7761 §4.4.1, §4.3.2: CouldRegister needs I_am_DR, at every moment.
#[test]
fn only_the_dr_registers() {
    let mut bed = Bed::new(FAR_RP);
    bed.no_entry(1, data(SOURCE, GROUP, 16, 100));
    assert_eq!(state(&bed), RegisterState::Join);
    rival(&mut bed, 105);
    assert_eq!(state(&bed), RegisterState::NoInfo, "at once");
    let outputs = bed.no_entry(1, data(SOURCE, GROUP, 16, 100));
    assert_eq!(registers(&outputs), [0; 0]);
    rival(&mut bed, 0);
    assert_eq!(state(&bed), RegisterState::Join, "the DR left");
    let outputs = bed.no_entry(1, data(SOURCE, GROUP, 16, 100));
    assert_eq!(registers(&outputs), [120]);
}

/// RFC 7761 §4.4.1, §4.9.3: whole but for one off its TTL, DSCP and ECN on the
/// outside too, B and N clear.
#[test]
fn a_register_is_the_packet_less_one_hop() {
    let mut bed = Bed::new(FAR_RP);
    let mut whole = data(SOURCE, GROUP, 16, 100);
    let mut header = *ipv4::Packet::parse(&whole).unwrap().header();
    header.dscp_ecn = 0xb9;
    whole[..20].copy_from_slice(mcr_wire::IntoBytes::as_bytes(&header.with_checksum()));
    let outputs = bed.no_entry(1, whole.clone());
    let sent = transmitted(&outputs);
    let outer = sent.iter().find(|packet| packet.dst == ip(FAR_RP)).unwrap();
    assert_eq!(outer.tos, 0xb9);
    let Ok(Message::Register(register)) = Message::parse(&outer.payload) else {
        panic!("not a Register: {outer:?}");
    };
    assert!(!register.border && !register.null);
    let inner = ipv4::Packet::parse(register.packet).unwrap();
    assert_eq!((inner.header().ttl, inner.header().dscp_ecn), (15, 0xb9));
    assert_eq!(register.packet[12..], whole[12..]);
}

/// RFC 7761 §4.4.2, §4.9.4: from the address that the Register went to, to the
/// one it came from, of one group and source.
#[test]
fn a_register_stop_goes_back_where_the_register_came_from() {
    let mut bed = Bed::new(ME);
    let packet = data("10.7.0.1", GROUP, 16, 100);
    let outputs = bed.pim("10.7.0.254", ip(ME), &register_of(&packet));
    let sent = transmitted(&outputs);
    let stop = sent.iter().find(|packet| packet.dst == ip("10.7.0.254"));
    let stop = stop.unwrap();
    assert_eq!((stop.src, stop.iface), (ip(ME), None));
    assert_eq!(Message::parse(&stop.payload), Ok(stop_of("10.7.0.1")));
}

/// RFC 7761 §4.4.2: a Null-Register restarts the timer and has nothing to
/// forward; the Border bit means nothing.
#[test]
fn a_null_register_keeps_the_source_and_forwards_nothing() {
    let mut bed = Bed::new(ME);
    bed.member(group(GROUP));
    let header = Register::null_header(host("10.7.0.1").get(), group(GROUP).get());
    let null = Message::Register(Register::null(&header));
    let outputs = bed.pim("10.7.0.254", ip(ME), &null);
    assert!(forwarded(&outputs).is_empty());
    assert_eq!(stops(&outputs), [] as [Ipv4Addr; 0]);
    let kept = bed.router.tib().sg(host("10.7.0.1"), group(GROUP)).unwrap();
    assert!(kept.keepalive && kept.upstream.joined);
    let packet = data("10.7.0.1", GROUP, 16, 100);
    let border = Message::Register(Register {
        border: true,
        null: false,
        packet: &packet,
    });
    let outputs = bed.pim("10.7.0.254", ip(ME), &border);
    assert_eq!(forwarded(&outputs), [[eth(1)]]);
}

/// RFC 7761 §4.4.1: the RP that is the DR has the packets; its state moves, and
/// nothing is sent.
#[test]
fn an_rp_that_is_the_dr_registers_with_nobody() {
    let mut bed = Bed::new("10.0.1.1");
    let mut all = bed.no_entry(1, data(SOURCE, GROUP, 16, 100));
    assert_eq!(state(&bed), RegisterState::Join);
    let table = bed.router.routes().table(eth(1)).unwrap();
    assert!(table.entries().values().all(|entry| !entry.register));
    let end = bed.now + std::time::Duration::from_secs(200);
    while bed.now < end {
        all.extend(bed.next_timer());
    }
    let of_register = |message: &Message<'_>| matches!(message, Message::Register(_));
    assert!(!sent(&all).iter().any(|(_, message)| of_register(message)));
}

/// RFC 7761 §4.2, §4.11: a Register that is answered with a Register-Stop keeps
/// the source for RP_Keepalive_Period where that is longer, as the DR is silent
/// until its next probe.
#[test]
fn the_rp_keeps_a_source_for_longer_than_the_dr_is_silent() {
    for (suppression, wanted, want) in [(60, false, 210), (100, false, 305), (100, true, 210)] {
        let mut bed = Bed::with(ME, |config| {
            config.pim.register_suppression = std::time::Duration::from_secs(suppression);
        });
        if wanted {
            bed.member(group(GROUP));
        }
        let packet = data("10.7.0.1", GROUP, 16, 100);
        bed.pim("10.7.0.254", ip(ME), &register_of(&packet));
        let timer = TimerId::Keepalive(host("10.7.0.1"), group(GROUP));
        let at = bed.router.timers().deadline(timer).unwrap();
        assert_eq!((at - bed.now).as_secs(), want, "{suppression} {wanted}");
    }
}

/// RFC 7761 §4.8: in the SSM range there is no Register.
#[test]
fn a_source_of_the_ssm_range_is_not_registered() {
    let mut bed = Bed::new(FAR_RP);
    let outputs = bed.no_entry(1, data(SOURCE, "232.1.1.1", 16, 100));
    assert_eq!(registers(&outputs), [0; 0]);
    let sg = bed.router.tib().sg(host(SOURCE), group("232.1.1.1"));
    assert!(sg.is_none_or(|sg| sg.register == RegisterState::NoInfo));
}
