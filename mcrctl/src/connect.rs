//! Finding the daemon's socket.

use std::env;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use mcr_api::client::{Client, ClientError, SYSTEM_SOCKET, USER_SOCKET};

use crate::args::Global;
use crate::error::Error;

/// How long an answer may take.
const ANSWER: Duration = Duration::from_secs(5);

/// How long it may take where thousands of rules are compiled for it.
const WHOLE_CONFIGURATION: Duration = Duration::from_secs(60);

/// Connects as [`connect`] does, for questions whose answer takes long.
pub(crate) fn connect_for_long(global: &Global) -> Result<Client, Error> {
    let mut client = connect(global)?;
    if global.timeout.is_none() {
        client.set_timeout(WHOLE_CONFIGURATION);
    }
    Ok(client)
}

/// Connects to the socket that was named, or to the first of the usual ones
/// that exists.
pub(crate) fn connect(global: &Global) -> Result<Client, Error> {
    let named = global.socket.clone();
    let candidates = named.map_or_else(usual, |path| vec![path]);
    let timeout = global.timeout.map_or(ANSWER, |span| span.0);
    let mut reason = None;
    for path in &candidates {
        match Client::connect(path, timeout) {
            Ok(client) => return Ok(client),
            Err(ClientError::Unreachable { source, .. }) if is_absent(&source) => {
                reason.get_or_insert(source);
            }
            Err(error) => return Err(error.into()),
        }
    }
    let places: Vec<String> = candidates
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    let why = reason.map_or_else(String::new, |reason| format!(": {reason}"));
    Err(Error::Unreachable(format!(
        "cannot reach mcrd at {}{why}\n\
         Is it running? Name another socket with --socket or MCR_SOCKET.",
        places.join(" or ")
    )))
}

fn usual() -> Vec<PathBuf> {
    let runtime = env::var_os("XDG_RUNTIME_DIR").filter(|folder| !folder.is_empty());
    let user = runtime.map(|folder| PathBuf::from(folder).join(USER_SOCKET));
    [Some(PathBuf::from(SYSTEM_SOCKET)), user]
        .into_iter()
        .flatten()
        .collect()
}

/// There is no such socket, or nobody behind it.
fn is_absent(error: &io::Error) -> bool {
    let absent = [io::ErrorKind::NotFound, io::ErrorKind::ConnectionRefused];
    absent.contains(&error.kind())
}
