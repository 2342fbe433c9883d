//! A run that pauses answers what a lab that stays does, as far as it is about
//! looking: what is done to the lab would be no part of the run's report.

use std::cell::RefCell;
use std::io;
use std::rc::Rc;

use tokio::net::{UnixListener, UnixStream};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::processes::Nodes;
use super::protocol::Reply;
use super::serve::{CLIENT_TIME, CLIENTS, Desk, Order, What, accept_all, done, mistaken, send};
use crate::run::pause::Look;

/// Answers until a client wants the lab down, which is returned.
///
/// # Errors
/// Those of the socket.
pub async fn serve(listener: &UnixListener, lab: &Look<'_, '_>) -> io::Result<UnixStream> {
    let nodes = Nodes::of(lab.topology(), lab.network())?;
    let (orders, mut ordered) = mpsc::channel(CLIENTS);
    let (down, mut wanted) = mpsc::channel(1);
    let desk = Desk {
        nodes: Rc::new(RefCell::new(nodes)),
        deaths: lab.deaths(),
        orders,
        down,
    };
    let answering = async {
        while let Some(order) = ordered.recv().await {
            answer(lab, order).await;
        }
    };
    tokio::select! {
        failed = accept_all(listener, desk) => Err(io::Error::other(failed.to_string())),
        Some(client) = wanted.recv() => Ok(client),
        () = answering => Err(io::ErrorKind::BrokenPipe.into()),
    }
}

async fn answer(lab: &Look<'_, '_>, Order { what, mut client }: Order) {
    let client = &mut client;
    let told = match what {
        What::Status => {
            let reply = done(lab.status().await);
            timeout(CLIENT_TIME, send(client, &reply)).await
        }
        What::Graph(format, group) => {
            let reply = done(lab.drawn(format, group).await);
            timeout(CLIENT_TIME, send(client, &reply)).await
        }
        What::Explain { receiver, source } => {
            let told = lab.explain(&receiver, &source).await;
            let reply = told.map_or_else(mistaken, done);
            timeout(CLIENT_TIME, send(client, &reply)).await
        }
        What::Step { .. } | What::Apply(_) => {
            let why = "the lab belongs to a run of `lab test` that pauses: it can be \
                       looked at, and commands run in its nodes (`lab exec`, `lab sh`)";
            let reply: Reply<()> = mistaken(why.to_owned());
            timeout(CLIENT_TIME, send(client, &reply)).await
        }
    };
    // Whoever asked may have left.
    drop(told);
}
