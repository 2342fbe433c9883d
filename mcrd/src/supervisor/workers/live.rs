//! A worker process and what it was told: the difference to what it should
//! hold is sent as there is room, and then compared.

use std::collections::{BTreeMap, BTreeSet};
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use mcr_dataplane::channel::{Level, PacketIo, ToWorker};
use mcr_proto::fib::FibDigest;
use mcr_proto::id::IfIndex;
use mcr_sys::slow_close::SlowClose;
use tracing::{debug, info, warn};

use super::place::Context;
use super::pool::Table;
use super::process::{Full, Parcel, Process};
use super::tables::{Entry, Key};

/// A worker says that it is ready within this time, or is replaced.
const READY_WITHIN: Duration = Duration::from_secs(5);

/// A worker answers a commit within this time, or is replaced.
const APPLIED_WITHIN: Duration = Duration::from_secs(5);

/// A worker that says other things meanwhile, such as events of a flood before
/// its answer, has so long.
const APPLIED_AT_LAST: Duration = Duration::from_secs(60);

/// The daemon may have been too busy, or stopped, to read an answer that has
/// long been there: an overdue worker is looked at once more after this time.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// Without any change, the table is compared this often.
const COMPARE_EVERY: Duration = Duration::from_secs(1);

/// A process, and what it was told.
pub(super) struct Live {
    pub(super) process: Process,
    pub(super) ready: Option<Ready>,
    pub(super) entries: u64,
    pub(super) in_sync: bool,
    started: Instant,
    /// Keys that it is to be told about.
    dirty: BTreeSet<Key>,
    /// Output interfaces it has a socket for. It is open here too, so that no
    /// close of the worker's is the last one, for which packets would wait.
    outputs: BTreeMap<IfIndex, Option<SlowClose>>,
    /// Those it was told to close, which it has done with that commit.
    closing: Vec<(u64, SlowClose)>,
    /// Something was sent since the last commit.
    uncommitted: bool,
    commit: u64,
    committed_at: Instant,
    awaiting: Option<Expected>,
    confirmed_epoch: u64,
    /// The whole table was sent again and not confirmed since.
    resent: bool,
    killed: Option<&'static str>,
    /// It is overdue, and killed then.
    last_look: Option<Instant>,
    /// The log level it was told.
    level: Level,
    /// It was told to hand up what matches nothing.
    listening: bool,
}

/// What a ready worker said of itself.
pub(super) struct Ready {
    pub(super) io: PacketIo,
    pub(super) sandbox: BTreeMap<String, String>,
}

/// What the answer to a commit must be.
struct Expected {
    digest: Option<FibDigest>,
    epoch: u64,
    by: Instant,
    at_last: Instant,
}

/// Whether the worker's table is the one it should have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Drift {
    None,
    Found,
}

impl Live {
    pub(super) fn new(process: Process, table: &Table, cx: &Context) -> Live {
        let now = cx.now;
        Live {
            process,
            ready: None,
            entries: 0,
            in_sync: false,
            started: now,
            dirty: table.placed.keys().copied().collect(),
            outputs: BTreeMap::new(),
            closing: Vec::new(),
            uncommitted: true,
            commit: 0,
            committed_at: now,
            awaiting: None,
            confirmed_epoch: table.epoch,
            resent: false,
            killed: None,
            last_look: None,
            level: cx.log_level,
            listening: false,
        }
    }

    pub(super) const fn started(&self) -> Instant {
        self.started
    }

    /// The last range of cells that it surely does not use.
    pub(super) const fn confirmed_epoch(&self) -> u64 {
        self.confirmed_epoch
    }

    pub(super) const fn is_killed(&self) -> bool {
        self.killed.is_some()
    }

    /// It is to be told about the key.
    pub(super) fn mark(&mut self, key: Key) {
        self.dirty.insert(key);
    }

    /// When [`Live::check`] and [`Live::pump`] are to be called.
    pub(super) fn next_timeout(&self) -> Option<Instant> {
        if self.is_killed() {
            return None;
        }
        let next = match &self.awaiting {
            Some(expected) => expected.by,
            None => self.committed_at + COMPARE_EVERY,
        };
        let next = match &self.ready {
            None => next.min(self.started + READY_WITHIN),
            Some(_) => next,
        };
        Some(self.last_look.unwrap_or(next))
    }

    /// Kills a worker that is overdue.
    pub(super) fn check(&mut self, now: Instant) {
        let expected = self.awaiting.as_ref();
        let overdue = if self.ready.is_none() && self.started + READY_WITHIN <= now {
            "it was not ready within 5 s"
        } else if expected.is_some_and(|expected| expected.by <= now) {
            "it did not answer within 5 s"
        } else {
            self.last_look = None;
            return;
        };
        if *self.last_look.get_or_insert(now + LOOK_AGAIN) <= now {
            self.kill(overdue);
        }
    }

    /// It said something.
    pub(super) fn heard(&mut self, now: Instant) {
        if let Some(expected) = &mut self.awaiting {
            expected.by = (now + APPLIED_WITHIN).min(expected.at_last);
        }
    }

    /// It has the table of that commit in force.
    pub(super) fn applied(
        &mut self,
        commit: u64,
        digest: FibDigest,
        entries: u64,
        label: &str,
        table: &Table,
    ) -> Drift {
        if commit != self.commit {
            return Drift::None;
        }
        let Some(expected) = self.awaiting.take() else {
            return Drift::None;
        };
        self.closing.retain(|(by, _)| *by > commit);
        self.entries = entries;
        self.confirmed_epoch = expected.epoch;
        self.in_sync = expected.digest.is_none_or(|expected| expected == digest);
        if self.in_sync {
            self.resent = false;
            return Drift::None;
        }
        self.heal(label, table);
        Drift::Found
    }

    /// How the process ended, with the reason where that was our doing.
    pub(super) fn ending(&self, ending: String) -> String {
        match self.killed {
            Some(reason) => format!("{ending}, because {reason}"),
            None => ending,
        }
    }

    /// Tells it what there is room for, and asks for the digest when all is
    /// told. Before all changes of the table are known here, what is known and
    /// the table's digest are of different moments.
    pub(super) fn pump(&mut self, table: &Table, cx: &Context) {
        if cx.tables.told && !self.is_killed() && self.tell_all(table, cx).is_ok() {
            self.commit(table, cx);
        }
    }

    /// It receives packets.
    pub(super) fn is_ready(
        &mut self,
        label: &str,
        io: PacketIo,
        sandbox: Vec<(String, Result<(), String>)>,
    ) {
        let sandbox: BTreeMap<String, String> = sandbox
            .into_iter()
            .map(|(name, result)| (name, result.err().unwrap_or_else(|| "on".to_owned())))
            .collect();
        info!(target: "workers", worker = label, pid = self.process.pid, ?io, "worker ready");
        for (protection, reason) in sandbox.iter().filter(|(_, state)| *state != "on") {
            debug!(target: "workers", worker = label, protection, reason, "protection missing");
        }
        self.ready = Some(Ready { io, sandbox });
    }

    /// Ends it at once.
    pub(super) fn kill(&mut self, reason: &'static str) {
        if self.killed.is_none() {
            self.killed = Some(reason);
            self.process.kill();
        }
    }

    fn tell_all(&mut self, table: &Table, cx: &Context) -> Result<(), Full> {
        while let Some(key) = self.dirty.first().copied() {
            self.tell(key, table, cx)?;
            self.uncommitted = true;
            self.dirty.remove(&key);
        }
        self.open_missing(table, cx)?;
        if self.level != cx.log_level {
            self.send(ToWorker::LogLevel(cx.log_level), Vec::new())?;
            self.level = cx.log_level;
        }
        if self.listening != table.listening {
            self.send(ToWorker::Listen(table.listening), Vec::new())?;
            self.listening = table.listening;
        }
        let unused: Vec<IfIndex> = self
            .outputs
            .keys()
            .copied()
            .filter(|oif| !table.oifs.contains_key(oif))
            .collect();
        for oif in unused {
            self.send(ToWorker::CloseOutput(oif), Vec::new())?;
            let socket = self.outputs.remove(&oif).flatten();
            self.closing
                .extend(socket.map(|kept| (self.commit + 1, kept)));
        }
        Ok(())
    }

    fn tell(&mut self, key: Key, table: &Table, cx: &Context) -> Result<(), Full> {
        let (Some(entry), Some(placed)) = (cx.tables.get(&key), table.placed.get(&key)) else {
            let remove = match key {
                Key::Relay(key) => ToWorker::Remove(key),
                Key::Route(key) => ToWorker::RemoveRoute(key),
            };
            return self.send(remove, Vec::new());
        };
        for oif in &placed.oifs {
            self.open(*oif, cx)?;
        }
        let slot = placed.slot;
        let message = || match entry {
            Entry::Relay(key, entry) => ToWorker::Set {
                key,
                entry: entry.clone(),
                slot,
            },
            Entry::Route(key, entry) => ToWorker::SetRoute {
                key,
                entry: entry.clone(),
                slot,
                gate: placed.gate.as_ref().map(|gate| gate.cell),
            },
        };
        self.process.send(|| Parcel {
            message: message(),
            descriptors: Vec::new(),
        })
    }

    fn open(&mut self, oif: IfIndex, cx: &Context) -> Result<(), Full> {
        if self.outputs.contains_key(&oif) {
            return Ok(());
        }
        if self.process.room() == 0 {
            return Err(Full);
        }
        match cx.platform.open_output(oif) {
            Ok(socket) => {
                // Without a descriptor left for it, it is only closed slowly.
                let kept = SlowClose::of(&socket).ok();
                self.send(ToWorker::OpenOutput(oif), vec![socket])?;
                self.outputs.insert(oif, kept);
            }
            // The interface has just gone, which netlink is about to say.
            Err(error) => {
                warn!(target: "workers", oif = oif.get(), %error, "no socket for an output");
            }
        }
        Ok(())
    }

    /// Tries again, from time to time, to open what could not be opened.
    fn open_missing(&mut self, table: &Table, cx: &Context) -> Result<(), Full> {
        if self.committed_at + COMPARE_EVERY <= cx.now {
            for oif in table.oifs.keys() {
                self.open(*oif, cx)?;
            }
        }
        Ok(())
    }

    fn send(&self, message: ToWorker, descriptors: Vec<OwnedFd>) -> Result<(), Full> {
        self.process.send(|| Parcel {
            message,
            descriptors,
        })
    }

    /// Asks for the digest, if something changed or it is time.
    fn commit(&mut self, table: &Table, cx: &Context) {
        let due = self.uncommitted || self.committed_at + COMPARE_EVERY <= cx.now;
        if !due || self.awaiting.is_some() {
            return;
        }
        if self
            .send(ToWorker::Commit(self.commit + 1), Vec::new())
            .is_ok()
        {
            self.commit += 1;
            self.committed_at = cx.now;
            self.uncommitted = false;
            self.awaiting = Some(Expected {
                digest: table.unplaced.is_empty().then(|| cx.tables.digest()),
                epoch: table.epoch,
                by: cx.now + APPLIED_WITHIN,
                at_last: cx.now + APPLIED_AT_LAST,
            });
        }
    }

    /// The worker holds another table than it should: it is sent whole, and a
    /// worker that then still differs is replaced.
    fn heal(&mut self, label: &str, table: &Table) {
        warn!(
            target: "workers",
            worker = label,
            entries = self.entries,
            expected = table.placed.len(),
            again = self.resent,
            "the worker's table differs and is sent anew"
        );
        if self.resent {
            self.kill("its table differed again");
        }
        self.resent = true;
        self.uncommitted = true;
        self.dirty.extend(table.placed.keys().copied());
    }
}
