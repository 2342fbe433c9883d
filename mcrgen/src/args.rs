//! The command line, and turning it into plans that are right.

mod flows;
mod hosts;
mod plan;
#[cfg(test)]
mod tests;

use std::net::Ipv4Addr;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};

use crate::rate::Rate;

const EXIT: &str = "\
Exit status: 0 done (a sender: at least one datagram went out; a receiver:
something was received, or it was ended by SIGINT or SIGTERM; hosts: at least
one report went out), 1 nothing sent or received, or an error, 2 wrong usage.";

/// Sends multicast traffic that can be measured, and measures it.
#[derive(Debug, Parser)]
#[command(name = "mcrgen", version, max_term_width = 80, after_help = EXIT)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Send numbered, time-stamped datagrams at a rate.
    #[command(after_help = EXIT)]
    Send(SendArgs),
    /// Join groups and count what arrives and what does not.
    #[command(after_help = EXIT)]
    Recv(RecvArgs),
    /// Emulate many IGMP hosts behind one interface.
    #[command(after_help = EXIT)]
    Hosts(HostsArgs),
}

/// `mcrgen send`.
#[derive(Clone, Debug, Args)]
pub struct SendArgs {
    /// Interface to send by, by name or by address; for hosts it may be left out.
    #[arg(long, value_name = "IF|ADDR")]
    pub interface: Option<String>,
    /// Group or host to send to; may be given several times.
    #[arg(long, value_name = "ADDR", required = true)]
    pub group: Vec<Ipv4Addr>,
    /// Send to this many consecutive groups, from each --group on.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub groups: u32,
    /// Flows for each group: consecutive source ports from --source-port on;
    /// from the 65th on they share ports.
    #[arg(long, value_name = "M", default_value_t = 1)]
    pub flows: u32,
    /// Number of the first flow.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub flow_base: u32,
    /// UDP port to send to.
    #[arg(long, value_name = "P", value_parser = clap::value_parser!(u16).range(1..))]
    pub port: u16,
    /// All flows together: 1000pps, 300kpps, 10Mbit/s of UDP payload.
    #[arg(long, value_name = "RATE", default_value = "1000pps")]
    pub rate: Rate,
    /// UDP payload bytes.
    #[arg(long, value_name = "B", default_value_t = 1000)]
    pub size: usize,
    /// Time to live.
    #[arg(long, value_name = "N", default_value_t = 32, value_parser = clap::value_parser!(u8).range(1..))]
    pub ttl: u8,
    /// DiffServ code point.
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u8).range(0..64))]
    pub dscp: u8,
    /// First UDP source port; the kernel's choice otherwise.
    #[arg(long, value_name = "P", value_parser = clap::value_parser!(u16).range(1..))]
    pub source_port: Option<u16>,
    /// Source address; one that is not this host's needs CAP_NET_ADMIN.
    #[arg(long, value_name = "ADDR")]
    pub source: Option<Ipv4Addr>,
    /// Members on this host do not hear it.
    #[arg(long)]
    pub no_loop: bool,
    /// Never use UDP GSO (used from 200 kpps on).
    #[arg(long)]
    pub no_gso: bool,
    /// Send what is due in this time, as in 10s or 500ms.
    #[arg(long, value_name = "D", value_parser = humantime::parse_duration, conflicts_with = "count")]
    pub duration: Option<Duration>,
    /// Send this many.
    #[arg(long, value_name = "N")]
    pub count: Option<u64>,
    /// What both have.
    #[command(flatten)]
    pub common: CommonArgs,
}

/// `mcrgen recv`.
#[derive(Clone, Debug, Args)]
pub struct RecvArgs {
    /// Interface to join at, by name or by address.
    #[arg(long, value_name = "IF|ADDR")]
    pub interface: String,
    /// Group to join, or an address of this host; may be given several times.
    #[arg(long, value_name = "ADDR", required = true)]
    pub group: Vec<Ipv4Addr>,
    /// Join this many consecutive groups, from each --group on.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub groups: u32,
    /// UDP port.
    #[arg(long, value_name = "P", value_parser = clap::value_parser!(u16).range(1..))]
    pub port: u16,
    /// Join this source only (SSM); may be given several times.
    #[arg(long, value_name = "ADDR")]
    pub source: Vec<Ipv4Addr>,
    /// Join every source but those of --source.
    #[arg(long, requires = "source")]
    pub exclude: bool,
    /// Join with this IGMP version; needs root in the network namespace.
    #[arg(long, value_name = "1|2|3", value_parser = clap::value_parser!(u8).range(1..=3))]
    pub igmp: Option<u8>,
    /// Receive buffer of each group in bytes.
    #[arg(long, value_name = "B", default_value_t = 64 << 20)]
    pub buffer: usize,
    /// The most flows that are told apart.
    #[arg(long, value_name = "N", default_value_t = 4096)]
    pub max_flows: usize,
    /// Give latencies although the sender is another machine: the clocks are
    /// kept together.
    #[arg(long)]
    pub trust_clocks: bool,
    /// End after this time, as in 10s or 500ms.
    #[arg(long, value_name = "D", value_parser = humantime::parse_duration)]
    pub duration: Option<Duration>,
    /// End after this many different datagrams.
    #[arg(long, value_name = "N")]
    pub count: Option<u64>,
    /// What both have.
    #[command(flatten)]
    pub common: CommonArgs,
}

/// `mcrgen hosts`.
#[derive(Clone, Debug, Args)]
pub struct HostsArgs {
    /// Interface to be behind, by name or by address. On a network card switch
    /// on allmulticast, to hear queries of single groups.
    #[arg(long, value_name = "IF")]
    pub interface: String,
    /// How many hosts.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub hosts: u32,
    /// Address of the first host; the others have those after it.
    #[arg(long, value_name = "ADDR")]
    pub address: Ipv4Addr,
    /// The newest IGMP version the hosts speak.
    #[arg(long, value_name = "1|2|3", default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..=3))]
    pub igmp: u8,
    /// Group to join; may be given several times.
    #[arg(long, value_name = "ADDR", required = true)]
    pub group: Vec<Ipv4Addr>,
    /// Join this many consecutive groups, from each --group on.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub groups: u32,
    /// Groups of each host, dealt out in turn; as many as make all groups
    /// joined where it is left out.
    #[arg(long, value_name = "N")]
    pub per_host: Option<u32>,
    /// Join this source only; may be given several times.
    #[arg(long, value_name = "ADDR")]
    pub source: Vec<Ipv4Addr>,
    /// Join every source but those of --source.
    #[arg(long, requires = "source")]
    pub exclude: bool,
    /// Joins a second, at the start.
    #[arg(long, value_name = "N", default_value_t = 10_000.0)]
    pub join_rate: f64,
    /// Leave each group this long after the join, as in 10s or 500ms.
    #[arg(long, value_name = "D", value_parser = humantime::parse_duration)]
    pub hold: Option<Duration>,
    /// After the start, this many random joins and leaves a second.
    #[arg(long, value_name = "N", default_value_t = 0.0, conflicts_with = "hold")]
    pub churn: f64,
    /// Decides what is random.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// How often a change is told of.
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..=7))]
    pub robustness: u8,
    /// At the end vanish without leaving.
    #[arg(long)]
    pub no_leave: bool,
    /// End after this time, as in 10s or 500ms.
    #[arg(long, value_name = "D", value_parser = humantime::parse_duration)]
    pub duration: Option<Duration>,
    /// Report this often.
    #[arg(long, value_name = "D", value_parser = humantime::parse_duration)]
    pub interval: Option<Duration>,
    /// Print one JSON object a line.
    #[arg(long)]
    pub json: bool,
}

/// What sender and receiver have in common.
#[derive(Clone, Debug, Args)]
pub struct CommonArgs {
    /// Report this often.
    #[arg(long, value_name = "D", value_parser = humantime::parse_duration)]
    pub interval: Option<Duration>,
    /// Print one JSON object a line.
    #[arg(long)]
    pub json: bool,
    /// The run's number: a sender's mark, the only one a receiver counts.
    #[arg(long, value_name = "ID")]
    pub run: Option<u64>,
}
