//! Daemons, and what watches them, that ended by themselves: no step stopped or
//! killed them.

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::path::PathBuf;
use std::rc::Rc;
use std::task::Poll;

use tokio::sync::Notify;

use super::tail;
use crate::backend::netns::{Child, Lookout};
use crate::clock::now_ns;

/// The most deaths that are remembered: what starts again and again is told by
/// its first ones.
const KEPT: usize = 1000;

/// The end of a daemon that nobody asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Death {
    /// Its node.
    pub node: String,
    /// What ended.
    pub program: String,
    /// Its process id.
    pub pid: i32,
    /// Its exit status, or the signal.
    pub status: String,
    /// When it was found, on the clock of the reports.
    pub at_ns: u64,
    /// The end of its log.
    pub tail: String,
}

impl Death {
    /// In a few words, without the node.
    #[must_use]
    pub fn words(&self) -> String {
        format!("{} ended by itself ({})", self.program, self.status)
    }

    /// With all that is known.
    #[must_use]
    pub fn text(&self) -> String {
        let Death { node, tail, .. } = self;
        format!("{node}: {}; its last lines:\n{tail}", self.words())
    }
}

/// A process that is watched.
struct Watched {
    node: String,
    program: String,
    pid: i32,
    log: PathBuf,
    lookout: Lookout,
}

#[derive(Default)]
struct Book {
    watched: RefCell<Vec<Watched>>,
    /// All that ended so far.
    all: RefCell<Vec<Death>>,
    /// Those of `all` whose nodes still have no other daemon.
    dead: RefCell<Vec<Death>>,
    /// How many of `all` a step has told.
    told: Cell<usize>,
    /// How many of `all` are in the time line.
    noted: Cell<usize>,
    changed: Notify,
}

/// What is known of such ends. Clones know the same.
#[derive(Clone, Default)]
pub struct Deaths(Rc<Book>);

impl Deaths {
    /// Watches a process of a node from now on.
    pub(super) fn watch(&self, node: &str, program: &str, log: PathBuf, child: &Child) {
        self.0.watched.borrow_mut().push(Watched {
            node: node.to_owned(),
            program: program.to_owned(),
            pid: child.pid().as_raw(),
            log,
            lookout: child.lookout(),
        });
        self.0.changed.notify_waiters();
    }

    /// Whatever ends in this node now was asked to.
    pub(super) fn release(&self, node: &str) {
        // What ended before it was asked to is not forgotten.
        self.look();
        let book = &self.0;
        book.watched.borrow_mut().retain(|one| one.node != node);
        book.dead.borrow_mut().retain(|one| one.node != node);
    }

    /// Finds what has ended.
    fn look(&self) {
        let book = &self.0;
        book.watched.borrow_mut().retain(|one| {
            let status = match one.lookout.status() {
                Ok(None) => return true,
                Ok(Some(status)) => status.to_string(),
                Err(error) => format!("it cannot be waited for: {error}"),
            };
            let death = Death {
                node: one.node.clone(),
                program: one.program.clone(),
                pid: one.pid,
                status,
                at_ns: now_ns(),
                tail: tail(&one.log),
            };
            book.dead.borrow_mut().push(death.clone());
            let mut all = book.all.borrow_mut();
            if all.len() < KEPT {
                all.push(death);
            }
            false
        });
    }

    /// Those whose nodes still have no other daemon.
    #[must_use]
    pub fn now(&self) -> Vec<Death> {
        self.look();
        self.0.dead.borrow().clone()
    }

    /// Those that no step has told, and those that are still dead.
    #[must_use]
    pub fn take(&self) -> Vec<Death> {
        let dead = self.now();
        let mut taken = Self::after(&self.0.all, &self.0.told);
        let new = dead.into_iter().filter(|one| !taken.contains(one));
        let new: Vec<Death> = new.collect();
        taken.extend(new);
        taken
    }

    /// Those that no step has told, alone.
    #[must_use]
    pub fn untold(&self) -> Vec<Death> {
        self.look();
        Self::after(&self.0.all, &self.0.told)
    }

    /// Those that are not in the time line.
    #[must_use]
    pub fn unnoted(&self) -> Vec<Death> {
        self.look();
        Self::after(&self.0.all, &self.0.noted)
    }

    fn after(all: &RefCell<Vec<Death>>, known: &Cell<usize>) -> Vec<Death> {
        let all = all.borrow();
        let from = known.replace(all.len());
        all.get(from..).unwrap_or_default().to_vec()
    }

    /// Returns as soon as there is one that no step has told.
    pub async fn next(&self) {
        let book = &self.0;
        loop {
            let changed = book.changed.notified();
            self.look();
            if book.told.get() < book.all.borrow().len() {
                return;
            }
            let mut changed = std::pin::pin!(changed);
            poll_fn(|cx| {
                let watched = book.watched.borrow();
                // All of them, so that each wakes this.
                let ended = watched.iter().filter(|one| one.lookout.poll(cx).is_ready());
                match ended.count() > 0 || changed.as_mut().poll(cx).is_ready() {
                    true => Poll::Ready(()),
                    false => Poll::Pending,
                }
            })
            .await;
        }
    }
}
