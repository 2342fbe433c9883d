//! Each change touches all that depends on it: whatever happens, a look at all
//! trees afterwards changes nothing.

use std::time::Duration;

use mcr_wire::igmp::{self, GroupRecord, RecordType};
use mcr_wire::pim::{Assert, AssertMetric, EncodedGroup, Message};

use super::rig::{G, ME, Rig, SSM, group, host, index, ip};
use crate::id::IpProtocol;
use crate::rng::Rng;
use crate::router::io::Packet;
use crate::router::{DataPlaneEvent, Input, Output};

const GROUPS: [&str; 3] = [G, "239.1.1.2", SSM];
/// Behind eth2, and one on eth3 itself.
const SOURCES: [&str; 4] = ["10.8.0.1", "10.8.0.2", "10.8.0.3", "10.0.3.77"];

struct Chaos {
    rig: Rig,
    rng: Rng,
}

impl Chaos {
    fn one_of<T: Copy>(&mut self, from: &[T]) -> T {
        let at = self.rng.below(from.len() as u64);
        from[usize::try_from(at).unwrap()]
    }

    fn maybe(&mut self) -> bool {
        self.one_of(&[false, true])
    }

    fn join_prune(&mut self) {
        let mut words = Vec::new();
        for _ in 0..=self.rng.below(3) {
            let sign = self.one_of(&["+", "-"]);
            words.push(match self.rng.below(4) {
                0 => format!("{sign}*"),
                1 => format!("{sign}{}r", self.one_of(&SOURCES)),
                _ => format!("{sign}{}", self.one_of(&SOURCES)),
            });
        }
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let (at, from, to) = self.one_of(&[
            (3, "10.0.3.1", ME),
            (4, "10.0.4.1", "10.0.4.5"),
            (1, "10.0.1.2", "10.0.1.1"),
            (2, "10.0.2.2", "10.0.2.1"),
        ]);
        let group = self.one_of(&GROUPS);
        self.rig.hear(at, from, to, &[(group, &words)]);
    }

    fn report(&mut self) {
        let record_type = self.one_of(&[
            RecordType::ToExclude,
            RecordType::ToInclude,
            RecordType::Allow,
            RecordType::Block,
        ]);
        let mut sources: Vec<_> = SOURCES.iter().map(|source| ip(source)).collect();
        sources.retain(|_| self.maybe());
        let record = GroupRecord {
            record_type,
            group: ip(self.one_of(&GROUPS)),
            sources,
        };
        let at = self.one_of(&[3, 4]);
        self.rig.give(Input::Packet(Packet {
            iface: index(at),
            src: ip(&format!("10.0.{at}.99")),
            dst: ip("224.0.0.22"),
            ttl: 1,
            router_alert: true,
            protocol: IpProtocol::IGMP,
            payload: igmp::Message::ReportV3(vec![record]).emit(),
        }));
    }

    fn assert(&mut self) {
        let number = self.rng.below(4) + 1;
        let source = self.one_of(&[SOURCES[0], SOURCES[1], "0.0.0.0"]);
        let worse = AssertMetric {
            rpt: false,
            preference: 200,
            metric: 9,
        };
        let better = AssertMetric {
            rpt: false,
            preference: 0,
            metric: 0,
        };
        let metric = self.one_of(&[worse, better, AssertMetric::INFINITE]);
        let assert = Assert {
            group: EncodedGroup {
                group: ip(self.one_of(&GROUPS)),
                mask_len: 32,
                bidirectional: false,
                scope_zone: false,
            },
            source: ip(source),
            metric,
        };
        let from = format!("10.0.{number}.1");
        let number = u32::try_from(number).unwrap();
        self.rig.packet(number, &from, &Message::Assert(assert));
    }

    fn data(&mut self) {
        let iif = index(self.one_of(&[1, 2, 3, 4]));
        let (source, group_text) = (self.one_of(&SOURCES), self.one_of(&GROUPS));
        let packet = super::bed::data(source, group_text, 16, 100);
        let (source, group) = (host(source), group(group_text));
        self.rig.give(Input::DataPlane(match self.rng.below(5) {
            0 => DataPlaneEvent::NoEntry { iif, packet },
            1 => DataPlaneEvent::NewSource { iif, packet },
            2 => DataPlaneEvent::Switched { iif, source, group },
            3 => DataPlaneEvent::Active { iif, source, group },
            _ => DataPlaneEvent::WrongInterface { iif, source, group },
        }));
    }

    fn happen(&mut self) {
        match self.rng.below(16) {
            0..=5 => self.join_prune(),
            6..=8 => self.report(),
            9 => self.assert(),
            10..=13 => self.data(),
            14 => {
                let (number, gateway) = self.one_of(&[(1, "10.0.1.1"), (2, "10.0.2.1")]);
                let prefix = self.one_of(&["10.8.0.2/32", "10.8.0.0/16", "10.9.9.9/32"]);
                self.rig.route(prefix, number, gateway);
            }
            _ => {
                let seconds = self.one_of(&[0.1, 2.0, 31.0, 120.0]);
                self.rig.wait(seconds);
            }
        }
    }
}

#[test]
fn nothing_is_left_to_do_for_what_no_change_touched() {
    for seed in 0..16 {
        let mut chaos = Chaos {
            rig: Rig::with(|config| config.pim.keepalive_period = Duration::from_secs(40)),
            rng: Rng::new(seed),
        };
        for step in 0..300 {
            chaos.happen();
            chaos.rig.said();
            let before = format!("{:?}", chaos.rig.router.tib());
            chaos.rig.router.look_again(chaos.rig.now);
            let after = format!("{:?}", chaos.rig.router.tib());
            assert_eq!(before, after, "seed {seed}, step {step}");
            let rest: Vec<Output> = std::iter::from_fn(|| chaos.rig.router.poll_output()).collect();
            assert_eq!(rest, [], "seed {seed}, step {step}");
        }
    }
}
