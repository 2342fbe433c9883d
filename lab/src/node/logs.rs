//! Keeps logs short: a daemon that floods its own would fill the file system
//! of all others.

use std::fs::{self, OpenOptions};
use std::io;
use std::path::Path;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

/// How long a log may be, in bytes.
pub const LOG_MAX: u64 = 64 << 20;
/// How often the lengths are looked at. A limit of the kernel's would do
/// without, but holds for all that a process makes, its shared memory too.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// Cuts the logs of a folder off where they are longer than [`LOG_MAX`], until
/// it is dropped.
#[derive(Debug)]
pub(super) struct LogKeeper {
    /// Its end is the thread's.
    ends: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl LogKeeper {
    /// Starts to look after the folder.
    ///
    /// # Errors
    /// The system's, where it gives no thread.
    pub(super) fn start(folder: &Path) -> io::Result<LogKeeper> {
        let (ends, ended) = channel();
        let folder = folder.to_owned();
        let look = move || {
            while ended.recv_timeout(LOOK_EVERY) == Err(RecvTimeoutError::Timeout) {
                // What cannot be cut off now is looked at again.
                cut(&folder, LOG_MAX).unwrap_or_default();
            }
        };
        let thread = std::thread::Builder::new().name("logs".to_owned());
        Ok(LogKeeper {
            ends: Some(ends),
            thread: Some(thread.spawn(look)?),
        })
    }
}

impl Drop for LogKeeper {
    fn drop(&mut self) {
        drop(self.ends.take());
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap_or_default();
        }
    }
}

/// Cuts off what is longer. Writers append, so they go on behind the cut.
fn cut(folder: &Path, longest: u64) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        if metadata.is_file() && metadata.len() > longest {
            let file = OpenOptions::new().write(true).open(entry.path())?;
            file.set_len(longest)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
