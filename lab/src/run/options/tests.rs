//! What the command line says goes over what the file says.

use std::path::Path;

use super::*;
use crate::topology::parse;

fn lab(keep: &str) -> Topology {
    let text = format!("{{lab: 1, name: t, nodes: {{a: host}}{keep}}}");
    let read = parse(Path::new("t.yaml"), &text, &[], &|_| None);
    read.unwrap_or_else(|mistakes| panic!("{}", mistakes.render(false)))
}

fn options(capture: Option<Capture>, html: bool) -> Options {
    Options {
        keep_going: false,
        capture,
        html,
        names: PathBuf::new(),
        work: PathBuf::new(),
        runs: PathBuf::new(),
        seed: 1,
        sweep_at: None,
        rootless: false,
        pause: None,
    }
}

#[test]
fn the_file_says_what_is_kept_where_nobody_else_does() {
    let table = [
        ("", Keep::OnFailure, [true, false]),
        (
            ", artifacts: {keep: on-failure}",
            Keep::OnFailure,
            [true, false],
        ),
        (", artifacts: {keep: always}", Keep::Always, [true, true]),
        (", artifacts: {keep: never}", Keep::Never, [true, false]),
    ];
    for (text, packets, html) in table {
        let lab = lab(text);
        let plain = options(None, false);
        assert_eq!(plain.packets(&lab), packets, "{text}");
        assert_eq!(
            [false, true].map(|good| plain.writes_html(&lab, good)),
            html,
            "{text}"
        );
        let told = options(Some(Capture::Always), true);
        assert_eq!(told.packets(&lab), Keep::Always, "{text}");
        assert!(told.writes_html(&lab, true), "{text}");
        assert_eq!(
            options(Some(Capture::Never), false).packets(&lab),
            Keep::Never
        );
    }
}
