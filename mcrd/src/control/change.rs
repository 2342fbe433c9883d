//! Answers that change something: all of it, or nothing.

use std::time::Instant;

use mcr_api::rule::Rule;
use mcr_api::state::{Changed, Facility, LogLevel};
use mcr_api::{ErrorCode, Failure, Problem};
use mcr_config::Loaded;
use mcr_proto::id::RuleName;
use mcr_proto::relay::{Refusal, RelayRule};
use mcr_proto::router::Input;
use tracing::{error, info};

use super::Answer;
use super::session::{failure, refusal, value};
use crate::config::reload;
use crate::event_loop::Daemon;

/// The most mistakes that one answer tells.
const MAX_PROBLEMS: usize = 100;

/// Names that one line of the log has, at most.
const MAX_LOGGED: usize = 10;

impl Daemon {
    pub(crate) fn rules_add(&mut self, who: &str, rules: &[Rule]) -> Answer {
        let rules = read_rules(rules)?;
        let names: Vec<RuleName> = rules.iter().map(|rule| rule.name.clone()).collect();
        self.relay
            .add(rules)
            .map_err(|refusals| refused(&refusals))?;
        for name in &names {
            if let Some(rule) = self.relay.rule(name) {
                self.workers.rule_set(rule);
            }
        }
        let changed = Changed {
            added: names.iter().map(ToString::to_string).collect(),
            ..Changed::default()
        };
        info!(target: "relay", who, count = names.len(), names = logged(&changed.added), "rules added");
        value(&changed)
    }

    pub(crate) fn rules_remove(&mut self, who: &str, names: &[String]) -> Answer {
        let unknown = |name: &str| {
            failure(
                ErrorCode::NotFound,
                format!("there is no rule '{}'", name.escape_debug()),
            )
        };
        let names: Vec<RuleName> = names
            .iter()
            .map(|name| name.parse().map_err(|_| unknown(name)))
            .collect::<Result<_, Failure>>()?;
        let removed = self.relay.remove(&names).map_err(|missing| {
            let mut refusal = match missing.first() {
                Some(name) => unknown(name.as_str()),
                None => failure(ErrorCode::NotFound, "there is no such rule"),
            };
            if missing.len() > 1 {
                refusal.message = format!("{} of these rules do not exist", missing.len());
                refusal.problems = missing
                    .iter()
                    .take(MAX_PROBLEMS)
                    .map(|name| problem(String::new(), unknown(name.as_str()).message))
                    .collect();
            }
            refusal
        })?;
        for rule in &removed {
            self.workers.rule_removed(&rule.name);
        }
        let changed = Changed {
            removed: removed.iter().map(|rule| rule.name.to_string()).collect(),
            ..Changed::default()
        };
        info!(
            target: "relay",
            who,
            count = removed.len(),
            names = logged(&changed.removed),
            "rules removed"
        );
        value(&changed)
    }

    pub(crate) fn config_load(
        &mut self,
        who: &str,
        loaded: Loaded,
        merge: bool,
        apply: bool,
    ) -> Answer {
        let changes = self
            .relay
            .plan(loaded.rules, merge)
            .map_err(|refusals| refused(&refusals))?;
        let (target, router) = match merge {
            true => {
                let whole = reload::merged(&self.settings, loaded.file);
                let whole = whole.map_err(|problems| refusal(&problems))?;
                (whole.file, whole.router)
            }
            false => (reload::replaced(loaded.file), loaded.router),
        };
        let change = reload::describe(&changes, &self.settings, &target);
        if !apply {
            return value(&change);
        }
        for name in &changes.removed {
            self.workers.rule_removed(name);
        }
        for rule in changes.added.iter().chain(&changes.changed) {
            self.workers.rule_set(rule);
        }
        self.relay.apply(changes);
        self.settings = target;
        if *self.routing.router().config() != router {
            self.routing.input(Input::Config(Box::new(router)));
        }
        self.settings_changed(Instant::now());
        self.reload_failure = None;
        info!(target: "config", who, "configuration loaded: {}", reload::summary(&change));
        value(&change)
    }

    /// The start-up file has mistakes; the daemon goes on with what it has.
    pub(crate) fn reload_failed(&mut self, reason: &str) -> Answer {
        error!(target: "config", "the start-up file is not loaded: {reason}");
        let first = reason.lines().next().unwrap_or_default();
        self.reload_failure = Some(format!(
            "the last reload failed and changed nothing: {first}; see mcrd check"
        ));
        value(&())
    }

    pub(crate) fn log_get(&self) -> Answer {
        value(&self.levels())
    }

    pub(crate) fn log_set(
        &mut self,
        who: &str,
        facility: Option<Facility>,
        level: Option<LogLevel>,
    ) -> Answer {
        match (facility, level) {
            (Some(facility), Some(level)) => {
                self.settings.log.facilities.insert(facility, level);
            }
            (Some(facility), None) => {
                self.settings.log.facilities.remove(&facility);
            }
            (None, level) => {
                self.level_of_start = None;
                self.settings.log.level = level;
            }
        }
        self.settings_changed(Instant::now());
        info!(
            target: "supervisor",
            who,
            facility = facility.map_or("all", Facility::name),
            level = level.map_or("default", LogLevel::name),
            "log level set"
        );
        self.log_get()
    }
}

fn read_rules(rules: &[Rule]) -> Result<Vec<RelayRule>, Failure> {
    let mut read = Vec::with_capacity(rules.len());
    let mut problems = Vec::new();
    for (position, rule) in rules.iter().enumerate() {
        match mcr_config::rule(rule) {
            Ok(rule) => read.push(rule),
            Err(found) => problems.extend(found.into_iter().map(|found| Problem {
                key: format!("rules[{position}].{}", found.key),
                ..found
            })),
        }
    }
    match problems.len() {
        0 => Ok(read),
        count => Err(invalid(count, problems)),
    }
}

fn invalid(count: usize, mut problems: Vec<Problem>) -> Failure {
    let message = match problems.first() {
        Some(only) if count == 1 => format!("{}: {}", only.key, only.message),
        Some(_) | None => format!("the rules have {count} mistakes"),
    };
    problems.truncate(MAX_PROBLEMS);
    Failure {
        code: ErrorCode::Invalid,
        message,
        problems,
    }
}

fn refused(refusals: &[Refusal]) -> Failure {
    let code = match refusals.first() {
        Some(Refusal::TooManyRules { .. } | Refusal::TooManyRulesInAll { .. }) => ErrorCode::Limit,
        Some(Refusal::NameTaken(_) | Refusal::SameInput { .. }) | None => ErrorCode::Exists,
    };
    let message = match refusals {
        [only] => only.to_string(),
        several => format!("{} of the rules cannot be taken", several.len()),
    };
    Failure {
        code,
        message,
        problems: refusals
            .iter()
            .take(MAX_PROBLEMS)
            .map(|refusal| problem(String::new(), refusal.to_string()))
            .collect(),
    }
}

fn problem(key: String, message: String) -> Problem {
    Problem {
        file: None,
        line: None,
        column: None,
        key,
        message,
        help: None,
        rendered: None,
    }
}

fn logged(names: &[String]) -> String {
    let mut text = names
        .iter()
        .take(MAX_LOGGED)
        .map(String::as_str)
        .collect::<Vec<_>>()
        .join(" ");
    if names.len() > MAX_LOGGED {
        text.push_str(" ...");
    }
    text
}
