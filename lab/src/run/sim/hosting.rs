//! Which labs the simulator can host, and why not the others.

use std::fmt;
use std::fs;
use std::io;
use std::path::Path;

use mcr_proto::config::Config;

use crate::node::file_text;
use crate::topology::model::{
    Action, Check, CounterOf, DaemonChange, Hosts, Kind, LinkChange, Medium, Node, RatePoint, Step,
    Topology, Unicast, Wire,
};

pub(super) const ADDRESS: &str = "addresses do not change in the simulator";
pub(super) const DATAGRAMS: &str = "the simulator does not time the datagrams of a link";
pub(super) const LOG: &str = "daemons write no logs in the simulator";
pub(super) const EXEC: &str = "there are no commands in the simulator";
pub(super) const RULES: &str = "there are no relay rules in the simulator";

/// A lab that the simulator can host, with the configuration of each node that
/// is a router.
pub struct Hosted<'a> {
    /// The lab.
    pub topology: &'a Topology,
    pub(super) configs: Vec<Option<Config>>,
}

/// What of a lab is not in the simulator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotHosted(Vec<String>);

impl fmt::Display for NotHosted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("; "))
    }
}

impl Hosted<'_> {
    /// Writes what each router is configured with.
    pub(super) fn keep_configs(&self, folder: &Path) -> io::Result<()> {
        for node in &self.topology.nodes {
            if let Kind::Mcrd { config } = &node.kind {
                fs::write(
                    folder.join(format!("{}.json5", node.name)),
                    file_text(config),
                )?;
            }
        }
        Ok(())
    }
}

/// Takes a lab, or tells why not.
///
/// # Errors
/// What of it is not in the simulator.
pub fn host(topology: &Topology) -> Result<Hosted<'_>, NotHosted> {
    let mut reasons = Reasons::default();
    let nodes = topology.nodes.iter();
    let configs = nodes
        .map(|node| reasons.node(node, topology.unicast))
        .collect();
    if topology.unicast == Unicast::Ospf {
        reasons.add("unicast", "there is no OSPF in the simulator");
    }
    for link in &topology.links {
        if let Medium::Bridge { querier: true, .. } = link.medium {
            reasons.add(&link.name, "switches do not send queries in the simulator");
        }
    }
    for (at, wire) in topology.wires() {
        if let Some(why) = wire_reason(&wire) {
            reasons.add(&topology.wire_told(at).0, why);
        }
    }
    for (at, name) in (topology.receivers.iter().map(|one| (one.at, &one.name)))
        .chain(topology.sources.iter().map(|one| (one.at, &one.name)))
    {
        let node = topology.nodes.get(at.0);
        if node.is_some_and(|node| node.kind != Kind::Host || node.interfaces.len() != 1) {
            let reason = "receivers and sources are on hosts with one interface in the simulator";
            reasons.add(name, reason);
        }
    }
    for receiver in &topology.receivers {
        if receiver.groups.iter().any(|group| !group.is_multicast()) {
            reasons.add(
                &receiver.name,
                "receivers join groups only in the simulator",
            );
        }
    }
    for source in &topology.sources {
        if source.groups.iter().any(|group| !group.is_multicast()) {
            reasons.add(&source.name, "sources send to groups only in the simulator");
        }
    }
    for step in topology.steps.iter().flat_map(Step::with_swept) {
        reasons.step(step);
    }
    if reasons.0.is_empty() {
        Ok(Hosted { topology, configs })
    } else {
        Err(NotHosted(reasons.0))
    }
}

#[derive(Default)]
struct Reasons(Vec<String>);

impl Reasons {
    fn add(&mut self, what: &str, why: &str) {
        let reason = format!("{what}: {why}");
        if !self.0.contains(&reason) {
            self.0.push(reason);
        }
    }

    fn node(&mut self, node: &Node, unicast: Unicast) -> Option<Config> {
        if node.wrap.is_some() && node.kind.runs() {
            self.add(
                &node.name,
                "there are no processes to watch in the simulator",
            );
        }
        match &node.kind {
            Kind::Host => {
                let default = node.routes.iter().all(|(to, _)| to.prefix_len() == 0);
                let given = matches!(unicast, Unicast::Static | Unicast::Ospf);
                // The one that the lab gives leads to what its hosts reach anyway.
                if !(node.routes.is_empty() || default && given) {
                    self.add(&node.name, "hosts have no routes in the simulator");
                }
                None
            }
            Kind::Mcrd { config } => self.mcrd(node, &file_text(config)),
            Kind::Frr | Kind::Pimd | Kind::Smcroute { .. } | Kind::Kernel | Kind::Custom(_) => {
                let why = format!("the simulator has no {}", node.kind.word());
                self.add(&node.name, &why);
                None
            }
        }
    }

    fn mcrd(&mut self, node: &Node, text: &str) -> Option<Config> {
        match mcr_config::parse(&node.name, text) {
            Ok(loaded) => {
                if !loaded.rules.is_empty() {
                    self.add(&node.name, RULES);
                }
                Some(loaded.router)
            }
            Err(problems) => {
                self.add(&node.name, &problems.to_string());
                None
            }
        }
    }

    fn step(&mut self, step: &Step) {
        let at = format!("line {}", step.line);
        for action in step.actions.iter().flat_map(Action::each) {
            if let Action::Config { config, .. } = action
                && !rules_of(config).is_empty()
            {
                self.add(&at, RULES);
            }
            if let Some(why) = action_reason(action) {
                self.add(&at, why);
            }
        }
        for expectation in &step.expect {
            if let Some(why) = check_reason(&expectation.check) {
                self.add(&format!("line {}", expectation.line), why);
            }
        }
    }
}

/// The relay rules of a configuration, where it has any.
fn rules_of(config: &serde_json::Value) -> &[serde_json::Value] {
    let rules = config.get("rules").and_then(serde_json::Value::as_array);
    rules.map_or(&[], Vec::as_slice)
}

fn action_reason(action: &Action) -> Option<&'static str> {
    match action {
        Action::Join(_)
        | Action::Leave(_)
        | Action::Send(_)
        | Action::Stop(_)
        | Action::Unicast { .. }
        | Action::Withdraw { .. }
        | Action::Config { .. }
        | Action::Flap(_)
        | Action::Rules { .. }
        | Action::Wait(_)
        | Action::Mark(_)
        | Action::Snap(_)
        | Action::Measure(_)
        | Action::Together(_) => None,
        Action::Link { change, .. } => match change {
            LinkChange::Down | LinkChange::Up | LinkChange::CarrierDown | LinkChange::CarrierUp => {
                None
            }
            LinkChange::Delete | LinkChange::Create => {
                Some("interfaces are not deleted in the simulator")
            }
        },
        Action::Hosts(hosts) => hosts_reason(hosts),
        Action::Wire { wire, .. } => wire_reason(wire),
        Action::Address { .. } => Some(ADDRESS),
        Action::Daemon { change, .. } => match change {
            DaemonChange::Start
            | DaemonChange::Stop
            | DaemonChange::Kill(_)
            | DaemonChange::Freeze
            | DaemonChange::Thaw => None,
            DaemonChange::KillWorkers => Some("there are no workers in the simulator"),
            DaemonChange::Reload => Some("there are no files to reload in the simulator"),
        },
        Action::Exec(_) => Some(EXEC),
    }
}

fn hosts_reason(hosts: &Hosts) -> Option<&'static str> {
    if hosts.churn.is_some() || hosts.hold.is_some() {
        return Some("emulated hosts stay in their groups in the simulator");
    }
    if hosts.rate.is_some() {
        return Some("emulated hosts join at once in the simulator");
    }
    let dealt = hosts.per_host.is_some();
    dealt.then_some("emulated hosts join each group once in the simulator")
}

/// Simulated packets have no size that a rate could be kept with.
fn wire_reason(wire: &Wire) -> Option<&'static str> {
    let rate = wire.iter().any(|one| one.rate.is_some());
    rate.then_some("wires have no rate in the simulator")
}

fn check_reason(check: &Check) -> Option<&'static str> {
    match check {
        Check::Rx(_)
        | Check::Router(_)
        | Check::Tree { .. }
        | Check::State { .. }
        | Check::Mfc(_)
        | Check::Mdb(_) => None,
        Check::Packets(check) => check.asked.names_data().then_some(DATAGRAMS),
        Check::Log(_) => Some(LOG),
        Check::Rate { at, .. } => match at {
            RatePoint::Receiver(_) | RatePoint::Interface(..) => None,
        },
        Check::Counters { of, .. } => match of {
            CounterOf::Protocols(_) => None,
            CounterOf::Rule(_) | CounterOf::Input(_) => Some(RULES),
        },
        Check::Exec { .. } => Some(EXEC),
    }
}

#[cfg(test)]
mod tests;
