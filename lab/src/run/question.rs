//! Asks routers, each kind in its own way, and gives what they tell in one
//! form to the judges.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use futures_util::future::try_join_all;
use mcr_api::Method;
use mcr_api::router as api;

use super::stage::Stage;
use crate::assertion::router::{self, Assert, Group, Mroute, Neighbors, Rpf};
use crate::assertion::state::Facts;
use crate::assertion::{Observed, Truth};
use crate::node::frr::{ask, state};
use crate::reference::{Situation, Tables};
use crate::topology::model::{Kind, NodeId, Topology};
use crate::topology::question::{Office, Question, Sight};

/// Asks what the condition is about, and judges it. A router that does not
/// answer makes no condition true; it does not prove that one never was, either.
pub(super) async fn look<S: Stage>(stage: &S, question: &Question, never: bool) -> Observed {
    match judged(stage, question).await {
        Ok(observed) => observed,
        Err(reason) if never => Observed {
            truth: Truth::Unknowable,
            ..Observed::not_yet(reason)
        },
        Err(reason) => Observed::not_yet(reason),
    }
}

async fn judged<S: Stage>(stage: &S, question: &Question) -> Result<Observed, String> {
    let name = |at: NodeId| name(stage.topology(), at);
    Ok(match question {
        Question::Neighbors(sights) => {
            let seen = neighbors_of(stage, sights).await?;
            router::neighbors(sights, &seen, &name)
        }
        Question::Elected {
            office,
            at,
            is,
            address,
            ..
        } => {
            let asked = at.iter().map(async |(at, interface)| {
                let router = Router::of(stage, *at);
                let seen = match office {
                    Office::Dr => router.dr(interface).await?,
                    Office::Querier => router.querier(interface).await?,
                };
                Ok::<_, String>((name(*at), seen))
            });
            router::elected(*office, is, *address, &try_join_all(asked).await?)
        }
        Question::Rp { at, group, is } => {
            let asked = at.iter().map(async |at| {
                let router = Router::of(stage, *at);
                Ok::<_, String>((name(*at), router.rp(*group).await?))
            });
            router::rp(*is, &try_join_all(asked).await?)
        }
        Question::Mroute(asked) => {
            let table = Router::of(stage, asked.at)
                .mroutes(Some(asked.group))
                .await?;
            router::mroute(asked, &table)
        }
        Question::Igmp(asked) => {
            let groups = Router::of(stage, asked.at).groups().await?;
            router::igmp(asked, &groups)
        }
        Question::Groups {
            at,
            interface,
            groups,
        } => {
            let seen = Router::of(stage, *at).groups().await?;
            router::groups(interface, *groups, &seen)
        }
        Question::Rpf {
            at,
            address,
            interface,
            neighbor,
        } => {
            let seen = Router::of(stage, *at).rpf(*address).await?;
            let interface = interface.as_ref().map(Option::as_deref);
            router::rpf(interface, *neighbor, &seen)
        }
    })
}

/// A node's name.
pub(super) fn name(topology: &Topology, at: NodeId) -> String {
    let node = topology.nodes.get(at.0);
    node.map_or_else(|| "?".to_owned(), |node| node.name.clone())
}

async fn neighbors_of<S: Stage>(
    stage: &S,
    sights: &[Sight],
) -> Result<BTreeMap<NodeId, Neighbors>, String> {
    let mut routers: Vec<NodeId> = sights.iter().map(|sight| sight.at).collect();
    routers.sort_unstable();
    routers.dedup();
    let asked = routers.into_iter().map(async |at| {
        let seen = Router::of(stage, at).neighbors().await?;
        Ok::<_, String>((at, seen))
    });
    Ok(try_join_all(asked).await?.into_iter().collect())
}

/// What a question is about, in few words.
pub(super) fn about(topology: &Topology, question: &Question) -> String {
    match question {
        Question::Neighbors(sights) => {
            let mut pairs: Vec<String> = Vec::new();
            for sight in sights {
                let (at, of) = (name(topology, sight.at), sight.name.clone());
                if !pairs.contains(&format!("{of}/{at}")) && !pairs.contains(&format!("{at}/{of}"))
                {
                    pairs.push(format!("{at}/{of}"));
                }
            }
            format!("neighbors {}", pairs.join(" "))
        }
        Question::Elected { office, link, .. } => format!("{} on {link}", office.name()),
        Question::Rp { at, group, .. } => {
            let at: Vec<String> = at.iter().map(|at| name(topology, *at)).collect();
            format!("RP of {group} at {}", at.join(" "))
        }
        Question::Mroute(asked) => {
            let entry = router::entry(asked.source, asked.group);
            format!("{} {entry}", name(topology, asked.at))
        }
        Question::Igmp(asked) => {
            let (at, interface) = (name(topology, asked.at), &asked.interface);
            format!("{at}:{interface} members of {}", asked.group)
        }
        Question::Groups { at, interface, .. } => {
            format!("{}:{interface} groups", name(topology, *at))
        }
        Question::Rpf { at, address, .. } => {
            format!("{} way to {address}", name(topology, *at))
        }
    }
}

/// What lasts of what a router knows.
///
/// # Errors
/// Why it does not tell it.
pub(super) async fn facts<S: Stage>(
    stage: &S,
    at: NodeId,
    groups: &[Ipv4Addr],
) -> Result<Facts, String> {
    let router = Router::of(stage, at);
    let told = |address: Option<Ipv4Addr>| {
        address.map_or_else(|| "none".to_owned(), |address| address.to_string())
    };
    let mut facts = Facts::new();
    for (interface, address) in router.neighbors().await? {
        facts.insert(
            format!("neighbor {address} on {interface}"),
            "there".to_owned(),
        );
    }
    let node = stage.topology().nodes.get(at.0);
    for interface in node.into_iter().flat_map(|node| &node.interfaces) {
        let name = &interface.name;
        let (dr, querier) = (router.dr(name).await?, router.querier(name).await?);
        facts.insert(format!("DR on {name}"), told(dr));
        facts.insert(format!("querier on {name}"), told(querier));
    }
    for group in router.groups().await? {
        let sources: Vec<String> = group.sources.iter().map(ToString::to_string).collect();
        let mode = if group.exclude { "exclude" } else { "include" };
        let about = format!("members of {} on {}", group.group, group.interface);
        facts.insert(
            about,
            format!("{mode} {}", sources.join(" ")).trim().to_owned(),
        );
    }
    for group in groups {
        facts.insert(format!("RP of {group}"), told(router.rp(*group).await?));
        let table = router.mroutes(Some(*group)).await?.into_iter();
        // What neither forwards nor joins is left for a while and forgotten.
        let lasts = |one: &Mroute| !one.oif.is_empty() || one.joined != Some(false);
        for entry in table.filter(|one| one.group == Some(*group) && lasts(one)) {
            // Registers come and go by a timer.
            let entry = Mroute {
                register: None,
                ..entry
            };
            let about = router::entry(entry.source, *group);
            facts.insert(about, router::describe(&entry));
        }
    }
    Ok(facts)
}

/// The DR of a router's interface.
pub(super) async fn dr<S: Stage>(
    stage: &S,
    at: NodeId,
    interface: &str,
) -> Result<Option<Ipv4Addr>, String> {
    Router::of(stage, at).dr(interface).await
}

/// What routers of this kind know can be asked.
pub(super) fn tells(kind: &Kind) -> bool {
    match kind {
        Kind::Mcrd { .. } | Kind::Frr => true,
        Kind::Host | Kind::Pimd | Kind::Smcroute { .. } | Kind::Kernel | Kind::Custom(_) => false,
    }
}

/// Routers that run, and can be asked.
pub(super) fn askable<'a>(
    topology: &'a Topology,
    situation: &'a Situation,
) -> impl Iterator<Item = NodeId> + 'a {
    let nodes = topology.nodes.iter().enumerate();
    let nodes = nodes.map(|(at, node)| (NodeId(at), node));
    let asked = nodes.filter(|(at, node)| tells(&node.kind) && situation.answers(*at));
    asked.map(|(at, _)| at)
}

/// The entries of all routers that run; `None` where some kind cannot be asked.
pub(super) async fn tables<S: Stage>(
    stage: &S,
    group: Ipv4Addr,
    situation: &Situation,
) -> Result<Option<Tables>, String> {
    let mut nodes = stage.topology().nodes.iter().enumerate();
    let silent = nodes.any(|(at, node)| {
        node.kind.is_router() && situation.answers(NodeId(at)) && !tells(&node.kind)
    });
    match silent {
        true => Ok(None),
        false => entries(stage, Some(group), situation).await.map(Some),
    }
}

/// The entries of those routers that can be asked, of a group or all.
pub(super) async fn entries<S: Stage>(
    stage: &S,
    group: Option<Ipv4Addr>,
    situation: &Situation,
) -> Result<Tables, String> {
    let asked = askable(stage.topology(), situation).map(async |at| {
        let told = Router::of(stage, at).mroutes(group).await;
        let told = told.map_err(|reason| format!("{}: {reason}", name(stage.topology(), at)))?;
        Ok::<_, String>((at, told))
    });
    Ok(try_join_all(asked).await?.into_iter().collect())
}

/// The entries that the data plane of a node's mcrd has.
pub(super) async fn held<S: Stage>(stage: &S, at: NodeId) -> Result<Vec<Mroute>, String> {
    let page = |cursor| Method::Mroute {
        group: None,
        cursor,
    };
    let all: Vec<api::Mroute> = stage.pages(at, page).await?;
    // It has those that it counts for.
    let held = all.into_iter().filter(|one| one.packets.is_some());
    Ok(held.map(entry).collect())
}

fn entry(told: api::Mroute) -> Mroute {
    Mroute {
        source: told.source,
        group: Some(told.group),
        iif: told.iif,
        oif: told.olist.into_iter().collect(),
        joined: Some(told.joined),
        spt: Some(told.spt_bit),
        register: Some(told.register),
        asserts: Some(asserts(told.interfaces)),
    }
}

fn asserts(interfaces: Vec<api::MrouteInterface>) -> BTreeMap<String, Assert> {
    let all = interfaces.into_iter().map(|one| {
        let (state, winner) = (one.assert, one.assert_winner);
        (one.interface, Assert { state, winner })
    });
    all.collect()
}

/// A router that can be asked.
pub(super) enum Router<'a, S> {
    /// By what it answers.
    Mcrd(&'a S, NodeId),
    /// By its name, which is its path space.
    Frr(String),
}

impl<'a, S: Stage> Router<'a, S> {
    pub(super) fn of(stage: &'a S, at: NodeId) -> Router<'a, S> {
        let kind = stage.topology().nodes.get(at.0).map(|node| &node.kind);
        if matches!(kind, Some(Kind::Frr)) {
            return Router::Frr(name(stage.topology(), at));
        }
        Router::Mcrd(stage, at)
    }

    pub(super) async fn neighbors(&self) -> Result<Neighbors, String> {
        let (stage, at) = match self {
            Router::Frr(name) => return state::neighbors(name).await,
            Router::Mcrd(stage, at) => (stage, *at),
        };
        let all: Vec<api::Neighbor> = stage.ask(at, Method::PimNeighbors {}).await?;
        let all = all.into_iter().map(|one| (one.interface, one.address));
        Ok(all.collect())
    }

    async fn dr(&self, interface: &str) -> Result<Option<Ipv4Addr>, String> {
        match self {
            Router::Frr(name) => {
                let all = ask::interfaces(name).await?;
                let found = all.into_iter().find(|one| one.name == interface);
                Ok(found.and_then(|one| one.dr))
            }
            Router::Mcrd(stage, at) => {
                let all: Vec<api::PimInterface> = stage.ask(*at, Method::PimInterfaces {}).await?;
                let found = all.into_iter().find(|one| one.interface == interface);
                Ok(found.and_then(|one| one.dr))
            }
        }
    }

    async fn querier(&self, interface: &str) -> Result<Option<Ipv4Addr>, String> {
        match self {
            Router::Frr(name) => state::querier(name, interface).await,
            Router::Mcrd(stage, at) => {
                let all: Vec<api::IgmpInterface> =
                    stage.ask(*at, Method::IgmpInterfaces {}).await?;
                let found = all.into_iter().find(|one| one.interface == interface);
                Ok(found.and_then(|one| one.querier))
            }
        }
    }

    pub(super) async fn rp(&self, group: Ipv4Addr) -> Result<Option<Ipv4Addr>, String> {
        match self {
            Router::Frr(name) => state::rp(name, group).await,
            Router::Mcrd(stage, at) => {
                let told: api::RpOf = stage.ask(*at, Method::PimRp { group }).await?;
                Ok(told.rp)
            }
        }
    }

    /// The entries of a group, or all; FRR tells all in any case.
    pub(super) async fn mroutes(&self, group: Option<Ipv4Addr>) -> Result<Vec<Mroute>, String> {
        let (stage, at) = match self {
            Router::Frr(name) => return state::mroutes(name).await,
            Router::Mcrd(stage, at) => (stage, *at),
        };
        let all: Vec<api::Mroute> = stage
            .pages(at, move |cursor| Method::Mroute { group, cursor })
            .await?;
        Ok(all.into_iter().map(entry).collect())
    }

    pub(super) async fn groups(&self) -> Result<Vec<Group>, String> {
        let (stage, at) = match self {
            Router::Frr(name) => return state::groups(name).await,
            Router::Mcrd(stage, at) => (stage, *at),
        };
        let all: Vec<api::IgmpGroup> = stage
            .pages(at, |cursor| Method::IgmpGroups { cursor })
            .await?;
        let all = all.into_iter().map(|one| {
            let wanted = one.sources.into_iter().filter(|source| source.forward);
            Group {
                interface: one.interface,
                group: one.group,
                exclude: one.mode == api::FilterMode::Exclude,
                sources: wanted.map(|source| source.source).collect(),
                version: Some(one.version),
            }
        });
        Ok(all.collect())
    }

    async fn rpf(&self, address: Ipv4Addr) -> Result<Rpf, String> {
        match self {
            Router::Frr(name) => state::rpf(name, address).await,
            Router::Mcrd(stage, at) => {
                let method = Method::Rpf {
                    address,
                    group: None,
                };
                let told: api::RpfOf = stage.ask(*at, method).await?;
                Ok(Rpf {
                    interface: told.interface,
                    neighbor: told.next_hop,
                })
            }
        }
    }
}
