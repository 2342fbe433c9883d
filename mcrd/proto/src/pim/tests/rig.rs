//! A router between the RP, the sources and two LANs of downstream routers,
//! and words for what it hears and says.
//!
//! eth1 leads to the RP by 10.0.1.1, eth2 to the sources 10.8.0.0/16 by
//! 10.0.2.1; eth3 and eth4 are downstream. The router is .5 everywhere. Routers
//! .1 are neighbours from the start, and 10.0.1.2 and 10.0.2.2 too, so that
//! what others say upstream is overheard.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::Duration;

use mcr_wire::pim::{
    ALL_PIM_ROUTERS, EncodedGroup, EncodedSource, Hello, JoinPrune, JoinPruneGroup, LanPruneDelay,
    Message,
};

use crate::config::{Config, IgmpInterfaceConfig, InterfaceConfig, PimInterfaceConfig, StaticRp};
use crate::id::{GroupAddr, IfIndex, IpProtocol, MacAddr, UnicastAddr};
use crate::interface::{Interface, InterfaceChange};
use crate::router::io::{Packet, Route, RouteChange, RouteNextHop};
use crate::router::{DataPlaneEvent, Event, Input, Output, Router, TimerId};
use crate::tib::TreeKey;
use crate::time::Instant;

/// A group with an RP.
pub(super) const G: &str = "239.1.1.1";
/// A group of the SSM range.
pub(super) const SSM: &str = "232.1.1.1";
/// A source behind eth2.
pub(super) const S: &str = "10.8.0.1";
/// The RP of all groups.
pub(super) const RP: &str = "10.9.9.9";
/// The router's address on eth3.
pub(super) const ME: &str = "10.0.3.5";

/// A router.
pub(super) struct Rig {
    pub(super) router: Router,
    pub(super) config: Config,
    pub(super) now: Instant,
    /// Refused events.
    pub(super) refused: usize,
    /// The largest IP packet sent.
    pub(super) largest: usize,
}

pub(super) fn ip(address: &str) -> Ipv4Addr {
    address.parse().unwrap()
}

pub(super) fn group(address: &str) -> GroupAddr {
    ip(address).try_into().unwrap()
}

pub(super) fn host(address: &str) -> UnicastAddr {
    ip(address).try_into().unwrap()
}

pub(super) fn index(number: u32) -> IfIndex {
    IfIndex::new(number).unwrap()
}

pub(super) fn star_g() -> TreeKey {
    TreeKey::StarG(group(G))
}

pub(super) fn sg() -> TreeKey {
    TreeKey::Sg(host(S), group(G))
}

pub(super) fn sg_rpt() -> TreeKey {
    TreeKey::SgRpt(host(S), group(G))
}

/// A message: for whom, with Holdtime 210, and for each group its words: `+*`
/// joins (*,G), `-10.8.0.1` prunes (S,G), `+10.8.0.1r` joins (S,G,rpt).
pub(super) fn message(to: &str, groups: &[(&str, &[&str])]) -> JoinPrune {
    let groups = groups.iter().map(|(group, words)| JoinPruneGroup {
        group: EncodedGroup {
            group: ip(group),
            mask_len: 32,
            bidirectional: false,
            scope_zone: false,
        },
        joins: sources(words, '+'),
        prunes: sources(words, '-'),
    });
    JoinPrune {
        upstream_neighbor: ip(to),
        holdtime: 210,
        groups: groups.collect(),
    }
}

fn sources(words: &[&str], sign: char) -> Vec<EncodedSource> {
    let words = words.iter().filter_map(|word| word.strip_prefix(sign));
    words.map(source).collect()
}

fn source(word: &str) -> EncodedSource {
    let star = word == "*";
    EncodedSource {
        source: ip(if star { RP } else { word.trim_end_matches('r') }),
        mask_len: 32,
        sparse: true,
        wildcard: star,
        rpt: star || word.ends_with('r'),
    }
}

/// What a message says, with where and to whom: `1 10.0.1.1 239.1.1.1 +*`.
fn words(iface: IfIndex, message: &JoinPrune) -> String {
    let mut text = format!("{iface} {}", message.upstream_neighbor);
    for block in &message.groups {
        text.push_str(&format!(" {}", block.group.group));
        let joins = block.joins.iter().map(|source| ('+', source));
        let prunes = block.prunes.iter().map(|source| ('-', source));
        for (sign, source) in joins.chain(prunes) {
            let word = match (source.wildcard, source.rpt) {
                (true, _) if source.source == ip(RP) => "*".to_owned(),
                (true, _) => format!("*@{}", source.source),
                (false, true) => format!("{}r", source.source),
                (false, false) => source.source.to_string(),
            };
            text.push_str(&format!(" {sign}{word}"));
        }
    }
    text
}

impl Rig {
    pub(super) fn new() -> Rig {
        Rig::with(|_| {})
    }

    pub(super) fn with(change: impl FnOnce(&mut Config)) -> Rig {
        let on = InterfaceConfig {
            pim: Some(PimInterfaceConfig::default()),
            igmp: Some(IgmpInterfaceConfig::default()),
        };
        let names = ["eth1", "eth2", "eth3", "eth4"];
        let on = names.map(|name| (name.parse().unwrap(), on.clone()));
        let mut config = Config {
            interfaces: BTreeMap::from(on),
            ..Config::default()
        };
        config.pim.static_rps = vec![StaticRp {
            address: host(RP),
            groups: vec!["224.0.0.0/4".parse().unwrap()],
            priority: 0,
            r#override: false,
        }];
        change(&mut config);
        let mut rig = Rig {
            router: Router::new(config.clone(), 1, Instant::ZERO),
            config,
            now: Instant::ZERO,
            refused: 0,
            largest: 0,
        };
        for number in 1..=4 {
            rig.interface(number, true);
        }
        rig.route("10.9.9.9/32", 1, "10.0.1.1");
        rig.route("10.8.0.0/16", 2, "10.0.2.1");
        for number in 1..=4 {
            rig.hello(number, &format!("10.0.{number}.1"), 1);
        }
        rig.hello(1, "10.0.1.2", 1);
        rig.hello(2, "10.0.2.2", 1);
        rig.said();
        rig
    }

    pub(super) fn give(&mut self, input: Input) {
        self.router.handle(self.now, input);
    }

    pub(super) fn interface(&mut self, number: u32, up: bool) {
        self.give(Input::Interface(InterfaceChange::Present(Interface {
            index: index(number),
            name: format!("eth{number}").parse().unwrap(),
            up,
            mtu: 1500,
            mac: MacAddr::default(),
            addresses: vec![format!("10.0.{number}.5/24").parse().unwrap()],
            multicast: true,
        })));
    }

    pub(super) fn route(&mut self, prefix: &str, number: u32, gateway: &str) {
        self.give(Input::Route(RouteChange::Set(Route {
            prefix: prefix.parse().unwrap(),
            metric: 0,
            protocol: 4,
            next_hops: vec![RouteNextHop {
                iface: index(number),
                gateway: Some(ip(gateway)),
            }],
        })));
    }

    pub(super) fn configure(&mut self, change: impl FnOnce(&mut Config)) {
        change(&mut self.config);
        self.give(Input::Config(Box::new(self.config.clone())));
    }

    pub(super) fn packet(&mut self, number: u32, src: &str, message: &Message<'_>) {
        self.give(Input::Packet(Packet {
            iface: index(number),
            src: ip(src),
            dst: ALL_PIM_ROUTERS,
            ttl: 1,
            router_alert: false,
            protocol: IpProtocol::PIM,
            payload: message.emit(),
        }));
    }

    /// A Hello that lasts for ever.
    pub(super) fn hello(&mut self, number: u32, src: &str, generation_id: u32) {
        let hello = Hello {
            holdtime: Some(0xffff),
            lan_prune_delay: Some(LanPruneDelay {
                tracking: false,
                propagation_delay: 500,
                override_interval: 2500,
            }),
            dr_priority: Some(1),
            generation_id: Some(generation_id),
            address_list: Vec::new(),
            unknown_options: 0,
        };
        self.packet(number, src, &Message::Hello(hello));
    }

    /// A neighbour says this, and what the router says to it.
    pub(super) fn hear(
        &mut self,
        number: u32,
        src: &str,
        to: &str,
        groups: &[(&str, &[&str])],
    ) -> Vec<String> {
        self.hear_message(number, src, message(to, groups))
    }

    pub(super) fn hear_message(
        &mut self,
        number: u32,
        src: &str,
        message: JoinPrune,
    ) -> Vec<String> {
        self.packet(number, src, &Message::JoinPrune(message));
        self.said()
    }

    /// A downstream router on eth3 says this to the router.
    pub(super) fn below(&mut self, group: &str, words: &[&str]) -> Vec<String> {
        self.hear(3, "10.0.3.1", ME, &[(group, words)])
    }

    /// The source's first packet arrives on its own tree.
    pub(super) fn switched(&mut self) -> Vec<String> {
        self.give(Input::DataPlane(DataPlaneEvent::Switched {
            iif: index(2),
            source: host(S),
            group: group(G),
        }));
        self.said()
    }

    /// Lets time pass, timer by timer; what the router said, and when.
    pub(super) fn wait(&mut self, seconds: f64) -> Vec<(f64, String)> {
        let start = self.now;
        let end = start + Duration::from_secs_f64(seconds);
        let mut all = Vec::new();
        while let Some((at, _)) = self.router.poll_timeout().filter(|(at, _)| *at <= end) {
            self.now = at;
            self.router.handle_timeout(at);
            let after = (at - start).as_secs_f64();
            all.extend(self.said().into_iter().map(|words| (after, words)));
        }
        self.now = end;
        all
    }

    /// The Join/Prune messages sent since this was asked last.
    pub(super) fn said(&mut self) -> Vec<String> {
        let mut all = Vec::new();
        while let Some(output) = self.router.poll_output() {
            if let Output::Event(Event::Refused { .. }) = output {
                self.refused += 1;
            }
            let Output::Transmit(packet) = output else {
                continue;
            };
            if let Ok(Message::JoinPrune(message)) = Message::parse(&packet.payload) {
                assert_eq!((packet.dst, packet.ttl), (ALL_PIM_ROUTERS, 1));
                let iface = packet.iface.unwrap();
                let address = self.router.interfaces().get(iface).unwrap().address();
                assert_eq!(Some(packet.src), address);
                assert_eq!(message.holdtime, 210);
                self.largest = self.largest.max(20 + packet.payload.len());
                all.push(words(iface, &message));
            }
        }
        all
    }

    pub(super) fn count(&self, number: u32, name: &'static str) -> u64 {
        self.router.counters().get(Some(index(number)), name)
    }

    /// Seconds until the timer runs out.
    pub(super) fn left(&self, timer: TimerId) -> Option<f64> {
        let at = self.router.timers().deadline(timer)?;
        Some((at - self.now).as_secs_f64())
    }

    /// Nothing of any tree is left: no entry, no timer, no route.
    #[track_caller]
    pub(super) fn assert_no_trees(&self) {
        assert_eq!(self.router.tib().groups.len(), 0);
        assert_eq!(self.router.tib().entries(), 0);
        for (timer, _) in self.router.timers().iter() {
            let of_tree = !matches!(
                timer,
                TimerId::Igmp(_) | TimerId::Hello(_) | TimerId::NeighborLiveness(..)
            );
            assert!(!of_tree, "{timer:?} is left");
        }
    }
}
