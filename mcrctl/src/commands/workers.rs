//! `mcrctl workers`

use std::io::Write;

use mcr_api::Method;
use mcr_api::client::Client;
use mcr_api::state::{Worker, WorkerState};

use crate::error::Error;
use crate::render::Output;
use crate::render::table::{Column, Sheet};
use crate::render::text;

pub(crate) fn run(client: &mut Client, out: &mut Output<impl Write>) -> Result<(), Error> {
    let workers: Vec<Worker> = client.call(Method::Workers {})?;
    out.show(&workers, |workers| render(workers))?;
    Ok(())
}

fn render(workers: &[Worker]) -> String {
    if workers.is_empty() {
        return "No worker: no rule has an input interface that exists.\n".to_owned();
    }
    let mut sheet = Sheet::new(&[
        ("WORKER", Column::Word),
        ("CPU", Column::Number),
        ("PID", Column::Number),
        ("STATE", Column::Word),
        ("ENTRIES", Column::Number),
        ("RESTARTS", Column::Number),
        ("NOTES", Column::Text),
    ]);
    for worker in workers {
        let number = |number: Option<u32>| number.map_or("-".to_owned(), |n| n.to_string());
        sheet.row([
            format!("{}/{}", worker.interface, worker.position),
            worker.cpu.map_or("any".to_owned(), |cpu| cpu.to_string()),
            number(worker.pid),
            state(worker.state).to_owned(),
            worker.entries.to_string(),
            worker.restarts.to_string(),
            notes(worker).join("\n"),
        ]);
    }
    sheet.text()
}

fn state(state: WorkerState) -> &'static str {
    match state {
        WorkerState::Starting => "starting",
        WorkerState::Running => "running",
        WorkerState::Backoff => "backoff",
    }
}

/// What is worth a word, a line each.
fn notes(worker: &Worker) -> Vec<String> {
    let mut notes: Vec<String> = worker.io.iter().cloned().collect();
    if worker.state == WorkerState::Running && !worker.in_sync {
        notes.push("its table is being brought up to date".to_owned());
    }
    if let Some(backoff) = worker.backoff_ms {
        notes.push(format!("next try in {backoff} ms"));
    }
    if let Some(exit) = &worker.last_exit {
        notes.push(format!("last one: {exit}"));
    }
    if worker.healed > 0 {
        let times = usize::try_from(worker.healed).unwrap_or(usize::MAX);
        notes.push(format!("table healed {}", text::count(times, "time")));
    }
    for (protection, standing) in &worker.sandbox {
        if standing != "on" {
            notes.push(format!("{protection}: {standing}"));
        }
    }
    notes
}
