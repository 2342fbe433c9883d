//! Why there is no world of the lab's own, and what to do about it.

use std::fs;
use std::io;

use mcr_sys::namespace::WorldError;
use nix::errno::Errno;
use nix::sys::signal::Signal;

use crate::exit::Exit;

/// Why the engine could not run, or did not end by itself.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// The system refuses the namespaces.
    #[error("{error}\n{}", advice(.error, read_setting))]
    World {
        /// What it refused.
        #[from]
        error: WorldError,
    },
    /// The system refuses mounts in a mount namespace of the lab's own.
    #[error(
        "cannot mount inside the lab: {0}\n\
         A container or security module forbids it; run lab outside of it."
    )]
    Mount(#[source] io::Error),
    /// The system refuses a new `/proc`.
    #[error(
        "cannot mount /proc inside the lab: {0}\n\
         A container hides parts of /proc; run lab outside of it, as root in \
         it,\nor start it with --privileged."
    )]
    Proc(#[source] io::Error),
    /// A step failed that no setting forbids.
    #[error("cannot {action}: {source}")]
    System {
        /// What was tried.
        action: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// Something killed the engine.
    #[error("the lab's engine was killed by {0}; the lab is gone")]
    Killed(Signal),
}

impl SandboxError {
    pub(super) fn system<E: Into<io::Error>>(action: &'static str) -> impl FnOnce(E) -> Self {
        move |error| Self::System {
            action,
            source: error.into(),
        }
    }

    /// The exit status for it.
    #[must_use]
    pub fn exit(&self) -> Exit {
        match self {
            Self::World { .. } | Self::Mount(_) | Self::Proc(_) => Exit::Unfit,
            Self::System { .. } | Self::Killed(_) => Exit::Infrastructure,
        }
    }
}

/// What to do where namespaces are refused. `setting` reads a sysctl.
fn advice(error: &WorldError, setting: impl Fn(&str) -> Option<String>) -> String {
    let is = |name: &str, value: &str| setting(name).is_some_and(|now| now.trim() == value);
    let clone = "kernel/unprivileged_userns_clone";
    let apparmor = "kernel/apparmor_restrict_unprivileged_userns";
    let maximum = "user/max_user_namespaces";
    let reason = if let WorldError::Threads(_) = error {
        return "This is a fault of lab.".to_owned();
    } else if is(clone, "0") {
        "The system allows user namespaces to root only. Allow them:\n  \
         sysctl -w kernel.unprivileged_userns_clone=1"
    } else if is(maximum, "0") {
        "The system allows no user namespaces. Allow them:\n  \
         sysctl -w user.max_user_namespaces=10000"
    } else if is(apparmor, "1") {
        "AppArmor restricts user namespaces. Allow them:\n  \
         sysctl -w kernel.apparmor_restrict_unprivileged_userns=0"
    } else if is_error(error, Errno::ENOSPC) {
        "A limit on namespaces is reached; see the sysctls user.max_*_namespaces."
    } else {
        "The system, a container or a security module forbids namespaces."
    };
    format!("{reason}\nOr run lab as root: sudo lab ...")
}

fn is_error(error: &WorldError, errno: Errno) -> bool {
    match error {
        WorldError::Threads(_) => false,
        WorldError::User(error) | WorldError::Map(error) | WorldError::Namespaces(error) => {
            super::is(error, errno)
        }
    }
}

fn read_setting(name: &str) -> Option<String> {
    fs::read_to_string(format!("/proc/sys/{name}")).ok()
}

#[cfg(test)]
mod tests;
