//! Namespaces: making a world of one's own, making network namespaces in it,
//! and working inside one from a thread that is thrown away afterwards.

use std::fs::{self, File};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::thread;

use netns_rs::{Env, NetNs};
use nix::errno::Errno;
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, setns, unshare};
use nix::unistd::{getegid, geteuid};

use crate::process::thread_count;

/// Where making a world of one's own failed.
#[derive(Debug, thiserror::Error)]
pub enum WorldError {
    /// Namespaces belong to a thread; with more than one, the others would
    /// stay behind.
    #[error("the process already has {0} threads")]
    Threads(usize),
    /// The system gives no user namespace.
    #[error("no user namespace: {0}")]
    User(#[source] io::Error),
    /// The user namespace came without its id map.
    #[error("the user namespace takes no id map: {0}")]
    Map(#[source] io::Error),
    /// The system gives no PID or network namespace.
    #[error("no PID and network namespaces: {0}")]
    Namespaces(#[source] io::Error),
}

/// Moves the calling process, which must have one thread only, into a network
/// namespace of its own, and its next child into a new PID namespace. With
/// `user`, a user namespace comes first, in which the caller is root.
///
/// # Errors
/// [`WorldError`] names the step that the system refused.
pub fn leave_world(user: bool) -> Result<(), WorldError> {
    match thread_count() {
        Ok(1) => {}
        Ok(count) => return Err(WorldError::Threads(count)),
        Err(error) => return Err(WorldError::Namespaces(error)),
    }
    if user {
        let (uid, gid) = (geteuid(), getegid());
        unshare(CloneFlags::CLONE_NEWUSER).map_err(|errno| WorldError::User(errno.into()))?;
        // user_namespaces(7): without privilege outside, setgroups must be
        // denied before a gid map is accepted.
        fs::write("/proc/self/setgroups", "deny").map_err(WorldError::Map)?;
        fs::write("/proc/self/uid_map", format!("0 {uid} 1")).map_err(WorldError::Map)?;
        fs::write("/proc/self/gid_map", format!("0 {gid} 1")).map_err(WorldError::Map)?;
    }
    let flags = CloneFlags::CLONE_NEWPID | CloneFlags::CLONE_NEWNET;
    unshare(flags).map_err(|errno| WorldError::Namespaces(errno.into()))
}

/// Moves the calling process, which must have one thread only, into a mount
/// namespace of its own, from which no mount spreads.
///
/// # Errors
/// The kernel's.
pub fn leave_mounts() -> io::Result<()> {
    unshare(CloneFlags::CLONE_NEWNS)?;
    let flags = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
    mount(None::<&str>, "/", None::<&str>, flags, None::<&str>)?;
    Ok(())
}

/// Mounts a `/proc` that shows the caller's PID namespace.
///
/// # Errors
/// EPERM where parts of the present `/proc` are hidden, as in most containers.
pub fn mount_proc() -> io::Result<()> {
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    mount(Some("proc"), "/proc", Some("proc"), flags, None::<&str>)?;
    Ok(())
}

/// Mounts an empty tmpfs at `at`, in which `keep`, if it is below `at`, still
/// shows the same directory as before.
///
/// # Errors
/// The kernel's or the file system's.
pub fn mount_empty(at: &Path, keep: &Path) -> io::Result<()> {
    let kept = keep.starts_with(at).then(|| File::open(keep)).transpose()?;
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
    mount(Some("tmpfs"), at, Some("tmpfs"), flags, Some("mode=0755"))?;
    if let Some(kept) = kept {
        fs::create_dir_all(keep)?;
        let source = format!("/proc/self/fd/{}", kept.as_raw_fd());
        let bind = MsFlags::MS_BIND;
        mount(
            Some(source.as_str()),
            keep,
            None::<&str>,
            bind,
            None::<&str>,
        )?;
    }
    Ok(())
}

/// A directory for the names of network namespaces. It needs no preparation,
/// because the mount namespace around it is private.
#[derive(Clone, Debug)]
struct Directory(PathBuf);

impl Env for Directory {
    fn persist_dir(&self) -> PathBuf {
        self.0.clone()
    }

    fn init(&self) -> netns_rs::Result<()> {
        Ok(())
    }
}

/// A network namespace with a name in a directory.
#[derive(Debug)]
pub struct NetNamespace(NetNs<Directory>);

impl NetNamespace {
    /// Makes a new namespace and its name in `directory`, which must exist.
    ///
    /// # Errors
    /// `AlreadyExists` where the name is taken; the kernel's otherwise.
    pub fn create(directory: &Path, name: &str) -> io::Result<Self> {
        // The library would mount over an existing name and then fail at
        // removal, so the name is taken here, by one caller only.
        File::create_new(directory.join(name))?;
        NetNs::new_with_env(name, Directory(directory.to_path_buf()))
            .map(Self)
            .map_err(io::Error::other)
    }

    /// Opens a namespace by its name in `directory`.
    ///
    /// # Errors
    /// The file system's, where there is none.
    pub fn open(directory: &Path, name: &str) -> io::Result<Self> {
        NetNs::get_from_env(name, Directory(directory.to_path_buf()))
            .map(Self)
            .map_err(io::Error::other)
    }

    /// Its inode, by which the kernel tells namespaces apart.
    ///
    /// # Errors
    /// The file system's.
    pub fn inode(&self) -> io::Result<u64> {
        Ok(self.0.file().metadata()?.ino())
    }

    /// Removes the name. The namespace ends with the last process and
    /// descriptor that holds it.
    ///
    /// # Errors
    /// The kernel's.
    pub fn remove(self) -> io::Result<()> {
        self.0.remove().map_err(io::Error::other)
    }
}

impl AsFd for NetNamespace {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.file().as_fd()
    }
}

/// Runs `work` in a network namespace, on a thread that ends with it: no other
/// thread ever leaves its own namespace.
///
/// # Errors
/// The kernel's, where the namespace cannot be entered.
pub fn in_namespace<T: Send>(
    namespace: BorrowedFd<'_>,
    work: impl FnOnce() -> T + Send,
) -> io::Result<T> {
    on_thread(|| {
        enter(namespace)?;
        Ok(work())
    })
}

/// Runs `work` in each of the namespaces in turn, with its position, all on one
/// thread that ends afterwards; stops at the first that `work` fails in.
///
/// # Errors
/// The kernel's, where a namespace cannot be entered.
pub fn in_each_namespace<T: Send, E: Send>(
    namespaces: &[BorrowedFd<'_>],
    mut work: impl FnMut(usize) -> Result<T, E> + Send,
) -> io::Result<Result<Vec<T>, E>> {
    on_thread(|| {
        let mut results = Vec::with_capacity(namespaces.len());
        for (position, namespace) in namespaces.iter().enumerate() {
            enter(*namespace)?;
            match work(position) {
                Ok(result) => results.push(result),
                Err(error) => return Ok(Err(error)),
            }
        }
        Ok(Ok(results))
    })
}

fn enter(namespace: BorrowedFd<'_>) -> io::Result<()> {
    setns(namespace, CloneFlags::CLONE_NEWNET).map_err(io::Error::from)
}

fn on_thread<T: Send>(work: impl FnOnce() -> io::Result<T> + Send) -> io::Result<T> {
    thread::scope(|scope| {
        let thread = thread::Builder::new()
            .name("namespace".to_owned())
            .spawn_scoped(scope, work)?;
        thread
            .join()
            .unwrap_or_else(|_| Err(io::Error::other("the work in the namespace panicked")))
    })
}

/// Joins the user, mount and PID namespaces of the process behind `pidfd`; the
/// PID namespace takes effect for the caller's next child. The caller must
/// have one thread only.
///
/// # Errors
/// The kernel's; `PermissionDenied` where the process is another user's.
pub fn join_world(pidfd: BorrowedFd<'_>, user: bool) -> io::Result<()> {
    let rest = CloneFlags::CLONE_NEWNS | CloneFlags::CLONE_NEWPID | CloneFlags::CLONE_NEWNET;
    let flags = if user {
        rest | CloneFlags::CLONE_NEWUSER
    } else {
        rest
    };
    setns(pidfd, flags).map_err(io::Error::from)
}

/// Moves the calling process, which must have one thread only, into a network
/// namespace.
///
/// # Errors
/// The kernel's.
pub fn join_network(namespace: BorrowedFd<'_>) -> io::Result<()> {
    enter(namespace)
}

/// Writes a network sysctl in the calling thread's namespace: `net.ipv4.x` or,
/// where an interface's name contains a dot, `net/ipv4/x`.
///
/// # Errors
/// `InvalidInput` for a name outside `net`, the file system's otherwise.
pub fn write_sysctl(name: &str, value: &str) -> io::Result<()> {
    fs::write(sysctl_path(name)?, value)
}

/// Reads one, named likewise.
///
/// # Errors
/// As [`write_sysctl`].
pub fn read_sysctl(name: &str) -> io::Result<String> {
    let text = fs::read_to_string(sysctl_path(name)?)?;
    Ok(text.trim_end().to_owned())
}

fn sysctl_path(name: &str) -> io::Result<PathBuf> {
    let separator = if name.contains('/') { '/' } else { '.' };
    let parts: Vec<&str> = name.split(separator).collect();
    // All other branches belong to the whole machine.
    let inside = parts.len() > 1 && parts.first() == Some(&"net");
    if !inside || parts.iter().any(|part| matches!(*part, "" | "." | "..")) {
        return Err(Errno::EINVAL.into());
    }
    Ok(parts
        .iter()
        .fold(PathBuf::from("/proc/sys"), |path, part| path.join(part)))
}

#[cfg(test)]
mod tests;
