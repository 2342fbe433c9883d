//! Compares what the routers of a network know, and what is forwarded, with all
//! that the reference model knows of it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use mcr_proto::id::{GroupAddr, UnicastAddr};

use super::model::{self, no_answer};
use super::observe::Scene;
use super::question::{self, Router, name};
use super::stage::Stage;
use super::{snapshot, tables};
use crate::assertion::Observed;
use crate::assertion::router::{Mroute, entry};
use crate::assertion::state::{self, State};
use crate::reference::{self, Situation, Tables, World, configured_members, interface};
use crate::topology::model::{LinkId, ModelPart, NodeId, Topology};

/// What is to be said of a forwarding table's entry.
const FORWARDING: &str = "forwarding of ";

/// By group, the links that show its datagrams.
pub(super) type Carried = BTreeMap<Ipv4Addr, BTreeSet<LinkId>>;

/// Looks at these parts of the model.
pub(super) async fn look<S: Stage>(
    scene: &Scene<'_, S>,
    parts: &BTreeSet<ModelPart>,
    carried: &Carried,
) -> Observed {
    match compared(scene, parts, carried).await {
        Ok(observed) => observed,
        Err(reason) => Observed::not_yet(reason),
    }
}

async fn compared<S: Stage>(
    scene: &Scene<'_, S>,
    parts: &BTreeSet<ModelPart>,
    carried: &Carried,
) -> Result<Observed, String> {
    let (stage, situation) = (scene.stage, scene.situation);
    let joined = model::joined(stage);
    let world = World::new(stage.topology(), situation, &joined).map_err(no_answer)?;
    let mut told = Comparison {
        stage,
        situation,
        world: &world,
        facts: Both::default(),
    };
    for part in parts {
        match part {
            ModelPart::Neighbors => told.neighbors().await?,
            ModelPart::Dr => told.designated().await?,
            ModelPart::Rp => told.rps().await?,
            ModelPart::Mroute => {
                let tables = entries(stage, situation).await?;
                told.trees(&tables, "", &joined)?;
            }
            ModelPart::Mfc => {
                let tables = tables::held(stage, situation).await?;
                let right = told.trees(&tables, FORWARDING, &joined)?;
                links(stage.topology(), &right, carried, &mut told.facts);
            }
        }
    }
    Ok(state::judge_model(&told.facts.want, &told.facts.have))
}

/// What there must be, and what there is.
#[derive(Default)]
struct Both {
    want: State,
    have: State,
}

fn put(state: &mut State, of: &str, about: String, said: String) {
    state.entry(of.to_owned()).or_default().insert(about, said);
}

/// The facts that were gathered so far, and where they come from.
struct Comparison<'a, S> {
    stage: &'a S,
    situation: &'a Situation,
    world: &'a World<'a>,
    facts: Both,
}

impl<S: Stage> Comparison<'_, S> {
    /// Routers that can be asked and that the model knows.
    fn asked(&self) -> Vec<(NodeId, String)> {
        let topology = self.stage.topology();
        let all = question::askable(topology, self.situation);
        let all = all.filter(|at| self.world.speaks(*at));
        all.map(|at| (at, name(topology, at))).collect()
    }

    async fn neighbors(&mut self) -> Result<(), String> {
        for (at, name) in self.asked() {
            let there = Router::of(self.stage, at).neighbors().await?;
            let Both { want, have } = &mut self.facts;
            for (state, all) in [(want, self.world.neighbors(at)), (have, there)] {
                for (interface, address) in all {
                    let about = format!("neighbor {address} on {interface}");
                    put(state, &name, about, "there".to_owned());
                }
            }
        }
        Ok(())
    }

    async fn designated(&mut self) -> Result<(), String> {
        for (at, name) in self.asked() {
            for (interface, address) in self.world.designated_routers(at) {
                let dr = question::dr(self.stage, at, &interface).await?;
                self.address(&name, format!("DR on {interface}"), Some(address), dr);
            }
        }
        Ok(())
    }

    /// Groups of the SSM range have none.
    async fn rps(&mut self) -> Result<(), String> {
        for group in snapshot::groups(self.stage.topology()) {
            let of = GroupAddr::try_from(group).map_err(|error| error.to_string())?;
            if self.world.is_ssm(of).map_err(no_answer)? {
                continue;
            }
            for (at, name) in self.asked() {
                let want = self.world.maybe_rp_of(at, of).map_err(no_answer)?;
                let have = Router::of(self.stage, at).rp(group).await?;
                let want = want.map(UnicastAddr::get);
                self.address(&name, format!("RP of {group}"), want, have);
            }
        }
        Ok(())
    }

    /// An address that a router has to know, and the one that it knows.
    fn address(&mut self, of: &str, about: String, want: Option<Ipv4Addr>, have: Option<Ipv4Addr>) {
        let Both { want: w, have: h } = &mut self.facts;
        for (state, address) in [(w, want), (h, have)] {
            if let Some(address) = address {
                put(state, of, about.clone(), address.to_string());
            }
        }
    }

    /// The trees of all groups by some tables, and those of the model, whose links
    /// it returns.
    fn trees(
        &mut self,
        tables: &Tables,
        before: &str,
        joined: &BTreeSet<usize>,
    ) -> Result<Carried, String> {
        let trees = Trees {
            stage: self.stage,
            situation: self.situation,
            world: self.world,
            tables,
            before,
        };
        trees.compare(joined, &mut self.facts)
    }
}

/// The entries of routers; of those that cannot be asked, what their kernels
/// forward by.
async fn entries<S: Stage>(stage: &S, situation: &Situation) -> Result<Tables, String> {
    let mut all = tables::kernels(stage, situation).await?;
    all.extend(question::entries(stage, None, situation).await?);
    Ok(all)
}

/// The trees of all groups by some tables, and those of the model.
struct Trees<'a, S> {
    stage: &'a S,
    situation: &'a Situation,
    world: &'a World<'a>,
    tables: &'a Tables,
    /// What is said before an entry's name.
    before: &'a str,
}

impl<S: Stage> Trees<'_, S> {
    /// Adds the facts of all groups. Returns the links of the model's trees.
    fn compare(&self, joined: &BTreeSet<usize>, facts: &mut Both) -> Result<Carried, String> {
        let topology = self.stage.topology();
        let configured = configured_members(topology, self.situation);
        let mut links = Carried::new();
        for group in snapshot::groups(topology) {
            let mut receivers = joined.iter().filter_map(|at| topology.receivers.get(*at));
            let wanted = receivers.any(|one| one.groups.contains(&group))
                || configured.iter().any(|(_, of)| *of == group);
            if !wanted {
                self.unwanted(group, facts);
            }
            let right = self.sources(group, facts)?;
            links.insert(group, right);
        }
        Ok(links)
    }

    /// Of a group that nobody wants, nothing must be left.
    fn unwanted(&self, group: Ipv4Addr, facts: &mut Both) {
        for (at, table) in self.tables {
            for one in table.iter().filter(|one| one.group == Some(group)) {
                if let Some(told) = leads(self.stage.topology(), *at, one) {
                    let about = format!("{}{}", self.before, entry(one.source, group));
                    let name = name(self.stage.topology(), *at);
                    put(&mut facts.have, &name, about, told);
                }
            }
        }
    }

    /// The trees of those that send to a group.
    fn sources(&self, group: Ipv4Addr, facts: &mut Both) -> Result<BTreeSet<LinkId>, String> {
        let topology = self.stage.topology();
        let (_, sending) = model::present(self.stage, group);
        let mut links = BTreeSet::new();
        for source in sending {
            let (seen, senders) = model::follow(topology, self.tables, source, group)?;
            let right = reference::right(self.world, source, group, &senders);
            let right = right.map_err(no_answer)?;
            let (_, address, _) = model::start(topology, source)?;
            let about = format!("{}{}", self.before, entry(Some(address), group));
            for (state, trees) in [(&mut facts.want, &right.routers), (&mut facts.have, &seen)] {
                for (at, (from, to)) in trees.iter().filter(|(_, (_, to))| !to.is_empty()) {
                    let to = to.iter().map(|to| interface(topology, *at, *to));
                    let to: Vec<String> = to.collect();
                    let told = way(&interface(topology, *at, *from), &to);
                    put(state, &name(topology, *at), about.clone(), told);
                }
            }
            links.extend(right.links);
        }
        Ok(links)
    }
}

fn way(iif: &str, oif: &[String]) -> String {
    format!("iif {iif}  oif {}", oif.join(" "))
}

/// Where an entry leads, if it does; the interface of Registers is no such place.
fn leads(topology: &Topology, at: NodeId, one: &Mroute) -> Option<String> {
    let known = &topology.nodes.get(at.0)?.interfaces;
    let oif = known.iter().filter(|known| one.oif.contains(&known.name));
    let oif: Vec<String> = oif.map(|known| known.name.clone()).collect();
    let iif = one.iif.as_deref().unwrap_or("none");
    (!oif.is_empty()).then(|| way(iif, &oif))
}

/// The links that carry datagrams.
fn links(topology: &Topology, right: &Carried, carried: &Carried, facts: &mut Both) {
    for (state, all) in [(&mut facts.want, right), (&mut facts.have, carried)] {
        for (group, links) in all {
            for link in links.iter().filter_map(|link| topology.links.get(link.0)) {
                let about = format!("datagrams to {group}");
                put(state, &link.name, about, "some".to_owned());
            }
        }
    }
}
