//! Answering requests until one of them, or a signal, ends the lab. Each
//! connection is a task of its own: a silent client keeps nobody waiting.

use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::spawn_local;
use tokio::time::timeout;

use super::build::Lab;
use super::processes::{Nodes, processes};
use super::protocol::{MAX_REQUEST, Reply, Request};
use super::{HolderError, Signals};

/// How many clients may be connected; further ones wait.
const CLIENTS: usize = 32;
/// How long a client may take to say what it wants, and to take the answer.
const CLIENT_TIME: Duration = Duration::from_secs(5);

/// Serves until the lab is to end, and ends it.
pub(super) async fn serve(lab: Lab, mut signals: Signals) -> Result<(), HolderError> {
    let nodes = Nodes::of(&lab.topology, &lab.network);
    let nodes = Rc::new(nodes.map_err(HolderError::system("look at the namespaces"))?);
    let places = Arc::new(Semaphore::new(CLIENTS));
    let (down, mut wanted) = mpsc::channel(1);
    let last_client = loop {
        let accepted = async {
            let place = Arc::clone(&places).acquire_owned().await;
            (place, lab.listener.accept().await)
        };
        tokio::select! {
            (place, accepted) = accepted => {
                let (client, _) = accepted.map_err(HolderError::system("accept a client"))?;
                let (nodes, down) = (Rc::clone(&nodes), down.clone());
                spawn_local(async move {
                    // A client that misbehaves or leaves harms itself alone.
                    timeout(CLIENT_TIME, answer(client, &nodes, &down)).await.ok();
                    drop(place);
                });
            }
            client = wanted.recv() => break client,
            () = signals.any() => break None,
        }
    };
    let errors = lab.end().await;
    for error in &errors {
        anstream::eprintln!("lab: {error}");
    }
    if let Some(mut client) = last_client {
        let told = timeout(CLIENT_TIME, send(&mut client, &Reply::Down { errors })).await;
        drop(told);
    }
    Ok(())
}

/// Answers one request. The client that wants the lab's end gets its answer
/// when that has come.
async fn answer(
    mut client: UnixStream,
    nodes: &Nodes,
    down: &mpsc::Sender<UnixStream>,
) -> io::Result<()> {
    let mut line = Vec::new();
    BufReader::new((&mut client).take(MAX_REQUEST))
        .read_until(b'\n', &mut line)
        .await?;
    match serde_json::from_slice(&line) {
        Ok(Request::Processes {}) => {
            let reply = Reply::Processes {
                processes: processes(nodes)?,
            };
            send(&mut client, &reply).await
        }
        Ok(Request::Down {}) => down.send(client).await.map_err(io::Error::other),
        Err(error) => {
            let message = format!("not a request: {error}");
            send(&mut client, &Reply::Refused { message }).await
        }
    }
}

async fn send(client: &mut UnixStream, reply: &Reply) -> io::Result<()> {
    let mut line = serde_json::to_vec(reply)?;
    line.push(b'\n');
    client.write_all(&line).await
}
