//! `mcrctl watch`

use std::io::Write;

use mcr_api::client::Client;
use mcr_api::router::WatchLine;

use crate::args;
use crate::error::Error;
use crate::render::Output;
use crate::render::text;

#[cfg(test)]
mod tests;

pub(crate) fn run(
    args: &args::Watch,
    client: Client,
    out: &mut Output<impl Write>,
) -> Result<(), Error> {
    let mut events = client.watch()?;
    let mut seen = 0;
    loop {
        let line = events.next_event()?;
        if out.json {
            out.json_line(&line)?;
        } else {
            out.text(&render(&line))?;
            out.flush()?;
        }
        seen += 1;
        if args.count.is_some_and(|count| seen >= count) {
            return Ok(());
        }
    }
}

/// `  12.345s  neighbor 10.0.1.9 on eth1 up`
fn render(line: &WatchLine) -> String {
    let mut out = String::new();
    if line.missed > 0 {
        let missed = usize::try_from(line.missed).unwrap_or(usize::MAX);
        out.push_str(&format!("... {} missed\n", text::count(missed, "event")));
    }
    out.push_str(&format!("{:9.3}s  {}\n", line.time, line.event));
    out
}
