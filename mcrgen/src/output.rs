//! Writing reports without holding up who measures: a thread of its own
//! formats and writes, so a slow reader of standard output costs lines and
//! never datagrams.

use std::io::{self, Write};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;

use crate::error::{Context, Error};
use crate::report::Report;

/// Lines that may wait for a slow reader before further ones are left out.
const QUEUE: usize = 16;

/// How reports are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// One JSON object a line.
    Json,
    /// For people.
    Text,
}

/// Where reports go.
pub struct Output {
    queue: SyncSender<Report>,
    writer: JoinHandle<io::Result<()>>,
}

impl Output {
    /// Starts the writer.
    pub fn start(format: Format) -> Result<Self, Error> {
        let (queue, reports) = sync_channel(QUEUE);
        let writer = std::thread::Builder::new()
            .name("output".to_owned())
            .spawn(move || write(format, &reports))
            .context("starting the output thread")?;
        Ok(Self { queue, writer })
    }

    /// Writes a report, unless earlier ones still wait: then it is left out
    /// and the answer is false.
    pub fn offer(&self, report: Report) -> Result<bool, Error> {
        match self.queue.try_send(report) {
            Ok(()) => Ok(true),
            Err(TrySendError::Full(_)) => Ok(false),
            Err(TrySendError::Disconnected(_)) => {
                Err(closed()).context("writing to standard output")
            }
        }
    }

    /// Writes the last report and waits until all is written.
    pub fn finish(self, report: Report) -> Result<(), Error> {
        // Where the writer has ended, its own error says more.
        let sent = self.queue.send(report).map_err(|_| closed());
        drop(self.queue);
        let written = self.writer.join().unwrap_or_else(|_| Err(closed()));
        written.and(sent).context("writing to standard output")
    }
}

fn closed() -> io::Error {
    io::Error::new(io::ErrorKind::BrokenPipe, "nobody reads it")
}

fn write(format: Format, reports: &Receiver<Report>) -> io::Result<()> {
    let mut out = io::stdout().lock();
    for report in reports {
        match format {
            Format::Json => {
                let mut line = serde_json::to_vec(&report)?;
                line.push(b'\n');
                out.write_all(&line)?;
            }
            Format::Text => out.write_all(crate::text::render(&report).as_bytes())?,
        }
        out.flush()?;
    }
    Ok(())
}
