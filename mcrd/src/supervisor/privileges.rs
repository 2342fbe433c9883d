//! Which user the daemon becomes and what it keeps.

use std::path::Path;

use caps::Capability;
use mcr_sys::privilege::{self, Identity, PrivilegeError};
use nix::sys::resource::Resource;
use nix::unistd::{AccessFlags, User, access};

/// What the daemon needs as long as it runs: packet sockets for new outputs
/// and workers, and neighbours to be looked for.
const KEPT: [Capability; 2] = [Capability::CAP_NET_ADMIN, Capability::CAP_NET_RAW];

/// Descriptors to be asked for: 4096 clients, and 500 sockets for 10 000
/// groups.
const DESCRIPTORS: u64 = 65_536;

/// Who the daemon became.
pub(super) struct Standing {
    /// In words, for the log.
    pub(super) identity: String,
    /// What an operator should know.
    pub(super) notes: Vec<String>,
    /// How many descriptors the process may have open.
    pub(super) descriptors: u64,
}

/// Why the daemon cannot run like this.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refusal {
    /// It has too little privilege.
    #[error(
        "{0}: start mcrd as root; or as its own user with AmbientCapabilities=CAP_NET_ADMIN \
         CAP_NET_RAW in its unit, or after 'setcap cap_net_admin,cap_net_raw+p'; or inside a user \
         namespace (unshare --user --map-root-user --net)"
    )]
    Missing(PrivilegeError),
    /// Anything else.
    #[error("privileges cannot be reduced: {0}")]
    Other(PrivilegeError),
    /// The file names a user that does not exist.
    #[error("workers.user: {0}")]
    User(PrivilegeError),
}

/// The user that a daemon started by root becomes; `None` where it stays who
/// it is.
pub(super) fn target(asked: Option<&str>) -> Result<Option<User>, Refusal> {
    if !privilege::is_root() {
        return Ok(None);
    }
    let user = match asked {
        Some(name) => privilege::user(name).map_err(Refusal::User)?,
        None => match privilege::user("mcr").or_else(|_| privilege::user("nobody")) {
            Ok(user) => user,
            Err(_) => return Ok(None),
        },
    };
    Ok(privilege::is_mapped(user.uid.as_raw()).then_some(user))
}

/// Gives up everything that is not needed from here on.
pub(super) fn reduce(target: Option<&User>, file: Option<&Path>) -> Result<Standing, Refusal> {
    let mut notes = Vec::new();
    let descriptors = match privilege::raise_limit(Resource::RLIMIT_NOFILE, DESCRIPTORS) {
        Ok(limit) => limit,
        Err(error) => {
            notes.push(format!("the limit of open files cannot be read: {error}"));
            1024
        }
    };
    // Buffers that io_uring registers count against it.
    if let Err(error) = privilege::raise_limit(Resource::RLIMIT_MEMLOCK, u64::MAX) {
        notes.push(format!(
            "the limit of locked memory cannot be read: {error}"
        ));
    }
    let identity = privilege::reduce(&KEPT, target).map_err(|error| match error {
        PrivilegeError::Missing(_) => Refusal::Missing(error),
        PrivilegeError::NoUser(_) | PrivilegeError::System { .. } => Refusal::Other(error),
    })?;
    let identity = match identity {
        Identity::Changed { user, uid } => format!("user {user} ({uid}), was root"),
        Identity::Kept { uid } => format!("uid {uid}"),
        Identity::OnlyRoot => {
            notes.push(
                "this user namespace has no other user, so supervisor and workers stay its uid 0"
                    .to_owned(),
            );
            "uid 0 of a user namespace".to_owned()
        }
    };
    if let Some(file) = file {
        notes.extend(access_note(file));
    }
    Ok(Standing {
        identity,
        notes,
        descriptors,
    })
}

/// What will not work on the start-up file as the user the daemon is now.
fn access_note(file: &Path) -> Option<String> {
    let uid = nix::unistd::Uid::effective();
    let name = file.display();
    let directory = match file.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        Some(_) | None => Path::new("."),
    };
    if access(file, AccessFlags::R_OK).is_err() {
        Some(format!(
            "{name} is not readable by uid {uid}: a reload will fail"
        ))
    } else if access(directory, AccessFlags::W_OK).is_err() {
        Some(format!(
            "the directory of {name} is not writable by uid {uid}: saving there will fail"
        ))
    } else {
        None
    }
}
