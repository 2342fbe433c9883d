//! What mcrd answers.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use mcr_api::Method;
use mcr_api::router as api;

use super::Flow;
use crate::explain::told::{Igmp, Member, Mroute, Pim, Told};
use crate::run::stage::Stage;
use crate::topology::model::NodeId;

pub(super) async fn ask<S: Stage>(stage: &S, at: NodeId, flow: Flow) -> Result<Told, String> {
    let group = flow.group;
    let pim: Vec<api::PimInterface> = stage.ask(at, Method::PimInterfaces {}).await?;
    let neighbors: Vec<api::Neighbor> = stage.ask(at, Method::PimNeighbors {}).await?;
    let neighbors = neighbors
        .into_iter()
        .map(|one| (one.interface, one.address));
    let rp: api::RpOf = stage.ask(at, Method::PimRp { group }).await?;
    let igmp: Vec<api::IgmpInterface> = stage.ask(at, Method::IgmpInterfaces {}).await?;
    let members: Vec<api::IgmpGroup> = stage
        .pages(at, |cursor| Method::IgmpGroups { cursor })
        .await?;
    let members = members.iter().filter(|one| one.group == group);
    let mroutes: Vec<api::Mroute> = stage
        .pages(at, move |cursor| Method::Mroute {
            group: Some(group),
            cursor,
        })
        .await?;
    Ok(Told {
        pim: pim.into_iter().map(Pim::from).collect(),
        neighbors: neighbors.collect(),
        rp: Some(rp.into()),
        ways: BTreeMap::new(),
        igmp: igmp.into_iter().map(Igmp::from).collect(),
        members: members.map(|one| Member::of(one, flow.source)).collect(),
        mroutes: mroutes.into_iter().map(Mroute::from).collect(),
        counters: Some(stage.ask(at, Method::StatsProtocols {}).await?),
        forwarding: Vec::new(),
        silent: None,
    })
}

pub(super) async fn way<S: Stage>(
    stage: &S,
    at: NodeId,
    address: Ipv4Addr,
    flow: Flow,
) -> Result<api::RpfOf, String> {
    let method = Method::Rpf {
        address,
        group: Some(flow.group),
    };
    stage.ask(at, method).await
}
