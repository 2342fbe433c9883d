//! The directories of running labs: one a lab, with a lock that lives as long
//! as the lab does. A directory whose lock is free is left over from a lab that
//! is dead; nothing else in the system can be, because namespaces and processes
//! end with their lab.

mod error;
mod state;

use std::env;
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use nix::unistd::{AccessFlags, access, geteuid};

pub use error::RunDirError;
pub use state::{NodeState, PointState, State, process_started};

/// The lock of one lab, and of all of a user's together.
const LOCK: &str = "lock";
const BASE_LOCK: &str = ".lock";
const STATE: &str = "lab.json";

/// Who may enter the directories.
const PRIVATE: u32 = 0o700;
/// Root's daemons leave root, and read their files as another user.
const TRAVERSABLE: u32 = 0o711;

/// A directory that belongs to a lab of the caller's.
#[derive(Debug)]
pub struct RunDir {
    base: Base,
    name: String,
    /// Locked. Forked processes share the lock.
    lock: File,
}

/// A lab's directory, as anybody of the same user sees it.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The lab's name.
    pub name: String,
    /// The directory.
    pub path: PathBuf,
    /// What the lab says of itself; not there yet at the very beginning.
    pub state: Option<State>,
    /// The lab is alive.
    pub alive: bool,
}

impl RunDir {
    /// Makes the directory of the lab `name`, after sweeping up what dead labs
    /// left.
    ///
    /// # Errors
    /// [`RunDirError::InUse`] where a lab of that name runs.
    pub fn claim(name: &str) -> Result<Self, RunDirError> {
        let base = Base::of_user()?;
        let guard = base.lock()?;
        base.sweep()?;
        let made = base.make(name);
        drop(guard);
        made
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.base.path.join(&self.name)
    }

    /// Writes what the lab says of itself.
    ///
    /// # Errors
    /// The file system's.
    pub fn write_state(&self, state: &State) -> Result<(), RunDirError> {
        write_state(&self.path(), state)
    }

    /// Removes the directory. The lab must have ended.
    ///
    /// # Errors
    /// The file system's.
    pub fn remove(self) -> Result<(), RunDirError> {
        let guard = self.base.lock()?;
        let path = self.path();
        let removed = fs::remove_dir_all(&path).map_err(RunDirError::file("remove", &path));
        drop(guard);
        drop(self.lock);
        removed
    }
}

/// Writes what a lab says of itself to its directory.
///
/// # Errors
/// The file system's.
pub fn write_state(folder: &Path, state: &State) -> Result<(), RunDirError> {
    // Written beside and renamed, so that nobody reads half of it.
    let (path, beside) = (folder.join(STATE), folder.join("lab.json.new"));
    let text = serde_json::to_vec_pretty(state).map_err(io::Error::other);
    // A node's environment may hold what others must not read.
    let mut only_own = OpenOptions::new();
    only_own.write(true).create(true).truncate(true).mode(0o600);
    text.and_then(|text| only_own.open(&beside)?.write_all(&text))
        .and_then(|()| fs::rename(&beside, &path))
        .map_err(RunDirError::file("write", &path))
}

/// What the lab in this directory says of itself.
#[must_use]
pub fn read_state(folder: &Path) -> Option<State> {
    State::read(&folder.join(STATE))
}

/// All labs of the user, dead or alive, by name.
///
/// # Errors
/// The file system's.
pub fn list() -> Result<Vec<Entry>, RunDirError> {
    let base = Base::of_user()?;
    let guard = base.lock()?;
    let entries = base.entries();
    drop(guard);
    entries
}

/// Removes what dead labs left, and returns their names.
///
/// # Errors
/// The file system's.
pub fn sweep() -> Result<Vec<String>, RunDirError> {
    let base = Base::of_user()?;
    let guard = base.lock()?;
    let swept = base.sweep();
    drop(guard);
    swept
}

/// The directory of all labs of one user.
#[derive(Debug)]
struct Base {
    path: PathBuf,
    mode: u32,
}

impl Base {
    /// Finds it, or makes it.
    fn of_user() -> Result<Self, RunDirError> {
        let uid = geteuid();
        // Root of a user namespace cannot write to the real root's /run.
        let root = uid.is_root() && access("/run", AccessFlags::W_OK).is_ok();
        let runtime = env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
        let runtime = runtime.filter(|path| path.is_absolute() && path.is_dir());
        let (path, mode) = if root {
            (PathBuf::from("/run/mcr-lab"), TRAVERSABLE)
        } else if let Some(runtime) = runtime {
            (runtime.join("mcr-lab"), PRIVATE)
        } else {
            (PathBuf::from(format!("/tmp/mcr-lab-{uid}")), PRIVATE)
        };
        Self::at(path, mode)
    }

    fn at(path: PathBuf, mode: u32) -> Result<Self, RunDirError> {
        match DirBuilder::new().mode(mode).create(&path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                return Err(RunDirError::file("make", &path)(error));
            }
            Ok(()) | Err(_) => {}
        }
        // Others may write to /tmp: a directory or link of theirs in this
        // place would give them the lab's files.
        let found = fs::symlink_metadata(&path).map_err(RunDirError::file("read", &path))?;
        let own = found.is_dir() && found.uid() == geteuid().as_raw();
        if !own || found.mode() & 0o022 != 0 {
            return Err(RunDirError::Foreign { path });
        }
        Ok(Self { path, mode })
    }

    /// Keeps others of the user's labs from changing the directory.
    fn lock(&self) -> Result<File, RunDirError> {
        let path = self.path.join(BASE_LOCK);
        let lock = open_lock(&path)?;
        lock.lock().map_err(RunDirError::file("lock", &path))?;
        Ok(lock)
    }

    /// Makes a lab's directory. The base is locked and swept.
    fn make(&self, name: &str) -> Result<RunDir, RunDirError> {
        let path = self.path.join(name);
        match DirBuilder::new().mode(self.mode).create(&path) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                return Err(RunDirError::InUse {
                    name: name.to_owned(),
                });
            }
            Err(error) => return Err(RunDirError::file("make", &path)(error)),
        }
        let lock = open_lock(&path.join(LOCK))?;
        lock.lock().map_err(RunDirError::file("lock", &path))?;
        let base = Self {
            path: self.path.clone(),
            mode: self.mode,
        };
        Ok(RunDir {
            base,
            name: name.to_owned(),
            lock,
        })
    }

    fn entries(&self) -> Result<Vec<Entry>, RunDirError> {
        let failed = RunDirError::file("read", &self.path);
        let found: io::Result<Vec<_>> = fs::read_dir(&self.path).and_then(Iterator::collect);
        let mut entries = Vec::new();
        for found in found.map_err(failed)? {
            let (path, name) = (found.path(), found.file_name());
            let (true, Some(name)) = (path.is_dir(), name.to_str()) else {
                continue;
            };
            let alive = is_locked(&path)?;
            let state = State::read(&path.join(STATE));
            entries.push(Entry {
                name: name.to_owned(),
                path,
                state,
                alive,
            });
        }
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(entries)
    }

    fn sweep(&self) -> Result<Vec<String>, RunDirError> {
        let mut swept = Vec::new();
        for entry in self.entries()?.into_iter().filter(|entry| !entry.alive) {
            let removed = fs::remove_dir_all(&entry.path);
            removed.map_err(RunDirError::file("remove", &entry.path))?;
            swept.push(entry.name);
        }
        Ok(swept)
    }
}

/// Whether a living lab holds the directory. The base is locked.
fn is_locked(path: &Path) -> Result<bool, RunDirError> {
    let lock = open_lock(&path.join(LOCK))?;
    match lock.try_lock() {
        Ok(()) => Ok(false),
        Err(TryLockError::WouldBlock) => Ok(true),
        Err(TryLockError::Error(error)) => Err(RunDirError::file("lock", path)(error)),
    }
}

fn open_lock(path: &Path) -> Result<File, RunDirError> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false).mode(0o600);
    options.open(path).map_err(RunDirError::file("open", path))
}

#[cfg(test)]
mod tests;
