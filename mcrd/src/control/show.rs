//! Answers that change nothing: views of the state, made when they are asked
//! for.

use std::time::Instant;

use mcr_api::ErrorCode;
use mcr_api::config::ConfigFile;
use mcr_api::state::{Interface, RuleState, RuleStatus, Status};
use mcr_proto::id::RuleName;
use mcr_proto::interface::Interface as Known;
use mcr_proto::relay::{InterfaceUse, RelayRule, Waiting};
use serde::Serialize;

use super::Answer;
use super::page::page;
use super::session::{failure, value};
use crate::event_loop::Daemon;

impl Daemon {
    pub(crate) fn status(&mut self) -> Answer {
        let (workers_running, workers_failing) = self.workers.health();
        let waiting = self
            .relay
            .rules()
            .filter(|rule| !self.relay.waiting(&rule.name).is_empty())
            .count();
        value(&Status {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            pid: std::process::id(),
            uptime_seconds: self.started.elapsed().as_secs(),
            config_file: self
                .start_file
                .as_ref()
                .map(|path| path.display().to_string()),
            uid: nix::unistd::Uid::effective().as_raw(),
            capabilities: mcr_sys::privilege::effective(),
            rules: self.relay.len(),
            rules_waiting: waiting,
            workers_running,
            workers_failing,
            notes: self.notes(),
        })
    }

    fn notes(&self) -> Vec<String> {
        let mut notes = self.standing.clone();
        notes.extend(self.reload_failure.clone());
        notes.extend(self.joins.note());
        match self.logging.lost() {
            0 => {}
            lost => notes.push(format!(
                "{lost} log lines were lost because standard error was not read"
            )),
        }
        match self.logging.refused() {
            0 => {}
            lost => notes.push(format!(
                "{lost} log lines were lost because standard error took no more"
            )),
        }
        notes.extend(self.workers.notes());
        notes
    }

    pub(crate) fn rules_list(&self, cursor: Option<String>) -> Answer {
        self.page(cursor, |daemon, rule| daemon.rule_status(rule))
    }

    pub(crate) fn stats_rules(&self, cursor: Option<String>) -> Answer {
        self.page(cursor, |daemon, rule| daemon.workers.rule(rule))
    }

    pub(crate) fn rules_show(&self, name: &str) -> Answer {
        let found = name
            .parse::<RuleName>()
            .ok()
            .and_then(|name| self.relay.rule(&name));
        match found {
            Some(rule) => value(&self.rule_status(rule)),
            None => Err(failure(
                ErrorCode::NotFound,
                format!("there is no rule '{}'", name.escape_debug()),
            )),
        }
    }

    /// One page of what `show` makes of the rules, by name.
    fn page<T: Serialize>(
        &self,
        cursor: Option<String>,
        show: impl Fn(&Daemon, &RelayRule) -> T,
    ) -> Answer {
        let after: Option<RuleName> = cursor
            .map(|cursor| cursor.parse())
            .transpose()
            .map_err(|_| failure(ErrorCode::Invalid, "the cursor is not a rule's name"))?;
        let rules: Box<dyn Iterator<Item = &RelayRule>> = match &after {
            None => Box::new(self.relay.rules()),
            Some(name) => Box::new(self.relay.rules_after(name)),
        };
        page(rules, |rule| rule.name.to_string(), |rule| show(self, rule))
    }

    fn rule_status(&self, rule: &RelayRule) -> RuleStatus {
        let waiting = self.relay.waiting(&rule.name);
        let outputs = waiting
            .iter()
            .filter(|reason| matches!(reason, Waiting::Output { .. }))
            .count();
        let state = if waiting.is_empty() {
            RuleState::Active
        } else if outputs < waiting.len() || outputs == rule.outputs.len() {
            RuleState::Waiting
        } else {
            RuleState::Partial
        };
        RuleStatus {
            rule: mcr_config::to_api(rule),
            state,
            waiting: waiting.iter().map(ToString::to_string).collect(),
        }
    }

    pub(crate) fn show_workers(&self) -> Answer {
        value(&self.workers.show(Instant::now()))
    }

    pub(crate) fn stats_inputs(&mut self) -> Answer {
        value(&self.workers.inputs())
    }

    pub(crate) fn interfaces(&self) -> Answer {
        let uses: std::collections::BTreeMap<_, InterfaceUse> =
            self.relay.named_interfaces().collect();
        let mut shown: Vec<Interface> = self
            .relay
            .interfaces()
            .map(|known| {
                let used = uses.get(&known.name).copied().unwrap_or_default();
                self.interface(known, used)
            })
            .collect();
        shown.extend(
            uses.iter()
                .filter(|(name, _)| self.relay.interface_by_name(name).is_none())
                .map(|(name, used)| missing(name.as_str(), *used)),
        );
        shown.sort_by(|a, b| a.name.cmp(&b.name));
        value(&shown)
    }

    fn interface(&self, known: &Known, used: InterfaceUse) -> Interface {
        Interface {
            name: known.name.to_string(),
            index: Some(known.index.get()),
            up: known.up,
            mtu: Some(known.mtu),
            mac: Some(known.mac.to_string()),
            addresses: known.addresses.iter().map(ToString::to_string).collect(),
            input_rules: used.input_rules,
            outputs: used.outputs,
            groups: self.joins.on(known.index.get()),
        }
    }

    pub(crate) fn config_show(&self) -> Answer {
        value(&self.settings)
    }

    pub(crate) fn config_whole(&self) -> Answer {
        value(&ConfigFile {
            rules: self.relay.rules().map(mcr_config::to_api).collect(),
            ..self.settings.clone()
        })
    }
}

fn missing(name: &str, used: InterfaceUse) -> Interface {
    Interface {
        name: name.to_owned(),
        index: None,
        up: false,
        mtu: None,
        mac: None,
        addresses: Vec::new(),
        input_rules: used.input_rules,
        outputs: used.outputs,
        groups: 0,
    }
}
