//! The command line, and turning it into plans that are right.

mod flows;
mod plan;
#[cfg(test)]
mod tests;

use std::net::Ipv4Addr;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};

use crate::rate::Rate;

const EXIT: &str = "\
Exit status: 0 done (a sender: at least one datagram went out; a receiver:
something was received, or it was ended by SIGINT or SIGTERM), 1 nothing sent
or received, or an error, 2 wrong usage.";

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
    /// Join this source only (SSM).
    #[arg(long, value_name = "ADDR")]
    pub source: Option<Ipv4Addr>,
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
