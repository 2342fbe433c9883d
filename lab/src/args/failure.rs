//! Options about what follows a failed step.

/// What follows a failed step.
#[derive(Clone, Copy, Debug, Default, clap::Args)]
pub struct FailureArgs {
    /// After a failed step, run the others nevertheless
    #[arg(long)]
    pub keep_going: bool,
    /// After a failed step, keep the lab as it is until Enter is pressed, so that
    /// `lab sh`, `lab explain` and `lab capture` can look at it. Needs a terminal;
    /// runs one file at a time
    #[arg(long, conflicts_with_all = ["sim", "watch_file"])]
    pub pause_on_failure: bool,
}
