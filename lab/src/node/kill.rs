//! The end of a daemon by a signal.

use nix::sys::signal::Signal;
use tokio::time::{Duration, Instant, timeout_at};

use super::daemons::process_error;
use super::{NodeError, Place, STOP_TIME};
use crate::backend::netns::Child;
use crate::topology::model::KillSignal;

/// How long a program takes at most from a signal to its handler's end.
const HANDLED: Duration = Duration::from_millis(200);

/// Sends a signal to the processes of a daemon, and waits for their end. What
/// does not end by it is killed.
pub(super) async fn end(
    place: &Place<'_>,
    children: &[Child],
    signal: KillSignal,
) -> Result<(), NodeError> {
    let sent = number(signal);
    let failed = |source| process_error(place, "kill", source);
    for child in children {
        if child.try_wait().map_err(failed)?.is_none() {
            child.signal(sent).map_err(failed)?;
        }
    }
    let deadline = Instant::now() + STOP_TIME;
    let mut survived = false;
    for child in children {
        // What Rust runs at a fault returns, for the fault to come again; a
        // signal from elsewhere does not.
        if signal == KillSignal::Segv && !ended(place, child, Instant::now() + HANDLED).await? {
            child.signal(sent).map_err(failed)?;
        }
        if !ended(place, child, deadline).await? {
            survived = true;
            child.signal(Signal::SIGKILL).map_err(failed)?;
            child.wait().await.map_err(failed)?;
        }
    }
    match survived {
        true => Err(NodeError::Survived {
            node: place.name.to_owned(),
            signal: sent,
            within: STOP_TIME,
        }),
        false => Ok(()),
    }
}

async fn ended(place: &Place<'_>, child: &Child, by: Instant) -> Result<bool, NodeError> {
    match timeout_at(by, child.wait()).await {
        Ok(Ok(_)) => Ok(true),
        Ok(Err(source)) => Err(process_error(place, "wait for", source)),
        Err(_) => Ok(false),
    }
}

fn number(signal: KillSignal) -> Signal {
    match signal {
        KillSignal::Kill => Signal::SIGKILL,
        KillSignal::Term => Signal::SIGTERM,
        KillSignal::Int => Signal::SIGINT,
        KillSignal::Quit => Signal::SIGQUIT,
        KillSignal::Abrt => Signal::SIGABRT,
        KillSignal::Segv => Signal::SIGSEGV,
    }
}
