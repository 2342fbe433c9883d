//! Asks for forwarding tables and for what switches have learned, and reads
//! logs.

use mcr_api::Method;
use mcr_api::router as api;

use super::observe::Memory;
use super::question;
use super::stage::Stage;
use crate::assertion::router::Mroute;
use crate::assertion::tables::{self, Forwarding};
use crate::assertion::{Observed, Truth, log};
use crate::reference::{Situation, Tables};
use crate::topology::model::{Kind, LogCheck, NodeId};
use crate::topology::question::{MdbQuestion, MfcQuestion};

/// Looks at an entry of a forwarding table.
pub(super) async fn mfc<S: Stage>(
    stage: &S,
    asked: &MfcQuestion,
    memory: &Memory,
    never: bool,
) -> Observed {
    let table = match forwarding(stage, asked).await {
        Ok(table) => table,
        Err(reason) => return untold(reason, never),
    };
    let packets = tables::find(asked, &table).map_or(0, |one| one.packets);
    // What one entry took is no more to its successor.
    let mut before = memory.packets.borrow_mut();
    let first = before.get_or_insert(packets);
    *first = (*first).min(packets);
    tables::mfc(asked, &table, packets - *first)
}

/// What of a table a question may be about.
async fn forwarding<S: Stage>(stage: &S, asked: &MfcQuestion) -> Result<Vec<Forwarding>, String> {
    let (at, group) = (asked.at, asked.group);
    if !is_mcrd(stage, at) {
        return stage.forwarding(at).await;
    }
    let page = move |cursor| Method::Mroute {
        group: Some(group),
        cursor,
    };
    let all: Vec<api::Mroute> = stage.pages(at, page).await?;
    let held = all.into_iter().filter_map(|one| {
        Some(Forwarding {
            source: one.source,
            group: one.group,
            iif: one.iif,
            oif: one.olist.into_iter().collect(),
            // The data plane has those that it counts for.
            packets: one.packets?,
        })
    });
    Ok(held.collect())
}

/// What the kernels forward by of routers that run and that cannot be asked.
pub(super) async fn kernels<S: Stage>(stage: &S, situation: &Situation) -> Result<Tables, String> {
    let mut tables = Tables::new();
    for (position, node) in stage.topology().nodes.iter().enumerate() {
        let at = NodeId(position);
        let silent = node.kind.is_router() && !question::tells(&node.kind);
        if silent && situation.answers(at) {
            tables.insert(at, kernel(stage, at).await?);
        }
    }
    Ok(tables)
}

/// What all routers that run forward by.
pub(super) async fn held<S: Stage>(stage: &S, situation: &Situation) -> Result<Tables, String> {
    let mut tables = kernels(stage, situation).await?;
    for at in question::askable(stage.topology(), situation) {
        let table = match is_mcrd(stage, at) {
            true => question::held(stage, at).await?,
            false => kernel(stage, at).await?,
        };
        tables.insert(at, table);
    }
    Ok(tables)
}

async fn kernel<S: Stage>(stage: &S, at: NodeId) -> Result<Vec<Mroute>, String> {
    let table = stage.forwarding(at).await?.into_iter();
    let entries = table.map(|one| Mroute {
        source: one.source,
        group: Some(one.group),
        iif: one.iif,
        oif: one.oif,
        ..Mroute::default()
    });
    Ok(entries.collect())
}

fn is_mcrd<S: Stage>(stage: &S, at: NodeId) -> bool {
    let node = stage.topology().nodes.get(at.0);
    node.is_some_and(|node| matches!(node.kind, Kind::Mcrd { .. }))
}

/// Looks at what a switch has learned.
pub(super) async fn mdb<S: Stage>(stage: &S, asked: &MdbQuestion, never: bool) -> Observed {
    match stage.database(asked.at).await {
        Ok(seen) => tables::mdb(asked, &seen),
        Err(reason) => untold(reason, never),
    }
}

/// Who does not answer makes no condition true; it does not prove that one
/// never was, either.
fn untold(reason: String, never: bool) -> Observed {
    let observed = Observed::not_yet(reason);
    match never {
        true => Observed {
            truth: Truth::Unknowable,
            ..observed
        },
        false => observed,
    }
}

/// Looks at what was written to a log since the last look.
pub(super) fn log<S: Stage>(stage: &S, asked: &LogCheck, from: u64, memory: &Memory) -> Observed {
    let mut memory = memory.log.borrow_mut();
    let (next, seen) = memory.get_or_insert_with(|| (from, log::Seen::default()));
    match stage.log(asked.at, *next) {
        Ok(written) => {
            *next += written.len() as u64;
            seen.add(&asked.pattern, &written);
            log::judge(&asked.count, seen)
        }
        Err(reason) => Observed::not_yet(reason),
    }
}
