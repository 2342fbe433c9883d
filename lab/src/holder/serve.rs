//! Answering requests until one of them, or a signal, ends the lab. Each
//! connection is a task of its own: a silent client keeps nobody waiting. Steps
//! are done one after the other.

use std::cell::RefCell;
use std::io;
use std::net::Ipv4Addr;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::spawn_local;
use tokio::time::timeout;

use super::apply::{Held, Wanted};
use super::build::Lab;
use super::processes::{Nodes, processes};
use super::protocol::{MAX_REQUEST, Reply, Request, Stepped};
use super::{EVENTS, HolderError, Signals};
use crate::args::GraphFormat;
use crate::exit::Exit;
use crate::node::Deaths;
use crate::plan::Undone;
use crate::report::text;
use crate::run::standing::{Parts, Standing};
use crate::topology::by_hand::ByHand;

/// How many clients may be connected; further ones wait.
pub(super) const CLIENTS: usize = 32;
/// How long a client may take to say what it wants, and to take the answer.
pub(super) const CLIENT_TIME: Duration = Duration::from_secs(5);

/// What a client waits for.
pub(super) struct Order {
    pub(super) what: What,
    pub(super) client: UnixStream,
}

/// What is done one after the other.
pub(super) enum What {
    Step {
        text: String,
        colour: bool,
        made: Vec<ByHand>,
    },
    Status,
    Graph(GraphFormat, Option<Ipv4Addr>),
    Explain {
        receiver: String,
        source: String,
    },
    Apply(Wanted),
}

/// What the clients' tasks reach.
#[derive(Clone)]
pub(super) struct Desk {
    pub(super) nodes: Rc<RefCell<Nodes>>,
    pub(super) deaths: Deaths,
    pub(super) orders: mpsc::Sender<Order>,
    pub(super) down: mpsc::Sender<UnixStream>,
}

/// What ends the time in which a lab is the same.
enum Ending {
    /// It becomes another.
    Apply(Wanted, UnixStream),
    /// It gets receivers or sources by hand, for the step that is ordered.
    Extend(Vec<ByHand>, Order),
    /// It goes, and perhaps a client is told.
    Down(Option<UnixStream>),
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
    let mut held = Held {
        job: lab.job,
        network: lab.network,
        folders: lab.folders,
        source: lab.job.source.clone(),
        parts: Some(Parts::new(lab.daemons)),
        undone: Undone::new(),
    };
    let served = match nodes {
        Ok(nodes) if told => {
            until_down(&lab.listener, nodes, &mut held, &events, &mut signals).await
        }
        Ok(_) => Err(HolderError::Abandoned),
        Err(error) => Err(error),
    };
    let stopped = match held.parts.take() {
        Some(parts) => parts.end(held.made(&events)).await,
        None => Vec::new(),
    };
    let mut errors: Vec<String> = stopped.iter().map(ToString::to_string).collect();
    let removed = held.network.teardown().await;
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
    held: &mut Held<'_>,
    events: &Path,
    signals: &mut Signals,
) -> Result<Option<UnixStream>, HolderError> {
    let (orders, mut ordered) = mpsc::channel(CLIENTS);
    let (down, mut wanted) = mpsc::channel(1);
    let nodes = Rc::new(RefCell::new(nodes));
    let desk = Desk {
        nodes: Rc::clone(&nodes),
        deaths: held.deaths(),
        orders,
        down,
    };
    let accepting = accept_all(listener, desk);
    tokio::pin!(accepting);
    let mut first = None;
    loop {
        let Some(parts) = held.parts.take() else {
            return Ok(None);
        };
        let mut standing = Standing::new(held.made(events), parts);
        let ending = tokio::select! {
            ending = step_by_step(&mut standing, &mut first, &mut ordered) => Ok(ending),
            failed = &mut accepting => Err(failed),
            client = wanted.recv() => Ok(Ending::Down(client)),
            () = signals.any() => Ok(Ending::Down(None)),
        };
        held.parts = Some(standing.apart());
        let (asked, client) = match ending? {
            Ending::Apply(asked, client) => (asked, client),
            Ending::Extend(made, mut order) => {
                match held.extend(&made).await {
                    Ok(()) => first = Some(order),
                    Err(reply) => drop(timeout(CLIENT_TIME, send(&mut order.client, &reply)).await),
                }
                continue;
            }
            Ending::Down(client) => return Ok(client),
        };
        tokio::select! {
            () = held.apply(asked, client) => {}
            failed = &mut accepting => return Err(failed),
            client = wanted.recv() => return Ok(client),
            () = signals.any() => return Ok(None),
        }
        match Nodes::of(held.network.topology(), &held.network) {
            Ok(now) => drop(nodes.replace(now)),
            Err(error) => anstream::eprintln!("lab: cannot look at the namespaces: {error}"),
        }
    }
}

/// Takes clients for as long as that can be done.
pub(super) async fn accept_all(listener: &UnixListener, desk: Desk) -> HolderError {
    let places = Arc::new(Semaphore::new(CLIENTS));
    loop {
        let place = Arc::clone(&places).acquire_owned().await;
        let client = match listener.accept().await {
            Ok((client, _)) => client,
            Err(error) => return HolderError::system("accept a client")(error),
        };
        let desk = desk.clone();
        spawn_local(async move {
            // A client that misbehaves or leaves harms itself alone.
            timeout(CLIENT_TIME, answer(client, &desk)).await.ok();
            drop(place);
        });
    }
}

/// Does the steps that are ordered, until the lab is to become another.
async fn step_by_step(
    standing: &mut Standing<'_>,
    first: &mut Option<Order>,
    ordered: &mut mpsc::Receiver<Order>,
) -> Ending {
    loop {
        let next = match first.take() {
            Some(first) => Some(first),
            None => ordered.recv().await,
        };
        let Some(Order { what, mut client }) = next else {
            return std::future::pending().await;
        };
        let told = match what {
            What::Step { text, colour, made } if !made.is_empty() => {
                let what = What::Step {
                    text,
                    colour,
                    made: Vec::new(),
                };
                return Ending::Extend(made, Order { what, client });
            }
            What::Step { text, colour, .. } => {
                let stepped = step(standing, &text, colour).await;
                timeout(CLIENT_TIME, send(&mut client, &done(stepped))).await
            }
            What::Status => {
                let reply = standing.status().await.map_or_else(failed, done);
                timeout(CLIENT_TIME, send(&mut client, &reply)).await
            }
            What::Graph(format, group) => {
                let drawn = standing.drawn(format, group).await;
                let reply = drawn.map_or_else(failed, done);
                timeout(CLIENT_TIME, send(&mut client, &reply)).await
            }
            What::Explain { receiver, source } => {
                let told = standing.explain(&receiver, &source).await;
                let reply = told.map_or_else(mistaken, done);
                timeout(CLIENT_TIME, send(&mut client, &reply)).await
            }
            What::Apply(wanted) => return Ending::Apply(wanted, client),
        };
        // It did what it was asked for; whoever asked may have left.
        drop(told);
    }
}

pub(super) fn done<T>(answer: T) -> Reply<T> {
    Reply::Done { answer }
}

pub(super) fn failed<T>(message: String) -> Reply<T> {
    let exit = Exit::Infrastructure.code();
    Reply::Refused { message, exit }
}

/// The client's own fault.
pub(super) fn mistaken<T>(message: String) -> Reply<T> {
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
            let dead = desk.deaths.now();
            let reply = done(processes(&desk.nodes.borrow(), &dead)?);
            send(&mut client, &reply).await
        }
        Ok(Request::Step { text, colour, made }) => {
            order(client, What::Step { text, colour, made }, desk).await
        }
        Ok(Request::Status {}) => order(client, What::Status, desk).await,
        Ok(Request::Graph { format, group }) => {
            order(client, What::Graph(format, group), desk).await
        }
        Ok(Request::Explain { receiver, source }) => {
            order(client, What::Explain { receiver, source }, desk).await
        }
        Ok(Request::Apply {
            file,
            vars,
            env,
            dry_run,
        }) => {
            let wanted = Wanted {
                file,
                vars,
                env,
                dry_run,
            };
            order(client, What::Apply(wanted), desk).await
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

pub(super) async fn send<T: Serialize>(
    client: &mut UnixStream,
    reply: &Reply<T>,
) -> io::Result<()> {
    let mut line = serde_json::to_vec(reply)?;
    line.push(b'\n');
    client.write_all(&line).await
}
