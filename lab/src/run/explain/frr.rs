//! What FRR answers.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use mcr_api::router as api;

use super::Flow;
use crate::assertion::router;
use crate::explain::heard::Heard;
use crate::explain::outside;
use crate::explain::told::{Downstream, Igmp, Member, Mroute, Pim, Rp, Told};
use crate::node::frr::{ask, more, state};
use crate::topology::model::Node;

pub(super) async fn ask(node: &Node, flow: Flow, heard: &Heard) -> Result<Told, String> {
    let name = &node.name;
    let pim = ask::interfaces(name).await?.into_iter().map(|one| Pim {
        interface: one.name,
        up: one.up && one.address.is_some(),
        passive: None,
        dr: one.dr,
        is_dr: one.dr.is_some() && one.dr == one.address,
    });
    let igmp = more::igmp(name).await?.into_iter().map(|one| Igmp {
        interface: one.name,
        up: one.up,
        version: one.version,
    });
    let members = state::groups(name).await?;
    let members = members.iter().filter(|one| one.group == flow.group);
    let taking = more::taking(name, flow.group, flow.source).await?;
    let entries = state::mroutes(name).await?;
    let joins = more::joins(name, flow.group).await?;
    let asserts = more::asserts(name, flow.group).await?;
    let downstream = |source| downstream(&joins, &asserts, source);
    let entries = entries.into_iter();
    let of_group = entries.filter(|one| one.group == Some(flow.group));
    let mroutes = of_group.map(|one| {
        let interfaces = downstream(one.source);
        mroute(one, interfaces)
    });
    Ok(Told {
        pim: pim.collect(),
        neighbors: state::neighbors(name).await?,
        rp: Some(rp(name, flow.group).await?),
        ways: BTreeMap::new(),
        igmp: igmp.collect(),
        members: members
            .map(|one| member(node, one, &taking, heard))
            .collect(),
        mroutes: mroutes.collect(),
        counters: Some(more::traffic(name).await?),
        forwarding: Vec::new(),
        silent: None,
    })
}

async fn rp(name: &str, group: Ipv4Addr) -> Result<Rp, String> {
    let source_specific = more::is_source_specific(name, group).await?;
    let rp = match source_specific {
        true => None,
        false => state::rp(name, group).await?,
    };
    let reason = match rp {
        Some(_) => "Its range has the group.".to_owned(),
        None if source_specific => {
            format!("{group} is source-specific there (`show ip pim group-type`).")
        }
        None => "No range of `show ip pim rp-info` has it.".to_owned(),
    };
    Ok(Rp {
        rp,
        reason,
        source_specific: Some(source_specific),
    })
}

fn member(node: &Node, told: &router::Group, taking: &BTreeSet<String>, heard: &Heard) -> Member {
    let mut interfaces = node.interfaces.iter();
    let link = interfaces.find(|one| one.name == told.interface);
    let reporter = link.and_then(|one| heard.members(one.link).next());
    Member {
        interface: told.interface.clone(),
        takes: taking.contains(&told.interface),
        version: told.version,
        last_reporter: reporter.map(|(host, _)| host),
    }
}

fn mroute(told: router::Mroute, interfaces: BTreeMap<String, Downstream>) -> Mroute {
    Mroute {
        source: told.source,
        olist: Some(told.oif.into_iter().collect()),
        joined: told.joined,
        // It stays clear where both trees come by the same interface.
        spt_bit: told.spt.filter(|set| *set),
        register: told.register,
        interfaces,
    }
}

fn downstream(
    joins: &[more::Joined],
    asserts: &[more::Assert],
    source: Option<Ipv4Addr>,
) -> BTreeMap<String, Downstream> {
    let mut all: BTreeMap<String, Downstream> = BTreeMap::new();
    for one in joins.iter().filter(|one| one.source == source) {
        all.entry(one.interface.clone()).or_default().joined = true;
    }
    for one in asserts.iter().filter(|one| one.source == source) {
        let state = all.entry(one.interface.clone()).or_default();
        (state.assert, state.assert_winner) = (one.state, one.winner);
    }
    all
}

pub(super) async fn way(node: &Node, address: Ipv4Addr) -> Result<api::RpfOf, String> {
    let told = state::rpf(&node.name, address).await?;
    Ok(outside::way(node, address, told, "its zebra"))
}
