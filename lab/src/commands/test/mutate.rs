//! `lab test --mutate`: the labs that must not pass, and what is said of them.

use crate::args::TestArgs;
use crate::mutation::{Mutation, Noticed};
use crate::report::{RunReport, text};
use crate::run::Options;
use crate::topology::model::Topology;

/// The lab with each thing wrong, where its runs are to be mutated.
pub(super) fn labs(args: &TestArgs, lab: &Topology) -> Vec<(Mutation, Topology)> {
    let all = Mutation::ALL.into_iter().filter(|_| args.mutate);
    all.filter_map(|one| Some((one, one.of(lab)?))).collect()
}

/// Every step is run, and nothing is kept of packets.
pub(super) fn options(options: &Options) -> Options {
    Options {
        keep_going: true,
        capture: Some(crate::args::Capture::Never),
        html: false,
        pause: None,
        ..options.clone()
    }
}

/// What was noticed, as lines, and whether there is a step that never notices.
pub(super) fn judge(
    args: &TestArgs,
    lab: &Topology,
    runs: &[(Mutation, RunReport)],
) -> (Vec<String>, bool) {
    if !args.mutate {
        return (Vec::new(), false);
    }
    let noticed = Noticed::of(runs);
    let mut lines = vec![format!(
        "{} with something wrong, {} runs:",
        lab.name,
        runs.len()
    )];
    lines.extend(noticed.lines());
    let lines = lines.iter().flat_map(|line| text::hanging(line)).collect();
    (lines, noticed.is_blind())
}
