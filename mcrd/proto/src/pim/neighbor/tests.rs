//! Hellos, neighbours, DR election and LAN delays (RFC 7761 §4.3), of a whole
//! router.

use mcr_wire::pim::{LanPruneDelay, Message};

use super::*;
use crate::config::{Config, IgmpInterfaceConfig, InterfaceConfig};
use crate::id::{IpProtocol, MacAddr};
use crate::interface::{Interface, InterfaceChange};
use crate::router::io::Transmit;
use crate::router::{Input, Output, Router};

const ME: &str = "10.0.1.5";
const LOW: &str = "10.0.1.1";
const HIGH: &str = "10.0.1.9";

struct Lan {
    router: Router,
    config: Config,
    now: Instant,
}

/// What came out of a router.
#[derive(Debug, PartialEq, Eq)]
enum Seen {
    /// A Hello: from, holdtime.
    Hello(Ipv4Addr, u16),
    Neighbor(Ipv4Addr, NeighborChange),
    Dr(Option<Ipv4Addr>, bool),
    Refused,
}

fn ip(address: &str) -> Ipv4Addr {
    address.parse().unwrap()
}

fn index() -> IfIndex {
    IfIndex::new(1).unwrap()
}

fn interface(addresses: &[&str], up: bool) -> Interface {
    let nets = addresses.iter().map(|net| net.parse().unwrap());
    Interface {
        index: index(),
        name: "eth1".parse().unwrap(),
        up,
        mtu: 1500,
        mac: MacAddr::default(),
        addresses: nets.collect(),
        multicast: true,
    }
}

fn seconds(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}

/// A Hello of another router, with the options it has by default.
fn hello() -> Hello {
    Hello {
        holdtime: Some(105),
        lan_prune_delay: Some(delays(false, 500, 2500)),
        dr_priority: Some(1),
        generation_id: Some(7),
        address_list: Vec::new(),
        unknown_options: 0,
    }
}

fn delays(tracking: bool, propagation_delay: u16, override_interval: u16) -> LanPruneDelay {
    LanPruneDelay {
        tracking,
        propagation_delay,
        override_interval,
    }
}

impl Lan {
    /// A router with PIM on eth1, which is not there yet.
    fn with(change: impl FnOnce(&mut PimInterfaceConfig)) -> Lan {
        let mut pim = PimInterfaceConfig::default();
        change(&mut pim);
        let on = InterfaceConfig {
            pim: Some(pim),
            igmp: None,
        };
        let config = Config {
            interfaces: BTreeMap::from([("eth1".parse().unwrap(), on)]),
            ..Config::default()
        };
        Lan {
            router: Router::new(config.clone(), 1, Instant::ZERO),
            config,
            now: Instant::ZERO,
        }
    }

    /// A router on the LAN, whose first Hello was sent.
    fn new() -> Lan {
        let mut lan = Lan::with(|_| {});
        let first = lan.present(interface(&["10.0.1.5/24"], true));
        let dr = Seen::Dr(Some(ip(ME)), true);
        assert_eq!(first, [Seen::Hello(ip(ME), 105), dr]);
        lan
    }

    fn give(&mut self, input: Input) -> Vec<Seen> {
        self.router.handle(self.now, input);
        self.seen()
    }

    fn present(&mut self, interface: Interface) -> Vec<Seen> {
        self.give(Input::Interface(InterfaceChange::Present(interface)))
    }

    fn packet(&mut self, src: &str, dst: Ipv4Addr, message: &Message<'_>) -> Vec<Seen> {
        self.give(Input::Packet(Packet {
            iface: index(),
            src: ip(src),
            dst,
            ttl: 1,
            router_alert: false,
            protocol: IpProtocol::PIM,
            payload: message.emit(),
        }))
    }

    fn hears(&mut self, src: &str, hello: &Hello) -> Vec<Seen> {
        self.packet(src, ALL_PIM_ROUTERS, &Message::Hello(hello.clone()))
    }

    fn configure(&mut self, change: impl FnOnce(&mut PimInterfaceConfig)) -> Vec<Seen> {
        let on = self.config.interfaces.values_mut().next().unwrap();
        change(on.pim.as_mut().unwrap());
        self.give(Input::Config(Box::new(self.config.clone())))
    }

    /// Lets time pass, timer by timer; what came out, with when.
    fn wait(&mut self, time: Duration) -> Vec<(Duration, Seen)> {
        let (start, end) = (self.now, self.now + time);
        let mut all = Vec::new();
        while let Some((at, _)) = self.router.poll_timeout().filter(|(at, _)| *at <= end) {
            self.now = at;
            self.router.handle_timeout(at);
            all.extend(self.seen().into_iter().map(|seen| (at - start, seen)));
        }
        self.now = end;
        all
    }

    fn sent(&mut self) -> Vec<Transmit> {
        let outputs = std::iter::from_fn(|| self.router.poll_output());
        outputs.filter_map(transmitted).collect()
    }

    fn seen(&mut self) -> Vec<Seen> {
        let outputs = std::iter::from_fn(|| self.router.poll_output());
        outputs.filter_map(seen).collect()
    }

    fn neighbors(&self) -> &Neighbors {
        self.router.neighbors()
    }

    fn count(&self, name: &'static str) -> u64 {
        self.router.counters().get(Some(index()), name)
    }
}

fn transmitted(output: Output) -> Option<Transmit> {
    if let Output::Transmit(packet) = output {
        return Some(packet);
    }
    None
}

fn seen(output: Output) -> Option<Seen> {
    if let Output::Event(Event::Neighbor {
        address, change, ..
    }) = output
    {
        return Some(Seen::Neighbor(address, change));
    }
    if let Output::Event(Event::Dr { address, me, .. }) = output {
        return Some(Seen::Dr(address, me));
    }
    if let Output::Event(Event::Refused { .. }) = output {
        return Some(Seen::Refused);
    }
    let packet = transmitted(output)?;
    if let Ok(Message::Hello(hello)) = Message::parse(&packet.payload) {
        return Some(Seen::Hello(packet.src, hello.holdtime.unwrap()));
    }
    None
}

/// RFC 7761 §4.3.1, §4.9.2: from the primary address to ALL-PIM-ROUTERS with
/// TTL 1, and options 1, 2, 19, 20 and, for secondary addresses, 24.
#[test]
fn hello_tells_all_there_is_to_tell() {
    let mut lan = Lan::with(|pim| {
        pim.dr_priority = 9;
        pim.tracking = true;
        pim.propagation_delay = seconds(0.6);
        pim.override_interval = seconds(3.0);
        pim.hello_holdtime = Some(seconds(200.0));
    });
    let change = InterfaceChange::Present(interface(&["10.0.1.5/24", "10.0.2.5/24"], true));
    lan.router.handle(lan.now, Input::Interface(change));
    let sent = lan.sent();
    let [packet] = &sent[..] else {
        panic!("not one packet: {sent:?}");
    };
    assert_eq!((packet.src, packet.dst), (ip(ME), ALL_PIM_ROUTERS));
    assert_eq!((packet.ttl, packet.tos), (1, 0xc0));
    assert_eq!(packet.iface, Some(index()));
    assert_eq!(packet.protocol, IpProtocol::PIM);
    let Ok(Message::Hello(hello)) = Message::parse(&packet.payload) else {
        panic!("not a Hello: {packet:?}");
    };
    assert_eq!(hello.holdtime, Some(200));
    assert_eq!(hello.lan_prune_delay, Some(delays(true, 600, 3000)));
    assert_eq!(hello.dr_priority, Some(9));
    assert!(hello.generation_id.is_some());
    assert_eq!(hello.address_list, [ip("10.0.2.5")]);
}

/// RFC 7761 §4.11: Hello_Period is 30 s. The Generation ID stays until PIM
/// restarts on the interface (§4.3.1).
#[test]
fn hellos_are_periodic() {
    let mut lan = Lan::new();
    let id = lan.neighbors().interface(index()).unwrap().generation_id();
    let sent = lan.wait(seconds(90.0));
    let hello = |at| (seconds(at), Seen::Hello(ip(ME), 105));
    assert_eq!(sent, [hello(30.0), hello(60.0), hello(90.0)]);
    assert_eq!(
        lan.neighbors().interface(index()).unwrap().generation_id(),
        id
    );
    lan.present(interface(&["10.0.1.5/24"], false));
    lan.present(interface(&["10.0.1.5/24"], true));
    assert_ne!(
        lan.neighbors().interface(index()).unwrap().generation_id(),
        id
    );
}

/// RFC 7761 §4.3.1: a new neighbour is sent a Hello; several within 100 ms
/// share one.
#[test]
fn newcomers_get_a_hello_at_once() {
    let mut lan = Lan::new();
    let up = |address| Seen::Neighbor(ip(address), NeighborChange::Up);
    let seen = lan.hears(LOW, &hello());
    assert_eq!(seen, [up(LOW), Seen::Hello(ip(ME), 105)]);
    assert_eq!(lan.hears(LOW, &hello()), [], "it is known");
    assert_eq!(lan.hears("10.0.1.2", &hello()), [up("10.0.1.2")]);
    assert_eq!(lan.hears("10.0.1.3", &hello()), [up("10.0.1.3")]);
    let sent = lan.wait(seconds(1.0));
    let [(at, Seen::Hello(..))] = &sent[..] else {
        panic!("not one Hello: {sent:?}");
    };
    assert!((seconds(0.1)..=seconds(0.2)).contains(at), "{at:?}");
    let seen = lan.hears("10.0.1.4", &hello());
    assert_eq!(seen, [up("10.0.1.4"), Seen::Hello(ip(ME), 105)]);
}

/// RFC 7761 §4.3.1: a Hello goes first, where what leaves would not be
/// believed otherwise.
#[test]
fn hello_that_is_owed_goes_before_other_messages() {
    let lan = Lan::new();
    let iface = lan.router.interfaces().get(index()).unwrap();
    let (mut neighbors, mut cx) = (Neighbors::default(), Context::new(1));
    neighbors.interface_changed(lan.now, &mut cx, index(), Some(iface));
    let first = std::iter::from_fn(|| cx.pop_output()).find_map(transmitted);
    let join = Transmit {
        payload: vec![0x23, 0, 0, 0],
        ..first.unwrap()
    };
    let limits = Limits::default();
    // The first newcomer had its Hello at once; that for the second is owed.
    for (newcomer, packets) in [(LOW, 1), (HIGH, 2), (HIGH, 1)] {
        let packet = Packet {
            iface: index(),
            src: ip(newcomer),
            dst: ALL_PIM_ROUTERS,
            ttl: 1,
            router_alert: false,
            protocol: IpProtocol::PIM,
            payload: Vec::new(),
        };
        neighbors.receive_hello(lan.now, &mut cx, iface, &limits, &packet, &hello());
        while cx.pop_output().is_some() {}
        neighbors.hello_first(lan.now, &mut cx);
        assert_eq!(cx.pop_output(), None, "nothing to go before");
        cx.transmit(join.clone());
        neighbors.hello_first(lan.now, &mut cx);
        let out: Vec<Output> = std::iter::from_fn(|| cx.pop_output()).collect();
        assert_eq!(out.len(), packets, "{newcomer}");
        assert_eq!(out.last(), Some(&Output::Transmit(join.clone())));
    }
}

/// RFC 7761 §4.3.2, §4.9.2: how long a neighbour lives without a Hello: 105 s
/// where it says nothing, for ever where it says 65535.
#[test]
fn holdtime_ends_a_neighbor() {
    for (holdtime, lives) in [
        (Some(1), Some(1.0)),
        (Some(105), Some(105.0)),
        (Some(0xfffe), Some(65534.0)),
        (None, Some(105.0)),
        (Some(HOLDTIME_FOREVER), None),
    ] {
        let mut lan = Lan::new();
        lan.configure(|pim| pim.hello_interval = seconds(50_000.0));
        let said = Hello {
            holdtime,
            ..hello()
        };
        lan.hears(LOW, &said);
        let seen = lan.wait(seconds(200_000.0));
        let gone = Seen::Neighbor(ip(LOW), NeighborChange::Expired);
        let at = seen.into_iter().find(|(_, seen)| *seen == gone);
        assert_eq!(at.map(|(at, _)| at), lives.map(seconds), "{holdtime:?}");
        assert_eq!(lan.neighbors().count(index()), usize::from(lives.is_none()));
    }
}

#[test]
fn hellos_keep_a_neighbor() {
    let mut lan = Lan::new();
    lan.hears(LOW, &hello());
    for _ in 0..5 {
        lan.wait(seconds(100.0));
        assert_eq!(lan.hears(LOW, &hello()), []);
    }
    let forever = Hello {
        holdtime: Some(HOLDTIME_FOREVER),
        ..hello()
    };
    lan.hears(LOW, &forever);
    lan.wait(seconds(1000.0));
    assert_eq!(lan.neighbors().count(index()), 1);
    lan.hears(LOW, &hello());
    lan.wait(seconds(106.0));
    assert_eq!(lan.neighbors().count(index()), 0, "the last Hello counts");
}

/// RFC 7761 §4.3.1: holdtime 0 is a goodbye, of a neighbour that is known.
#[test]
fn holdtime_0_ends_a_neighbor_at_once() {
    let mut lan = Lan::new();
    let goodbye = Hello {
        holdtime: Some(0),
        ..hello()
    };
    assert_eq!(lan.hears(HIGH, &goodbye), [], "nobody left");
    lan.hears(HIGH, &hello());
    let left = Seen::Neighbor(ip(HIGH), NeighborChange::Left);
    let dr = Seen::Dr(Some(ip(ME)), true);
    assert_eq!(lan.hears(HIGH, &goodbye), [left, dr]);
    assert_eq!(lan.neighbors().count(index()), 0);
    assert_eq!(lan.wait(seconds(106.0)).len(), 3, "Hellos, and no expiry");
}

/// RFC 7761 §4.3.1: a neighbour with another Generation ID has restarted: it
/// gets a Hello, and what it said before is forgotten.
#[test]
fn generation_id_tells_of_a_restart() {
    let mut lan = Lan::new();
    lan.hears(LOW, &hello());
    lan.wait(seconds(10.0));
    let again = Hello {
        generation_id: Some(8),
        dr_priority: None,
        ..hello()
    };
    let restarted = Seen::Neighbor(ip(LOW), NeighborChange::Restarted);
    let seen = lan.hears(LOW, &again);
    assert_eq!(seen, [restarted, Seen::Hello(ip(ME), 105)]);
    let state = lan.neighbors().interface(index()).unwrap();
    let known = &state.neighbors()[&ip(LOW)];
    assert_eq!(known.hello, again);
    assert_eq!(known.since, Instant::ZERO, "the neighbour is the same");
    assert_eq!(lan.hears(LOW, &again), []);
}

/// RFC 7761 §4.3.2: the priority decides where all tell theirs, and the address
/// otherwise and among equal ones.
#[test]
fn dr_is_elected_by_priority_then_address() {
    let at = |address, priority| (address, priority);
    for (mine, others, dr) in [
        (1, vec![], ME),
        (1, vec![at(LOW, Some(1))], ME),
        (1, vec![at(HIGH, Some(1))], HIGH),
        (1, vec![at(LOW, Some(2))], LOW),
        (1, vec![at(LOW, Some(2)), at(HIGH, Some(1))], LOW),
        (2, vec![at(LOW, Some(1)), at(HIGH, Some(1))], ME),
        (0, vec![at(LOW, Some(0))], ME),
        (0, vec![at(LOW, Some(u32::MAX)), at(HIGH, Some(5))], LOW),
        (5, vec![at(LOW, None)], ME),
        (5, vec![at(LOW, Some(9)), at(HIGH, None)], HIGH),
        (5, vec![at(LOW, None), at("10.0.1.2", Some(9))], ME),
    ] {
        let mut lan = Lan::with(|pim| pim.dr_priority = mine);
        lan.present(interface(&["10.0.1.5/24"], true));
        for (address, dr_priority) in &others {
            let said = Hello {
                dr_priority: *dr_priority,
                ..hello()
            };
            lan.hears(address, &said);
        }
        assert_eq!(
            lan.neighbors().dr(index()),
            Some(ip(dr)),
            "{mine} {others:?}"
        );
        assert_eq!(lan.neighbors().i_am_dr(index()), dr == ME);
    }
}

/// RFC 7761 §4.3.2: every change is followed at once.
#[test]
fn dr_follows_every_change() {
    let mut lan = Lan::new();
    let dr = |address| Seen::Dr(Some(ip(address)), address == ME);
    let low = Hello {
        dr_priority: Some(2),
        ..hello()
    };
    assert!(lan.hears(LOW, &low).contains(&dr(LOW)));
    assert!(
        lan.hears(LOW, &hello()).contains(&dr(ME)),
        "its priority fell"
    );
    assert!(lan.hears(HIGH, &hello()).contains(&dr(HIGH)));
    let seen = lan.configure(|pim| pim.dr_priority = 3);
    assert_eq!(seen, [Seen::Hello(ip(ME), 105), dr(ME)], "told at once");
    assert_eq!(
        lan.configure(|pim| pim.dr_priority = 1).last(),
        Some(&dr(HIGH))
    );
    let seen = lan.wait(seconds(105.0));
    assert_eq!(seen.last().unwrap().1, dr(ME), "the others expired");
}

/// RFC 7761 §4.3.3: the largest delays on the LAN count, and the default ones
/// where one says none; suppression is off only where all can do without.
#[test]
fn delays_of_the_lan_are_the_largest() {
    let none = None;
    let some = |tracking, propagation, interval| Some(delays(tracking, propagation, interval));
    for (tracking, others, propagation, interval, suppression) in [
        (true, vec![], 0.4, 2.0, false),
        (false, vec![], 0.4, 2.0, true),
        (true, vec![some(true, 300, 1000)], 0.4, 2.0, false),
        (false, vec![some(true, 300, 1000)], 0.4, 2.0, true),
        (
            true,
            vec![some(true, 700, 1000), some(true, 1, 9000)],
            0.7,
            9.0,
            false,
        ),
        (
            true,
            vec![some(true, 700, 1000), some(false, 1, 9000)],
            0.7,
            9.0,
            true,
        ),
        (true, vec![some(true, 700, 9000), none], 0.5, 2.5, true),
    ] {
        let mut lan = Lan::with(|pim| {
            pim.tracking = tracking;
            pim.propagation_delay = seconds(0.4);
            pim.override_interval = seconds(2.0);
        });
        lan.present(interface(&["10.0.1.5/24"], true));
        for (number, lan_prune_delay) in others.iter().enumerate() {
            let said = Hello {
                lan_prune_delay: *lan_prune_delay,
                ..hello()
            };
            lan.hears(&format!("10.0.1.{}", 10 + number), &said);
        }
        let state = lan.neighbors().interface(index()).unwrap();
        assert_eq!(
            state.propagation_delay(),
            seconds(propagation),
            "{others:?}"
        );
        assert_eq!(state.override_interval(), seconds(interval), "{others:?}");
        assert_eq!(state.suppression_enabled(), suppression, "{others:?}");
        let both = if others.len() > 1 {
            seconds(propagation) + seconds(interval)
        } else {
            Duration::ZERO
        };
        let wait = lan.neighbors().join_prune_override_interval(index());
        assert_eq!(wait, both, "RFC 7761 §4.5.1: {others:?}");
    }
}

/// RFC 7761 §4.3.4: a neighbour is known by each of its addresses; the last
/// that claims one has it.
#[test]
fn secondary_addresses_are_the_neighbors() {
    let mut lan = Lan::new();
    let with = |list: &[&str]| Hello {
        address_list: list.iter().map(|address| ip(address)).collect(),
        ..hello()
    };
    let (one, other) = ("10.7.0.1", "10.7.0.2");
    lan.hears(LOW, &with(&[one, other, LOW]));
    let of = |lan: &Lan, address| lan.neighbors().neighbor(index(), ip(address));
    assert_eq!(of(&lan, LOW), Some(ip(LOW)));
    assert_eq!(of(&lan, one), Some(ip(LOW)));
    assert_eq!(of(&lan, "10.7.0.3"), None);
    lan.hears(HIGH, &with(&[other, LOW]));
    assert_eq!(of(&lan, other), Some(ip(HIGH)));
    assert_eq!(of(&lan, LOW), Some(ip(LOW)), "a primary address is its own");
    lan.hears(LOW, &with(&[]));
    assert_eq!(of(&lan, one), None);
    assert_eq!(lan.neighbors().count(index()), 2);
    lan.wait(seconds(106.0));
    assert_eq!(of(&lan, other), None);
}

/// RFC 7761 §4.3.1: the old primary address says goodbye; a new secondary one
/// is told at once.
#[test]
fn changed_addresses_are_told() {
    let mut lan = Lan::new();
    lan.hears(LOW, &hello());
    let seen = lan.present(interface(&["10.0.1.5/24", "10.0.2.5/24"], true));
    assert_eq!(seen, [Seen::Hello(ip(ME), 105)]);
    let seen = lan.present(interface(&["10.0.2.5/24", "10.0.1.5/24"], true));
    let new = ip("10.0.2.5");
    assert_eq!(
        seen,
        [
            Seen::Hello(ip(ME), 0),
            Seen::Hello(new, 105),
            Seen::Dr(Some(new), true)
        ]
    );
    assert_eq!(lan.neighbors().count(index()), 1, "it is still on link");
    let seen = lan.present(interface(&["10.0.2.5/24"], true));
    let removed = Seen::Neighbor(ip(LOW), NeighborChange::Removed);
    assert_eq!(seen, [Seen::Hello(new, 105), removed]);
    assert_eq!(lan.present(interface(&["10.0.2.5/24"], true)), []);
}

#[test]
fn interface_that_goes_down_loses_its_neighbors() {
    let mut lan = Lan::new();
    lan.hears(HIGH, &hello());
    let down = [
        Seen::Neighbor(ip(HIGH), NeighborChange::InterfaceDown),
        Seen::Dr(None, false),
    ];
    let seen = lan.present(interface(&["10.0.1.5/24"], false));
    assert_eq!(seen, down, "without a goodbye, which cannot be sent");
    assert_eq!(lan.neighbors().dr(index()), None);
    assert!(!lan.neighbors().i_am_dr(index()));
    assert!(lan.router.timers().is_empty());
    lan.present(interface(&["10.0.1.5/24"], true));
    lan.hears(HIGH, &hello());
    let gone = InterfaceChange::Gone(index());
    assert_eq!(lan.give(Input::Interface(gone)), down);
    assert!(lan.router.timers().is_empty());
}

/// RFC 7761 §4.3.1: where PIM ends, its last Hello has holdtime 0.
#[test]
fn goodbye_where_pim_ends() {
    let mut lan = Lan::new();
    lan.hears(LOW, &hello());
    let mut off = lan.config.clone();
    off.interfaces.clear();
    let seen = lan.give(Input::Config(Box::new(off)));
    let down = Seen::Neighbor(ip(LOW), NeighborChange::InterfaceDown);
    assert_eq!(seen, [Seen::Hello(ip(ME), 0), down, Seen::Dr(None, false)]);
    let mut lan = Lan::new();
    lan.router.stop();
    assert_eq!(lan.seen(), [Seen::Hello(ip(ME), 0)]);
    assert_eq!(lan.hears(LOW, &hello()), [], "nothing is taken in any more");
}

#[test]
fn passive_interface_says_and_hears_nothing_and_is_dr() {
    let mut lan = Lan::with(|pim| pim.passive = true);
    let dr = || Seen::Dr(Some(ip(ME)), true);
    let present = lan.present(interface(&["10.0.1.5/24"], true));
    assert_eq!(present, [dr()]);
    assert_eq!(lan.hears(HIGH, &hello()), []);
    assert_eq!(lan.count("pim.drop.passive"), 1);
    assert!(lan.neighbors().i_am_dr(index()));
    assert_eq!(lan.wait(seconds(100.0)), []);
    let seen = lan.configure(|pim| pim.passive = false);
    assert_eq!(
        seen,
        [Seen::Dr(None, false), Seen::Hello(ip(ME), 105), dr()]
    );
    let seen = lan.configure(|pim| pim.passive = true);
    assert_eq!(seen, [Seen::Hello(ip(ME), 0), Seen::Dr(None, false), dr()]);
}

#[test]
fn igmp_without_pim_is_served_by_this_router() {
    let mut lan = Lan::with(|_| {});
    let mut config = lan.config.clone();
    let on = config.interfaces.values_mut().next().unwrap();
    on.pim = None;
    on.igmp = Some(IgmpInterfaceConfig::default());
    lan.give(Input::Config(Box::new(config)));
    assert!(!lan.neighbors().i_am_dr(index()));
    lan.present(interface(&["10.0.1.5/24"], true));
    assert!(lan.neighbors().i_am_dr(index()));
    assert_eq!(lan.neighbors().dr(index()), None);
    lan.present(interface(&["10.0.1.5/24"], false));
    assert!(!lan.neighbors().i_am_dr(index()));
}

#[test]
fn hellos_that_cannot_be_a_neighbors_are_counted_and_dropped() {
    let mut lan = Lan::new();
    lan.configure(|pim| pim.neighbors = Some(vec!["10.0.1.0/28".parse().unwrap()]));
    for (src, dst, reason) in [
        ("10.0.2.1", ALL_PIM_ROUTERS, "pim.drop.off-link"),
        ("0.0.0.0", ALL_PIM_ROUTERS, "pim.drop.bad-source"),
        ("224.0.0.13", ALL_PIM_ROUTERS, "pim.drop.bad-source"),
        (
            "10.0.1.200",
            ALL_PIM_ROUTERS,
            "pim.drop.neighbor-not-allowed",
        ),
        (LOW, ip(ME), "pim.drop.wrong-destination"),
        (LOW, ip("224.0.0.1"), "pim.drop.wrong-destination"),
        (ME, ALL_PIM_ROUTERS, "drop.own-packet"),
    ] {
        let before = lan.count(reason);
        assert_eq!(lan.packet(src, dst, &Message::Hello(hello())), [], "{src}");
        assert_eq!(lan.count(reason), before + 1, "{src} {dst}");
    }
    assert_eq!(lan.neighbors().count(index()), 0);
    lan.hears(LOW, &hello());
    assert_eq!(lan.count("pim.rx.hello"), 7);
    let seen = lan.configure(|pim| pim.neighbors = Some(Vec::new()));
    assert_eq!(seen, [Seen::Neighbor(ip(LOW), NeighborChange::Removed)]);
}

#[test]
fn neighbors_are_bounded() {
    let mut lan = Lan::new();
    lan.config.limits.neighbors = 2;
    lan.give(Input::Config(Box::new(lan.config.clone())));
    lan.hears(LOW, &hello());
    lan.hears("10.0.1.2", &hello());
    assert_eq!(lan.hears("10.0.1.3", &hello()), [Seen::Refused]);
    assert_eq!(lan.hears("10.0.1.4", &hello()), [], "told once a second");
    assert_eq!(lan.neighbors().count(index()), 2);
    assert_eq!(lan.count("pim.drop.neighbor-limit"), 2);
    assert_eq!(lan.router.counters().get(None, "refused.neighbors"), 2);
    let again = Hello {
        dr_priority: Some(2),
        ..hello()
    };
    lan.hears(LOW, &again);
    assert_eq!(
        lan.neighbors().dr(index()),
        Some(ip(LOW)),
        "known ones are heard"
    );
    let many = Hello {
        address_list: (0..1000)
            .map(|number| Ipv4Addr::from(0x0a07_0000 + number))
            .collect(),
        ..hello()
    };
    lan.hears(LOW, &many);
    let state = lan.neighbors().interface(index()).unwrap();
    assert_eq!(state.secondary.len(), MAX_SECONDARY_ADDRESSES);
}
