//! Building a lab and taking it down.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use tokio::net::UnixListener;

use super::protocol::Report;
use super::{HolderError, Job, Reports, SOCKET, folders};
use crate::backend::netns::{Network, Options};
use crate::node::{Daemons, Folders};
use crate::sandbox::NAMES;

/// What the wires of a lab that is held begin with, as those of a test do.
const SEED: u64 = 1;

/// A lab that is held.
pub(super) struct Lab<'a> {
    pub(super) job: &'a Job,
    pub(super) network: Network,
    pub(super) listener: UnixListener,
    pub(super) daemons: Daemons,
    pub(super) folders: Folders,
}

/// Builds the lab, and tells when the network is there.
pub(super) async fn build<'a>(
    job: &'a Job,
    reports: &Reports,
) -> Result<(Lab<'a>, Report), HolderError> {
    let folders = folders(&job.run_dir);
    for folder in [&folders.configs, &folders.logs, &folders.sockets] {
        fs::create_dir(folder).map_err(HolderError::system("make the lab's folders"))?;
    }
    let options = Options {
        names: PathBuf::from(NAMES),
        seed: SEED,
    };
    let network = Network::deploy(&job.topology, &options).await?;
    let timings = network.timings();
    reports
        .send(&Report::Network {
            namespaces: milliseconds(timings.namespaces),
            links: milliseconds(timings.links),
            addresses: milliseconds(timings.addresses),
        })
        .await
        .map_err(|_| HolderError::Abandoned)?;
    let start = Instant::now();
    let daemons = Daemons::start_all(&job.topology, &network, &job.programs, &folders).await?;
    let listener = UnixListener::bind(job.run_dir.join(SOCKET))
        .map_err(HolderError::system("listen on the holder's socket"))?;
    let ready = Report::Ready {
        daemons: milliseconds(start.elapsed()),
    };
    Ok((
        Lab {
            job,
            network,
            listener,
            daemons,
            folders,
        },
        ready,
    ))
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}
