//! Answering requests until one of them, or a signal, ends the lab. Each
//! connection is a task of its own: a silent client keeps nobody waiting. Steps
//! are done one after the other.

use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::spawn_local;
use tokio::time::timeout;

use super::build::Lab;
use super::processes::{Nodes, processes};
use super::protocol::{MAX_REQUEST, Reply, Request, Stepped};
use super::{EVENTS, HolderError, Signals};
use crate::exit::Exit;
use crate::report::text;
use crate::run::standing::{Made, Standing};

/// How many clients may be connected; further ones wait.
const CLIENTS: usize = 32;
/// How long a client may take to say what it wants, and to take the answer.
const CLIENT_TIME: Duration = Duration::from_secs(5);

/// What a client waits for.
struct Order {
    what: What,
    client: UnixStream,
}

/// What is done one after the other.
enum What {
    Step { text: String, colour: bool },
    Status,
    Explain { receiver: String, source: String },
}

/// What the clients' tasks reach.
#[derive(Clone)]
struct Desk {
    nodes: Rc<Nodes>,
    orders: mpsc::Sender<Order>,
    down: mpsc::Sender<UnixStream>,
}

/// Serves until the lab is to end, and ends it. Where nobody is told of it any
/// more, it ends at once.
pub(super) async fn serve(
    lab: Lab<'_>,
    mut signals: Signals,
    told: bool,
) -> Result<(), HolderError> {
    let nodes = Nodes::of(&lab.job.topology, &lab.network);
    let nodes = nodes.map_err(HolderError::system("look at the namespaces"));
    let events = lab.job.run_dir.join(EVENTS);
    let made = Made {
        topology: &lab.job.topology,
        network: &lab.network,
        programs: &lab.job.programs,
        folders: &lab.folders,
        source: &lab.job.source,
        events: &events,
    };
    let mut standing = Standing::new(made, lab.daemons);
    let served = match nodes {
        Ok(nodes) if told => until_down(&lab.listener, nodes, &mut standing, &mut signals).await,
        Ok(_) => Err(HolderError::Abandoned),
        Err(error) => Err(error),
    };
    let stopped = standing.end().await;
    let mut errors: Vec<String> = stopped.iter().map(ToString::to_string).collect();
    let removed = lab.network.teardown().await;
    errors.extend(removed.iter().map(ToString::to_string));
    for error in &errors {
        anstream::eprintln!("lab: {error}");
    }
    if let Some(mut client) = served? {
        let told = timeout(CLIENT_TIME, send(&mut client, &done(errors))).await;
        drop(told);
    }
    Ok(())
}

/// Serves until the lab is to end. Returns the client that wanted it.
async fn until_down(
    listener: &UnixListener,
    nodes: Nodes,
    standing: &mut Standing<'_>,
    signals: &mut Signals,
) -> Result<Option<UnixStream>, HolderError> {
    let places = Arc::new(Semaphore::new(CLIENTS));
    let (orders, ordered) = mpsc::channel(CLIENTS);
    let (down, mut wanted) = mpsc::channel(1);
    let desk = Desk {
        nodes: Rc::new(nodes),
        orders,
        down,
    };
    let stepping = step_by_step(standing, ordered);
    tokio::pin!(stepping);
    loop {
        let accepted = async {
            let place = Arc::clone(&places).acquire_owned().await;
            (place, listener.accept().await)
        };
        tokio::select! {
            (place, accepted) = accepted => {
                let (client, _) = accepted.map_err(HolderError::system("accept a client"))?;
                let desk = desk.clone();
                spawn_local(async move {
                    // A client that misbehaves or leaves harms itself alone.
                    timeout(CLIENT_TIME, answer(client, &desk)).await.ok();
                    drop(place);
                });
            }
            client = wanted.recv() => return Ok(client),
            () = &mut stepping => {}
            () = signals.any() => return Ok(None),
        }
    }
}

/// Does the steps that are ordered, as long as there are any.
async fn step_by_step(standing: &mut Standing<'_>, mut ordered: mpsc::Receiver<Order>) {
    while let Some(mut order) = ordered.recv().await {
        let client = &mut order.client;
        let told = match &order.what {
            What::Step { text, colour } => {
                let stepped = step(standing, text, *colour).await;
                timeout(CLIENT_TIME, send(client, &done(stepped))).await
            }
            What::Status => {
                let reply = standing.status().await.map_or_else(failed, done);
                timeout(CLIENT_TIME, send(client, &reply)).await
            }
            What::Explain { receiver, source } => {
                let told = standing.explain(receiver, source).await;
                let reply = told.map_or_else(mistaken, done);
                timeout(CLIENT_TIME, send(client, &reply)).await
            }
        };
        // It did what it was asked for; whoever asked may have left.
        drop(told);
    }
    std::future::pending().await
}

fn done<T>(answer: T) -> Reply<T> {
    Reply::Done { answer }
}

fn failed<T>(message: String) -> Reply<T> {
    let exit = Exit::Infrastructure.code();
    Reply::Refused { message, exit }
}

/// The client's own fault.
fn mistaken<T>(message: String) -> Reply<T> {
    let exit = Exit::Usage.code();
    Reply::Refused { message, exit }
}

async fn step(standing: &mut Standing<'_>, step: &str, colour: bool) -> Stepped {
    match standing.step(step).await {
        Ok(step) => Stepped::Judged {
            lines: text::step(&step, colour),
            exit: if step.outcome.is_good() {
                Exit::Pass.code()
            } else {
                Exit::Failed.code()
            },
            report: serde_json::to_value(&step).unwrap_or_default(),
        },
        Err(mistakes) => Stepped::Mistaken {
            text: mistakes.render(colour),
        },
    }
}

/// Answers one request. The client that wants a step or the lab's end gets its
/// answer when that is done.
async fn answer(mut client: UnixStream, desk: &Desk) -> io::Result<()> {
    let mut line = Vec::new();
    BufReader::new((&mut client).take(MAX_REQUEST))
        .read_until(b'\n', &mut line)
        .await?;
    match serde_json::from_slice(&line) {
        Ok(Request::Processes {}) => {
            let reply = done(processes(&desk.nodes)?);
            send(&mut client, &reply).await
        }
        Ok(Request::Step { text, colour }) => {
            order(client, What::Step { text, colour }, desk).await
        }
        Ok(Request::Status {}) => order(client, What::Status, desk).await,
        Ok(Request::Explain { receiver, source }) => {
            order(client, What::Explain { receiver, source }, desk).await
        }
        Ok(Request::Down {}) => desk.down.send(client).await.map_err(io::Error::other),
        Err(error) => {
            let reply: Reply<()> = mistaken(format!("not a request: {error}"));
            send(&mut client, &reply).await
        }
    }
}

async fn order(client: UnixStream, what: What, desk: &Desk) -> io::Result<()> {
    match desk.orders.try_send(Order { what, client }) {
        Ok(()) => Ok(()),
        Err(error) => {
            let mut order = error.into_inner();
            let reply: Reply<()> = failed("too many steps are waiting".to_owned());
            send(&mut order.client, &reply).await
        }
    }
}

async fn send<T: Serialize>(client: &mut UnixStream, reply: &Reply<T>) -> io::Result<()> {
    let mut line = serde_json::to_vec(reply)?;
    line.push(b'\n');
    client.write_all(&line).await
}
