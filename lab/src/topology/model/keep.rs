//! What evidence a run leaves, and when.

use std::time::Duration;

/// What a run leaves, beside its result, the configurations and the logs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Artifacts {
    /// When it leaves packets.
    pub keep: Keep,
    /// Which packets those are.
    pub kept: Kept,
}

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

/// Which packets a run leaves, of those that links still have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    /// Of the messages of IGMP and PIM.
    pub control: Extent,
    /// Of all other packets.
    pub data: Extent,
}

/// How many packets of one sort.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Extent {
    /// All in the file of the run; in that of a step, those around it.
    #[default]
    Usual,
    /// All of them.
    All,
    /// None.
    None,
    /// Those of failed steps, and of so long before and after each.
    Around(Duration),
}
