//! The schema names every method, and refers to nothing it does not define.

use std::collections::BTreeSet;

use serde_json::Value;

use super::*;

/// The method names that a request's schema allows.
fn methods(schema: &Value) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    collect(&schema["$defs"]["Request"], &mut |key, value| {
        if key == "method" {
            found.extend(value["const"].as_str().map(str::to_owned));
        }
    });
    found
}

fn collect(value: &Value, see: &mut impl FnMut(&str, &Value)) {
    if let Some(map) = value.as_object() {
        for (key, inner) in map {
            see(key, inner);
            collect(inner, see);
        }
    }
    for inner in value.as_array().into_iter().flatten() {
        collect(inner, see);
    }
}

#[test]
fn every_method_has_a_result() {
    let schema = schema();
    let results: BTreeSet<String> = schema["x-results"]
        .as_object()
        .unwrap()
        .keys()
        .cloned()
        .collect();
    let methods = methods(&schema);
    assert!(methods.len() > 10, "{methods:?}");
    assert_eq!(methods, results);
}

#[test]
fn references_lead_to_definitions() {
    let schema = schema();
    let mut count = 0;
    collect(&schema, &mut |key, value| {
        if key == "$ref" {
            let target = value.as_str().unwrap().strip_prefix('#').unwrap();
            assert!(schema.pointer(target).is_some(), "{target}");
            count += 1;
        }
    });
    assert!(count > 20, "{count} references");
}

#[test]
fn links_of_rustdoc_do_not_reach_the_reader() {
    assert_eq!(
        without_links("A [`crate::state::Page`] of [`Hello`], by\nname."),
        "A `Page` of `Hello`, by\nname."
    );
    assert!(!schema().to_string().contains("[`"));
}
