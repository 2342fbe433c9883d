//! The commands for a lab that runs.

use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::time::Duration;

use clap::ValueHint;

use super::Vars;

/// `lab apply`.
#[derive(Clone, Debug, clap::Args)]
pub struct ApplyArgs {
    /// The lab; otherwise the one that the file names, or was made from it
    #[arg(short, long, value_name = "NAME")]
    pub lab: Option<String>,
    /// Lab file
    #[arg(value_name = "FILE", value_hint = ValueHint::AnyPath)]
    pub file: PathBuf,
    /// Variables.
    #[command(flatten)]
    pub vars: Vars,
    /// Tell what would change, and change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Print the changes and what became of them as JSON
    #[arg(long)]
    pub json: bool,
}

/// `lab exec`.
#[derive(Clone, Debug, clap::Args)]
pub struct ExecArgs {
    /// The lab; needed where several run
    #[arg(short, long, value_name = "NAME")]
    pub lab: Option<String>,
    /// In all nodes
    #[arg(long, conflicts_with_all = ["kind", "group"])]
    pub all: bool,
    /// In all nodes of this kind: mcrd, host, frr ...
    #[arg(long, value_name = "KIND")]
    pub kind: Option<String>,
    /// In all nodes of this group of the lab file
    #[arg(long, value_name = "NAME")]
    pub group: Option<String>,
    /// Print the status and output of each node as JSON
    #[arg(long)]
    pub json: bool,
    /// The nodes: r1, or r1,r2, or 'r*'; with --all, --kind or --group there are
    /// none, and this is the command
    #[arg(value_name = "NODES")]
    pub nodes: String,
    /// The command and its arguments
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    #[arg(value_name = "COMMAND", value_hint = ValueHint::CommandWithArguments)]
    pub command: Vec<String>,
}

/// `lab save`.
#[derive(Clone, Debug, clap::Args)]
pub struct SaveArgs {
    /// The lab; needed where several run
    #[arg(short, long, value_name = "NAME")]
    pub lab: Option<String>,
    /// Print what was saved as JSON
    #[arg(long)]
    pub json: bool,
    /// A folder that is not there yet, or a file that ends with .tar, .tar.gz or
    /// .tgz
    #[arg(value_name = "PATH", value_hint = ValueHint::AnyPath)]
    pub path: PathBuf,
}

/// `lab logs`.
#[derive(Clone, Debug, clap::Args)]
pub struct LogsArgs {
    /// The lab; needed where several run
    #[arg(short, long, value_name = "NAME")]
    pub lab: Option<String>,
    /// The node, or a receiver or source
    #[arg(value_name = "NODE")]
    pub node: String,
    /// Go on as lines are added
    #[arg(short, long)]
    pub follow: bool,
    /// So many of the last lines
    #[arg(short = 'n', long, value_name = "N", default_value_t = 100)]
    pub lines: u32,
}

/// `lab watch`.
#[derive(Clone, Debug, clap::Args)]
pub struct WatchArgs {
    /// The lab; needed where several run
    #[arg(short, long, value_name = "NAME")]
    pub lab: Option<String>,
    /// The time between two looks
    #[arg(short, long, value_name = "TIME", default_value = "500ms")]
    #[arg(value_parser = humantime::parse_duration)]
    pub interval: Duration,
    /// Look twice, show what is and the rates, and end
    #[arg(long)]
    pub once: bool,
    /// Print each look as one line of JSON
    #[arg(long)]
    pub json: bool,
}

/// `lab capture`.
#[derive(Clone, Debug, clap::Args)]
pub struct CaptureArgs {
    /// The lab; needed where several run
    #[arg(short, long, value_name = "NAME")]
    pub lab: Option<String>,
    /// Links or segments, as a--b; all if none is given
    #[arg(value_name = "LINK")]
    pub links: Vec<String>,
    /// Write a pcapng file with the links' names; - is standard output, as in
    /// `lab capture -w - | wireshark -k -i -`
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub write: Option<PathBuf>,
    /// Messages of IGMP and PIM only
    #[arg(long)]
    pub control: bool,
    /// Only messages that this is true of: 'pim.join(*, 239.1.1.1) r3>r2',
    /// 'igmp.report or igmp.leave'
    #[arg(long = "match", value_name = "EXPRESSION", conflicts_with = "control")]
    pub expression: Option<String>,
    /// Stop after this time
    #[arg(short, long, value_name = "TIME", value_parser = humantime::parse_duration)]
    pub duration: Option<Duration>,
    /// Stop after so many packets
    #[arg(short, long, value_name = "N")]
    pub count: Option<u64>,
    /// Keep so many bytes of each packet
    #[arg(long, value_name = "BYTES", default_value_t = 65_535)]
    #[arg(value_parser = clap::value_parser!(u32).range(64..=65_535))]
    pub snaplen: u32,
}

/// What all steps by hand have in common.
#[derive(Clone, Debug, clap::Args)]
pub struct Hand {
    /// The lab; needed where several run
    #[arg(short, long, value_name = "NAME")]
    pub lab: Option<String>,
    /// Print the result as JSON
    #[arg(long)]
    pub json: bool,
}

/// `lab snap` and `lab diff`.
#[derive(Clone, Debug, clap::Args)]
pub struct SnapArgs {
    /// The lab, and how to print.
    #[command(flatten)]
    pub hand: Hand,
    /// The snap's name
    #[arg(value_name = "SNAP")]
    pub name: String,
}

/// `lab join`.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = BY_HAND)]
pub struct JoinArgs {
    /// The lab, and how to print.
    #[command(flatten)]
    pub hand: Hand,
    /// Receivers of the lab file; or a node, and the groups that it joins:
    /// h1 239.1.1.1,239.1.1.2
    #[arg(required = true, value_name = "RECEIVER")]
    pub who: Vec<String>,
    /// In a node: only this source; as often as wanted
    #[arg(long, value_name = "ADDR", conflicts_with = "exclude")]
    pub source: Vec<Ipv4Addr>,
    /// In a node: every source but this; as often as wanted
    #[arg(long, value_name = "ADDR")]
    pub exclude: Vec<Ipv4Addr>,
    /// In a node: with this version of IGMP, 1 to 3
    #[arg(long, value_name = "N")]
    pub igmp: Option<u8>,
    /// In a node: on this interface; needed where it has several
    #[arg(long, value_name = "IF")]
    pub interface: Option<String>,
}

/// `lab leave`.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = BY_HAND)]
pub struct LeaveArgs {
    /// The lab, and how to print.
    #[command(flatten)]
    pub hand: Hand,
    /// Receivers of the lab file; or a node, and groups that it joined by hand
    #[arg(required = true, value_name = "RECEIVER")]
    pub who: Vec<String>,
}

/// `lab send`.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = BY_HAND)]
pub struct SendArgs {
    /// The lab, and how to print.
    #[command(flatten)]
    pub hand: Hand,
    /// Sources of the lab file; or a node, and the groups that it sends to, to
    /// each at the rate: h1 239.1.1.1,239.1.1.2
    #[arg(required = true, value_name = "SOURCE")]
    pub who: Vec<String>,
    /// In a node: 100pps or 8Mbit/s of UDP payload; 100pps unless given
    #[arg(long, value_name = "RATE")]
    pub rate: Option<String>,
    /// In a node: bytes of UDP payload; 200 unless given
    #[arg(long, value_name = "BYTES")]
    pub size: Option<u32>,
    /// In a node: time to live; 16 unless given
    #[arg(long, value_name = "N")]
    pub ttl: Option<u8>,
    /// In a node: so long; until `lab stop` otherwise
    #[arg(long = "for", value_name = "TIME")]
    pub time: Option<String>,
    /// In a node: from this interface; needed where it has several
    #[arg(long, value_name = "IF")]
    pub interface: Option<String>,
}

/// `lab stop`.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = BY_HAND)]
pub struct StopArgs {
    /// The lab, and how to print.
    #[command(flatten)]
    pub hand: Hand,
    /// Sources of the lab file; or a node, and groups that it sends to by hand
    #[arg(required = true, value_name = "SOURCE")]
    pub who: Vec<String>,
}

const BY_HAND: &str = "\
Those of a node are called NODE:GROUP from then on, in steps and in other
commands: lab explain LAB h1:239.1.1.1 S";

/// `lab link`.
#[derive(Clone, Debug, clap::Args)]
pub struct LinkArgs {
    /// The lab, and how to print.
    #[command(flatten)]
    pub hand: Hand,
    /// What to do: down, up, flap (down and up again), delete, create
    #[arg(value_name = "CHANGE")]
    pub change: String,
    /// Links or segments, as a--b
    #[arg(required = true, value_name = "LINK")]
    pub links: Vec<String>,
    /// Only this node's end
    #[arg(long, value_name = "NODE")]
    pub at: Option<String>,
    /// How: admin sets interfaces down, carrier leaves them up without carrier,
    /// which needs a wire
    #[arg(long, value_name = "admin|carrier")]
    pub mode: Option<String>,
    /// How many times flap does it; 1 unless given
    #[arg(long, value_name = "N")]
    pub count: Option<u32>,
    /// How long one time of flap takes, half of it down; 1s unless given
    #[arg(long, value_name = "TIME")]
    pub period: Option<String>,
}

/// `lab fault`.
#[derive(Clone, Debug, clap::Args)]
pub struct FaultArgs {
    /// The lab, and how to print.
    #[command(flatten)]
    pub hand: Hand,
    /// A link that leads over a wire, as a--b, or a member that is joined to its
    /// segment by one, as host:lan
    #[arg(value_name = "LINK")]
    pub link: String,
    /// What its wire does, as in a step: loss=5%, delay=20ms, jitter=2ms, dup=1%,
    /// reorder=1%, corrupt=0.1%, rate=10mbit; or a map: '{messages: ...}'
    #[arg(required = true, value_name = "SETTING")]
    pub settings: Vec<String>,
    /// In this direction only: a>b; of a member host>lan or lan>host
    #[arg(long, value_name = "A>B")]
    pub dir: Option<String>,
}

/// `lab heal`.
#[derive(Clone, Debug, clap::Args)]
pub struct HealArgs {
    /// The lab, and how to print.
    #[command(flatten)]
    pub hand: Hand,
    /// Links, as a--b, and members of segments, as host:lan
    #[arg(required = true, value_name = "LINK")]
    pub links: Vec<String>,
}

/// `lab restart`.
#[derive(Clone, Debug, clap::Args)]
pub struct RestartArgs {
    /// The lab, and how to print.
    #[command(flatten)]
    pub hand: Hand,
    /// Nodes
    #[arg(required = true, value_name = "NODE")]
    pub nodes: Vec<String>,
}

/// `lab daemon`.
#[derive(Clone, Debug, clap::Args)]
pub struct DaemonArgs {
    /// The lab, and how to print.
    #[command(flatten)]
    pub hand: Hand,
    /// What to do, as in a step: start, stop, kill, restart, reload, freeze, thaw
    #[arg(value_name = "CHANGE")]
    pub change: String,
    /// Nodes
    #[arg(required = true, value_name = "NODE")]
    pub nodes: Vec<String>,
    /// What kill sends: KILL, TERM, INT, QUIT, ABRT or SEGV
    #[arg(long, value_name = "SIGNAL")]
    pub signal: Option<String>,
    /// With kill and stop: no router has a route to this network from then on
    #[arg(long, value_name = "PREFIX")]
    pub withdraw: Vec<String>,
}

/// `lab do`.
#[derive(Clone, Debug, clap::Args)]
pub struct DoArgs {
    /// The lab, and how to print.
    #[command(flatten)]
    pub hand: Hand,
    /// The step, as in the file: 'expect: {rx: {by: R, of: S}}'; - reads it
    /// from standard input
    #[arg(value_name = "STEP")]
    pub step: String,
}
