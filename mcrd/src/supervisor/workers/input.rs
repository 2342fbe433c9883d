//! A place's input socket. Where workers share an interface, their sockets are
//! in one fanout group, whose number the kernel gives: numbers are shared by
//! all programs in the network namespace.

use std::cell::RefCell;
use std::io;
use std::os::fd::AsFd;
use std::rc::{Rc, Weak};

use mcr_proto::id::IfIndex;
use mcr_sys::packet::Fanout;
use mcr_sys::slow_close::SlowClose;
use tracing::debug;

use super::platform::Platform;

/// The fanout group of the workers of one interface. It is there as long as
/// one of its sockets; after that its number may be another program's.
#[derive(Debug, Default)]
pub(super) struct SharedFanout(RefCell<Weak<u16>>);

/// An open input socket.
pub(super) struct Input {
    pub(super) socket: SlowClose,
    /// The interface takes the packets of all groups for it.
    all_multicast: bool,
    _group: Option<Rc<u16>>,
}

impl Input {
    pub(super) fn open(
        platform: &dyn Platform,
        iif: IfIndex,
        fanout: Option<&SharedFanout>,
    ) -> io::Result<Input> {
        let Some(shared) = fanout else {
            let socket = SlowClose::new(platform.open_input(iif, None)?);
            return Ok(Input {
                socket,
                all_multicast: false,
                _group: None,
            });
        };
        let known = shared.0.borrow().upgrade();
        let wanted = known.as_deref().map_or(Fanout::New, |id| Fanout::Of(*id));
        let socket = SlowClose::new(platform.open_input(iif, Some(wanted))?);
        let group = match known {
            Some(group) => group,
            None => {
                let group = Rc::new(platform.fanout_group(socket.as_fd())?);
                shared.0.replace(Rc::downgrade(&group));
                group
            }
        };
        Ok(Input {
            socket,
            all_multicast: false,
            _group: Some(group),
        })
    }

    /// Makes the interface take the packets of all groups, or no longer: where
    /// it routes, no group is joined, for that would attract traffic and tell
    /// others of members that are none.
    pub(super) fn listen(&mut self, platform: &dyn Platform, iif: IfIndex, on: bool) {
        if self.all_multicast == on {
            return;
        }
        // An interface that has just gone has taken the setting with it.
        if let Err(error) = platform.all_multicast(self.socket.as_fd(), iif, on) {
            debug!(target: "workers", iif = iif.get(), %error, "all-multicast cannot be set");
        }
        self.all_multicast = on;
    }
}
