//! Clients that watch events. Each has a place in a queue that all share, so a
//! slow one costs nothing and loses its oldest events.

use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use mcr_api::ErrorCode;
use mcr_api::router::WatchLine;
use serde_json::json;
use tokio::io::Interest;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{OwnedSemaphorePermit, broadcast, oneshot};

use super::server::MAX_WATCHERS;
use super::session::{End, Session, encode, failure};
use super::{Answer, What};

/// How often it is looked whether a client that says nothing more still reads.
const LOOK: Duration = Duration::from_secs(5);

/// The events from a moment on, and the permission to watch them.
pub(super) struct Events {
    receiver: broadcast::Receiver<Arc<WatchLine>>,
    _permit: OwnedSemaphorePermit,
}

impl Session<'_> {
    /// Asks for the events; they are told once this was answered.
    pub(super) async fn start_watching(&mut self) -> Answer {
        let Ok(permit) = Arc::clone(&self.shared.watchers).try_acquire_owned() else {
            return Err(failure(
                ErrorCode::Limit,
                format!("{MAX_WATCHERS} clients watch already, which is the limit"),
            ));
        };
        let (to, events) = oneshot::channel();
        self.ask(What::Watch { to }).await?;
        let receiver = events
            .await
            .map_err(|_| failure(ErrorCode::Failed, "the daemon is ending"))?;
        self.events = Some(Events {
            receiver,
            _permit: permit,
        });
        Ok(json!({}))
    }

    /// Tells events until the client leaves. It may take its time to read them;
    /// what it says is not answered, and it may close its sending side.
    pub(super) async fn watch(&mut self, mut events: Events) -> End {
        let mut missed = 0;
        let mut says = true;
        loop {
            tokio::select! {
                event = events.receiver.recv() => match event {
                    Ok(event) => {
                        let line = WatchLine { missed, ..WatchLine::clone(&event) };
                        missed = 0;
                        if let Err(error) = self.lines.send(encode(&line)).await {
                            return End::Broken(error.to_string());
                        }
                    }
                    Err(RecvError::Lagged(lost)) => missed += lost,
                    Err(RecvError::Closed) => return End::Closed,
                },
                line = self.lines.next(), if says => match line {
                    Some(Ok(_)) => {}
                    Some(Err(error)) => return End::Broken(error.to_string()),
                    None if self.has_closed().await => return End::Closed,
                    None => says = false,
                },
                () = tokio::time::sleep(LOOK), if !says => {
                    if self.has_closed().await {
                        return End::Closed;
                    }
                }
            }
        }
    }

    /// Both sides of the connection are closed.
    async fn has_closed(&self) -> bool {
        let stream = self.lines.get_ref();
        let now = tokio::time::timeout(Duration::ZERO, stream.ready(Interest::WRITABLE));
        matches!(now.await, Ok(Ok(ready)) if ready.is_write_closed())
    }
}

#[cfg(test)]
mod tests;
