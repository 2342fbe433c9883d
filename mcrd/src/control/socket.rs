//! The control socket's file: made where nobody listens, and removed at the
//! end.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt, PermissionsExt, chown};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use nix::fcntl::{Flock, FlockArg};
use nix::sys::stat::{Mode, umask};
use nix::unistd::{AccessFlags, Group, Uid, User, access};

/// Why there is no control socket.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SocketError {
    /// Another process serves it.
    #[error(
        "another process serves the control socket {}; stop it, or choose another with --socket",
        .0.display()
    )]
    Live(PathBuf),
    /// Something else has the name.
    #[error("{} exists and is not a socket", .0.display())]
    NotASocket(PathBuf),
    /// There is no such group.
    #[error("control.group: there is no group '{0}'")]
    NoGroup(String),
    /// There is no directory for it.
    #[error(
        "no place for the control socket: XDG_RUNTIME_DIR is not set; choose one with --socket"
    )]
    NoRuntimeDirectory,
    /// A system call failed.
    #[error("{what} {}: {source}", path.display())]
    System {
        /// What was tried.
        what: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// The socket, held by a lock beside it.
#[derive(Debug)]
pub(crate) struct ControlSocket {
    path: PathBuf,
    lock_path: PathBuf,
    _lock: Flock<File>,
}

/// Where the socket is when nobody says otherwise.
pub(crate) fn default_path() -> Result<PathBuf, SocketError> {
    // Root of a user namespace is an ordinary user to the file system.
    let writable = |path: &str| access(path, AccessFlags::W_OK).is_ok();
    if Uid::effective().is_root() && (writable("/run/mcrd") || writable("/run")) {
        return Ok(PathBuf::from("/run/mcrd/control.sock"));
    }
    // A system service has RuntimeDirectory=, an ordinary user a session.
    ["RUNTIME_DIRECTORY", "XDG_RUNTIME_DIR"]
        .into_iter()
        .find_map(|name| std::env::var_os(name).map(|value| (name, PathBuf::from(value))))
        .map(|(name, directory)| match name {
            "RUNTIME_DIRECTORY" => directory.join("control.sock"),
            _ => directory.join("mcrd/control.sock"),
        })
        .ok_or(SocketError::NoRuntimeDirectory)
}

/// Makes the socket, for `owner` where the process is about to become that
/// user, and open to `group`. To be called before there are threads: the file
/// mode mask belongs to the process.
pub(crate) fn claim(
    path: &Path,
    owner: Option<&User>,
    group: Option<&str>,
) -> Result<(ControlSocket, UnixListener), SocketError> {
    let group = group.map(find_group).transpose()?;
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        Some(_) | None => Path::new("."),
    };
    make_directory(directory, owner)?;
    let mut lock_path = path.as_os_str().to_owned();
    lock_path.push(".lock");
    let lock_path = PathBuf::from(lock_path);
    let lock = lock(&lock_path, path, owner)?;
    clear(path)?;
    let old_mask = umask(Mode::from_bits_truncate(0o117));
    let bound = UnixListener::bind(path);
    umask(old_mask);
    let listener = bound.map_err(system("cannot make the control socket", path))?;
    let uid = owner.map(|owner| owner.uid.as_raw());
    let gid = match (&group, owner) {
        (Some(group), _) => Some(group.gid.as_raw()),
        (None, Some(owner)) => Some(owner.gid.as_raw()),
        (None, None) => None,
    };
    chown(path, uid, gid).map_err(system("cannot change the owner of", path))?;
    let socket = ControlSocket {
        path: path.to_owned(),
        lock_path,
        _lock: lock,
    };
    Ok((socket, listener))
}

fn find_group(name: &str) -> Result<Group, SocketError> {
    match Group::from_name(name) {
        Ok(Some(group)) => Ok(group),
        Ok(None) | Err(_) => Err(SocketError::NoGroup(name.to_owned())),
    }
}

fn make_directory(directory: &Path, owner: Option<&User>) -> Result<(), SocketError> {
    let is_run_directory = directory == Path::new("/run/mcrd");
    if directory.is_dir() && !is_run_directory {
        return Ok(());
    }
    fs::create_dir_all(directory).map_err(system("cannot make the directory", directory))?;
    fs::set_permissions(directory, fs::Permissions::from_mode(0o755))
        .map_err(system("cannot change the mode of", directory))?;
    if let Some(owner) = owner {
        // So that the socket can be removed when the process is that user.
        chown(
            directory,
            Some(owner.uid.as_raw()),
            Some(owner.gid.as_raw()),
        )
        .map_err(system("cannot change the owner of", directory))?;
    }
    Ok(())
}

/// Takes the lock that decides who serves the socket. It is held as long as
/// the process lives, however it ends.
fn lock(lock_path: &Path, path: &Path, owner: Option<&User>) -> Result<Flock<File>, SocketError> {
    let error = system("cannot lock", lock_path);
    loop {
        let file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .custom_flags(libc::O_NOFOLLOW)
            .open(lock_path)
            .map_err(system("cannot open", lock_path))?;
        let file = match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(file) => file,
            Err((_, nix::errno::Errno::EWOULDBLOCK)) => {
                return Err(SocketError::Live(path.to_owned()));
            }
            Err((_, errno)) => return Err(error(errno.into())),
        };
        // One that ends removes its lock: what is locked must still be there.
        let held = file.metadata().map_err(system("cannot read", lock_path))?;
        match fs::metadata(lock_path) {
            Ok(there) if (there.dev(), there.ino()) == (held.dev(), held.ino()) => {
                let uid = owner.map(|owner| owner.uid.as_raw());
                chown(lock_path, uid, None)
                    .map_err(system("cannot change the owner of", lock_path))?;
                return Ok(file);
            }
            Ok(_) | Err(_) => {}
        }
    }
}

/// Removes a socket that nobody serves.
fn clear(path: &Path) -> Result<(), SocketError> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(system("cannot read", path)(error)),
        Ok(there) if !there.file_type().is_socket() => {
            return Err(SocketError::NotASocket(path.to_owned()));
        }
        Ok(_) => {}
    }
    // The lock says that no mcrd serves it; another program might.
    if UnixStream::connect(path).is_ok() {
        return Err(SocketError::Live(path.to_owned()));
    }
    fs::remove_file(path).map_err(system("cannot remove the dead socket", path))
}

fn system(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> SocketError + use<> {
    let path = path.to_owned();
    move |source| SocketError::System { what, path, source }
}

impl ControlSocket {
    /// The socket's path.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether the process can remove the socket at its end.
    pub(crate) fn can_be_removed(&self) -> bool {
        let directory = match self.path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            Some(_) | None => Path::new("."),
        };
        access(directory, AccessFlags::W_OK).is_ok()
    }
}

impl Drop for ControlSocket {
    fn drop(&mut self) {
        // The lock last: who gets it next finds no socket.
        for path in [&self.path, &self.lock_path] {
            if let Err(error) = fs::remove_file(path) {
                tracing::warn!(
                    target: "control",
                    path = %path.display(),
                    %error,
                    "cannot be removed; the next start replaces it"
                );
            }
        }
    }
}

#[cfg(test)]
mod tests;
