//! `mcrctl stats`

use std::collections::BTreeMap;
use std::io::Write;
use std::thread;
use std::time::{Duration, Instant};

use mcr_api::client::Client;
use mcr_api::state::{InputStats, RuleStats};
use mcr_api::{ErrorCode, Method};
use serde::Serialize;

use crate::args;
use crate::error::Error;
use crate::render::Output;
use crate::render::table::{Column, Sheet};
use crate::render::text;

#[cfg(test)]
mod tests;

/// All counters at one moment.
#[derive(Serialize)]
struct Stats {
    /// Seconds since the first look, where it is repeated.
    #[serde(skip_serializing_if = "Option::is_none")]
    seconds: Option<f64>,
    rules: Vec<RuleStats>,
    inputs: Vec<InputStats>,
}

/// A look and when it was taken.
struct Look {
    at: Instant,
    stats: Stats,
}

pub(crate) fn run(
    args: &args::Stats,
    client: &mut Client,
    out: &mut Output<impl Write>,
) -> Result<(), Error> {
    if args.watch {
        return watch(args, client, out);
    }
    let stats = ask(args.rule.as_deref(), client)?;
    out.show(&stats, |stats| render(stats, None))?;
    Ok(())
}

/// Looks at every interval, on the grid of the first look.
fn watch(
    args: &args::Stats,
    client: &mut Client,
    out: &mut Output<impl Write>,
) -> Result<(), Error> {
    let start = Instant::now();
    let mut due = start;
    let mut previous: Option<Look> = None;
    let mut looks = 0;
    loop {
        let at = Instant::now();
        let mut stats = ask(args.rule.as_deref(), client)?;
        stats.seconds = Some((at - start).as_secs_f64());
        if out.json {
            out.json_line(&stats)?;
        } else {
            // Clears a terminal; the stream leaves it out elsewhere.
            out.text("\x1b[H\x1b[2J")?;
            out.text(&render(&stats, previous.as_ref().map(|look| (look, at))))?;
            out.text("\n")?;
            out.flush()?;
        }
        previous = Some(Look { at, stats });
        looks += 1;
        if args.count.is_some_and(|count| looks >= count) {
            return Ok(());
        }
        due += args.interval.0;
        let now = Instant::now();
        // A daemon slower than the interval is not asked in a burst afterwards.
        due = due.max(now);
        thread::sleep(due - now);
    }
}

fn ask(rule: Option<&str>, client: &mut Client) -> Result<Stats, Error> {
    let mut rules: Vec<RuleStats> = client.pages(|cursor| Method::StatsRules { cursor })?;
    let inputs: Vec<InputStats> = client.call(Method::StatsInputs {})?;
    if let Some(name) = rule {
        rules.retain(|stats| stats.name == name);
        if rules.is_empty() {
            return Err(Error::refused(
                ErrorCode::NotFound,
                format!("there is no rule {name}"),
            ));
        }
    }
    Ok(Stats {
        seconds: None,
        rules,
        inputs,
    })
}

/// The tables; with rates where there is an earlier look.
fn render(stats: &Stats, previous: Option<(&Look, Instant)>) -> String {
    let mut text = String::new();
    let rules = rules(&stats.rules, previous);
    if stats.rules.is_empty() {
        text.push_str("No rules.\n");
    } else {
        text.push_str(&rules.text());
    }
    let inputs = inputs(&stats.inputs);
    if !inputs.is_empty() {
        text.push('\n');
        text.push_str(&inputs.text());
    }
    text
}

fn rules(stats: &[RuleStats], previous: Option<(&Look, Instant)>) -> Sheet {
    let mut columns = vec![
        ("RULE / OUTPUT", Column::Text),
        ("PACKETS", Column::Number),
        ("BYTES", Column::Number),
        ("DROPPED", Column::Number),
    ];
    if previous.is_some() {
        columns.extend([("PACKETS/S", Column::Number), ("RATE", Column::Number)]);
    }
    let before: BTreeMap<&str, &RuleStats> = previous
        .iter()
        .flat_map(|(look, _)| &look.stats.rules)
        .map(|stats| (stats.name.as_str(), stats))
        .collect();
    let period = previous.map(|(look, now)| now - look.at);
    let mut sheet = Sheet::new(&columns);
    for rule in stats {
        let earlier = before.get(rule.name.as_str()).copied();
        let mut row = vec![
            rule.name.clone(),
            rule.packets.to_string(),
            rule.bytes.to_string(),
            String::new(),
        ];
        let counts = |stats: &RuleStats| (stats.packets, stats.bytes);
        row.extend(rates(counts(rule), earlier.map(counts), period));
        sheet.row(row);
        for (position, output) in rule.outputs.iter().enumerate() {
            let place = text::place(output.destination, output.port);
            let mut row = vec![
                format!("  {} {place}", output.interface),
                output.packets.to_string(),
                output.bytes.to_string(),
                output.dropped.to_string(),
            ];
            let earlier = earlier.and_then(|stats| stats.outputs.get(position));
            let earlier = earlier.map(|output| (output.packets, output.bytes));
            row.extend(rates((output.packets, output.bytes), earlier, period));
            sheet.row(row);
        }
    }
    sheet
}

/// Packets and bits per second, from (packets, bytes) now and before.
fn rates(now: (u64, u64), before: Option<(u64, u64)>, period: Option<Duration>) -> Vec<String> {
    let Some(period) = period else {
        return Vec::new();
    };
    let Some(before) = before.filter(|_| !period.is_zero()) else {
        return vec!["-".to_owned(), "-".to_owned()];
    };
    // A rule that was removed and added again counts from 0.
    let packets = per_second(now.0.saturating_sub(before.0), period);
    let bits = 8.0 * per_second(now.1.saturating_sub(before.1), period);
    vec![format!("{packets:.0}"), text::bit_rate(bits)]
}

fn per_second(count: u64, period: Duration) -> f64 {
    #[allow(clippy::cast_precision_loss, reason = "a rate for people to read")]
    let count = count as f64;
    count / period.as_secs_f64()
}

fn inputs(stats: &[InputStats]) -> Sheet {
    let mut sheet = Sheet::new(&[
        ("INPUT", Column::Word),
        ("RECEIVED", Column::Number),
        ("MATCHED", Column::Number),
        ("KERNEL DROPS", Column::Number),
        ("DROPS", Column::Text),
    ]);
    for input in stats {
        let drops: Vec<String> = input
            .drops
            .iter()
            .filter(|(_, count)| **count > 0)
            .map(|(reason, count)| format!("{reason} {count}"))
            .collect();
        sheet.row([
            input.interface.clone(),
            input.received.to_string(),
            input.matched.to_string(),
            input.kernel_drops.to_string(),
            drops.join("\n"),
        ]);
    }
    sheet
}
