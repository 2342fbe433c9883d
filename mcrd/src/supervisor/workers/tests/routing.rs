//! Workers of interfaces that route.

use mcr_proto::config::{Config, InterfaceConfig, PimInterfaceConfig};
use mcr_proto::fib::{Accept, RouteOutput, RouteUpdate};
use mcr_proto::id::{GroupAddr, UnicastAddr};
use mcr_proto::router::{DataPlaneEvent, Input, Router};
use mcr_proto::time::Instant as RouterTime;

use super::*;
use crate::supervisor::workers::routed::RouteFigures;

fn index(n: u32) -> IfIndex {
    IfIndex::new(n).unwrap()
}

fn key(source: u8) -> RouteKey {
    RouteKey {
        iif: index(1),
        group: GroupAddr::try_from(std::net::Ipv4Addr::new(239, 3, 3, 3)).unwrap(),
        source: Some(UnicastAddr::try_from(std::net::Ipv4Addr::new(10, 0, 0, source)).unwrap()),
    }
}

fn entry(accept: Accept, oifs: &[u32]) -> RouteEntry {
    RouteEntry {
        accept,
        register: false,
        new_sources: false,
        outputs: oifs
            .iter()
            .map(|oif| RouteOutput {
                oif: index(*oif),
                source_mac: MacAddr([2; 6]),
                mtu: 1500,
            })
            .collect(),
    }
}

impl Rig {
    /// What the workers counted by the route.
    fn figures(&self, key: &RouteKey) -> RouteFigures {
        let id = self.workers.by_input.get(&key.iif);
        let pool = id.and_then(|id| self.workers.pools.get(id));
        pool.map(|pool| pool.route(key)).unwrap_or_default()
    }

    fn listen(&mut self, on: bool) {
        self.workers.listen(self.now, tables!(self), index(1), on);
    }

    fn route(&mut self, update: RouteUpdate) {
        self.routes.apply(update.clone());
        self.workers.route_changed(self.now, tables!(self), update);
    }

    fn set(&mut self, source: u8, accept: Accept, oifs: &[u32]) {
        self.route(RouteUpdate::Set(key(source), entry(accept, oifs)));
    }

    fn count(&self, source: u8, packets: u64) {
        self.last(|fake| {
            let (_, entry, slot, _) = fake
                .routes
                .iter()
                .find(|(held, ..)| *held == key(source))
                .unwrap();
            let counters = fake.counters.as_ref().unwrap();
            for slot in slot.0..=slot.0 + entry.outputs.len() as u32 {
                counters.sent(Slot(slot), packets, packets * 100);
            }
        });
    }

    fn seen(&mut self) -> Vec<DataPlaneEvent> {
        std::iter::from_fn(|| self.workers.poll_data_plane()).collect()
    }
}

#[tokio::test]
async fn a_worker_lives_as_long_as_its_interface_routes() {
    let mut rig = Rig::new(0);
    rig.settle(false).await;
    assert_eq!(rig.launched(), 0);
    rig.set(1, Accept::Forward, &[2]);
    rig.settle(false).await;
    assert_eq!(rig.launched(), 0, "nobody listens yet");
    rig.listen(true);
    rig.settle(false).await;
    assert_eq!(rig.launched(), 1);
    assert_eq!(rig.fakes.borrow().all_multicast, [(index(1), true)]);
    let held = rig.last(|fake| (fake.listening, fake.routes.len(), fake.outputs));
    assert_eq!(held, (true, 1, 1));
    rig.route(RouteUpdate::Remove(key(1)));
    rig.now += LINGER * 2;
    rig.settle(false).await;
    assert!(!rig.workers.have_stopped(), "it listens");
    assert_eq!(rig.last(|fake| (fake.routes.len(), fake.outputs)), (0, 0));
    // A rule keeps it, without the router.
    rig.add(vec![rule(1)]);
    rig.listen(false);
    rig.settle(false).await;
    assert_eq!(
        rig.last(|fake| (fake.listening, fake.table.len())),
        (false, 1)
    );
    assert_eq!(
        rig.fakes.borrow().all_multicast.last(),
        Some(&(index(1), false))
    );
    assert_eq!(rig.launched(), 1);
    rig.remove("r1");
    rig.settle(false).await;
    rig.now += LINGER;
    rig.settle(false).await;
    assert!(rig.workers.have_stopped());
}

#[tokio::test]
async fn a_worker_waits_for_an_interface_that_is_down() {
    let mut rig = Rig::new(0);
    rig.listen(true);
    rig.settle(false).await;
    rig.listen(false);
    let mut iface = rig.relay.interfaces().next().unwrap().clone();
    iface.up = false;
    let mut config = Config::default();
    let routed = InterfaceConfig {
        pim: Some(PimInterfaceConfig::default()),
        igmp: None,
    };
    config.interfaces.insert(iface.name.clone(), routed);
    let mut router = Router::new(config, 1, RouterTime::ZERO);
    let present = Input::Interface(InterfaceChange::Present(iface.clone()));
    router.handle(RouterTime::ZERO, present);
    let mut outlives = |router: &Router| {
        rig.workers.pump(rig.now, Tables::new(&rig.relay, router));
        rig.now += LINGER * 2;
        rig.workers
            .timeout(rig.now, Tables::new(&rig.relay, router));
        rig.workers.by_input.contains_key(&iface.index)
    };
    assert!(outlives(&router));
    let unused = Router::new(Config::default(), 1, RouterTime::ZERO);
    assert!(!outlives(&unused));
}

#[tokio::test]
async fn a_worker_that_follows_gets_rules_routes_and_what_it_listens_to() {
    let mut rig = Rig::new(2);
    rig.listen(true);
    rig.set(1, Accept::Forward, &[2]);
    rig.settle(false).await;
    assert!(rig.worker().in_sync);
    assert_eq!(rig.worker().entries, 3);
    let last = || rig.fakes.borrow();
    last().workers.last().unwrap().killed.notify_one();
    rig.settle(false).await;
    rig.now += Duration::from_millis(10);
    rig.settle(false).await;
    assert_eq!(rig.launched(), 2);
    let held = rig.last(|fake| (fake.table.len(), fake.routes.len(), fake.listening));
    assert_eq!(held, (2, 1, true));
    assert_eq!((rig.worker().in_sync, rig.worker().healed), (true, 0));
}

#[tokio::test]
async fn a_lost_route_is_found_and_healed() {
    let mut rig = Rig::new(1);
    rig.listen(true);
    rig.set(1, Accept::Forward, &[2]);
    rig.settle(false).await;
    rig.fakes.borrow_mut().workers[0].routes.clear();
    rig.now += Duration::from_secs(1);
    rig.settle(false).await;
    assert_eq!(rig.worker().healed, 1);
    assert_eq!(rig.last(|fake| fake.routes.len()), 1);
}

#[tokio::test]
async fn a_route_keeps_its_figures_when_its_outputs_change() {
    let mut rig = Rig::new(0);
    rig.listen(true);
    rig.set(1, Accept::Forward, &[2]);
    rig.settle(false).await;
    rig.count(1, 5);
    rig.set(1, Accept::Forward, &[2, 3]);
    rig.count(1, 1);
    let own = |rig: &Rig| rig.figures(&key(1)).own.packets;
    assert_eq!(own(&rig), 6, "the old cells still count");
    rig.settle(false).await;
    rig.count(1, 10);
    let figures = rig.figures(&key(1));
    assert_eq!((figures.own.packets, figures.own.bytes), (16, 1600));
    let sent = |oif| figures.outputs.get(&index(oif)).unwrap().packets;
    assert_eq!((sent(2), sent(3)), (16, 10));
    rig.set(1, Accept::Discard, &[2, 3]);
    rig.settle(false).await;
    assert_eq!(own(&rig), 16);
    rig.route(RouteUpdate::Remove(key(1)));
    rig.settle(false).await;
    assert_eq!(own(&rig), 0);
}

#[tokio::test]
async fn sources_that_send_are_told_every_ten_seconds() {
    let mut rig = Rig::new(0);
    rig.listen(true);
    for source in [1, 2] {
        rig.set(source, Accept::Forward, &[2]);
    }
    let shared = RouteKey {
        source: None,
        ..key(0)
    };
    rig.route(RouteUpdate::Set(shared, entry(Accept::Forward, &[2])));
    rig.settle(false).await;
    let active = DataPlaneEvent::Active {
        iif: index(1),
        source: key(1).source.unwrap(),
        group: key(1).group,
    };
    assert!(rig.seen().is_empty());
    for _ in 0..3 {
        rig.count(1, 1);
        rig.now += Duration::from_millis(9_900);
        rig.settle(false).await;
        assert!(rig.seen().is_empty(), "too early");
        rig.now += Duration::from_millis(200);
        rig.settle(false).await;
        assert_eq!(rig.seen(), std::slice::from_ref(&active));
    }
    rig.now += Duration::from_secs(60);
    rig.settle(false).await;
    assert!(rig.seen().is_empty(), "it sends no more");
}

#[tokio::test]
async fn the_entries_of_a_source_share_a_gate_as_long_as_one_needs_it() {
    let mut rig = Rig::new(0);
    rig.listen(true);
    let other = RouteKey {
        iif: index(2),
        ..key(1)
    };
    rig.workers.listen(rig.now, tables!(rig), index(2), true);
    rig.set(1, Accept::UntilSwitch, &[3]);
    rig.route(RouteUpdate::Set(other, entry(Accept::Switch, &[3])));
    rig.set(2, Accept::Switch, &[3]);
    rig.settle_all().await;
    let cells: Vec<_> = {
        let fakes = rig.fakes.borrow();
        let routes = fakes.workers.iter().flat_map(|fake| &fake.routes);
        let mut cells: Vec<_> = routes.map(|(key, .., gate)| (key.source, *gate)).collect();
        cells.sort();
        cells
    };
    assert_eq!(cells[0], cells[1]);
    assert_ne!(cells[0].1, cells[2].1);
    assert!(cells.iter().all(|(_, gate)| gate.is_some()));
    rig.set(1, Accept::Discard, &[]);
    rig.route(RouteUpdate::Set(other, entry(Accept::Forward, &[3])));
    assert_eq!(rig.workers.gates.in_use(), 2, "workers may use it still");
    rig.settle_all().await;
    assert_eq!(rig.workers.gates.in_use(), 1);
    rig.route(RouteUpdate::Remove(key(2)));
    rig.settle_all().await;
    assert_eq!(rig.workers.gates.in_use(), 0);
}

/// The supervisor asks for a packet of its own what workers ask for theirs.
#[tokio::test]
async fn a_packet_of_the_supervisor_passes_until_the_switch() {
    let mut rig = Rig::new(0);
    rig.listen(true);
    rig.set(1, Accept::Switch, &[2]);
    rig.settle(false).await;
    let packet = |n: u8| {
        let mut packet = vec![0x45, 0, 0, 21, 0, n, 0, 0, 9, 50, 0, 0, 10, 0, 0, 1];
        packet.extend([239, 3, 3, 3, 7]);
        let sum = mcr_wire::checksum::internet(&packet[..20]);
        packet[10..12].copy_from_slice(&sum.to_be_bytes());
        packet
    };
    assert!(rig.workers.pass_shared(&packet(1)));
    rig.last(|fake| {
        let gate = fake.routes[0].3.unwrap();
        let gates = fake.gates.as_ref().unwrap();
        let print = mcr_dataplane::gate::Fingerprint::of(&packet(1));
        let arrival = gates.pass_own(gate, || print);
        assert_eq!(arrival, mcr_dataplane::gate::Arrival::FirstAgain);
    });
    assert!(!rig.workers.pass_shared(&packet(2)));
}

#[tokio::test]
async fn events_come_through_and_lies_do_not() {
    let mut rig = Rig::new(0);
    rig.listen(true);
    rig.settle(false).await;
    let miss = |iif| DataPlaneEvent::NoEntry {
        iif: index(iif),
        packet: vec![1, 2, 3],
    };
    rig.last(|fake| {
        fake.say(&FromWorker::Event(miss(1)));
        fake.say(&FromWorker::Event(miss(2)));
    });
    rig.settle(false).await;
    assert_eq!(rig.seen(), [miss(1)]);
}
