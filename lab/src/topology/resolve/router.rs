//! What routers are to do: PIM and IGMP of all, a node's own laid upon them,
//! and the timers.

use std::time::Duration;

use ipnet::Ipv4Net;

use super::Context;
use super::network::Network;
use super::nodes::Draft;
use crate::topology::decode::decode;
use crate::topology::file::{self, File, KindName, Profile, SptSwitch, UnicastMode};
use crate::topology::model::{NodeId, Unicast};
use crate::topology::place::{At, Named, OneOrMany, Part};
use crate::topology::router::{IgmpInterface, PimInterface, PimTimers, Router, StaticRp};
use crate::topology::tree::{Tree, Value};
use crate::topology::value::{Address, Dur, Group, GroupRange};

/// All groups.
const ALL: Ipv4Net = Ipv4Net::new_assert(std::net::Ipv4Addr::new(224, 0, 0, 0), 4);

impl KindName {
    fn is_router(self) -> bool {
        match self {
            KindName::Mcrd
            | KindName::Frr
            | KindName::Pimd
            | KindName::Smcroute
            | KindName::Kernel => true,
            KindName::Host | KindName::Custom => false,
        }
    }

    fn speaks_pim(self) -> bool {
        match self {
            KindName::Mcrd | KindName::Frr | KindName::Pimd => true,
            KindName::Host | KindName::Custom | KindName::Smcroute | KindName::Kernel => false,
        }
    }
}

/// The file's word on PIM makes routers of nodes that can be one.
pub(super) fn is_router(file: &File, draft: &Draft) -> bool {
    draft.kind.speaks_pim() && (file.pim.is_some() || draft.spec.pim.is_some())
}

/// Where unicast routes come from.
pub(super) fn unicast(cx: &Context<'_>, file: &File) -> Unicast {
    let part = file.unicast.as_ref();
    let tree = part.and_then(|part| cx.scope.interpolate(&part.tree, cx.sink));
    let Some(tree) = tree else {
        return Unicast::None;
    };
    let written = if matches!(tree.value, Value::String(_)) {
        decode(&tree, cx.sink).map(|mode| file::Unicast {
            mode,
            delay: None,
            skew: None,
        })
    } else {
        decode(&tree, cx.sink)
    };
    let Some(file::Unicast { mode, delay, skew }) = written else {
        return Unicast::None;
    };
    let (unicast, why) = match mode {
        UnicastMode::Oracle => {
            let time = |time: Option<At<Dur>>| {
                time.map(
                    |At {
                         value: Dur(time), ..
                     }| time,
                )
            };
            let (delay, skew) = (time(delay), time(skew));
            return Unicast::Oracle {
                delay: delay.unwrap_or_default(),
                skew: skew.unwrap_or_default(),
            };
        }
        UnicastMode::Static => (Unicast::Static, "routes that never change take no time"),
        UnicastMode::FrrOspf => (Unicast::Ospf, "OSPF takes its own time"),
        UnicastMode::None => (Unicast::None, "the lab sets no routes"),
    };
    for (key, time) in [("delay", delay), ("skew", skew)] {
        if let Some(At { span, .. }) = time {
            let message = format!("`{key}` is for `mode: oracle`: {why}");
            cx.sink.add(cx.problem(span, message).help("leave it out"));
        }
    }
    unicast
}

/// The timers of all routers.
pub(super) fn timers(cx: &Context<'_>, file: &File) -> file::Timers {
    let Some(part) = &file.timers else {
        return file::Timers::default();
    };
    let Some(tree) = cx.scope.interpolate(&part.tree, cx.sink) else {
        return file::Timers::default();
    };
    let written = if matches!(tree.value, Value::String(_)) {
        decode(&tree, cx.sink).map(|profile| file::Timers {
            profile: Some(profile),
            ..file::Timers::default()
        })
    } else {
        decode(&tree, cx.sink)
    };
    let written: file::Timers = written.unwrap_or_default();
    match written.profile {
        Some(Profile::Fast) => over(written, fast()),
        Some(Profile::Rfc) | None => written,
    }
}

/// Short enough for tests, in the proportions of the RFCs' own.
fn fast() -> file::Timers {
    let time = |millis| Some(Dur(Duration::from_millis(millis)));
    file::Timers {
        profile: Some(Profile::Fast),
        hello: time(1_000),
        hello_holdtime: time(3_500),
        triggered_hello_delay: time(200),
        propagation_delay: time(100),
        override_interval: time(400),
        join_prune: time(2_000),
        keepalive: time(30_000),
        register_suppression: time(10_000),
        register_probe: time(2_000),
        assert: time(10_000),
        igmp_query: time(5_000),
        igmp_query_response: time(1_000),
        igmp_last_member_query: time(500),
    }
}

fn over(own: file::Timers, base: file::Timers) -> file::Timers {
    file::Timers {
        profile: own.profile,
        hello: own.hello.or(base.hello),
        hello_holdtime: match own.hello {
            // 3.5 times the interval where nothing else is said.
            Some(_) => own.hello_holdtime,
            None => own.hello_holdtime.or(base.hello_holdtime),
        },
        triggered_hello_delay: own.triggered_hello_delay.or(base.triggered_hello_delay),
        propagation_delay: own.propagation_delay.or(base.propagation_delay),
        override_interval: own.override_interval.or(base.override_interval),
        join_prune: own.join_prune.or(base.join_prune),
        keepalive: own.keepalive.or(base.keepalive),
        register_suppression: own.register_suppression.or(base.register_suppression),
        register_probe: own.register_probe.or(base.register_probe),
        assert: own.assert.or(base.assert),
        igmp_query: own.igmp_query.or(base.igmp_query),
        igmp_query_response: own.igmp_query_response.or(base.igmp_query_response),
        igmp_last_member_query: own.igmp_last_member_query.or(base.igmp_last_member_query),
    }
}

/// A node that is to be made a router.
pub(super) struct Subject<'a> {
    pub(super) file: &'a File,
    pub(super) drafts: &'a [Draft],
    pub(super) network: &'a Network,
    pub(super) timers: &'a file::Timers,
    pub(super) node: NodeId,
}

impl Subject<'_> {
    fn draft(&self) -> &Draft {
        &self.drafts[self.node.0]
    }

    /// The settings, where the node is a router.
    pub(super) fn settings(&self, cx: &Context<'_>) -> Option<Router> {
        let own = &self.draft().spec;
        if !is_router(self.file, self.draft()) {
            // A key that does nothing would be taken for one that does.
            let parts = [
                own.pim.as_ref().map(|part| part.tree.span),
                own.igmp.as_ref().map(|part| part.tree.span),
            ];
            for span in parts.into_iter().flatten() {
                cx.tell(
                    span,
                    format!("`{}` is no router with PIM", self.draft().name),
                );
            }
            return None;
        }
        let pim: file::Pim = laid(cx, self.file.pim.as_ref(), own.pim.as_ref())?;
        let igmp = merged(self.file.igmp.as_ref(), own.igmp.as_ref());
        let igmp = match igmp {
            Some(tree) => Some(cx.scope.interpolate(&tree, cx.sink)?),
            None => None,
        };
        let time = |time: Option<Dur>| time.map(|Dur(time)| time);
        Some(Router {
            rps: rps(cx, &pim),
            never_switch: pim.spt_switch == Some(SptSwitch::Never),
            ssm_range: pim.ssm_range.as_ref().map(ranges),
            timers: PimTimers {
                join_prune: time(self.timers.join_prune),
                keepalive: time(self.timers.keepalive),
                register_suppression: time(self.timers.register_suppression),
                register_probe: time(self.timers.register_probe),
                assert: time(self.timers.assert),
            },
            pim: self.pim_interfaces(cx, &pim),
            igmp: self.igmp_interfaces(cx, igmp.as_ref()),
        })
    }

    /// The position of every interface that the map names.
    fn named<'n, T>(&self, cx: &Context<'_>, named: &'n Named<T>) -> Vec<(usize, &'n T)> {
        let mut found = Vec::new();
        for (word, value) in &named.0 {
            match self.network.interface(self.node, &word.value) {
                Some(interface) => found.push((interface, value)),
                None if !self.network.whole => {}
                None => {
                    let known = self.network.interface_names(self.node);
                    let what = format!("interface of `{}` named", self.draft().name);
                    cx.unknown(&what, &word.value, word.span, known);
                }
            }
        }
        found
    }

    fn pim_interfaces(&self, cx: &Context<'_>, pim: &file::Pim) -> Vec<PimInterface> {
        let named = self.named(cx, &pim.interfaces);
        let interfaces = self.network.nodes[self.node.0].interfaces.iter();
        let default = file::PimInterface::default();
        let mut all = Vec::new();
        for (position, interface) in interfaces.enumerate() {
            let own = named.iter().find(|(at, _)| *at == position);
            let own = own.map_or(&default, |(_, own)| *own);
            if own.enabled == Some(false) {
                continue;
            }
            let time = |time: Option<Dur>| time.map(|Dur(time)| time);
            all.push(PimInterface {
                name: interface.name.clone(),
                passive: own.passive == Some(true),
                dr_priority: own.dr_priority,
                hello: time(own.hello.or(self.timers.hello)),
                hello_holdtime: match own.hello {
                    Some(_) => None,
                    None => time(self.timers.hello_holdtime),
                },
                triggered_hello_delay: time(self.timers.triggered_hello_delay),
                propagation_delay: time(self.timers.propagation_delay),
                override_interval: time(self.timers.override_interval),
            });
        }
        all
    }

    fn igmp_interfaces(&self, cx: &Context<'_>, tree: Option<&Tree>) -> Vec<IgmpInterface> {
        let base: Option<file::Igmp> = tree.and_then(|tree| decode(tree, cx.sink));
        let base = base.unwrap_or_default();
        let named = self.named(cx, &base.interfaces);
        let mut all = Vec::new();
        let interfaces = &self.network.nodes[self.node.0].interfaces;
        for (position, interface) in interfaces.iter().enumerate() {
            let own = named.iter().find(|(at, _)| *at == position);
            let settings = match (own, tree) {
                (Some((_, own)), Some(tree)) => {
                    decode(&without_interfaces(tree).overlay(own.tree.clone()), cx.sink)
                }
                (_, Some(tree)) => decode(&without_interfaces(tree), cx.sink),
                (_, None) => None,
            };
            let settings: file::Igmp = settings.unwrap_or_default();
            let runs = settings
                .enabled
                .unwrap_or_else(|| self.has_host(interface.link.0));
            if runs {
                all.push(igmp_interface(cx, &interface.name, &settings, self.timers));
            }
        }
        all
    }

    fn has_host(&self, link: usize) -> bool {
        let ends = &self.network.links[link].ends;
        ends.iter()
            .any(|(node, _)| !self.drafts[node.0].kind.is_router())
    }
}

fn merged<T>(all: Option<&Part<T>>, own: Option<&Part<T>>) -> Option<Tree> {
    match (all, own) {
        (Some(all), Some(own)) => Some(all.tree.clone().overlay(own.tree.clone())),
        (Some(one), None) | (None, Some(one)) => Some(one.tree.clone()),
        (None, None) => None,
    }
}

/// Reads a section of all routers with a node's own laid upon it.
fn laid<T: serde::de::DeserializeOwned>(
    cx: &Context<'_>,
    all: Option<&Part<T>>,
    own: Option<&Part<T>>,
) -> Option<T> {
    let tree = merged(all, own)?;
    decode(&cx.scope.interpolate(&tree, cx.sink)?, cx.sink)
}

fn without_interfaces(tree: &Tree) -> Tree {
    let entries = tree.entries().iter();
    let entries = entries.filter(|(key, _)| key.text != "interfaces").cloned();
    Tree {
        span: tree.span,
        value: Value::Map(entries.collect()),
    }
}

fn ranges(OneOrMany(ranges): &OneOrMany<GroupRange>) -> Vec<Ipv4Net> {
    ranges.iter().map(|GroupRange(range)| *range).collect()
}

fn rps(cx: &Context<'_>, pim: &file::Pim) -> Vec<StaticRp> {
    let OneOrMany(entries) = &pim.rp;
    let entries = entries.iter().filter_map(|entry| {
        if matches!(entry.tree.value, Value::String(_)) {
            let Address(address) = decode(&entry.tree, cx.sink)?;
            let groups = vec![ALL];
            return Some(StaticRp { address, groups });
        }
        let rp: file::Rp = decode(&entry.tree, cx.sink)?;
        let Address(address) = rp.address;
        let mut groups = ranges(&rp.groups);
        if groups.is_empty() {
            groups.push(ALL);
        }
        Some(StaticRp { address, groups })
    });
    entries.collect()
}

fn igmp_interface(
    cx: &Context<'_>,
    name: &str,
    own: &file::Igmp,
    timers: &file::Timers,
) -> IgmpInterface {
    if let Some(version) = &own.version
        && !(2..=3).contains(&version.value)
    {
        let message = format!("a router asks with IGMP 2 or 3, not {}", version.value);
        cx.tell(version.span, message);
    }
    let time = |time: Option<Dur>, other: Option<Dur>| time.or(other).map(|Dur(time)| time);
    let OneOrMany(static_groups) = &own.static_groups;
    let static_groups = static_groups.iter().map(|one| {
        let Group(group) = one.group;
        (group, one.source.map(|Address(source)| source))
    });
    IgmpInterface {
        name: name.to_owned(),
        version: own.version.as_ref().map(|version| version.value),
        robustness: own.robustness,
        query_interval: time(own.query_interval, timers.igmp_query),
        query_response_interval: time(own.query_response_interval, timers.igmp_query_response),
        last_member_query_interval: time(
            own.last_member_query_interval,
            timers.igmp_last_member_query,
        ),
        last_member_query_count: own.last_member_query_count,
        immediate_leave: own.immediate_leave,
        max_groups: own.max_groups,
        max_sources: own.max_sources,
        groups: own.groups.as_ref().map(ranges),
        static_groups: static_groups.collect(),
    }
}
