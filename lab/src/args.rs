//! The command line.

mod baseline;
mod failure;
mod format;
mod fuzz;
mod matrix;
mod report;
mod running;
mod shard;
mod sweep;

use std::net::Ipv4Addr;
use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum, ValueHint};
use serde::{Deserialize, Serialize};

pub use baseline::BaselineArgs;
pub use failure::FailureArgs;
use format::parse_report;
pub use format::{Form, ReportTo, TestFormat};
pub use fuzz::FuzzArgs;
pub use matrix::MatrixArgs;
pub use report::ReportArgs;
pub use running::*;
pub use shard::Shard;
use shard::parse_shard;
pub use sweep::{SweepArgs, SweepAt};

/// Build a multicast network out of namespaces, run it, judge it by packets.
#[derive(Clone, Debug, Parser)]
#[command(name = "lab", version, max_term_width = 80)]
#[command(after_help = "\
Exit status: 0 pass, 1 failed, 2 nothing to run, 3 warnings only, 4 file
invalid, 5 this machine lacks something, 6 the lab itself failed, 64 usage.
A FILE may be a folder with a lab.yaml in it.")]
pub struct Args {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Check lab files and tell every mistake in them
    Check(CheckArgs),
    /// Build a lab and leave it running
    Up(UpArgs),
    /// Make a running lab into what its file describes now
    Apply(ApplyArgs),
    /// Take running labs down
    Down(DownArgs),
    /// List running labs, their nodes and processes
    Ps(PsArgs),
    /// Run a command in nodes of a running lab
    Exec(ExecArgs),
    /// Open a shell in a node of a running lab
    Sh(ShArgs),
    /// Show what the daemons of a node of a running lab say
    Logs(LogsArgs),
    /// Save configurations, logs and states of all nodes of a running lab
    Save(SaveArgs),
    /// Show a running lab as it changes: links, traffic, routers, trees
    Watch(WatchArgs),
    /// Show or write the packets of a running lab's links
    Capture(CaptureArgs),
    /// Let receivers of a running lab join, or any node a group
    Join(JoinArgs),
    /// Let receivers of a running lab leave
    Leave(LeaveArgs),
    /// Let sources of a running lab send, or any node to a group
    Send(SendArgs),
    /// Let sources of a running lab stop
    Stop(StopArgs),
    /// Set links of a running lab down or up, delete or make them
    Link(LinkArgs),
    /// Lay loss, delay and more on the wire of a link or member of a running lab
    Fault(FaultArgs),
    /// Let wires of a running lab do again what the file says
    Heal(HealArgs),
    /// Start, stop, kill or reload daemons of a running lab
    Daemon(DaemonArgs),
    /// Restart daemons of a running lab; their links stay
    Restart(RestartArgs),
    /// Keep what all routers of a running lab know, under a name
    Snap(SnapArgs),
    /// Tell what the routers of a running lab know otherwise than in a snap
    Diff(SnapArgs),
    /// Do any step of a lab file in a running lab, and judge it
    Do(DoArgs),
    /// Build the lab of each file, run its steps, judge, take it down
    Test(TestArgs),
    /// Run a run of `lab test` again, out of its folder
    Replay(ReplayArgs),
    /// Print the result of runs of `lab test` again, in any form, as one report
    Report(ReportArgs),
    /// Run random networks in virtual time against the reference model
    Fuzz(FuzzArgs),
    /// Find out why a receiver gets nothing of a source
    Explain(ExplainArgs),
    /// Run a lab file with every combination of some values, and print a grid
    Matrix(MatrixArgs),
    /// Draw the network of a lab file or of a running lab
    Graph(GraphArgs),
    /// Write a lab file's network for another program
    Export(ExportArgs),
    /// Remove what dead labs left behind
    Clean,
    /// Print the JSON Schema of the lab file
    Schema,
    /// Write a small lab file to start from
    New(NewArgs),
    /// Try what labs need on this machine, and tell what it has
    Doctor(DoctorArgs),
    /// Print shell completion
    Completion(CompletionArgs),
}

/// A lab file, and the variables set on the command line.
#[derive(Clone, Debug, clap::Args)]
pub struct Vars {
    /// Set a variable of the file; may be given several times
    #[arg(long = "var", value_name = "NAME=VALUE", value_parser = parse_var)]
    pub vars: Vec<(String, String)>,
}

/// `lab check`.
#[derive(Clone, Debug, clap::Args)]
pub struct CheckArgs {
    /// Lab files
    #[arg(required = true, value_name = "FILE", value_hint = ValueHint::AnyPath)]
    pub files: Vec<PathBuf>,
    /// Variables.
    #[command(flatten)]
    pub vars: Vars,
    /// Do not ask whether this machine has what the labs need
    #[arg(long, conflicts_with = "bin_dir")]
    pub anywhere: bool,
    /// Where mcrd, mcrctl and mcrgen are; beside lab otherwise
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub bin_dir: Option<PathBuf>,
    /// Print the result as JSON
    #[arg(long)]
    pub json: bool,
}

/// `lab up`.
#[derive(Clone, Debug, clap::Args)]
pub struct UpArgs {
    /// Lab file
    #[arg(value_name = "FILE", value_hint = ValueHint::AnyPath)]
    pub file: PathBuf,
    /// Variables.
    #[command(flatten)]
    pub vars: Vars,
    /// Call the lab so, not as the file does
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// Where mcrd, mcrctl and mcrgen are; beside lab otherwise
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub bin_dir: Option<PathBuf>,
}

/// `lab down`.
#[derive(Clone, Debug, clap::Args)]
pub struct DownArgs {
    /// Labs
    #[arg(value_name = "NAME", required_unless_present = "all")]
    pub names: Vec<String>,
    /// All labs of this user
    #[arg(long, conflicts_with = "names")]
    pub all: bool,
}

/// `lab ps`.
#[derive(Clone, Debug, clap::Args)]
pub struct PsArgs {
    /// Print the result as JSON
    #[arg(long)]
    pub json: bool,
}

/// `lab sh`.
#[derive(Clone, Debug, clap::Args)]
pub struct ShArgs {
    /// The lab; needed where several run
    #[arg(short, long, value_name = "NAME")]
    pub lab: Option<String>,
    /// The node
    #[arg(value_name = "NODE")]
    pub node: String,
}

/// `lab test`.
#[derive(Clone, Debug, clap::Args)]
pub struct TestArgs {
    /// Lab files
    #[arg(required = true, value_name = "FILE", value_hint = ValueHint::AnyPath)]
    pub files: Vec<PathBuf>,
    /// What the file said, where that is not what it says now.
    #[arg(skip)]
    pub text: Option<String>,
    /// Variables.
    #[command(flatten)]
    pub vars: Vars,
    /// How to print
    #[arg(long, value_enum, default_value_t = TestFormat::Pretty)]
    pub format: TestFormat,
    /// Write a JUnit report too
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub junit: Option<PathBuf>,
    /// Write a report of this form to a file too, as `tap=FILE`: json, ndjson,
    /// junit, markdown, tap or gha; as often as wanted
    #[arg(long = "report", value_name = "FORM=FILE", value_parser = parse_report)]
    pub reports: Vec<ReportTo>,
    /// Write the HTML report, index.html, also of a run that passed; otherwise as
    /// the file's `artifacts` say
    #[arg(long)]
    pub html: bool,
    /// Run each file so many times, not as often as it says itself; stop at the
    /// first failure, and tell how its figures are distributed
    #[arg(long, value_name = "N")]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub repeat: Option<u32>,
    /// Figures of earlier runs.
    #[command(flatten)]
    pub baseline: BaselineArgs,
    /// Run each file that passes again with things wrong that it must notice: no
    /// receiver joins, no Join is heard, sources are expected elsewhere; tell
    /// which steps noticed, and which never do
    #[arg(long)]
    pub mutate: bool,
    /// Run so many files at a time, each in a world of its own; those whose
    /// `limits` say `alone` run last, one by one [default: twice the CPUs, at
    /// most 8]
    #[arg(short, long, value_name = "N", conflicts_with = "sim")]
    #[arg(value_parser = clap::value_parser!(u8).range(1..=64))]
    pub jobs: Option<u8>,
    /// Run only the K-th of N equal parts of the files: 1/4
    #[arg(long, value_name = "K/N", value_parser = parse_shard)]
    pub shard: Option<Shard>,
    /// Run only files that differ from this commit of git, themselves, in what they
    /// extend or in their folder
    #[arg(long, value_name = "COMMIT")]
    pub changed: Option<String>,
    /// After a failed step.
    #[command(flatten)]
    pub failure: FailureArgs,
    /// Run again whenever one of the files, or one that they extend, is saved,
    /// until Ctrl-C
    #[arg(long)]
    pub watch_file: bool,
    /// Where the folders of the runs are made
    #[arg(long, value_name = "DIR", default_value = "runs")]
    #[arg(value_hint = ValueHint::DirPath)]
    pub run_dir: PathBuf,
    /// Where mcrd, mcrctl and mcrgen are; beside lab otherwise
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub bin_dir: Option<PathBuf>,
    /// When the packets of every link are kept; as the file's `artifacts` say
    /// otherwise, and where they say nothing on-failure
    #[arg(long, value_enum)]
    pub capture: Option<Capture>,
    /// Run in virtual time: mcrd's routers in one process, hosts, links and
    /// unicast routes as models. Needs no namespaces and takes a moment
    #[arg(long, conflicts_with = "bin_dir")]
    pub sim: bool,
    /// What decides the fate of each frame on a wire, and everything that is
    /// left to chance in virtual time; with --repeat, each run takes the next
    /// one
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// One run of a sweep.
    #[command(flatten)]
    pub sweep: SweepArgs,
}

impl TestArgs {
    /// How many files run at a time.
    #[must_use]
    pub fn jobs(&self) -> usize {
        let cpus = std::thread::available_parallelism().map_or(1, usize::from);
        self.jobs.map_or((2 * cpus).min(8), usize::from)
    }
}

/// `lab replay`.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "\
The lab file is the one that the run kept, with its variables and its seed;
files that it extends are read where they are now. In virtual time the result
is the same, as long as the programs are.")]
pub struct ReplayArgs {
    /// The run: its folder, or its number as `lab test` tells it
    #[arg(value_name = "RUN", value_hint = ValueHint::DirPath)]
    pub run: PathBuf,
    /// How to print
    #[arg(long, value_enum, default_value_t = TestFormat::Pretty)]
    pub format: TestFormat,
    /// Write the HTML report, index.html, also of a run that passed
    #[arg(long)]
    pub html: bool,
    /// Where the folders of the runs are
    #[arg(long, value_name = "DIR", default_value = "runs")]
    #[arg(value_hint = ValueHint::DirPath)]
    pub run_dir: PathBuf,
    /// Where mcrd, mcrctl and mcrgen are; beside lab otherwise
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub bin_dir: Option<PathBuf>,
}

/// When the packets of every link are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Capture {
    /// When a step failed
    OnFailure,
    /// Always
    Always,
    /// Never
    Never,
}

/// `lab explain`.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "\
Exit status: 0 no fault found, 1 a fault found, 2 not known.")]
pub struct ExplainArgs {
    /// A lab that runs, by name or file; with --sim a file, whose steps are run
    /// in virtual time first
    #[arg(value_name = "LAB", value_hint = ValueHint::AnyPath)]
    pub lab: String,
    /// The receiver, as the file names it, or NODE:GROUP of one by hand
    #[arg(value_name = "RECEIVER")]
    pub receiver: String,
    /// The source, in the same way
    #[arg(value_name = "SOURCE")]
    pub source: String,
    /// Variables.
    #[command(flatten)]
    pub vars: Vars,
    /// Run the file's steps in virtual time to their end, then look
    #[arg(long)]
    pub sim: bool,
    /// What decides everything that is left to chance in virtual time
    #[arg(long, value_name = "N", default_value_t = 1, requires = "sim")]
    pub seed: u64,
    /// Print the result as JSON
    #[arg(long)]
    pub json: bool,
}

/// `lab graph`.
#[derive(Clone, Debug, clap::Args)]
pub struct GraphArgs {
    /// Lab file, or the name of a running lab: then with links that are down and
    /// what wires do
    #[arg(value_name = "FILE", value_hint = ValueHint::AnyPath)]
    pub file: PathBuf,
    /// Variables.
    #[command(flatten)]
    pub vars: Vars,
    /// How to draw
    #[arg(long, value_enum, default_value_t = GraphFormat::Text)]
    pub format: GraphFormat,
    /// Of a running lab: the way that the packets of this group take
    #[arg(long, value_name = "GROUP")]
    pub group: Option<Ipv4Addr>,
}

/// How `lab graph` draws.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum GraphFormat {
    /// For a terminal of 80 columns
    Text,
    /// Mermaid, as in Markdown
    Mermaid,
    /// Graphviz
    Dot,
    /// A picture
    Svg,
    /// For programs
    Json,
}

/// What `lab new` writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Template {
    /// A source, a relay by rules, a receiver
    Relay,
    /// PIM sparse mode: three routers in a row, one of them the RP
    Chain,
    /// Source-specific multicast in a row of routers
    Ssm,
    /// Two routers on the receivers' LAN, of which one dies
    Lan,
}

/// `lab doctor`.
#[derive(Clone, Debug, clap::Args)]
pub struct DoctorArgs {
    /// Where mcrd, mcrctl and mcrgen are; beside lab otherwise
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub bin_dir: Option<PathBuf>,
    /// Print the result as JSON
    #[arg(long)]
    pub json: bool,
}

/// `lab export`.
#[derive(Clone, Debug, clap::Args)]
pub struct ExportArgs {
    /// The program
    #[arg(value_enum)]
    pub program: ExportTo,
    /// Lab file
    #[arg(value_name = "FILE", value_hint = ValueHint::AnyPath)]
    pub file: PathBuf,
    /// Variables.
    #[command(flatten)]
    pub vars: Vars,
    /// The image of nodes that run mcrd
    #[arg(long, value_name = "IMAGE", default_value = "mcr:latest")]
    pub image: String,
}

/// What `lab export` writes for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ExportTo {
    /// A topology file of containerlab
    Containerlab,
}

/// `lab new`.
#[derive(Clone, Debug, clap::Args)]
pub struct NewArgs {
    /// What is in it
    #[arg(long, value_enum, default_value_t = Template::Relay)]
    pub template: Template,
    /// The folder to make; its name is the lab's
    #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub folder: PathBuf,
}

/// `lab completion`.
#[derive(Clone, Debug, clap::Args)]
pub struct CompletionArgs {
    /// The shell
    #[arg(value_enum)]
    pub shell: clap_complete::Shell,
}

fn parse_var(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        Some(_) | None => Err("write it as NAME=VALUE".to_owned()),
    }
}
