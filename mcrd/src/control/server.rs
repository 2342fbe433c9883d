//! Accepts clients.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::UnixListener;
use tokio::sync::{Semaphore, mpsc};
use tracing::{debug, warn};

use super::{Ask, session};

/// The most clients at a time.
const MAX_CLIENTS: usize = 4096;

/// The most clients that are being told that there are too many.
const MAX_REFUSALS: usize = 64;

/// After a failed accept, as when descriptors have run out.
const PAUSE: Duration = Duration::from_millis(100);

/// The most bytes of configuration text that all clients together have sent
/// and not yet loaded.
pub(super) const MAX_UPLOADS: usize = 192 * 1024 * 1024;

/// The most clients that watch events at a time.
pub(super) const MAX_WATCHERS: usize = 64;

/// What sessions share.
pub(super) struct Shared {
    pub(super) asks: mpsc::Sender<Ask>,
    pub(super) start_file: Option<PathBuf>,
    pub(super) uploads: Arc<Semaphore>,
    pub(super) watchers: Arc<Semaphore>,
}

/// Serves clients until the process ends. `descriptors` is how many the
/// process may have open.
pub(crate) async fn serve(
    listener: std::os::unix::net::UnixListener,
    asks: mpsc::Sender<Ask>,
    start_file: Option<PathBuf>,
    descriptors: u64,
) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    let listener = UnixListener::from_std(listener)?;
    // Half of the descriptors are left for memberships and workers.
    let most = usize::try_from(descriptors / 2).map_or(MAX_CLIENTS, |half| half.min(MAX_CLIENTS));
    let clients = Arc::new(Semaphore::new(most));
    let refusals = Arc::new(Semaphore::new(MAX_REFUSALS));
    let shared = Arc::new(Shared {
        asks,
        start_file,
        uploads: Arc::new(Semaphore::new(MAX_UPLOADS)),
        watchers: Arc::new(Semaphore::new(MAX_WATCHERS)),
    });
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                warn!(target: "control", %error, "a client cannot be accepted");
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        if let Ok(permit) = Arc::clone(&clients).try_acquire_owned() {
            let shared = Arc::clone(&shared);
            tokio::spawn(async move {
                session::run(stream, &shared).await;
                drop(permit);
            });
        } else if let Ok(permit) = Arc::clone(&refusals).try_acquire_owned() {
            tokio::spawn(async move {
                session::refuse(stream, most).await;
                drop(permit);
            });
        } else {
            debug!(target: "control", "a client was turned away without a word");
        }
    }
}
