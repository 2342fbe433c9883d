//! The examples of the guide are lab files.

use std::path::Path;

use super::good;

#[test]
fn every_example_is_read() {
    let guide = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/guide/lab-file.md");
    let guide = std::fs::read_to_string(guide).expect("the guide");
    let blocks = guide.split("```yaml\n").skip(1);
    let examples: Vec<&str> = blocks
        .map(|rest| rest.split("```").next().expect("the block"))
        .collect();
    assert!(examples.len() >= 8, "{} examples", examples.len());
    for example in examples {
        assert!(example.starts_with("lab: 1\n"), "a whole file:\n{example}");
        assert!(!good(example).nodes.is_empty());
    }
}

/// What the guide says of all keys and verbs is what the schema has.
#[test]
fn every_key_is_in_the_guide() {
    let guide = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/guide/lab-file.md");
    let guide = std::fs::read_to_string(guide).expect("the guide");
    let schema = crate::topology::schema();
    let types = schema["$defs"].as_object().expect("types");
    for (name, described) in types.iter().chain([(&"Lab".to_owned(), &schema)]) {
        let keys = described["properties"].as_object();
        for key in keys.into_iter().flat_map(|keys| keys.keys()) {
            let shown = ["`", " ", "{", "\n"]
                .iter()
                .any(|before| guide.contains(&format!("{before}{key}")));
            assert!(shown, "`{key}` of {name} is not in the guide");
        }
    }
}
