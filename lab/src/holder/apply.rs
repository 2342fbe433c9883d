//! A lab that is held becomes what another file describes.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use tokio::net::UnixStream;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::time::timeout;

use super::describe;
use super::protocol::{Applying, Reply, Stepped};
use super::serve::{CLIENT_TIME, done, failed, mistaken, send};
use super::{HolderError, Job};
use crate::backend::netns::Network;
use crate::diagnostic::Diagnostics;
use crate::node::{Deaths, Folders};
use crate::plan::{Plan, Undone};
use crate::run::reconcile::{self, Applied};
use crate::run::standing::{Made, Parts};
use crate::rundir;
use crate::topology::Source;
use crate::topology::by_hand::ByHand;
use crate::topology::model::Topology;

/// The most receivers and sources by hand that a lab has.
const MAX_BY_HAND: usize = 200;

/// What is to be applied.
pub(super) struct Wanted {
    pub(super) file: PathBuf,
    pub(super) vars: Vec<(String, String)>,
    pub(super) env: BTreeMap<String, String>,
    pub(super) dry_run: bool,
}

/// A lab that is held, and may become another.
pub(super) struct Held<'a> {
    pub(super) job: &'a Job,
    pub(super) network: Network,
    pub(super) folders: Folders,
    /// The file that it was made from, or became.
    pub(super) source: Source,
    /// What it runs, while it is no one else's.
    pub(super) parts: Option<Parts>,
    /// What is left of the latest change.
    pub(super) undone: Undone,
}

impl Held<'_> {
    pub(super) fn made<'a>(&'a self, events: &'a Path) -> Made<'a> {
        Made {
            topology: self.network.topology(),
            network: &self.network,
            programs: &self.job.programs,
            folders: &self.folders,
            source: &self.source,
            events,
        }
    }

    /// The ends of its daemons that nobody asked for.
    pub(super) fn deaths(&self) -> Deaths {
        let parts = self.parts.as_ref();
        parts.and_then(Parts::deaths).unwrap_or_default()
    }

    /// Does it, and tells the client how far it is.
    pub(super) async fn apply(&mut self, wanted: Wanted, mut client: UnixStream) {
        let source = Source::read(&wanted.file, &wanted.vars);
        let source = source.map(|source| source.in_environment(wanted.env));
        let read = source.and_then(|source| self.with_made(source));
        let (mut topology, source) = match read {
            Ok(read) => read,
            Err(mistakes) => {
                let text = mistakes.render(false);
                return tell(&mut client, &Applying::Mistaken { text }).await;
            }
        };
        topology.name.clone_from(&self.network.topology().name);
        if let Err(error) = reconcile::check(&topology, &self.job.programs) {
            return refuse(&mut client, HolderError::from(error)).await;
        }
        let plan = Plan::of(self.network.topology(), &topology, &self.undone);
        let planned = Applying::Planned {
            changes: plan.changes.clone(),
            hint: plan.hint.clone(),
        };
        tell(&mut client, &planned).await;
        if wanted.dry_run {
            return;
        }
        let applied = match self.carry_out(topology, &plan, source, &mut client).await {
            Ok(applied) => applied,
            Err(error) => return refuse(&mut client, error).await,
        };
        self.undone = reconcile::undone(&applied);
        self.write_state(&wanted.file);
        tell(&mut client, &Applying::Done { applied }).await;
    }

    /// What was made by hand stays, as far as the file has a place for it.
    fn with_made(&self, source: Source) -> Result<(Topology, Source), Diagnostics> {
        let (mut topology, mut source) = (source.topology()?, source);
        for one in self.source.by_hand() {
            let tried = source.clone().with(std::slice::from_ref(one));
            if let Ok(found) = tried.topology() {
                (topology, source) = (found, tried);
            }
        }
        Ok((topology, source))
    }

    /// Receivers and sources that are in no file come; of those that run, nothing
    /// changes.
    pub(super) async fn extend(&mut self, made: &[ByHand]) -> Result<(), Reply<Stepped>> {
        let made = made.iter().filter(|one| !self.runs(one)).cloned();
        let made: Vec<ByHand> = made.collect();
        let source = self.source.clone().with(&made);
        if source.by_hand().len() > MAX_BY_HAND {
            let many = format!("a lab has at most {MAX_BY_HAND} receivers and sources by hand");
            return Err(mistaken(many));
        }
        let found = source.topology().map_err(|mistakes| {
            let text = mistakes.render(false);
            done(Stepped::Mistaken { text })
        })?;
        // Other files that the lab file names may have changed: not asked for.
        let topology = Topology {
            receivers: found.receivers,
            sources: found.sources,
            ..self.network.topology().clone()
        };
        let plan = Plan::of(self.network.topology(), &topology, &Undone::new());
        let (tell, _) = unbounded_channel();
        let changed = self.change(topology, &plan, source, tell).await;
        let refused = |message: String| Err(failed(message));
        match changed {
            Ok(applied) => match applied.failed.first() {
                Some(one) => refused(format!("{}: {}", one.name, one.why)),
                None => Ok(()),
            },
            Err(error) => refused(error.to_string()),
        }
    }

    fn runs(&self, one: &ByHand) -> bool {
        let parts = self.parts.as_ref();
        parts.is_some_and(|parts| parts.runs(self.network.topology(), one))
    }

    async fn change(
        &mut self,
        topology: Topology,
        plan: &Plan,
        source: Source,
        tell: UnboundedSender<String>,
    ) -> Result<Applied, HolderError> {
        let prepared = self.network.prepare(&topology)?;
        self.source = source;
        let Some(parts) = &mut self.parts else {
            return Err(HolderError::Abandoned);
        };
        let mut lab = reconcile::Lab {
            network: &mut self.network,
            parts,
            programs: &self.job.programs,
            folders: &self.folders,
            tell,
        };
        Ok(lab.change(topology, plan, prepared, &self.source).await)
    }

    async fn carry_out(
        &mut self,
        topology: Topology,
        plan: &Plan,
        source: Source,
        client: &mut UnixStream,
    ) -> Result<Applied, HolderError> {
        let (tell_it, mut told) = unbounded_channel();
        let changing = self.change(topology, plan, source, tell_it);
        tokio::pin!(changing);
        loop {
            tokio::select! {
                applied = &mut changing => return applied,
                Some(text) = told.recv() => tell(client, &Applying::Doing { text }).await,
            }
        }
    }

    /// For the commands that come later.
    fn write_state(&self, file: &Path) {
        let folder = &self.job.run_dir;
        let Some(mut state) = rundir::read_state(folder) else {
            return anstream::eprintln!("lab: cannot read what the lab says of itself");
        };
        file.clone_into(&mut state.file);
        state.nodes = describe::nodes(self.network.topology(), folder);
        state.points = describe::points(self.network.topology());
        if let Err(error) = rundir::write_state(folder, &state) {
            anstream::eprintln!("lab: {error}");
        }
    }
}

/// Whoever asked may have left: it is done all the same.
async fn tell(client: &mut UnixStream, applying: &Applying) {
    let told = timeout(CLIENT_TIME, send(client, &done(applying))).await;
    drop(told);
}

async fn refuse(client: &mut UnixStream, error: HolderError) {
    let reply: Reply<()> = Reply::Refused {
        message: format!("{error}; nothing was changed"),
        exit: error.exit().code(),
    };
    let told = timeout(CLIENT_TIME, send(client, &reply)).await;
    drop(told);
}
