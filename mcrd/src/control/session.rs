//! One client: a line in, a line out.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use mcr_api::state::Version;
use mcr_api::{ErrorCode, Failure, Hello, MAX_LINE, Method, PROTOCOL, Reply, Request};
use mcr_config::{Loaded, Problems};
use serde::Serialize;
use serde_json::{Value, json};
use tokio::net::UnixStream;
use tokio::sync::{OwnedSemaphorePermit, oneshot};
use tokio::time::timeout;
use tokio_util::codec::{Framed, LinesCodec, LinesCodecError};
use tracing::{debug, info};

use super::server::Shared;
use super::watch::Events;
use super::{Answer, Ask, What};
use crate::config::save;

/// How long a line that was begun may take, and an answer may stay unread. A
/// client that says nothing may be silent for ever.
const DEADLINE: Duration = Duration::from_secs(10);

/// The most mistakes that one answer tells.
const MAX_PROBLEMS: usize = 100;

pub(super) type Lines = Framed<UnixStream, LinesCodec>;

/// Why a connection ended.
pub(super) enum End {
    /// The client closed it.
    Closed,
    /// It did not finish a line, or read an answer, in time.
    TooSlow(&'static str),
    /// It broke.
    Broken(String),
}

fn lines(stream: UnixStream) -> Lines {
    // The limit is without the newline.
    Framed::new(stream, LinesCodec::new_with_max_length(MAX_LINE - 1))
}

/// Serves the client until it leaves.
pub(super) async fn run(stream: UnixStream, shared: &Shared) {
    let who = match stream.peer_cred() {
        Ok(peer) => match peer.pid() {
            Some(pid) => format!("uid {} pid {pid}", peer.uid()),
            None => format!("uid {}", peer.uid()),
        },
        Err(_) => "unknown".to_owned(),
    };
    debug!(target: "control", %who, "client connected");
    let mut session = Session {
        lines: lines(stream),
        shared,
        who,
        text: None,
        events: None,
    };
    match session.serve().await {
        End::Closed => debug!(target: "control", who = session.who, "client left"),
        End::TooSlow(what) => info!(target: "control", who = session.who, "closed: {what}"),
        End::Broken(reason) => debug!(target: "control", who = session.who, "broke: {reason}"),
    }
}

/// Tells a client that there are too many.
pub(super) async fn refuse(stream: UnixStream, most: usize) {
    let mut lines = lines(stream);
    let refusal = Reply {
        id: None,
        result: None,
        error: Some(failure(
            ErrorCode::Limit,
            format!("{most} clients are connected, which is the limit"),
        )),
    };
    for line in [encode(&hello()), encode(&refusal)] {
        if !matches!(timeout(DEADLINE, lines.send(line)).await, Ok(Ok(()))) {
            return;
        }
    }
}

fn hello() -> Hello {
    Hello {
        mcr: PROTOCOL,
        version: env!("CARGO_PKG_VERSION").to_owned(),
    }
}

/// A text that is being sent in parts.
struct Upload {
    name: String,
    text: String,
    room: Vec<OwnedSemaphorePermit>,
}

pub(super) struct Session<'a> {
    pub(super) lines: Lines,
    pub(super) shared: &'a Shared,
    who: String,
    text: Option<Upload>,
    /// The client is to be told of events from now on.
    pub(super) events: Option<Events>,
}

impl Session<'_> {
    async fn serve(&mut self) -> End {
        if let Err(end) = self.send(encode(&hello())).await {
            return end;
        }
        loop {
            let reply = match self.line().await {
                Ok(line) => self.reply(&line).await,
                Err(Unreadable::Line(message)) => Reply {
                    id: None,
                    result: None,
                    error: Some(failure(ErrorCode::BadRequest, message)),
                },
                Err(Unreadable::Connection(end)) => return end,
            };
            if let Err(end) = self.send(encode_reply(reply)).await {
                return end;
            }
            if let Some(events) = self.events.take() {
                return self.watch(events).await;
            }
        }
    }

    async fn line(&mut self) -> Result<String, Unreadable> {
        let broken = |error: std::io::Error| Unreadable::Connection(End::Broken(error.to_string()));
        if self.lines.read_buffer().is_empty() {
            self.lines.get_ref().readable().await.map_err(broken)?;
        }
        match timeout(DEADLINE, self.lines.next()).await {
            Ok(Some(Ok(line))) => Ok(line),
            Ok(Some(Err(error))) => {
                // Framed says None once after an error, then goes on.
                if let Ok(Some(_)) = timeout(DEADLINE, self.lines.next()).await {
                    return Err(Unreadable::Connection(End::Broken(error.to_string())));
                }
                match error {
                    LinesCodecError::MaxLineLengthExceeded => Err(Unreadable::Line(format!(
                        "a line is longer than {MAX_LINE} bytes; send large changes in parts \
                         (config.begin, config.put)"
                    ))),
                    LinesCodecError::Io(error)
                        if error.kind() == std::io::ErrorKind::InvalidData =>
                    {
                        Err(Unreadable::Line("the line is not UTF-8".to_owned()))
                    }
                    LinesCodecError::Io(error) => Err(broken(error)),
                }
            }
            Ok(None) => Err(Unreadable::Connection(End::Closed)),
            Err(_) => Err(Unreadable::Connection(End::TooSlow(
                "a line was not finished within 10 s",
            ))),
        }
    }

    async fn send(&mut self, line: String) -> Result<(), End> {
        match timeout(DEADLINE, self.lines.send(line)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(End::Broken(error.to_string())),
            Err(_) => Err(End::TooSlow("an answer was not read within 10 s")),
        }
    }

    async fn reply(&mut self, line: &str) -> Reply {
        let (id, answer) = match parse(line) {
            Ok(request) => (Some(request.id), self.answer(request.method).await),
            Err((id, refusal)) => (id, Err(refusal)),
        };
        match answer {
            Ok(result) => Reply {
                id,
                result: Some(result),
                error: None,
            },
            Err(error) => Reply {
                id,
                result: None,
                error: Some(error),
            },
        }
    }

    async fn answer(&mut self, method: Method) -> Answer {
        match method {
            Method::Version {} => value(&Version {
                version: env!("CARGO_PKG_VERSION").to_owned(),
                protocol: PROTOCOL,
            }),
            Method::Status {} => self.ask(What::Status).await,
            Method::RulesList { cursor } => self.ask(What::RulesList { cursor }).await,
            Method::RulesShow { name } => self.ask(What::RulesShow { name }).await,
            Method::RulesAdd { rules } => self.ask(What::RulesAdd { rules }).await,
            Method::RulesRemove { names } => self.ask(What::RulesRemove { names }).await,
            Method::StatsRules { cursor } => self.ask(What::StatsRules { cursor }).await,
            Method::StatsInputs {} => self.ask(What::StatsInputs).await,
            Method::Workers {} => self.ask(What::Workers).await,
            Method::Interfaces {} => self.ask(What::Interfaces).await,
            Method::ConfigShow {} => self.ask(What::ConfigShow).await,
            Method::ConfigBegin { name } => {
                self.text = Some(Upload {
                    name,
                    text: String::new(),
                    room: Vec::new(),
                });
                Ok(json!({}))
            }
            Method::ConfigPut { text } => self.put(&text),
            Method::ConfigCheck { merge } => self.load_text(merge, false).await,
            Method::ConfigLoad { merge } => self.load_text(merge, true).await,
            Method::ConfigReload {} => self.load_start_file(true).await,
            Method::ConfigDiff {} => self.load_start_file(false).await,
            Method::ConfigSave { path } => self.save(path).await,
            Method::PimInterfaces {} => self.ask(What::PimInterfaces).await,
            Method::PimNeighbors {} => self.ask(What::PimNeighbors).await,
            Method::PimRps {} => self.ask(What::PimRps).await,
            Method::PimRp { group } => self.ask(What::PimRp { group }).await,
            Method::Rpf { address, group } => self.ask(What::Rpf { address, group }).await,
            Method::IgmpInterfaces {} => self.ask(What::IgmpInterfaces).await,
            Method::IgmpGroups { cursor } => self.ask(What::IgmpGroups { cursor }).await,
            Method::Mroute { group, cursor } => self.ask(What::Mroute { group, cursor }).await,
            Method::StatsProtocols {} => self.ask(What::StatsProtocols).await,
            Method::Watch {} => self.start_watching().await,
            Method::LogGet {} => self.ask(What::LogGet).await,
            Method::LogSet { facility, level } => self.ask(What::LogSet { facility, level }).await,
        }
    }

    pub(super) async fn ask(&self, what: What) -> Answer {
        let (reply, answer) = oneshot::channel();
        let ask = Ask {
            what,
            who: self.who.clone(),
            reply,
        };
        let ending = || failure(ErrorCode::Failed, "the daemon is ending");
        self.shared.asks.send(ask).await.map_err(|_| ending())?;
        answer.await.map_err(|_| ending())?
    }

    fn put(&mut self, text: &str) -> Answer {
        let Some(upload) = &mut self.text else {
            return Err(failure(
                ErrorCode::BadRequest,
                "config.put comes after config.begin",
            ));
        };
        if upload.text.len() + text.len() > mcr_config::MAX_FILE {
            self.text = None;
            return Err(failure(
                ErrorCode::Limit,
                format!("the text is longer than {} bytes", mcr_config::MAX_FILE),
            ));
        }
        let wanted = u32::try_from(text.len()).unwrap_or(u32::MAX);
        match Arc::clone(&self.shared.uploads).try_acquire_many_owned(wanted) {
            Ok(permit) => upload.room.push(permit),
            Err(_) => {
                self.text = None;
                return Err(failure(
                    ErrorCode::Limit,
                    "too much configuration text is being sent by all clients together; try again",
                ));
            }
        }
        upload.text.push_str(text);
        Ok(json!({}))
    }

    async fn load_text(&mut self, merge: bool, apply: bool) -> Answer {
        let Some(upload) = self.text.take() else {
            return Err(failure(
                ErrorCode::BadRequest,
                "there is no text: send it with config.begin and config.put",
            ));
        };
        let (loaded, upload) = blocking(move || {
            let loaded = mcr_config::parse(&upload.name, &upload.text);
            (loaded, upload)
        })
        .await?;
        if apply {
            drop(upload);
        } else {
            // A check can be followed by a load of the same text.
            self.text = Some(upload);
        }
        let loaded = Box::new(loaded.map_err(|problems| refusal(&problems))?);
        self.ask(What::ConfigLoad {
            loaded,
            merge,
            apply,
        })
        .await
    }

    async fn load_start_file(&self, apply: bool) -> Answer {
        let Some(path) = self.shared.start_file.clone() else {
            return Err(failure(
                ErrorCode::NotFound,
                "the daemon was started without a configuration file",
            ));
        };
        let loaded = read(path).await?.map_err(|problems| refusal(&problems))?;
        self.ask(What::ConfigLoad {
            loaded: Box::new(loaded),
            merge: false,
            apply,
        })
        .await
    }

    async fn save(&self, path: Option<String>) -> Answer {
        let path = match (path, &self.shared.start_file) {
            (Some(path), _) => PathBuf::from(path),
            (None, Some(path)) => path.clone(),
            (None, None) => {
                return Err(failure(
                    ErrorCode::Invalid,
                    "the daemon was started without a configuration file, so name the file",
                ));
            }
        };
        if !path.is_absolute() && Some(&path) != self.shared.start_file.as_ref() {
            return Err(failure(
                ErrorCode::Invalid,
                format!("{} is not an absolute path", path.display()),
            ));
        }
        let whole = self.ask(What::ConfigWhole).await?;
        let saved = blocking(move || {
            let file = serde_json::from_value(whole).map_err(|error| error.to_string())?;
            save::save(Path::new(&path), &file)
        })
        .await?;
        let saved = saved.map_err(|reason| failure(ErrorCode::Failed, reason))?;
        info!(target: "config", who = self.who, path = saved.path, rules = saved.rules, "saved");
        value(&saved)
    }
}

/// Why there is no next line.
enum Unreadable {
    /// The line is not one, but the next may be.
    Line(String),
    /// There will be none.
    Connection(End),
}

/// Reads and checks the file beside the event loop.
pub(crate) async fn read(path: PathBuf) -> Result<Result<Loaded, Problems>, Failure> {
    blocking(move || mcr_config::load(&path)).await
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Failure> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| failure(ErrorCode::Failed, error.to_string()))
}

pub(super) fn failure(code: ErrorCode, message: impl Into<String>) -> Failure {
    Failure {
        code,
        message: message.into(),
        problems: Vec::new(),
    }
}

pub(super) fn value(result: &impl Serialize) -> Answer {
    serde_json::to_value(result).map_err(|error| failure(ErrorCode::Failed, error.to_string()))
}

pub(super) fn refusal(problems: &Problems) -> Failure {
    let all = problems.to_api();
    Failure {
        code: ErrorCode::Invalid,
        message: match all.len() {
            1 => "the configuration has a mistake".to_owned(),
            count => format!("the configuration has {count} mistakes"),
        },
        problems: all.into_iter().take(MAX_PROBLEMS).collect(),
    }
}

pub(super) fn encode(line: &impl Serialize) -> String {
    serde_json::to_string(line).unwrap_or_else(|error| {
        format!(r#"{{"id":null,"error":{{"code":"failed","message":"{error}"}}}}"#)
    })
}

/// The reply as a line that is not too long.
fn encode_reply(mut reply: Reply) -> String {
    let line = encode(&reply);
    if line.len() < MAX_LINE {
        return line;
    }
    if let Some(error) = &mut reply.error {
        for problem in &mut error.problems {
            problem.rendered = None;
        }
        error.problems.truncate(20);
        let line = encode(&reply);
        if line.len() < MAX_LINE {
            return line;
        }
    }
    encode(&Reply {
        id: reply.id,
        result: None,
        error: Some(failure(
            ErrorCode::Limit,
            format!("the answer is longer than {MAX_LINE} bytes"),
        )),
    })
}

/// Reads a request. What is wrong with one is told with its id, if it has one.
fn parse(line: &str) -> Result<Request, (Option<u64>, Failure)> {
    let error = match serde_json::from_str::<Request>(line) {
        Ok(request) => return Ok(request),
        Err(error) => error.to_string(),
    };
    let Ok(Value::Object(fields)) = serde_json::from_str::<Value>(line) else {
        let message = format!("the line is not a request: {error}");
        return Err((None, failure(ErrorCode::BadRequest, message)));
    };
    let id = fields.get("id").and_then(Value::as_u64);
    let code = match fields.get("method") {
        Some(Value::String(_)) if error.contains("unknown variant") => ErrorCode::UnknownMethod,
        Some(Value::String(_)) if id.is_some() => ErrorCode::Invalid,
        Some(_) | None => ErrorCode::BadRequest,
    };
    let message = match code {
        ErrorCode::UnknownMethod => "there is no such method".to_owned(),
        ErrorCode::BadRequest
        | ErrorCode::Invalid
        | ErrorCode::NotFound
        | ErrorCode::Exists
        | ErrorCode::Limit
        | ErrorCode::Failed => error,
    };
    Err((id, failure(code, message)))
}

#[cfg(test)]
mod tests;
