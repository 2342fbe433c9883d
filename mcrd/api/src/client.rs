//! A blocking client, for command lines and tests.

use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::router::WatchLine;
use crate::state::Page;
use crate::{Failure, Hello, MAX_LINE, Method, PROTOCOL, Reply, Request};

#[cfg(test)]
mod tests;

/// Where the daemon listens when it runs as a system service.
pub const SYSTEM_SOCKET: &str = "/run/mcrd/control.sock";

/// Where it listens otherwise, below `$XDG_RUNTIME_DIR`.
pub const USER_SOCKET: &str = "mcrd/control.sock";

/// The most characters of a text in one `config.put`. Escaped, a character
/// takes six bytes at most, so the line stays below [`MAX_LINE`].
const PART: usize = 128 * 1024;

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
    /// It said nothing, or did not read, for as long as we wait.
    #[error("mcrd did not answer within {} s", .0.as_secs_f64())]
    Silent(Duration),
    /// The connection broke.
    #[error("the connection to mcrd broke: {0}")]
    Broken(io::Error),
    /// The answer is not what the protocol says.
    #[error("mcrd sent an answer that cannot be read: {0}")]
    Garbled(String),
    /// The request does not fit on a line; it was not sent.
    #[error("the request has {0} bytes, and a line at most {MAX_LINE}")]
    TooLong(usize),
    /// The daemon refused.
    #[error("{}", .0.message)]
    Refused(Failure),
}

impl ClientError {
    fn garbled(error: &serde_json::Error) -> ClientError {
        ClientError::Garbled(error.to_string())
    }
}

/// A connection to the daemon.
#[derive(Debug)]
pub struct Client {
    stream: BufReader<UnixStream>,
    timeout: Duration,
    next_id: u64,
    /// What the daemon said of itself.
    pub hello: Hello,
}

impl Client {
    /// Connects and reads the hello line; every later call waits at most
    /// `timeout` for its answer.
    ///
    /// # Errors
    /// Nobody listens, it is silent or refuses us, or it speaks another
    /// version.
    pub fn connect(path: &Path, timeout: Duration) -> Result<Client, ClientError> {
        let unreachable = |source| ClientError::Unreachable {
            path: path.to_owned(),
            source,
        };
        let stream = UnixStream::connect(path).map_err(unreachable)?;
        stream
            .set_write_timeout(Some(timeout))
            .map_err(unreachable)?;
        let mut stream = BufReader::new(stream);
        let line = read_line(&mut stream, Some(timeout))?;
        Ok(Client {
            hello: greet(&line)?,
            stream,
            timeout,
            next_id: 1,
        })
    }

    /// From now on waits so long for each answer.
    pub fn set_timeout(&mut self, timeout: Duration) {
        self.timeout = timeout;
    }

    /// Asks one thing and reads the answer as the type that the method's
    /// documentation names.
    ///
    /// # Errors
    /// The connection broke, or the daemon refused.
    pub fn call<T: DeserializeOwned>(&mut self, method: Method) -> Result<T, ClientError> {
        let id = self.next_id;
        self.next_id += 1;
        let mut line = serde_json::to_string(&Request { id, method })
            .map_err(|error| ClientError::garbled(&error))?;
        line.push('\n');
        if line.len() > MAX_LINE {
            return Err(ClientError::TooLong(line.len()));
        }
        let sent = self.stream.get_mut().write_all(line.as_bytes());
        let answer = match (sent, read_line(&mut self.stream, Some(self.timeout))) {
            // A server that hangs up may have said why before.
            (Ok(()) | Err(_), Ok(answer)) => answer,
            (Err(error), Err(_)) => return Err(broken(error, self.timeout)),
            (Ok(()), Err(error)) => return Err(error),
        };
        let reply: Reply =
            serde_json::from_str(&answer).map_err(|error| ClientError::garbled(&error))?;
        if let Some(failure) = reply.error {
            return Err(ClientError::Refused(failure));
        }
        if reply.id != Some(id) {
            return Err(ClientError::Garbled(format!(
                "the answer to {:?} came for {id}",
                reply.id
            )));
        }
        serde_json::from_value(reply.result.unwrap_or(Value::Null))
            .map_err(|error| ClientError::garbled(&error))
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
            let page: Page<T> = self.call(method(cursor.clone()))?;
            if page.items.is_empty() && page.next.is_some() {
                return Err(ClientError::Garbled("a page without items".to_owned()));
            }
            all.extend(page.items);
            if page.next.is_none() {
                return Ok(all);
            }
            if page.next == cursor {
                return Err(ClientError::Garbled("a list without an end".to_owned()));
            }
            cursor = page.next;
        }
    }

    /// Asks to be told of events, which come from now on.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub fn watch(mut self) -> Result<Watch, ClientError> {
        let _: Value = self.call(Method::Watch {})?;
        Ok(Watch {
            stream: self.stream,
        })
    }

    /// Sends the text of a configuration file in parts, for a
    /// [`Method::ConfigCheck`] or [`Method::ConfigLoad`] that follows. `name`
    /// is what error messages call it.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub fn put_config(&mut self, name: &str, text: &str) -> Result<(), ClientError> {
        let name = name.to_owned();
        let _: Value = self.call(Method::ConfigBegin { name })?;
        let mut rest = text;
        while !rest.is_empty() {
            let cut = rest
                .char_indices()
                .nth(PART)
                .map_or(rest.len(), |(at, _)| at);
            let (part, after) = rest.split_at(cut);
            let text = part.to_owned();
            let _: Value = self.call(Method::ConfigPut { text })?;
            rest = after;
        }
        Ok(())
    }
}

/// The events of a daemon.
#[derive(Debug)]
pub struct Watch {
    stream: BufReader<UnixStream>,
}

impl Watch {
    /// Waits for the next event, however long that takes.
    ///
    /// # Errors
    /// The connection broke, as it does when the daemon ends.
    pub fn next_event(&mut self) -> Result<WatchLine, ClientError> {
        let line = read_line(&mut self.stream, None)?;
        serde_json::from_str(&line).map_err(|error| ClientError::garbled(&error))
    }
}

/// Reads the server's first line: its hello, or why it does not serve us.
fn greet(line: &str) -> Result<Hello, ClientError> {
    let hello: Hello =
        serde_json::from_str(line).map_err(|not_hello| {
            match serde_json::from_str::<Reply>(line) {
                Ok(Reply {
                    error: Some(failure),
                    ..
                }) => ClientError::Refused(failure),
                Ok(_) | Err(_) => ClientError::garbled(&not_hello),
            }
        })?;
    if hello.mcr != PROTOCOL {
        return Err(ClientError::Version {
            version: hello.version,
            theirs: hello.mcr,
        });
    }
    Ok(hello)
}

fn broken(error: io::Error, timeout: Duration) -> ClientError {
    let waited = [io::ErrorKind::WouldBlock, io::ErrorKind::TimedOut];
    if waited.contains(&error.kind()) {
        ClientError::Silent(timeout)
    } else {
        ClientError::Broken(error)
    }
}

/// Reads a line of at most [`MAX_LINE`] bytes, within `timeout` where there is
/// one, however slowly it arrives.
fn read_line(
    stream: &mut BufReader<UnixStream>,
    timeout: Option<Duration>,
) -> Result<String, ClientError> {
    let end = timeout.map(|timeout| (timeout, Instant::now() + timeout));
    let mut line = Vec::new();
    loop {
        let left =
            end.map(|(timeout, end)| (timeout, end.saturating_duration_since(Instant::now())));
        if let Some((timeout, Duration::ZERO)) = left {
            return Err(ClientError::Silent(timeout));
        }
        let (timeout, left) = left.unzip();
        let timeout = timeout.unwrap_or_default();
        let wait = stream.get_ref().set_read_timeout(left);
        wait.map_err(|error| broken(error, timeout))?;
        let arrived = match stream.fill_buf() {
            Ok(arrived) => arrived,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(broken(error, timeout)),
        };
        if arrived.is_empty() {
            return Err(ClientError::Broken(io::ErrorKind::UnexpectedEof.into()));
        }
        let newline = arrived.iter().position(|byte| *byte == b'\n');
        let taken = newline.map_or(arrived.len(), |at| at + 1);
        line.extend_from_slice(&arrived[..taken]);
        stream.consume(taken);
        if line.len() > MAX_LINE {
            return Err(ClientError::Garbled(format!(
                "a line longer than {MAX_LINE} bytes"
            )));
        }
        if newline.is_some() {
            return String::from_utf8(line)
                .map_err(|error| ClientError::Garbled(error.to_string()));
        }
    }
}
