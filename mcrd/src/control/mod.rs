//! The control socket. Each client is served by a task of its own, which asks
//! the event loop one thing at a time and waits for the answer, so no client
//! can hold up the loop or another client.

mod change;
mod page;
mod router;
pub(crate) mod server;
mod session;
pub(crate) mod show;
pub(crate) mod socket;
mod watch;

use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::Arc;

use mcr_api::Failure;
use mcr_api::router::WatchLine;
use mcr_api::rule::Rule;
use mcr_api::state::{Facility, LogLevel};
use mcr_config::Loaded;
use serde_json::Value;
use tokio::sync::{broadcast, mpsc, oneshot};

/// What a session, or a signal, asks of the event loop.
#[derive(Debug)]
pub(crate) struct Ask {
    /// What is asked.
    pub(crate) what: What,
    /// Who asks, for the log.
    pub(crate) who: String,
    /// Where the answer goes; one that nobody waits for any more is dropped.
    pub(crate) reply: oneshot::Sender<Answer>,
}

/// What a method returns, or why it was refused.
pub(crate) type Answer = Result<Value, Failure>;

/// What can be asked. Methods that need no state of the daemon are answered by
/// the session itself.
#[derive(Debug)]
#[allow(missing_docs, reason = "they are the methods of mcr-api")]
pub(crate) enum What {
    Status,
    RulesList {
        cursor: Option<String>,
    },
    RulesShow {
        name: String,
    },
    RulesAdd {
        rules: Vec<Rule>,
    },
    RulesRemove {
        names: Vec<String>,
    },
    StatsRules {
        cursor: Option<String>,
    },
    StatsInputs,
    Workers,
    Interfaces,
    PimInterfaces,
    PimNeighbors,
    PimRps,
    PimRp {
        group: Ipv4Addr,
    },
    Rpf {
        address: Ipv4Addr,
        group: Option<Ipv4Addr>,
    },
    IgmpInterfaces,
    IgmpGroups {
        cursor: Option<String>,
    },
    Mroute {
        group: Option<Ipv4Addr>,
        cursor: Option<String>,
    },
    StatsProtocols,
    /// The events from now on.
    Watch {
        to: oneshot::Sender<broadcast::Receiver<Arc<WatchLine>>>,
    },
    ConfigShow,
    /// A file that was read: what differs, and with `apply` to be put in force.
    ConfigLoad {
        loaded: Box<Loaded>,
        merge: bool,
        apply: bool,
    },
    /// A start-up file that was to be loaded and has mistakes.
    ReloadFailed {
        reason: String,
    },
    /// The whole configuration with its rules.
    ConfigWhole,
    LogGet,
    LogSet {
        facility: Option<Facility>,
        level: Option<LogLevel>,
    },
}

/// Reads the start-up file and asks the event loop to load it, as SIGHUP
/// demands.
pub(crate) async fn reload(path: PathBuf, asks: mpsc::Sender<Ask>) {
    let what = match session::read(path).await {
        Ok(Ok(loaded)) => What::ConfigLoad {
            loaded: Box::new(loaded),
            merge: false,
            apply: true,
        },
        Ok(Err(problems)) => What::ReloadFailed {
            reason: format!("{}\n{}", problems.summary(), problems.render(false)),
        },
        Err(failure) => What::ReloadFailed {
            reason: failure.message,
        },
    };
    let (reply, answer) = oneshot::channel();
    let ask = Ask {
        what,
        who: "SIGHUP".to_owned(),
        reply,
    };
    if asks.send(ask).await.is_ok()
        && let Ok(Err(refusal)) = answer.await
    {
        let (reply, _) = oneshot::channel();
        let ask = Ask {
            what: What::ReloadFailed {
                reason: refusal.message,
            },
            who: "SIGHUP".to_owned(),
            reply,
        };
        if asks.send(ask).await.is_err() {
            tracing::debug!(target: "config", "the daemon ends");
        }
    }
}
