//! Virtual time for the runner: who sleeps is woken when the network has got
//! there, and nobody ever waits for the real clock.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use super::machine::Machine;

/// When somebody is to be woken, and a number that nobody else has.
type Key = (Duration, u64);

/// The clock of a simulated network.
pub(super) struct Clock {
    machine: Rc<RefCell<Machine>>,
    sleepers: RefCell<BTreeMap<Key, Waker>>,
    count: Cell<u64>,
}

impl Clock {
    pub(super) fn new(machine: Rc<RefCell<Machine>>) -> Clock {
        Clock {
            machine,
            sleepers: RefCell::default(),
            count: Cell::new(0),
        }
    }

    fn now(&self) -> Duration {
        self.machine.borrow().elapsed()
    }

    /// Ends when the network has got to this time.
    pub(super) fn sleep_until(&self, at: Duration) -> impl Future<Output = ()> + '_ {
        let number = self.count.get();
        self.count.set(number + 1);
        Sleep {
            clock: self,
            key: (at, number),
        }
    }

    /// Lets the network go on to the next time that somebody waits for; false
    /// where nobody does.
    fn advance(&self) -> bool {
        let Some(at) = self.sleepers.borrow().keys().next().map(|(at, _)| *at) else {
            return false;
        };
        self.machine.borrow_mut().run_until(at);
        loop {
            let first = self.sleepers.borrow_mut().first_entry().and_then(|first| {
                let due = first.key().0 <= at;
                due.then(|| first.remove())
            });
            match first {
                Some(waker) => waker.wake(),
                None => return true,
            }
        }
    }
}

struct Sleep<'a> {
    clock: &'a Clock,
    key: Key,
}

impl Future for Sleep<'_> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.clock.now() >= self.key.0 {
            return Poll::Ready(());
        }
        let mut sleepers = self.clock.sleepers.borrow_mut();
        sleepers.insert(self.key, context.waker().clone());
        Poll::Pending
    }
}

impl Drop for Sleep<'_> {
    fn drop(&mut self) {
        self.clock.sleepers.borrow_mut().remove(&self.key);
    }
}

/// Runs something to its end while virtual time passes; `None` where it waits
/// for something that time does not bring.
pub(super) fn block_on<T>(clock: &Clock, work: impl Future<Output = T>) -> Option<T> {
    let mut work = pin!(work);
    loop {
        let mut context = Context::from_waker(Waker::noop());
        if let Poll::Ready(done) = work.as_mut().poll(&mut context) {
            return Some(done);
        }
        if !clock.advance() {
            return None;
        }
    }
}

#[cfg(test)]
mod tests;
