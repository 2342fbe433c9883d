//! The daemons of a network: all at its start, one at a time in the steps.

use std::time::Duration;

use futures_util::future::try_join_all;
use nix::sys::signal::{Signal, kill};
use tokio::time::{Instant, sleep};

use super::{Folders, NodeError, Place, Programs, kind, tail};
use crate::backend::netns::{Child, Network};
use crate::topology::model::{NodeId, Topology};

/// How long a daemon may take to be ready.
const READY_TIME: Duration = Duration::from_secs(15);
/// How often it is asked.
const ASK_EVERY: Duration = Duration::from_millis(10);

/// The daemons of a network, by node.
pub struct Daemons {
    children: Vec<Option<Child>>,
}

impl Daemons {
    /// Refuses a topology that cannot run with these programs.
    ///
    /// # Errors
    /// The first program that is missing.
    pub fn check(topology: &Topology, programs: &Programs) -> Result<(), NodeError> {
        for node in &topology.nodes {
            kind(&node.kind).check(programs)?;
        }
        Ok(())
    }

    /// Starts what the nodes run, and waits until all of it is ready.
    ///
    /// # Errors
    /// Why one cannot be started, or was not ready in time.
    pub async fn start_all(
        topology: &Topology,
        network: &Network,
        programs: &Programs,
        folders: &Folders,
    ) -> Result<Daemons, NodeError> {
        let place = |id| Place::new(topology, id, network, programs, folders);
        let mut children = Vec::new();
        for (position, node) in topology.nodes.iter().enumerate() {
            let place = place(NodeId(position));
            let kind = kind(&node.kind);
            kind.configure(&place)?;
            children.push(kind.start(&place)?);
        }
        let ready = children.iter().enumerate().map(|(position, child)| {
            let place = place(NodeId(position));
            async move {
                match child {
                    Some(child) => until_ready(topology, &place, child).await,
                    None => Ok(()),
                }
            }
        });
        try_join_all(ready).await?;
        Ok(Daemons { children })
    }

    /// The daemon of a node, while one runs.
    #[must_use]
    pub fn child(&self, node: NodeId) -> Option<&Child> {
        self.children.get(node.0).and_then(Option::as_ref)
    }

    /// Starts a node's daemon, which must not run, and waits until it is
    /// ready.
    ///
    /// # Errors
    /// As [`Daemons::start_all`].
    pub async fn start(&mut self, topology: &Topology, place: &Place<'_>) -> Result<(), NodeError> {
        let (Some(node), Some(slot)) = (
            topology.nodes.get(place.node.0),
            self.children.get_mut(place.node.0),
        ) else {
            return Ok(());
        };
        *slot = kind(&node.kind).start(place)?;
        match slot {
            Some(child) => until_ready(topology, place, child).await,
            None => Ok(()),
        }
    }

    /// Asks a node's daemon to end, and waits for it.
    ///
    /// # Errors
    /// No daemon runs, or it cannot be signalled.
    pub async fn stop(&mut self, topology: &Topology, place: &Place<'_>) -> Result<(), NodeError> {
        let child = self.take(place)?;
        match topology.nodes.get(place.node.0) {
            Some(node) => kind(&node.kind).stop(place, &child).await,
            None => Ok(()),
        }
    }

    /// Kills a node's daemon, and waits for its end.
    ///
    /// # Errors
    /// As [`Daemons::stop`].
    pub async fn kill(&mut self, place: &Place<'_>) -> Result<(), NodeError> {
        let child = self.take(place)?;
        child
            .signal(Signal::SIGKILL)
            .map_err(|source| process_error(place, "kill", source))?;
        child
            .wait()
            .await
            .map_err(|source| process_error(place, "wait for", source))?;
        Ok(())
    }

    /// Kills the children of a node's daemon: mcrd's workers.
    ///
    /// # Errors
    /// No daemon runs, it has no children, or they cannot be signalled.
    pub fn kill_workers(&self, place: &Place<'_>) -> Result<usize, NodeError> {
        let child = self.running(place)?;
        let failed = |source| process_error(place, "kill the workers of", source);
        let workers = child.children().map_err(failed)?;
        if workers.is_empty() {
            return Err(failed(std::io::Error::other("it has none")));
        }
        for worker in &workers {
            kill(*worker, Signal::SIGKILL).map_err(|errno| failed(errno.into()))?;
        }
        Ok(workers.len())
    }

    /// Sends SIGHUP to a node's daemon.
    ///
    /// # Errors
    /// As [`Daemons::stop`].
    pub fn reload(&self, place: &Place<'_>) -> Result<(), NodeError> {
        self.running(place)?
            .signal(Signal::SIGHUP)
            .map_err(|source| process_error(place, "reload", source))
    }

    /// Ends all daemons, and returns what went wrong.
    pub async fn stop_all(
        mut self,
        topology: &Topology,
        network: &Network,
        programs: &Programs,
        folders: &Folders,
    ) -> Vec<NodeError> {
        let ends = self
            .children
            .iter_mut()
            .enumerate()
            .map(|(position, slot)| {
                let node = NodeId(position);
                let place = Place::new(topology, node, network, programs, folders);
                let child = slot.take();
                async move {
                    let (child, node) = (child?, topology.nodes.get(position)?);
                    kind(&node.kind).stop(&place, &child).await.err()
                }
            });
        let ended = futures_util::future::join_all(ends).await;
        ended.into_iter().flatten().collect()
    }

    fn running(&self, place: &Place<'_>) -> Result<&Child, NodeError> {
        self.child(place.node).ok_or_else(|| NodeError::NotRunning {
            node: place.name.to_owned(),
        })
    }

    fn take(&mut self, place: &Place<'_>) -> Result<Child, NodeError> {
        let slot = self.children.get_mut(place.node.0);
        slot.and_then(Option::take)
            .ok_or_else(|| NodeError::NotRunning {
                node: place.name.to_owned(),
            })
    }
}

fn process_error(place: &Place<'_>, action: &'static str, source: std::io::Error) -> NodeError {
    NodeError::Process {
        node: place.name.to_owned(),
        action,
        source,
    }
}

async fn until_ready(
    topology: &Topology,
    place: &Place<'_>,
    child: &Child,
) -> Result<(), NodeError> {
    let Some(node) = topology.nodes.get(place.node.0) else {
        return Ok(());
    };
    let kind = kind(&node.kind);
    let deadline = Instant::now() + READY_TIME;
    loop {
        if kind.ready(place).await? {
            return Ok(());
        }
        let ended = child
            .try_wait()
            .map_err(|source| process_error(place, "wait for", source))?;
        if let Some(status) = ended {
            return Err(NodeError::Ended {
                node: place.name.to_owned(),
                status: status.to_string(),
                tail: tail(&place.log()),
            });
        }
        if Instant::now() >= deadline {
            return Err(NodeError::NotReady {
                node: place.name.to_owned(),
                within: READY_TIME,
                tail: tail(&place.log()),
            });
        }
        sleep(ASK_EVERY).await;
    }
}
