//! A configuration that the user brings for a daemon.

use std::path::PathBuf;

/// A text of the user's, in the daemon's own words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnConfig {
    /// The file that it was read from.
    pub file: PathBuf,
    /// The text, with what its variables stand for.
    pub text: String,
    /// It is all that the daemon reads; otherwise it comes after what the lab
    /// writes.
    pub instead: bool,
}

impl OwnConfig {
    /// What a daemon reads, where the lab writes this.
    #[must_use]
    pub fn behind(own: Option<&OwnConfig>, written: String) -> String {
        match own {
            Some(own) if own.instead => own.text.clone(),
            Some(own) => written + &own.text,
            None => written,
        }
    }
}
