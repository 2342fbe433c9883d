//! `mcrctl status`

use std::io::Write;

use mcr_api::Method;
use mcr_api::client::Client;
use mcr_api::state::Status;

use crate::error::Error;
use crate::render::Output;
use crate::render::table::Sheet;
use crate::render::text;

pub(crate) fn run(client: &mut Client, out: &mut Output<impl Write>) -> Result<(), Error> {
    let status: Status = client.call(Method::Status {})?;
    out.show(&status, render)?;
    Ok(())
}

fn render(status: &Status) -> String {
    let mut sheet = Sheet::facts();
    let uptime = text::duration(status.uptime_seconds);
    let daemon = format!("{}, process {}, up {uptime}", status.version, status.pid);
    sheet.row(["mcrd", &daemon]);
    let config = status.config_file.as_deref().unwrap_or("no file");
    sheet.row(["config", config]);
    let capabilities = if status.capabilities.is_empty() {
        "no capabilities".to_owned()
    } else {
        status.capabilities.join(" ")
    };
    sheet.row(["user", &format!("{}, {capabilities}", status.uid)]);
    let waiting = match status.rules_waiting {
        0 => String::new(),
        number => format!(", {number} waiting (see mcrctl rules list)"),
    };
    sheet.row(["rules", &format!("{}{waiting}", status.rules)]);
    let failing = match status.workers_failing {
        0 => String::new(),
        number => format!(", {number} failing (see mcrctl workers)"),
    };
    let workers = format!("{} running{failing}", status.workers_running);
    sheet.row(["workers", &workers]);
    for note in &status.notes {
        sheet.row(["note", note]);
    }
    sheet.text()
}
