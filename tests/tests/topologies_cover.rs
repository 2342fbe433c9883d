//! The scenarios of `topologies/` use whatever the schema of a lab file has for
//! a step, an expectation, a fault, a kind of node or an invariant, at least
//! once. What there is to use is read from the schema itself.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::fs;

use mcr_tests::root;
use serde_json::Value;

/// The parts of the schema that are meant, each with those that have the same
/// keys elsewhere in a file.
const MEANT: &[&[&str]] = &[
    &["Verbs"],
    &["Expect"],
    &["Never"],
    &["Measure"],
    &["LinkVerb"],
    &["LinkMode"],
    &["DaemonVerb"],
    &["UnicastVerb"],
    &["UnicastMode"],
    &["HostsVerb"],
    &["Rx"],
    &["Packets"],
    &["MessageFault"],
    &["Impaired", "Fault"],
    &["InvariantName", "InvariantTerms"],
    &["StateOf"],
    &["ModelPart"],
    &["KindName"],
];

/// What no scenario can have, with the reason.
const ELSEWHERE: &[(&str, &str)] = &[
    ("frr", "the variables of the interop scenarios have it"),
    ("pimd", "its package excludes that of FRR"),
    ("none", "what a file without `unicast` has"),
    ("foreach", "a loop is written out before anything is used"),
];

/// Definitions that the schema has twice are told apart by a number.
fn plain(name: &str) -> &str {
    name.trim_end_matches(|letter: char| letter.is_ascii_digit())
}

struct Schema {
    whole: Value,
    used: BTreeSet<(String, String)>,
}

impl Schema {
    fn definition(&self, name: &str) -> Value {
        self.whole["$defs"][name].clone()
    }

    fn note(&mut self, name: &str, key: &str) {
        self.used.insert((plain(name).to_owned(), key.to_owned()));
    }

    /// Notes what a value uses of a schema; `name` is that of the definition.
    fn visit(&mut self, name: &str, schema: &Value, value: &Value) {
        if let Some(to) = schema["$ref"].as_str().and_then(|to| to.rsplit('/').next()) {
            self.visit(to, &self.definition(to), value);
        }
        for of in ["anyOf", "oneOf", "allOf"] {
            for branch in schema[of].as_array().into_iter().flatten() {
                self.visit(name, branch, value);
            }
        }
        if let Some(text) = value.as_str() {
            let listed = schema["enum"].as_array().into_iter().flatten();
            if listed.chain([&schema["const"]]).any(|one| one == text) {
                self.note(name, text);
            }
        }
        for item in value.as_array().into_iter().flatten() {
            self.visit(name, &schema["items"], item);
        }
        let (known, others) = (&schema["properties"], &schema["additionalProperties"]);
        let entries = value.as_object().into_iter().flatten();
        // A map with a key that is not known is not meant by this branch.
        if others == &Value::Bool(false) && entries.clone().any(|(key, _)| known[key].is_null()) {
            return;
        }
        for (key, value) in entries {
            let Some(of_key) = known.get(key) else {
                self.visit(name, others, value);
                continue;
            };
            self.note(name, key);
            self.visit(name, of_key, value);
        }
    }
}

/// The keys and words of a definition.
fn words(schema: &Value) -> BTreeSet<String> {
    let mut all: BTreeSet<String> = BTreeSet::new();
    all.extend(schema["const"].as_str().map(str::to_owned));
    let listed = schema["enum"].as_array().into_iter().flatten();
    all.extend(listed.filter_map(Value::as_str).map(str::to_owned));
    let keys = schema["properties"].as_object().into_iter().flatten();
    all.extend(keys.map(|(key, _)| key.clone()));
    for of in ["anyOf", "oneOf", "allOf"] {
        let branches = schema[of].as_array().into_iter().flatten();
        all.extend(branches.flat_map(words));
    }
    all
}

#[test]
fn all_that_a_lab_file_can_say_is_used_in_a_scenario() {
    let text = fs::read_to_string(root().join("docs/reference/lab.schema.json")).unwrap();
    let whole: Value = serde_json::from_str(&text).unwrap();
    let mut schema = Schema {
        whole: whole.clone(),
        used: BTreeSet::new(),
    };
    for folder in fs::read_dir(root().join("topologies")).unwrap() {
        for file in fs::read_dir(folder.unwrap().path()).unwrap() {
            let path = file.unwrap().path();
            if path
                .extension()
                .is_some_and(|extension| extension == "yaml")
            {
                let text = fs::read_to_string(&path).unwrap();
                schema.visit("Lab", &whole, &serde_yaml::from_str(&text).unwrap());
            }
        }
    }
    let mut unused = BTreeSet::new();
    for alike in MEANT {
        let first = alike[0];
        let known = words(&schema.definition(first));
        assert!(known.len() > 1, "the schema has no {first}");
        for word in known {
            let is = |name: &&str| schema.used.contains(&((*name).to_owned(), word.clone()));
            let excused = ELSEWHERE.iter().any(|(known, _)| *known == word);
            if !excused && !alike.iter().any(is) {
                unused.insert(format!("{first}: {word}"));
            }
        }
    }
    assert_eq!(unused, BTreeSet::new(), "no file in topologies/ has these");
}
