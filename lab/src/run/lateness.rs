//! How late the machine runs what is due. On a busy machine a process that is
//! started, killed or woken has to wait for a CPU, and what it is measured by
//! grows by that; a thread that asks to be woken again and again measures it.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::clock::now_ns;

#[cfg(test)]
mod tests;

/// How often it asks to be woken.
const EVERY: Duration = Duration::from_millis(5);
/// Less than this is how machines are.
const NOTICED: Duration = Duration::from_millis(10);
/// How many times of waiting are kept; the oldest make room.
const KEPT: usize = 4096;

/// Measures until it is dropped.
pub(super) struct Lateness {
    waited: Arc<Mutex<Waited>>,
    ended: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Lateness {
    /// Begins to measure. Where no thread can be had, nothing is ever late.
    pub(super) fn start() -> Lateness {
        let waited = Arc::new(Mutex::new(Waited::default()));
        let ended = Arc::new(AtomicBool::new(false));
        let (noted, over) = (Arc::clone(&waited), Arc::clone(&ended));
        let thread = std::thread::Builder::new().name("lateness".to_owned());
        let thread = thread.spawn(move || measure(&noted, &over)).ok();
        Lateness {
            waited,
            ended,
            thread,
        }
    }

    /// How long what was due in this time had to wait.
    pub(super) fn within(&self, time: Range<u64>) -> Duration {
        lock(&self.waited).within(time)
    }
}

impl Drop for Lateness {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // It has nothing to say, and ends within a turn.
            thread.join().ok();
        }
    }
}

fn measure(waited: &Mutex<Waited>, ended: &AtomicBool) {
    while !ended.load(Ordering::Relaxed) {
        let asked = Instant::now();
        std::thread::sleep(EVERY);
        lock(waited).woken(now_ns(), asked.elapsed().saturating_sub(EVERY));
    }
}

fn lock(waited: &Mutex<Waited>) -> MutexGuard<'_, Waited> {
    waited.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The times of waiting, in order, in nanoseconds.
#[derive(Default)]
struct Waited(VecDeque<Range<u64>>);

impl Waited {
    fn woken(&mut self, at_ns: u64, late: Duration) {
        if late < NOTICED {
            return;
        }
        if self.0.len() == KEPT {
            self.0.pop_front();
        }
        let late = u64::try_from(late.as_nanos()).unwrap_or(u64::MAX);
        self.0.push_back(at_ns.saturating_sub(late)..at_ns);
    }

    fn within(&self, time: Range<u64>) -> Duration {
        let newest = self.0.iter().rev();
        let met = newest.take_while(|waited| waited.end > time.start);
        let parts = met.map(|waited| {
            let end = waited.end.min(time.end);
            end.saturating_sub(waited.start.max(time.start))
        });
        Duration::from_nanos(parts.sum())
    }
}
