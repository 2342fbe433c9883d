//! When a run leaves evidence.

/// When a run leaves packets; where always, the HTML report too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Keep {
    /// When it failed.
    #[default]
    OnFailure,
    /// Always.
    Always,
    /// Never.
    Never,
}
