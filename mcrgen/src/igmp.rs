//! Choosing the IGMP version that the kernel joins with.

use std::path::PathBuf;

use crate::error::Error;

/// An interface that is made to speak one IGMP version, until this is dropped.
pub(crate) struct ForcedVersion {
    path: PathBuf,
    before: String,
}

impl ForcedVersion {
    /// Sets `net.ipv4.conf.INTERFACE.force_igmp_version`.
    pub(crate) fn force(interface: &str, version: u8) -> Result<Self, Error> {
        let file = |interface: &str| -> PathBuf {
            ["/proc/sys/net/ipv4/conf", interface, "force_igmp_version"]
                .iter()
                .collect()
        };
        let path = file(interface);
        let failed = |source: std::io::Error| Error::IgmpVersion {
            version,
            interface: interface.to_owned(),
            path: path.display().to_string(),
            source,
        };
        // A value for all interfaces comes before that of one.
        let all = std::fs::read_to_string(file("all")).map_err(failed)?;
        let all = all.trim();
        if all != "0" && all != version.to_string() {
            return Err(failed(std::io::Error::other(format!(
                "net.ipv4.conf.all.force_igmp_version is {all}"
            ))));
        }
        let before = std::fs::read_to_string(&path).map_err(failed)?;
        std::fs::write(&path, version.to_string()).map_err(failed)?;
        Ok(Self { path, before })
    }
}

impl Drop for ForcedVersion {
    fn drop(&mut self) {
        if let Err(error) = std::fs::write(&self.path, self.before.trim()) {
            // The interface may be gone, and its setting with it.
            if error.kind() != std::io::ErrorKind::NotFound {
                crate::warn(&format!("cannot reset {}: {error}", self.path.display()));
            }
        }
    }
}
