//! One worker process: a task that carries messages to and from it and waits
//! for its end. Nothing it does can hold up the event loop.

use std::future::pending;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use mcr_dataplane::channel::{FromWorker, SupervisorEnd, ToWorker};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::sync::{Notify, mpsc};

use super::platform::{Child, Ending, Launched};

/// Messages that wait for a worker to read them, at most. What does not fit
/// stays a mark in the table of what to tell it.
const QUEUE: usize = 128;

/// A worker process, never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ProcessId(pub(super) u64);

/// A message with its descriptors.
pub(super) struct Parcel {
    pub(super) message: ToWorker,
    pub(super) descriptors: Vec<OwnedFd>,
}

/// What a worker process does.
#[derive(Debug)]
pub(crate) enum ProcessEvent {
    /// It said something.
    Said(ProcessId, FromWorker),
    /// All that was queued for it is sent.
    Room(ProcessId),
    /// It has ended.
    Ended(ProcessId, Ending),
}

/// The hold on a process. Its task, and with it the process, ends when this is
/// dropped.
pub(super) struct Process {
    pub(super) id: ProcessId,
    pub(super) pid: u32,
    parcels: mpsc::Sender<Parcel>,
    kill: Arc<Notify>,
    task: tokio::task::JoinHandle<()>,
}

/// The queue to the worker has no room now.
pub(super) struct Full;

impl Process {
    /// Starts the task.
    pub(super) fn start(
        id: ProcessId,
        launched: Launched,
        events: mpsc::Sender<ProcessEvent>,
    ) -> io::Result<Process> {
        let (parcels, queue) = mpsc::channel(QUEUE);
        let kill = Arc::new(Notify::new());
        let readiness = mcr_sys::readiness::follow(&launched.channel)?;
        let task = Task {
            id,
            channel: launched.channel,
            readiness,
            events,
        };
        let running = task.run(launched.child, queue, Arc::clone(&kill));
        Ok(Process {
            id,
            pid: launched.pid,
            parcels,
            kill,
            task: tokio::spawn(running),
        })
    }

    /// Queues a message, if there is room for `build` to be called at all.
    pub(super) fn send(&self, build: impl FnOnce() -> Parcel) -> Result<(), Full> {
        let permit = self.parcels.try_reserve().map_err(|_| Full)?;
        permit.send(build());
        Ok(())
    }

    /// How many messages can be queued now.
    pub(super) fn room(&self) -> usize {
        self.parcels.capacity()
    }

    /// Ends it at once; the end is reported as any other.
    pub(super) fn kill(&self) {
        self.kill.notify_one();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.task.abort();
    }
}

struct Task {
    id: ProcessId,
    channel: SupervisorEnd,
    readiness: AsyncFd<OwnedFd>,
    events: mpsc::Sender<ProcessEvent>,
}

impl Task {
    async fn run(
        self,
        mut child: Box<dyn Child>,
        queue: mpsc::Receiver<Parcel>,
        kill: Arc<Notify>,
    ) {
        let ending = {
            let carry = async {
                tokio::join!(self.write(queue), self.read());
                // A channel that broke is no end; the process is.
                pending::<()>().await;
            };
            tokio::pin!(carry);
            loop {
                let killed = tokio::select! {
                    ending = child.ended() => break ending,
                    () = &mut carry => false,
                    () = kill.notified() => true,
                };
                if killed {
                    child.kill();
                }
            }
        };
        // What it said last is still in the channel.
        while let Ok(Some(message)) = self.channel.recv() {
            self.report(ProcessEvent::Said(self.id, message)).await;
        }
        self.report(ProcessEvent::Ended(self.id, ending)).await;
    }

    async fn read(&self) {
        loop {
            let message = self
                .readiness
                .async_io(Interest::READABLE, |_| self.channel.recv())
                .await;
            match message {
                Ok(Some(message)) => self.report(ProcessEvent::Said(self.id, message)).await,
                Ok(None) => return,
                Err(error) => {
                    tracing::warn!(target: "workers", %error, "a worker's message cannot be read");
                    return;
                }
            }
        }
    }

    async fn write(&self, mut queue: mpsc::Receiver<Parcel>) {
        while let Some(parcel) = queue.recv().await {
            let descriptors: Vec<_> = parcel.descriptors.iter().map(AsFd::as_fd).collect();
            let sent = self
                .readiness
                .async_io(Interest::WRITABLE, |_| {
                    self.channel.send(&parcel.message, &descriptors)
                })
                .await;
            if let Err(error) = sent {
                tracing::debug!(target: "workers", %error, "a worker takes no more messages");
                return;
            }
            if queue.is_empty() {
                self.report(ProcessEvent::Room(self.id)).await;
            }
        }
    }

    async fn report(&self, event: ProcessEvent) {
        if self.events.send(event).await.is_err() {
            tracing::debug!(target: "workers", "a worker's message came after the end");
        }
    }
}
