//! What the reports tell of labs that cannot run.

use std::path::Path;

use super::*;
use crate::args::Form;
use crate::commands::test::document;
use crate::topology::parse;

fn lab(name: &str) -> Topology {
    let text = format!(
        "{{lab: 1, name: {name}, nodes: {{a: host}}, steps: [{{\"it is\": {{wait: 1s}}}}, {{\"so\": {{wait: 1s}}}}]}}"
    );
    let read = parse(Path::new("t.yaml"), &text, &[], &|_| None);
    read.unwrap_or_else(|mistakes| panic!("{}", mistakes.render(false)))
}

#[test]
fn each_report_says_why_a_lab_was_left_out() {
    let mut batch = Batch {
        labs: vec![lab("one"), lab("two")],
        ..Batch::default()
    };
    batch.leave_out(|lab| (lab.name == "one").then(|| "there is no pimd".to_owned()));
    let names: Vec<&str> = batch.labs.iter().map(|lab| lab.name.as_str()).collect();
    assert_eq!(names, ["two"]);
    let forms = [
        (Form::Json, "\"there is no pimd\""),
        (Form::Ndjson, "\"there is no pimd\""),
        (Form::Junit, "<skipped message=\"there is no pimd\"/>"),
        (Form::Tap, "ok 1 - one: it is # SKIP there is no pimd"),
        (Form::Markdown, "- one: 2 steps skipped: there is no pimd"),
        (
            Form::Gha,
            "::notice file=t.yaml,line=1,title=one%3A it is::there is no pimd",
        ),
    ];
    for (form, told) in forms {
        let document = document(form, &batch.left_out, &[]);
        assert!(document.contains(told), "{form:?}: {document}");
        if form == Form::Gha {
            assert_eq!(document.lines().count(), 1, "{document}");
        }
    }
}
