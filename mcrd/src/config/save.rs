//! Writing the configuration: the file is the old one or the new one, whole,
//! whatever happens meanwhile.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use mcr_api::config::ConfigFile;
use mcr_api::state::Saved;

/// Writes `file` to `path`.
pub(crate) fn save(path: &Path, file: &ConfigFile) -> Result<Saved, String> {
    let text = mcr_config::to_text(file).map_err(|error| error.to_string())?;
    // A symbolic link stays one: what it points to is replaced.
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    write(&path, text.as_bytes()).map_err(|error| {
        format!(
            "cannot write {}: {error}; the directory must be writable by uid {}",
            path.display(),
            nix::unistd::Uid::effective()
        )
    })?;
    Ok(Saved {
        path: path.display().to_string(),
        rules: file.rules.len(),
    })
}

fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        Some(_) | None => Path::new("."),
    };
    let temporary = temporary(directory, path)?;
    let result = write_and_rename(&temporary, path, directory, bytes);
    if result.is_err()
        && let Err(error) = fs::remove_file(&temporary)
    {
        tracing::debug!(target: "config", %error, "no temporary file to remove");
    }
    result
}

fn temporary(directory: &Path, path: &Path) -> io::Result<PathBuf> {
    let name = path
        .file_name()
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "not the name of a file"))?;
    let mut hidden = std::ffi::OsString::from(".");
    hidden.push(name);
    hidden.push(format!(".{}", std::process::id()));
    Ok(directory.join(hidden))
}

fn write_and_rename(
    temporary: &Path,
    path: &Path,
    directory: &Path,
    bytes: &[u8],
) -> io::Result<()> {
    let mut file = File::options()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o640)
        .custom_flags(libc::O_NOFOLLOW)
        .open(temporary)?;
    if let Ok(old) = fs::metadata(path) {
        file.set_permissions(fs::Permissions::from_mode(old.mode() & 0o777))?;
    }
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(temporary, path)?;
    // The new name is on disk only when the directory is.
    File::open(directory)?.sync_all()
}

#[cfg(test)]
mod tests;
