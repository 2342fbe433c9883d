//! The command line.

use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::{Args as Group, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use mcr_api::rule::Protocol;
use mcr_api::state::{Facility, LogLevel};

use crate::rule_args::{self, InputArg, OutputArg};

#[cfg(test)]
mod tests;

/// Ask and change mcrd, the multicast relay and router daemon.
///
/// Exit status: 0 done, 1 the daemon refused (and says why), 2 wrong usage,
/// 3 the daemon cannot be reached.
#[derive(Debug, Parser)]
#[command(name = "mcrctl", version, max_term_width = 80)]
#[command(subcommand_required = true, arg_required_else_help = true)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Group)]
pub(crate) struct Global {
    /// The control socket. Default: /run/mcrd/control.sock, then
    /// $XDG_RUNTIME_DIR/mcrd/control.sock
    #[arg(long, global = true, env = "MCR_SOCKET", hide_env_values = true)]
    #[arg(value_name = "PATH")]
    pub(crate) socket: Option<PathBuf>,
    /// How long to wait for each answer. Default: 5s, and 60s for one that
    /// takes in a whole configuration
    #[arg(long, global = true, value_name = "TIME")]
    pub(crate) timeout: Option<Span>,
    /// Print JSON, as the control API has it
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// The daemon at a glance
    Status,
    /// Relay rules
    #[command(subcommand)]
    Rules(Rules),
    /// Packets and drops, per rule, output and input interface
    Stats(Stats),
    /// The worker processes that forward
    Workers,
    /// Interfaces as the daemon sees them
    Interfaces,
    /// The router: interfaces, neighbours, RPs, ways, memberships, trees
    #[command(subcommand)]
    Show(Show),
    /// The router's events as they happen, until it is ended
    Watch(Watch),
    /// The configuration, running and in files
    #[command(subcommand)]
    Config(Config),
    /// Log levels
    #[command(subcommand)]
    Log(Log),
    /// The versions of mcrctl and mcrd
    Version,
    /// Print a completion script for a shell
    Completion {
        /// The shell
        shell: Shell,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Rules {
    /// All rules and whether they forward
    List,
    /// One rule and what it waits for
    Show {
        /// Its name
        name: String,
    },
    /// Add a rule by flags, or many from JSON: all of them or none
    Add(Box<RulesAdd>),
    /// Remove rules: all of them or none
    Remove {
        /// Their names
        #[arg(required = true)]
        names: Vec<String>,
    },
}

/// Examples:
///   mcrctl rules add --input eth0:239.1.1.1:5000 --output eth1
///   mcrctl rules add --name cam1 --input eth0:232.1.1.1 --source 10.0.0.7 \
///       --output eth1:239.9.9.9:6000,ttl=8,dscp=ef --output eth2:192.0.2.5
///   mcrctl rules add --file rules.json
#[derive(Debug, Group)]
#[command(verbatim_doc_comment)]
pub(crate) struct RulesAdd {
    /// Its name; made from the input where it is left out
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// What is matched; any port where it is left out
    #[arg(long, value_name = "INTERFACE:GROUP[:PORT]")]
    #[arg(required_unless_present = "file")]
    pub(crate) input: Option<InputArg>,
    /// Only packets from this address
    #[arg(long, value_name = "ADDRESS", requires = "input")]
    pub(crate) source: Option<Ipv4Addr>,
    /// The IP protocol: udp, esp or a number [default: udp]
    #[arg(long, value_parser = rule_args::protocol, requires = "input")]
    pub(crate) protocol: Option<Protocol>,
    /// A copy; give it once for each
    ///
    /// Address and port are the input's where they are left out. Options:
    /// ttl=1..255 (default 16), source=interface|keep|ADDRESS (default
    /// interface), source-port=PORT, dscp=0..63 or a name as ef, cs5, af41.
    #[arg(long, value_name = "INTERFACE[:ADDRESS[:PORT]][,OPTION=VALUE...]")]
    #[arg(required_unless_present = "file")]
    #[arg(requires = "input")]
    pub(crate) output: Vec<OutputArg>,
    /// Rules in JSON: one, a list, or an object with `rules`; - is standard
    /// input
    #[arg(long, value_name = "FILE")]
    #[arg(conflicts_with_all = ["name", "input", "source", "protocol", "output"])]
    pub(crate) file: Option<PathBuf>,
}

#[derive(Debug, Group)]
pub(crate) struct Stats {
    /// Only this rule
    pub(crate) rule: Option<String>,
    /// Show them again and again, with rates
    #[arg(long)]
    pub(crate) watch: bool,
    /// The time between two looks
    #[arg(long, default_value = "1s", value_name = "TIME", requires = "watch")]
    pub(crate) interval: Span,
    /// End after so many looks
    #[arg(long, value_name = "NUMBER", requires = "watch")]
    #[arg(value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) count: Option<u64>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Show {
    /// PIM's interfaces with their Designated Routers
    Interfaces,
    /// PIM neighbours
    Neighbors,
    /// All RPs, or the RP of a group with the reason
    Rp {
        /// The group
        group: Option<Ipv4Addr>,
    },
    /// The way to a source or RP, with the reason
    Rpf {
        /// The source or RP
        address: Ipv4Addr,
        /// The group, which takes part in the choice among equal ways
        group: Option<Ipv4Addr>,
    },
    /// Group memberships on each interface, or IGMP's interfaces
    Igmp {
        /// Which of both
        #[arg(value_enum, default_value_t)]
        what: ShowIgmp,
    },
    /// The multicast routing table
    Mroute {
        /// Only this group
        group: Option<Ipv4Addr>,
        /// With the state and the timers of each entry and interface
        #[arg(long)]
        detail: bool,
    },
    /// Messages and drops of IGMP and PIM by interface
    Counters,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum ShowIgmp {
    /// Groups and their sources
    #[default]
    Groups,
    /// Interfaces and their queriers
    Interfaces,
}

#[derive(Debug, Group)]
pub(crate) struct Watch {
    /// End after so many events
    #[arg(long, value_name = "NUMBER")]
    #[arg(value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) count: Option<u64>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Config {
    /// Print the running configuration, as a file that can be loaded
    Show,
    /// Check a file and change nothing
    Check(ConfigFile),
    /// Make a file the running configuration: all of it or nothing
    Load(ConfigFile),
    /// Write the running configuration to a file
    Save {
        /// The file; the daemon's start-up file where it is left out
        path: Option<PathBuf>,
    },
    /// What a reload, or the load of a file, would change
    Diff {
        /// The file; the daemon's start-up file where it is left out
        file: Option<PathBuf>,
    },
    /// Read the start-up file again, as SIGHUP does
    Reload,
}

#[derive(Debug, Group)]
pub(crate) struct ConfigFile {
    /// The file; - is standard input
    pub(crate) file: PathBuf,
    /// Keep the rules that the file does not name
    #[arg(long)]
    pub(crate) merge: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Log {
    /// The levels in force
    Get,
    /// Set levels, in the workers too
    ///
    /// LEVEL sets the general level; FACILITY=LEVEL that of one facility, and
    /// FACILITY=default lets it follow the general level again.
    #[command(after_help = log_help())]
    Set {
        /// LEVEL or FACILITY=LEVEL
        #[arg(required = true, value_name = "SETTING")]
        settings: Vec<LogSetting>,
    },
}

fn log_help() -> String {
    let levels: Vec<_> = LogLevel::ALL.map(LogLevel::name).into();
    let facilities: Vec<_> = Facility::ALL.map(Facility::name).into();
    format!(
        "Levels:     {}\nFacilities: {}",
        levels.join(", "),
        facilities.join(", ")
    )
}

/// One level to set, as `log.set` takes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LogSetting {
    pub(crate) facility: Option<Facility>,
    pub(crate) level: Option<LogLevel>,
}

impl FromStr for LogSetting {
    type Err = String;

    fn from_str(text: &str) -> Result<LogSetting, String> {
        let Some((facility, level)) = text.split_once('=') else {
            let level = Some(level(text)?);
            return Ok(LogSetting {
                facility: None,
                level,
            });
        };
        let known = Facility::ALL.into_iter();
        let facility = known
            .clone()
            .find(|known| known.name() == facility)
            .ok_or_else(|| {
                let names: Vec<_> = known.map(Facility::name).collect();
                format!("no facility {facility:?}; there are {}", names.join(", "))
            })?;
        let level = match level {
            "default" => None,
            name => Some(self::level(name)?),
        };
        Ok(LogSetting {
            facility: Some(facility),
            level,
        })
    }
}

fn level(text: &str) -> Result<LogLevel, String> {
    LogLevel::ALL
        .into_iter()
        .find(|level| level.name() == text)
        .ok_or_else(|| {
            let names = LogLevel::ALL.map(LogLevel::name).join(", ");
            format!("no level {text:?}; there are {names}")
        })
}

/// A length of time: `500ms`, `2s`, `1m`; a bare number counts seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span(pub(crate) Duration);

impl FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Span, String> {
        let digits = text.trim_end_matches(|char: char| char.is_ascii_alphabetic());
        let unit = match &text[digits.len()..] {
            "ms" => 0.001,
            "" | "s" => 1.0,
            "m" => 60.0,
            _ => return Err("write it as 500ms, 2s or 1m".to_owned()),
        };
        let number: f64 = digits
            .parse()
            .map_err(|_| "write it as 500ms, 2s or 1m".to_owned())?;
        let seconds = number * unit;
        if !(0.001..=3600.0).contains(&seconds) {
            return Err("it is 1ms at least and 60m at most".to_owned());
        }
        Ok(Span(Duration::from_secs_f64(seconds)))
    }
}
