//! `mcrctl rules`

use std::collections::BTreeSet;
use std::io::Write;

use mcr_api::client::Client;
use mcr_api::rule::{Input, Rule};
use mcr_api::state::{Changed, ConfigChange, RuleState, RuleStatus};
use mcr_api::{ErrorCode, Method};
use serde_json::Value;

use crate::args::{Global, Rules, RulesAdd};
use crate::connect::{connect, connect_for_long};
use crate::error::Error;
use crate::render::Output;
use crate::render::table::{Column, Sheet};
use crate::render::text;

#[cfg(test)]
mod tests;

/// The most bytes of rules that are sent in one line. The reply has their
/// names, so there is room for it too. More go as a configuration text.
const ONE_LINE: usize = mcr_api::MAX_LINE / 2;

pub(crate) fn run(
    rules: &Rules,
    global: &Global,
    out: &mut Output<impl Write>,
) -> Result<(), Error> {
    match rules {
        Rules::List => {
            let mut client = connect(global)?;
            let rules: Vec<RuleStatus> = client.pages(|cursor| Method::RulesList { cursor })?;
            out.show(&rules, |rules| list(rules))?;
        }
        Rules::Show { name } => {
            let name = name.clone();
            let rule: RuleStatus = connect(global)?.call(Method::RulesShow { name })?;
            out.show(&rule, show)?;
        }
        Rules::Add(add) => {
            // What was typed is read before the daemon is asked.
            let rules = wanted(add)?;
            let changed = add_all(&mut connect_for_long(global)?, rules)?;
            out.show(&changed, text::changed)?;
        }
        Rules::Remove { names } => {
            let names = names.clone();
            let changed: Changed = connect_for_long(global)?.call(Method::RulesRemove { names })?;
            out.show(&changed, text::changed)?;
        }
    }
    Ok(())
}

/// The rules that the command line asks for.
fn wanted(add: &RulesAdd) -> Result<Vec<Rule>, Error> {
    if let Some(path) = &add.file {
        return parse(&super::read(path)?)
            .map_err(|error| Error::Usage(format!("{}: {error}", super::name(path))));
    }
    let Some(input) = &add.input else {
        return Err(Error::Usage("--input is missing".to_owned()));
    };
    Ok(vec![Rule {
        name: add.name.clone(),
        input: Input {
            source: add.source,
            protocol: add.protocol.clone(),
            ..input.0.clone()
        },
        outputs: add.output.iter().map(|output| output.0.clone()).collect(),
    }])
}

/// Reads a rule, a list of rules, or an object with `rules`.
fn parse(text: &str) -> Result<Vec<Rule>, String> {
    let value: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let rules = if let Some(rules) = value.get("rules") {
        let keys = value.as_object().into_iter().flat_map(|map| map.keys());
        if let Some(other) = keys.into_iter().find(|key| *key != "rules") {
            return Err(format!(
                "{other} is not a rule; load a whole configuration with: mcrctl config load"
            ));
        }
        rules.as_array().ok_or("rules: not a list")?.clone()
    } else if let Value::Array(rules) = value {
        rules
    } else {
        let rule = serde_json::from_value(value).map_err(|error| error.to_string())?;
        return Ok(vec![rule]);
    };
    if rules.is_empty() {
        return Err("there is no rule in it".to_owned());
    }
    rules
        .into_iter()
        .enumerate()
        .map(|(index, rule)| {
            serde_json::from_value(rule).map_err(|error| format!("rules[{index}]: {error}"))
        })
        .collect()
}

/// Adds all rules or none, however many they are.
fn add_all(client: &mut Client, rules: Vec<Rule>) -> Result<Changed, Error> {
    let size = serde_json::to_string(&rules).map_or(usize::MAX, |text| text.len());
    if size <= ONE_LINE {
        return Ok(client.call(Method::RulesAdd { rules })?);
    }
    add_many(client, rules)
}

/// More rules than a line can hold go as a configuration text, which is merged
/// whole or not at all. Its other settings are the running ones.
fn add_many(client: &mut Client, rules: Vec<Rule>) -> Result<Changed, Error> {
    let count = rules.len();
    let mut config: mcr_api::config::ConfigFile = client.call(Method::ConfigShow {})?;
    config.rules = rules;
    let text = serde_json::to_string_pretty(&config)
        .map_err(|error| Error::Usage(format!("the rules cannot be written: {error}")))?;
    client.put_config("rules", &text)?;
    let merge = true;
    let change: ConfigChange = client.call(Method::ConfigCheck { merge })?;
    if change.added != count {
        let exist = count.saturating_sub(change.added);
        let names = match change.rules.changed.as_slice() {
            [] => String::new(),
            names => format!(": {}", names.join(", ")),
        };
        return Err(Error::refused(
            ErrorCode::Exists,
            format!("{} already{names}; nothing was added", there_are(exist)),
        ));
    }
    // The reply to a load names the first rules only.
    let before = names(client)?;
    client.put_config("rules", &text)?;
    let _: ConfigChange = client.call(Method::ConfigLoad { merge })?;
    Ok(Changed {
        added: names(client)?.difference(&before).cloned().collect(),
        ..Changed::default()
    })
}

fn names(client: &mut Client) -> Result<BTreeSet<String>, Error> {
    let rules: Vec<RuleStatus> = client.pages(|cursor| Method::RulesList { cursor })?;
    Ok(rules
        .into_iter()
        .filter_map(|status| status.rule.name)
        .collect())
}

fn there_are(rules: usize) -> String {
    match rules {
        1 => "1 of the rules exists".to_owned(),
        number => format!("{number} of the rules exist"),
    }
}

fn list(rules: &[RuleStatus]) -> String {
    if rules.is_empty() {
        return "No rules.\n".to_owned();
    }
    let mut sheet = Sheet::new(&[
        ("NAME", Column::Text),
        ("STATE", Column::Word),
        ("INPUT", Column::Text),
        ("OUTPUTS", Column::Text),
    ]);
    for status in rules {
        let outputs: Vec<String> = status.rule.outputs.iter().map(text::output).collect();
        sheet.row([
            status.rule.name.clone().unwrap_or_default(),
            state(status.state).to_owned(),
            text::input(&status.rule.input),
            outputs.join("\n"),
        ]);
    }
    sheet.text()
}

fn show(status: &RuleStatus) -> String {
    let mut sheet = Sheet::facts();
    sheet.row(["name", status.rule.name.as_deref().unwrap_or_default()]);
    sheet.row(["state", state(status.state)]);
    for reason in &status.waiting {
        sheet.row(["", reason]);
    }
    sheet.row(["input", &text::input(&status.rule.input)]);
    for output in &status.rule.outputs {
        sheet.row(["output", &text::output(output)]);
    }
    sheet.text()
}

fn state(state: RuleState) -> &'static str {
    match state {
        RuleState::Active => "active",
        RuleState::Partial => "partial",
        RuleState::Waiting => "waiting",
    }
}
