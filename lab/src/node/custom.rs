//! A command of the user's.

use std::time::Duration;

use futures_util::future::LocalBoxFuture;

use super::{NodeError, NodeKind, Place, Programs, Unfit, terminate, wait_or_kill};
use crate::backend::netns::{Child, Process, Stdio};
use crate::topology::model::Custom;

/// How long one try of the `ready` command may take.
const TRY_TIME: Duration = Duration::from_secs(5);

/// A node with a command.
pub(super) struct CustomNode<'a> {
    pub(super) custom: &'a Custom,
}

impl CustomNode<'_> {
    fn shell(place: &Place<'_>, command: &str) -> Result<Process, NodeError> {
        let mut process = Process::new(["sh", "-c", command]);
        process.env.push(("PATH".into(), place.programs.path()));
        process.stdin = Stdio::Null;
        (process.stdout, process.stderr) = place.to_log()?;
        Ok(process)
    }

    /// Whether a short command ended with status 0, in time.
    async fn succeeds(place: &Place<'_>, command: &str) -> Result<bool, NodeError> {
        let child = place
            .network
            .spawn(place.node, Self::shell(place, command)?)?;
        match tokio::time::timeout(TRY_TIME, child.wait()).await {
            Ok(Ok(status)) => Ok(status.success()),
            Ok(Err(source)) => Err(NodeError::Process {
                node: place.name.to_owned(),
                action: "wait for a command about",
                source,
            }),
            // Dropping the child kills it.
            Err(_) => Ok(false),
        }
    }
}

impl NodeKind for CustomNode<'_> {
    fn check(&self, _programs: &Programs) -> Result<(), Unfit> {
        Ok(())
    }

    fn configure(&self, _place: &Place<'_>) -> Result<(), NodeError> {
        Ok(())
    }

    fn programs(&self) -> &'static [&'static str] {
        &["its command"]
    }

    fn start(&self, place: &Place<'_>) -> Result<Vec<Child>, NodeError> {
        // `exec` makes the command itself the child, where it is a simple one:
        // signals then reach it and not a shell around it.
        let process = Self::shell(place, &format!("exec {}", self.custom.cmd));
        let process = if is_simple(&self.custom.cmd) {
            process
        } else {
            Self::shell(place, &self.custom.cmd)
        };
        Ok(vec![place.spawn(process?)?])
    }

    fn ready<'a>(&'a self, place: &'a Place<'_>) -> LocalBoxFuture<'a, Result<bool, NodeError>> {
        Box::pin(async move {
            match &self.custom.ready {
                Some(command) => Self::succeeds(place, command).await,
                None => Ok(true),
            }
        })
    }

    fn stop<'a>(
        &'a self,
        place: &'a Place<'_>,
        child: &'a Child,
    ) -> LocalBoxFuture<'a, Result<(), NodeError>> {
        Box::pin(async move {
            match &self.custom.stop {
                Some(command) => {
                    Self::succeeds(place, command).await?;
                    wait_or_kill(place, child).await
                }
                None => terminate(place, child).await,
            }
        })
    }
}

/// One command and its arguments, without anything that only a shell can do.
fn is_simple(command: &str) -> bool {
    !command.contains([';', '&', '|', '\n', '<', '>', '(', ')', '`'])
        && !command.trim_start().starts_with("exec ")
        && !command
            .split_whitespace()
            .next()
            .is_some_and(|first| first.contains('='))
}

#[cfg(test)]
mod tests;
