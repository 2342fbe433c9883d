//! Listening to a mcrd: the events of its control socket.

use std::path::Path;

use mcr_api::router::WatchLine;
use mcr_api::{Hello, MAX_LINE, Method, PROTOCOL, Reply, Request};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;

use super::{Notice, Shared, What, lock};
use crate::clock::now_ns;
use crate::topology::model::NodeId;

/// Listens until the daemon ends.
///
/// # Errors
/// Why it does not tell.
pub(super) async fn listen(node: NodeId, socket: &Path, shared: &Shared) -> Result<(), String> {
    let broken = |error: std::io::Error| format!("its control socket: {error}");
    let stream = UnixStream::connect(socket).await.map_err(broken)?;
    let mut lines = BufReader::new(stream);
    let hello = line(&mut lines).await.map_err(broken)?.unwrap_or_default();
    let hello: Hello = read(&hello)?;
    if hello.mcr != PROTOCOL {
        return Err(format!("it speaks control protocol {}", hello.mcr));
    }
    let method = Method::Watch {};
    let mut asked = serde_json::to_string(&Request { id: 1, method }).map_err(|e| e.to_string())?;
    asked.push('\n');
    let sent = lines.get_mut().write_all(asked.as_bytes()).await;
    sent.map_err(broken)?;
    let reply = line(&mut lines).await.map_err(broken)?.unwrap_or_default();
    let reply: Reply = read(&reply)?;
    if let Some(failure) = reply.error {
        return Err(failure.message);
    }
    let mut began_ns = None;
    while let Ok(Some(text)) = line(&mut lines).await {
        let told: WatchLine = read(&text)?;
        let at_ns = moment(now_ns(), told.time, &mut began_ns);
        let mut ring = lock(shared);
        if told.missed > 0 {
            let what = What::Missed(told.missed);
            ring.push(Notice { at_ns, node, what });
        }
        let what = What::Router(told.event);
        ring.push(Notice { at_ns, node, what });
    }
    Ok(())
}

/// The moment of an event on our clock. The daemon counts from its own start,
/// and no event comes before it happened: the one that took the shortest way to
/// us tells best when that start was.
pub(super) fn moment(now_ns: u64, seconds: f64, began_ns: &mut Option<u64>) -> u64 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a daemon's age in nanoseconds"
    )]
    let age = (seconds.max(0.0) * 1e9) as u64;
    let latest = now_ns.saturating_sub(age);
    let began = began_ns.map_or(latest, |began| began.min(latest));
    *began_ns = Some(began);
    began.saturating_add(age)
}

/// The next line; `None` at the end.
async fn line(lines: &mut BufReader<UnixStream>) -> std::io::Result<Option<String>> {
    let mut bytes = Vec::new();
    let mut limited = lines.take(MAX_LINE as u64);
    match limited.read_until(b'\n', &mut bytes).await? {
        0 => Ok(None),
        _ => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
    }
}

fn read<T: serde::de::DeserializeOwned>(line: &str) -> Result<T, String> {
    serde_json::from_str(line).map_err(|error| format!("its answer cannot be read: {error}"))
}
