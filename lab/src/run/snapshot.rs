//! The state of the whole network at one moment.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use super::question;
use super::stage::Stage;
use crate::assertion::state::{Facts, State};
use crate::reference::Situation;
use crate::topology::model::{Kind, NodeId};

/// What every router knows.
///
/// # Errors
/// Why a router does not tell it.
pub(super) async fn take<S: Stage>(stage: &S, situation: &Situation) -> Result<State, String> {
    let topology = stage.topology();
    let sent = topology.sources.iter().flat_map(|one| &one.groups);
    let joined = topology.receivers.iter().flat_map(|one| &one.groups);
    let groups: BTreeSet<Ipv4Addr> = sent.chain(joined).copied().collect();
    let groups: Vec<Ipv4Addr> = groups.into_iter().filter(Ipv4Addr::is_multicast).collect();
    let mut state = State::new();
    for (position, node) in topology.nodes.iter().enumerate() {
        let at = NodeId(position);
        match &node.kind {
            Kind::Mcrd { .. } | Kind::Frr => {}
            Kind::Pimd | Kind::Smcroute { .. } | Kind::Kernel => {
                return Err(format!(
                    "{} runs {}, which is not asked",
                    node.name,
                    node.kind.word()
                ));
            }
            Kind::Host | Kind::Custom(_) => continue,
        }
        let facts = if situation.answers(at) {
            let told = question::facts(stage, at, &groups).await;
            told.map_err(|reason| format!("{}: {reason}", node.name))?
        } else {
            Facts::from([("daemon".to_owned(), "does not answer".to_owned())])
        };
        state.insert(node.name.clone(), facts);
    }
    Ok(state)
}
