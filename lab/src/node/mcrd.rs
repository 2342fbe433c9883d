//! mcrd: this project's daemon.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use futures_util::future::LocalBoxFuture;
use mcr_api::Method;
use mcr_api::client::{Client, ClientError};
use mcr_api::state::{Status, Worker, WorkerState};
use serde_json::Value;

use super::{NodeError, NodeKind, Place, Programs, Unfit, terminate};
use crate::backend::netns::{Child, Process};

/// How long one answer of the daemon may take.
const ANSWER_TIME: Duration = Duration::from_secs(2);

/// mcrd with its configuration.
pub(super) struct Mcrd<'a> {
    pub(super) config: &'a Value,
}

impl NodeKind for Mcrd<'_> {
    fn check(&self, programs: &Programs) -> Result<(), Unfit> {
        programs.find("mcrd").map(|_| ())
    }

    fn configure(&self, place: &Place<'_>) -> Result<(), NodeError> {
        let path = config_file(place);
        fs::write(&path, file_text(self.config)).map_err(|source| place.file_error(&path, source))
    }

    fn programs(&self) -> &'static [&'static str] {
        &["mcrd"]
    }

    fn start(&self, place: &Place<'_>) -> Result<Vec<Child>, NodeError> {
        let mut process = Process::new([place.programs.find("mcrd")?.into_os_string()]);
        process.argv.push("run".into());
        process.argv.push("--config".into());
        process.argv.push(config_file(place).into());
        process.argv.push("--socket".into());
        process.argv.push(place.socket().into());
        (process.stdout, process.stderr) = place.to_log()?;
        Ok(vec![place.spawn(process)?])
    }

    /// The daemon answers, and every worker it needs forwards.
    fn ready<'a>(&'a self, place: &'a Place<'_>) -> LocalBoxFuture<'a, Result<bool, NodeError>> {
        let socket = place.socket();
        Box::pin(async move {
            let answer = tokio::task::spawn_blocking(move || forwards(&socket)).await;
            // No answer yet is the ordinary case right after the start.
            Ok(matches!(answer, Ok(Ok(true))))
        })
    }

    fn stop<'a>(
        &'a self,
        place: &'a Place<'_>,
        child: &'a Child,
    ) -> LocalBoxFuture<'a, Result<(), NodeError>> {
        Box::pin(terminate(place, child))
    }
}

/// Writes the configuration file anew.
///
/// # Errors
/// The file system's.
pub(crate) fn rewrite(place: &Place<'_>, config: &Value) -> Result<(), NodeError> {
    Mcrd { config }.configure(place)
}

/// The configuration file.
pub(crate) fn file_text(config: &Value) -> String {
    if config.is_null() {
        "{}\n".to_owned()
    } else {
        format!("{config:#}\n")
    }
}

fn config_file(place: &Place<'_>) -> PathBuf {
    place.folders.configs.join(format!("{}.json5", place.name))
}

fn forwards(socket: &Path) -> Result<bool, ClientError> {
    let mut client = Client::connect(socket, ANSWER_TIME)?;
    let status: Status = client.call(Method::Status {})?;
    let workers: Vec<Worker> = client.call(Method::Workers {})?;
    let all_run = workers
        .iter()
        .all(|worker| worker.state == WorkerState::Running && worker.in_sync);
    let none_needed = status.rules_waiting >= status.rules;
    Ok(all_run && (none_needed || !workers.is_empty()))
}
