//! What a process may do: its user, its capabilities and its limits.
//!
//! Capabilities and user ids belong to threads, so all of this is done before
//! a second thread exists.

use std::fs::File;
use std::io;
use std::path::Path;

use caps::{CapSet, Capability, CapsHashSet};
use nix::errno::Errno;
use nix::sched::CloneFlags;
use nix::sys::prctl;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::unistd::{Gid, Uid, User};

/// Why privileges could not be brought to what was asked for.
#[derive(Debug, thiserror::Error)]
pub enum PrivilegeError {
    /// The process lacks capabilities that it was to keep.
    #[error("{} missing", join(.0))]
    Missing(Vec<Capability>),
    /// There is no such user.
    #[error("there is no user '{0}'")]
    NoUser(String),
    /// A system call failed.
    #[error("{what}: {source}")]
    System {
        /// What was tried.
        what: &'static str,
        /// What the system said.
        source: io::Error,
    },
}

fn join(capabilities: &[Capability]) -> String {
    let names: Vec<String> = capabilities.iter().map(ToString::to_string).collect();
    names.join(" and ")
}

fn system<E: Into<io::Error>>(what: &'static str) -> impl FnOnce(E) -> PrivilegeError {
    move |error| PrivilegeError::System {
        what,
        source: error.into(),
    }
}

fn caps_error(what: &'static str) -> impl FnOnce(caps::errors::CapsError) -> PrivilegeError {
    move |error| PrivilegeError::System {
        what,
        source: io::Error::other(error.to_string()),
    }
}

/// What became of the process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Identity {
    /// It was root and runs as this user now.
    Changed {
        /// The user's name.
        user: String,
        /// The user's number.
        uid: u32,
    },
    /// It was not root, and keeps its user.
    Kept {
        /// The user's number.
        uid: u32,
    },
    /// It is root in a user namespace that has no other user, and stays.
    OnlyRoot,
}

/// Finds a user by name.
///
/// # Errors
/// There is none, or the user database cannot be read.
pub fn user(name: &str) -> Result<User, PrivilegeError> {
    User::from_name(name)
        .map_err(system("reading the user database"))?
        .ok_or_else(|| PrivilegeError::NoUser(name.to_owned()))
}

/// Whether the process is root, in its own user namespace.
#[must_use]
pub fn is_root() -> bool {
    Uid::effective().is_root()
}

/// Whether `user` exists in this process's user namespace, so that the process
/// could become it.
#[must_use]
pub fn is_mapped(uid: u32) -> bool {
    // Lines of /proc/self/uid_map: first inside, first outside, count.
    let Ok(map) = std::fs::read_to_string("/proc/self/uid_map") else {
        return true;
    };
    map.lines().any(|line| {
        let mut fields = line.split_whitespace().map(str::parse::<u64>);
        let (Some(Ok(inside)), Some(Ok(_)), Some(Ok(count))) =
            (fields.next(), fields.next(), fields.next())
        else {
            return false;
        };
        (inside..inside.saturating_add(count)).contains(&u64::from(uid))
    })
}

/// Gives up everything except the capabilities in `keep`, and for good: the
/// bounding, inheritable and ambient sets are emptied as far as allowed, and
/// no program executed later gains any (`no_new_privs`). As root it becomes
/// `user`, where the user namespace has that user.
///
/// # Errors
/// A capability in `keep` is missing, or the system refused a step. The
/// process is to end then, because it may be half-way.
pub fn reduce(keep: &[Capability], user: Option<&User>) -> Result<Identity, PrivilegeError> {
    let permitted =
        caps::read(None, CapSet::Permitted).map_err(caps_error("reading capabilities"))?;
    let missing: Vec<Capability> = keep
        .iter()
        .copied()
        .filter(|capability| !permitted.contains(capability))
        .collect();
    if !missing.is_empty() {
        return Err(PrivilegeError::Missing(missing));
    }
    if permitted.contains(&Capability::CAP_SETPCAP) {
        // Raised first: a process may start with it permitted, not effective.
        caps::set(None, CapSet::Effective, &permitted)
            .map_err(caps_error("raising capabilities"))?;
        caps::clear(None, CapSet::Bounding).map_err(caps_error("emptying the bounding set"))?;
    }
    let identity = match user {
        Some(user) if is_root() && is_mapped(user.uid.as_raw()) => {
            become_user(user)?;
            Identity::Changed {
                user: user.name.clone(),
                uid: user.uid.as_raw(),
            }
        }
        _ if is_root() => Identity::OnlyRoot,
        Some(_) | None => Identity::Kept {
            uid: Uid::effective().as_raw(),
        },
    };
    let keep: CapsHashSet = keep.iter().copied().collect();
    caps::clear(None, CapSet::Ambient).map_err(caps_error("emptying the ambient set"))?;
    caps::clear(None, CapSet::Inheritable).map_err(caps_error("emptying the inheritable set"))?;
    caps::set(None, CapSet::Effective, &keep).map_err(caps_error("setting capabilities"))?;
    caps::set(None, CapSet::Permitted, &keep).map_err(caps_error("setting capabilities"))?;
    prctl::set_no_new_privs().map_err(system("setting no_new_privs"))?;
    Ok(identity)
}

fn become_user(user: &User) -> Result<(), PrivilegeError> {
    caps::securebits::set_keepcaps(true).map_err(caps_error("keeping capabilities"))?;
    set_groups(user.gid)?;
    nix::unistd::setresgid(user.gid, user.gid, user.gid).map_err(system("changing the group"))?;
    nix::unistd::setresuid(user.uid, user.uid, user.uid).map_err(system("changing the user"))?;
    caps::securebits::set_keepcaps(false).map_err(caps_error("keeping capabilities"))
}

fn set_groups(gid: Gid) -> Result<(), PrivilegeError> {
    match nix::unistd::setgroups(&[gid]) {
        // A user namespace made by an ordinary user denies it.
        Ok(()) | Err(Errno::EPERM) => Ok(()),
        Err(error) => Err(system("changing the supplementary groups")(error)),
    }
}

/// The capabilities in force.
#[must_use]
pub fn effective() -> Vec<String> {
    let mut names: Vec<String> = caps::read(None, CapSet::Effective)
        .unwrap_or_default()
        .iter()
        .map(ToString::to_string)
        .collect();
    names.sort();
    names
}

/// Raises a limit to `wanted`, or as near to it as the system allows. Returns
/// the limit in force.
///
/// # Errors
/// The limit cannot be read.
pub fn raise_limit(resource: Resource, wanted: u64) -> io::Result<u64> {
    let (soft, hard) = getrlimit(resource)?;
    if soft >= wanted {
        return Ok(soft);
    }
    if setrlimit(resource, wanted, hard.max(wanted)).is_ok() {
        return Ok(wanted);
    }
    let most = hard.min(wanted);
    match setrlimit(resource, most, hard) {
        Ok(()) => Ok(most),
        Err(_) => Ok(soft),
    }
}

/// Moves the calling thread, which must be the only one, into a network
/// namespace.
///
/// # Errors
/// The file cannot be opened or is no network namespace, or the process lacks
/// CAP_SYS_ADMIN.
pub fn enter_network_namespace(path: &Path) -> io::Result<()> {
    let file = File::open(path)?;
    nix::sched::setns(file, CloneFlags::CLONE_NEWNET)?;
    Ok(())
}
