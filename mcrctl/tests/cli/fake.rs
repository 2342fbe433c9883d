//! A daemon that answers what the test wants.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

use mcr_api::{Failure, Hello, MAX_LINE, Method, PROTOCOL, Reply, Request};
use serde_json::Value;
use tempfile::TempDir;

/// What the daemon answers.
pub(crate) type Answer = Result<Value, Failure>;

type Handler = Arc<Mutex<dyn FnMut(Method) -> Answer + Send>>;

pub(crate) struct Fake {
    folder: TempDir,
    ends: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Fake {
    /// Serves connections, one after the other, until it is dropped.
    pub(crate) fn start(answer: impl FnMut(Method) -> Answer + Send + 'static) -> Fake {
        let handler: Handler = Arc::new(Mutex::new(answer));
        Fake::serving(move |stream| serve(stream, &handler))
    }

    /// Serves connections with `serve`.
    pub(crate) fn serving(serve: impl Fn(UnixStream) + Send + 'static) -> Fake {
        let folder = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(folder.path().join("control.sock")).unwrap();
        let ends = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&ends);
        let thread = thread::spawn(move || {
            for stream in listener.incoming() {
                if told.load(Ordering::SeqCst) {
                    return;
                }
                serve(stream.unwrap());
            }
        });
        Fake {
            folder,
            ends,
            thread: Some(thread),
        }
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.folder.path().join("control.sock")
    }

    /// mcrctl, to be asked this daemon.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = mcrctl(args);
        command.env("MCR_SOCKET", self.socket());
        command
    }

    pub(crate) fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::SeqCst);
        // Wakes the thread that accepts.
        drop(UnixStream::connect(self.socket()));
        let ended = self.thread.take().map(JoinHandle::join);
        if !thread::panicking() {
            ended.unwrap().unwrap();
        }
    }
}

/// mcrctl in an environment of its own.
pub(crate) fn mcrctl(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mcrctl"));
    command.args(args);
    command.env_clear();
    // Where coverage is measured, the program writes its figures here.
    if let Some(profile) = std::env::var_os("LLVM_PROFILE_FILE") {
        command.env("LLVM_PROFILE_FILE", profile);
    }
    command
}

fn serve(mut stream: UnixStream, handler: &Handler) {
    let hello = Hello {
        mcr: PROTOCOL,
        version: "0.1.0".to_owned(),
    };
    if writeln!(stream, "{}", serde_json::to_string(&hello).unwrap()).is_err() {
        return;
    }
    for line in BufReader::new(stream.try_clone().unwrap()).lines() {
        let line = line.unwrap();
        assert!(line.len() < MAX_LINE, "a request of {} bytes", line.len());
        let request: Request = serde_json::from_str(&line).unwrap();
        let answer = handler.lock().unwrap()(request.method);
        let (result, error) = match answer {
            Ok(result) => (Some(result), None),
            Err(failure) => (None, Some(failure)),
        };
        let reply = Reply {
            id: Some(request.id),
            result,
            error,
        };
        let text = serde_json::to_string(&reply).unwrap();
        assert!(text.len() < MAX_LINE, "a reply of {} bytes", text.len());
        writeln!(stream, "{text}").unwrap();
    }
}
