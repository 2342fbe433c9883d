//! A blocking client, for command lines and tests.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::state::Page;
use crate::{Failure, Hello, MAX_LINE, Method, PROTOCOL, Reply, Request};

/// Why a call did not return a result.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The daemon is not there, or its socket cannot be opened.
    #[error("cannot reach mcrd at {path}: {source}", path = path.display())]
    Unreachable {
        /// The socket.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It answers in another protocol version.
    #[error("mcrd {version} speaks control protocol {theirs}, this program {PROTOCOL}")]
    Version {
        /// Its program version.
        version: String,
        /// Its protocol version.
        theirs: u32,
    },
    /// The connection broke.
    #[error("the connection to mcrd broke: {0}")]
    Broken(#[from] io::Error),
    /// The answer is not what the protocol says.
    #[error("mcrd sent an answer that cannot be read: {0}")]
    Garbled(String),
    /// The daemon refused.
    #[error("{}", .0.message)]
    Refused(Failure),
}

/// A connection to the daemon.
#[derive(Debug)]
pub struct Client {
    stream: BufReader<UnixStream>,
    next_id: u64,
    /// What the daemon said of itself.
    pub hello: Hello,
}

impl Client {
    /// Connects and reads the hello line; every later call waits at most
    /// `timeout` for each read and write.
    ///
    /// # Errors
    /// Nobody listens, or it speaks another version.
    pub fn connect(path: &Path, timeout: Duration) -> Result<Client, ClientError> {
        let unreachable = |source| ClientError::Unreachable {
            path: path.to_owned(),
            source,
        };
        let stream = UnixStream::connect(path).map_err(unreachable)?;
        stream.set_read_timeout(Some(timeout))?;
        stream.set_write_timeout(Some(timeout))?;
        let mut stream = BufReader::new(stream);
        let line = read_line(&mut stream).map_err(unreachable)?;
        let hello: Hello =
            serde_json::from_str(&line).map_err(|error| ClientError::Garbled(error.to_string()))?;
        if hello.mcr != PROTOCOL {
            return Err(ClientError::Version {
                version: hello.version,
                theirs: hello.mcr,
            });
        }
        Ok(Client {
            stream,
            next_id: 1,
            hello,
        })
    }

    /// Asks one thing and reads the answer as the type that the method's
    /// documentation names.
    ///
    /// # Errors
    /// The connection broke, or the daemon refused.
    pub fn call<T: DeserializeOwned>(&mut self, method: Method) -> Result<T, ClientError> {
        let id = self.next_id;
        self.next_id += 1;
        let garbled = |error: serde_json::Error| ClientError::Garbled(error.to_string());
        let mut line = serde_json::to_string(&Request { id, method }).map_err(garbled)?;
        line.push('\n');
        self.stream.get_mut().write_all(line.as_bytes())?;
        let reply: Reply = serde_json::from_str(&read_line(&mut self.stream)?).map_err(garbled)?;
        if let Some(failure) = reply.error {
            return Err(ClientError::Refused(failure));
        }
        if reply.id != Some(id) {
            return Err(ClientError::Garbled(format!(
                "the answer to {:?} came for {id}",
                reply.id
            )));
        }
        serde_json::from_value(reply.result.unwrap_or(Value::Null)).map_err(garbled)
    }

    /// Reads all pages of a list.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub fn pages<T: DeserializeOwned>(
        &mut self,
        method: impl Fn(Option<String>) -> Method,
    ) -> Result<Vec<T>, ClientError> {
        let mut all = Vec::new();
        let mut cursor = None;
        loop {
            let page: Page<T> = self.call(method(cursor))?;
            all.extend(page.items);
            match page.next {
                Some(next) => cursor = Some(next),
                None => return Ok(all),
            }
        }
    }
}

fn read_line(stream: &mut BufReader<UnixStream>) -> io::Result<String> {
    let mut line = String::new();
    let limit = u64::try_from(MAX_LINE).unwrap_or(u64::MAX);
    stream.by_ref().take(limit).read_line(&mut line)?;
    if !line.ends_with('\n') {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(line)
}
