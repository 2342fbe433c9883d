//! `mcrd check`: needs neither a daemon nor privilege.

use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use serde_json::json;

use crate::args::Check;

/// Checks the file and prints every mistake.
pub(crate) fn run(arguments: &Check) -> ExitCode {
    let checked = mcr_config::load(&arguments.file);
    let code = u8::from(checked.is_err());
    let text = match (&checked, arguments.json) {
        (Ok(loaded), true) => {
            json!({ "ok": true, "rules": loaded.rules.len(), "problems": [] }).to_string() + "\n"
        }
        (Ok(loaded), false) => format!(
            "{}: no mistakes, {} rules\n",
            arguments.file.display(),
            loaded.rules.len()
        ),
        (Err(problems), true) => {
            json!({ "ok": false, "problems": problems.to_api() }).to_string() + "\n"
        }
        (Err(problems), false) => problems.render(io::stdout().is_terminal()),
    };
    match io::stdout().write_all(text.as_bytes()) {
        Ok(()) => ExitCode::from(code),
        // Who asked does not listen any more.
        Err(_) => ExitCode::from(3),
    }
}
