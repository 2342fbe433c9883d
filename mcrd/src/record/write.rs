//! Writing a recording. A thread of its own writes, so that a slow disk costs
//! lines, which are counted, and never time.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TryRecvError, sync_channel};
use std::time::Duration;

use mcr_proto::config::Config;
use mcr_proto::router::{Input, Output};
use mcr_proto::time::Instant;
use serde::Serialize;
use tracing::{error, warn};

use super::{FORMAT, Head, Line, What};

/// Lines that wait to be written, at most.
const QUEUE: usize = 8192;

/// At the end, how long the disk may take for what is queued.
const WRITE_WITHIN: Duration = Duration::from_secs(1);

/// A recording that is being made. What is queued is written when it is
/// dropped.
#[derive(Debug)]
pub(crate) struct Recorder {
    lines: Option<SyncSender<Line>>,
    written: Receiver<()>,
    lost: u64,
}

/// Makes the file; only its owner can read it, because it has packets in it.
pub(crate) fn create(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
}

impl Recorder {
    /// Starts with the first line.
    pub(crate) fn start(file: File, seed: u64, config: &Config) -> io::Result<Recorder> {
        let mut file = BufWriter::new(file);
        let head = Head {
            recording: FORMAT,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            seed,
            config: config.clone(),
        };
        write_line(&mut file, &head)?;
        let (lines, queue) = sync_channel(QUEUE);
        let (done, written) = sync_channel::<()>(0);
        std::thread::Builder::new()
            .name("record".to_owned())
            .spawn(move || {
                if let Err(error) = write(file, &queue) {
                    error!(target: "supervisor", %error, "the recording ends here");
                }
                drop(done);
            })?;
        Ok(Recorder {
            lines: Some(lines),
            written,
            lost: 0,
        })
    }

    pub(crate) fn input(&mut self, now: Instant, input: &Input) {
        self.put(now, What::Input(Box::new(input.clone())));
    }

    pub(crate) fn timeout(&mut self, now: Instant) {
        self.put(now, What::Timeout);
    }

    pub(crate) fn stop(&mut self, now: Instant) {
        self.put(now, What::Stop);
    }

    pub(crate) fn output(&mut self, now: Instant, output: &Output) {
        self.put(now, What::Output(Box::new(output.clone())));
    }

    fn put(&mut self, now: Instant, what: What) {
        let Some(lines) = &self.lines else { return };
        let at = now.as_micros();
        if self.lost > 0 {
            let lost = Line {
                at,
                what: What::Lost(self.lost),
            };
            if lines.try_send(lost).is_err() {
                self.lost += 1;
                return;
            }
            warn!(target: "supervisor", lines = self.lost, "the recording has a gap");
            self.lost = 0;
        }
        if lines.try_send(Line { at, what }).is_err() {
            self.lost += 1;
        }
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.lines = None;
        if let Err(RecvTimeoutError::Timeout) = self.written.recv_timeout(WRITE_WITHIN) {
            warn!(target: "supervisor", "the end of the recording could not be written in time");
        }
    }
}

fn write(mut file: BufWriter<File>, queue: &Receiver<Line>) -> io::Result<()> {
    loop {
        let line = match queue.try_recv() {
            Ok(line) => line,
            Err(TryRecvError::Empty) => {
                file.flush()?;
                match queue.recv() {
                    Ok(line) => line,
                    Err(_) => return Ok(()),
                }
            }
            Err(TryRecvError::Disconnected) => return file.flush(),
        };
        write_line(&mut file, &line)?;
    }
}

fn write_line(file: &mut impl Write, line: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *file, line)?;
    file.write_all(b"\n")
}
