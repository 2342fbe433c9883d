//! Ten thousand rules and long texts, over lines of limited length.

use std::collections::BTreeMap;
use std::fs;

use crate::fake::{Answer, Fake};
use mcr_api::config::ConfigFile;
use mcr_api::rule::Rule;
use mcr_api::{ErrorCode, Failure, MAX_PAGE, Method};
use serde_json::{Value, json};

/// As much of a daemon as the changes of rules need.
#[derive(Default)]
struct Daemon {
    rules: BTreeMap<String, Rule>,
    text: String,
}

impl Daemon {
    fn answer(&mut self, method: Method) -> Answer {
        match method {
            Method::ConfigShow {} => Ok(json!({"log": {"level": "debug"}})),
            Method::ConfigBegin { .. } => {
                self.text.clear();
                Ok(json!({}))
            }
            Method::ConfigPut { text } => {
                self.text.push_str(&text);
                Ok(json!({}))
            }
            Method::ConfigCheck { merge } => Ok(self.load(merge, false)),
            Method::ConfigLoad { merge } => Ok(self.load(merge, true)),
            Method::RulesList { cursor } => {
                let from = cursor.unwrap_or_default();
                let mut rest = self.rules.range(from..);
                let items: Vec<Value> = rest
                    .by_ref()
                    .take(MAX_PAGE)
                    .map(|(_, rule)| json!({"rule": rule, "state": "active", "waiting": []}))
                    .collect();
                let next = rest.next().map(|(name, _)| name);
                Ok(json!({"items": items, "next": next}))
            }
            other => Err(Failure {
                code: ErrorCode::UnknownMethod,
                message: format!("{other:?}"),
                problems: vec![],
            }),
        }
    }

    fn load(&mut self, merge: bool, for_good: bool) -> Value {
        assert!(merge, "rules that are there must stay");
        let config: ConfigFile = serde_json::from_str(&self.text).unwrap();
        // Else the merge would set the daemon's own settings to their defaults.
        assert_eq!(config.log.level, Some(mcr_api::state::LogLevel::Debug));
        let mut added = Vec::new();
        let mut changed = Vec::new();
        for rule in config.rules {
            let name = rule.name.clone().unwrap();
            match self.rules.get(&name) {
                None => added.push(name.clone()),
                Some(old) if *old != rule => changed.push(name.clone()),
                Some(_) => {}
            }
            if for_good {
                self.rules.insert(name, rule);
            }
        }
        json!({
            "rules": {"added": added[..added.len().min(100)], "removed": [],
                      "changed": changed[..changed.len().min(100)]},
            "added": added.len(), "removed": 0, "changed": changed.len(),
            "settings": [], "at_restart": [],
        })
    }
}

fn rules(number: usize) -> Vec<Value> {
    (0..number)
        .map(|n| {
            json!({
                "name": format!("rule-{n:05}"),
                "input": {"interface": "eth0", "group": format!("239.1.{}.{}", n / 256, n % 256),
                          "port": 5000},
                "outputs": [{"interface": "eth1", "ttl": 8}],
            })
        })
        .collect()
}

fn start(daemon: Daemon) -> Fake {
    let mut daemon = daemon;
    Fake::start(move |method| daemon.answer(method))
}

#[test]
fn ten_thousand_rules_are_added_at_once() {
    let fake = start(Daemon::default());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rules.json");
    fs::write(&path, serde_json::to_string(&rules(10_000)).unwrap()).unwrap();
    let path = path.to_str().unwrap();

    let output = fake.run(&["--json", "rules", "add", "--file", path]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let changed: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(changed["added"].as_array().unwrap().len(), 10_000);

    let output = fake.run(&["--json", "rules", "list"]);
    let listed: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(listed.as_array().unwrap().len(), 10_000);
    let output = fake.run(&["rules", "list"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(text.lines().count(), 10_001);
}

#[test]
fn none_is_added_where_one_exists() {
    for (ttl, expected) in [
        (1, "1 of the rules exists already: rule-00007;"),
        (8, "1 of the rules exists already;"),
    ] {
        let mut daemon = Daemon::default();
        let mut there: Rule = serde_json::from_value(rules(8)[7].clone()).unwrap();
        there.outputs[0].ttl = Some(ttl);
        daemon.rules.insert("rule-00007".to_owned(), there);
        let fake = start(daemon);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rules.json");
        fs::write(&path, serde_json::to_string(&rules(10_000)).unwrap()).unwrap();

        let output = fake.run(&["rules", "add", "--file", path.to_str().unwrap()]);
        assert_eq!(output.status.code(), Some(1));
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.contains(expected), "{said}");

        let output = fake.run(&["--json", "rules", "list"]);
        let listed: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(listed.as_array().unwrap().len(), 1);
    }
}
