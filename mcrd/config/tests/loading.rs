//! What a file without mistakes gives, and that no text can do harm.

#![allow(clippy::unwrap_used, reason = "a test may")]

use mcr_api::config::ConfigFile;
use mcr_api::state::{Facility, LogLevel};
use mcr_config::{Loaded, parse, rule, to_api, to_text};
use proptest::prelude::*;

const FULL: &str = r#"// Every key.
{
  control: { socket: "/run/mcrd/control.sock", group: 'mcr' },
  log: { level: "info", facilities: { relay: "debug" } },
  workers: { io_uring: false, user: "mcr" },
  pinning: { in0: [0, 2], "in1": [1], },
  pim: {
    interfaces: {
      in0: { passive: false, hello_interval: 1, hello_holdtime: 3.5, triggered_hello_delay: 0.5,
        dr_priority: 7, propagation_delay: 0.25, override_interval: 1.5, tracking: true,
        neighbors: ["10.0.0.0/8"] },
    },
    rp: {
      static: [{ address: "10.255.0.2", groups: ["239.1.0.0/16"], priority: 5, override: true }],
      hash_mask_len: 24,
    },
    ssm_range: ["232.0.0.0/8", "239.232.0.0/16"],
    spt_switch: ["239.1.0.0/16"],
    join_prune_interval: 2, keepalive_period: 30, register_suppression: 10, register_probe: 2,
    register_accept: [{ sources: "10.1.0.0/16", groups: "239.1.0.0/16" }],
    assert_time: 18, preferences: { ospf: 30, "42": 7 }, ecmp: true,
  },
  igmp: {
    interfaces: {
      out0: { version: 2, robustness: 3, query_interval: 20, query_response_interval: 5,
        last_member_query_interval: 0.5, last_member_query_count: 2, startup_query_interval: 4,
        immediate_leave: true, require_router_alert: true, max_groups: 100, max_sources: 10,
        groups: ["239.0.0.0/8"], static_groups: [{ group: "239.9.9.9", source: "10.0.0.1" }] },
    },
  },
  mroutes: [{ network: "10.1.0.0/24", interface: "in0", next_hop: "10.0.0.2", metric: 3 }],
  rules: [
    {
      name: "studio",
      input: { interface: "in0", group: "239.1.1.1", port: 5000, source: "10.0.0.1", protocol: "udp" },
      outputs: [
        { interface: "out0", destination: "239.2.2.2", port: 5001, ttl: 8, source: "keep",
          source_port: 7000, dscp: 46 },
        { interface: "out1", destination: "10.1.0.9", source: "10.9.9.9" },
      ],
    },
    { input: { interface: "in1", group: "239.1.1.2", protocol: 89, port: null },
      outputs: [{ interface: "out0", source: "interface" }] },
  ],
}
"#;

#[test]
fn every_key_arrives() {
    let Loaded {
        file,
        rules,
        pinning,
        router: _,
    } = parse("x", FULL).unwrap();
    assert_eq!(file.control.group.as_deref(), Some("mcr"));
    assert_eq!(file.log.level, Some(LogLevel::Info));
    assert_eq!(file.log.facilities[&Facility::Relay], LogLevel::Debug);
    assert_eq!(file.workers.io_uring, Some(false));
    let pinning: Vec<(&str, &[u32])> = pinning
        .iter()
        .map(|(name, cpus)| (name.as_str(), cpus.as_slice()))
        .collect();
    assert_eq!(
        pinning,
        [("in0", [0, 2].as_slice()), ("in1", [1].as_slice())]
    );
    assert_eq!(rules.len(), 2);
    assert_eq!(rules[0].outputs[0].dscp.map(|dscp| dscp.get()), Some(46));
    assert_eq!(rules[1].name.as_str(), "in1:239.1.1.2/89");
}

#[test]
fn the_rules_are_those_of_the_file() {
    let loaded = parse("x", FULL).unwrap();
    let again: Vec<_> = loaded.file.rules.iter().map(|r| rule(r).unwrap()).collect();
    assert_eq!(loaded.rules, again);
}

#[test]
fn what_is_saved_is_what_was_loaded() {
    let loaded = parse("x", FULL).unwrap();
    let text = to_text(&loaded.file).unwrap();
    assert_eq!(parse("x", &text).unwrap(), loaded);
    assert!(
        text.contains("  workers: {\n    io_uring: false,\n"),
        "{text}"
    );

    let mut minimal = loaded.file.clone();
    minimal.rules = loaded.rules.iter().map(to_api).collect();
    let text = to_text(&minimal).unwrap();
    let again = parse("x", &text).unwrap();
    assert_eq!((again.rules, again.pinning), (loaded.rules, loaded.pinning));
    assert_eq!(to_text(&ConfigFile::default()).unwrap(), "{}\n");
}

/// The keys that the walk knows are those of the types: a file with every key
/// of the schema is accepted, and every object refuses others.
#[test]
fn the_schema_says_the_same() {
    let schema = serde_json::to_value(schemars::schema_for!(ConfigFile)).unwrap();
    let value: serde_json::Value = serde_json::to_value(parse("x", FULL).unwrap().file).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    assert!(validator.is_valid(&value), "{value:#}");

    let keys = |object: &serde_json::Value| -> Vec<String> {
        object.as_object().unwrap().keys().cloned().collect()
    };
    let sorted = |mut keys: Vec<String>| {
        keys.sort();
        keys
    };
    let used = |value: &serde_json::Value| sorted(keys(value));
    let known = |name: &str| sorted(keys(&schema["$defs"][name]["properties"]));
    assert_eq!(used(&value), sorted(keys(&schema["properties"])));
    assert_eq!(used(&value["control"]), known("Control"));
    assert_eq!(used(&value["log"]), known("Log"));
    assert_eq!(used(&value["workers"]), known("Workers"));
    let pim = &value["pim"];
    assert_eq!(used(pim), known("Pim"));
    assert_eq!(used(&pim["interfaces"]["in0"]), known("PimInterface"));
    assert_eq!(used(&pim["rp"]), known("Rp"));
    assert_eq!(used(&pim["rp"]["static"][0]), known("StaticRp"));
    assert_eq!(used(&pim["register_accept"][0]), known("RegisterAccept"));
    assert_eq!(used(&value["igmp"]), known("Igmp"));
    let igmp = &value["igmp"]["interfaces"]["out0"];
    assert_eq!(used(igmp), known("IgmpInterface"));
    assert_eq!(used(&igmp["static_groups"][0]), known("StaticGroup"));
    assert_eq!(used(&value["mroutes"][0]), known("StaticMroute"));
    let rule = &value["rules"][0];
    assert_eq!(used(rule), known("Rule"));
    assert_eq!(used(&rule["input"]), known("Input"));
    assert_eq!(used(&rule["outputs"][0]), known("Output"));
}

#[test]
fn ten_thousand_rules_load() {
    let rules: String = (1..=10_000)
        .map(|port| {
            format!(
                "{{ input: {{ interface: 'a', group: '239.1.1.1', port: {port} }},\
                 outputs: [{{ interface: 'b' }}] }},\n"
            )
        })
        .collect();
    let loaded = parse("x", &format!("{{ rules: [\n{rules}] }}")).unwrap();
    assert_eq!(loaded.rules.len(), 10_000);
}

proptest! {
    #[test]
    fn no_text_causes_a_panic(text in "\\PC{0,200}") {
        refuse_politely(&text);
    }

    #[test]
    fn no_text_of_json5_signs_causes_a_panic(
        text in r#"([{}\[\]:,"'/*\\\n -+.0-9a-fx]|rules|input|group|null|Infinity|\u{2028}|é){0,80}"#,
    ) {
        refuse_politely(&text);
    }

    #[test]
    fn no_damage_to_a_file_causes_a_panic(
        cuts in prop::collection::vec((0..FULL.len(), 0..12usize, "\\PC{0,3}"), 1..4),
    ) {
        let mut text = FULL.to_owned();
        for (at, length, instead) in cuts {
            let at = text.floor_char_boundary(at.min(text.len()));
            let end = text.floor_char_boundary((at + length).min(text.len())).max(at);
            text.replace_range(at..end, &instead);
        }
        refuse_politely(&text);
    }
}

fn refuse_politely(text: &str) {
    match parse("x", text) {
        Ok(loaded) => {
            let saved = to_text(&loaded.file).unwrap();
            assert_eq!(parse("x", &saved).unwrap(), loaded);
        }
        Err(problems) => {
            assert!(problems.total() > 0);
            assert!(!problems.render(true).is_empty());
            assert!(!problems.to_string().is_empty());
        }
    }
}
