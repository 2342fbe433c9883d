//! What the page holds; how it behaves is tested in a browser, in
//! `tests/tests/report_browser.rs`.

use super::*;
use crate::assertion::Outcome;
use crate::report::tests::{run, step};
use crate::topology;

fn small(folder: &Path) -> Topology {
    let file = folder.join("lab.yaml");
    let text = "lab: 1\nname: two\nnodes: {a: host, b: host}\nlinks: [a -- b]\n";
    fs::write(&file, text).unwrap();
    topology::load(&file, &[]).unwrap()
}

fn data(page: &str) -> Value {
    let (_, rest) = page.split_once("id=\"data\">").unwrap();
    let (data, _) = rest.split_once("</script>").unwrap();
    serde_json::from_str(data).unwrap()
}

#[test]
fn a_page_needs_nothing_else_and_nothing_in_it_becomes_code() {
    let folder = tempfile::tempdir().unwrap();
    let topology = small(folder.path());
    fs::create_dir(folder.path().join("logs")).unwrap();
    let evil = "</script><script>alert(1)</script>{{script}}";
    fs::write(folder.path().join("logs/a.log"), evil).unwrap();
    let mut failed = step(Outcome::Fail);
    failed.findings = vec![evil.to_owned()];
    let page = document(folder.path(), &run(vec![failed]), &topology).unwrap();
    assert_eq!(page.matches("<script").count(), 2, "{page}");
    for word in ["http://", "https://", "src=", "@import", "url("] {
        let known = ["http://www.w3.org/2000/svg", "url(#inside)"];
        let rest = known
            .iter()
            .fold(page.clone(), |page, known| page.replace(known, ""));
        assert!(!rest.contains(word), "{word}");
    }
    let data = data(&page);
    assert_eq!(data["files"]["logs/a.log"]["text"], evil);
    assert_eq!(data["run"]["steps"][0]["findings"][0], evil);
}

#[test]
fn of_too_many_events_the_early_messages_are_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let topology = small(folder.path());
    let mut lines = String::new();
    for number in 0..EVENTS + 10 {
        let kind = if number == 3 { "step" } else { "message" };
        lines += &format!("{{\"at_ns\": {number}, \"event\": \"{kind}\"}}\n");
    }
    fs::write(folder.path().join("events.ndjson"), lines + "half a li").unwrap();
    let page = document(folder.path(), &run(vec![]), &topology).unwrap();
    let data = data(&page);
    let events = data["events"].as_array().unwrap();
    assert_eq!(events.len(), EVENTS);
    assert_eq!(
        (&events[0]["at_ns"], &events[0]["event"]),
        (&json!(3), &json!("step"))
    );
    assert_eq!(data["left_out"], 10);
}

#[test]
fn of_a_long_file_the_end_is_shown() {
    let folder = tempfile::tempdir().unwrap();
    let topology = small(folder.path());
    fs::create_dir(folder.path().join("logs")).unwrap();
    let long = "x".repeat(usize::try_from(FILE_BYTES).unwrap()) + "end";
    fs::write(folder.path().join("logs/a.log"), long).unwrap();
    let page = document(folder.path(), &run(vec![]), &topology).unwrap();
    let file = &data(&page)["files"]["logs/a.log"];
    assert_eq!(file["left_out"], 3);
    assert!(file["text"].as_str().unwrap().ends_with("xend"));
}
