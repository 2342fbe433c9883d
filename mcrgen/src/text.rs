//! Reports for people, within 80 columns.

#[cfg(test)]
mod tests;

use std::fmt::Write;

use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, ContentArrangement, Table};

use crate::report::{HostsReport, Latency, ReceivedFlow, RecvReport, Report, SendReport};

const WIDTH: u16 = 80;
/// Flows in a table; further ones are only counted. JSON has them all.
const ROWS: usize = 40;

/// The lines of a report: one while it runs, a table at the end.
pub(crate) fn render(report: &Report) -> String {
    match report {
        Report::Send(report) => send(report),
        Report::Recv(report) => recv(report),
        Report::Hosts(report) => hosts(report),
    }
}

fn send(report: &SendReport) -> String {
    let seconds = report.elapsed_ns as f64 / 1e9;
    let mbits = if seconds > 0.0 {
        report.bytes as f64 * 8.0 / 1e6 / seconds
    } else {
        0.0
    };
    let mut text = format!(
        "{seconds:.1} s: {} of {} sent, {:.0} pps, {mbits:.1} Mbit/s, {} errors\n",
        report.sent, report.due, report.pps, report.errors
    );
    if !report.last {
        return text;
    }
    let mut table = table(&["flow", "destination", "port", "sent"]);
    for flow in report.flows.iter().take(ROWS) {
        table.add_row([
            flow.flow.to_string(),
            flow.destination.to_string(),
            flow.port.to_string(),
            flow.sent.to_string(),
        ]);
    }
    finish(&mut text, table, report.flows.len());
    if let Some(error) = &report.last_error {
        line(&mut text, &format!("last error: {error}"));
    }
    line(&mut text, &format!("run {}", report.run));
    text
}

fn hosts(report: &HostsReport) -> String {
    let seconds = report.elapsed_ns as f64 / 1e9;
    let mut text = format!(
        "{seconds:.1} s: {} memberships, {} queries heard, {} reports sent\n",
        report.memberships,
        report.general_queries + report.group_queries + report.source_queries,
        report.reports,
    );
    if !report.last {
        return text;
    }
    for (count, what) in [
        (report.hosts, "hosts"),
        (report.joins, "joins"),
        (report.leaves, "leaves"),
        (report.general_queries, "general queries heard"),
        (report.group_queries, "group-specific queries heard"),
        (report.source_queries, "source-specific queries heard"),
        (report.records, "group records sent"),
        (report.leave_messages, "version 2 leaves sent"),
        (report.suppressed, "answers suppressed"),
        (report.foreign_reports, "reports of other hosts heard"),
        (report.malformed, "malformed messages heard"),
        (report.errors, "errors"),
    ] {
        if count > 0 {
            line(&mut text, &format!("{count} {what}"));
        }
    }
    if let Some(error) = &report.last_error {
        line(&mut text, &format!("last error: {error}"));
    }
    text
}

fn recv(report: &RecvReport) -> String {
    let sum = |figure: fn(&ReceivedFlow) -> u64| -> u64 { report.flows.iter().map(figure).sum() };
    let seconds = report.at_ns.saturating_sub(report.joined_ns) as f64 / 1e9;
    let mut text = format!(
        "{seconds:.1} s: {} received, {} lost, {} own drops\n",
        sum(|flow| flow.received),
        sum(|flow| flow.lost),
        report.socket_drops
    );
    if !report.last {
        return text;
    }
    for (count, what) in [
        (sum(|flow| flow.duplicated), "duplicated"),
        (sum(|flow| flow.reordered), "reordered"),
        (report.foreign, "foreign datagrams"),
        (report.corrupted, "corrupted datagrams"),
        (report.other_runs, "datagrams of other runs"),
        (report.refused, "datagrams of flows beyond --max-flows"),
        (
            report.checksum_errors,
            "wrong UDP checksums in this namespace",
        ),
    ] {
        if count > 0 {
            line(&mut text, &format!("{count} {what}"));
        }
    }
    if report.flows.is_empty() {
        return text;
    }
    let flows = report.flows.iter().take(ROWS);
    let mut counts = table(&[
        "source", "group", "flow", "received", "lost", "dup", "reord",
    ]);
    let mut times = table(&["group", "flow", "first", "gap", "p50", "p99", "max", "ttl"]);
    for flow in flows {
        counts.add_row(count_row(flow));
        times.add_row(time_row(flow));
    }
    finish(&mut text, counts, report.flows.len());
    line(
        &mut text,
        "Times: first datagram after the join, longest gap, latency.",
    );
    finish(&mut text, times, report.flows.len());
    text
}

fn count_row(flow: &ReceivedFlow) -> [String; 7] {
    let address =
        |address: Option<std::net::Ipv4Addr>| address.map_or("-".into(), |a| a.to_string());
    [
        address(flow.source),
        address(flow.group),
        flow.flow.to_string(),
        flow.received.to_string(),
        flow.lost.to_string(),
        flow.duplicated.to_string(),
        flow.reordered.to_string(),
    ]
}

fn time_row(flow: &ReceivedFlow) -> [String; 8] {
    let latency = |figure: fn(Latency) -> u64| -> String {
        flow.latency
            .map_or("-".into(), |latency| time(figure(latency)))
    };
    [
        flow.group.map_or("-".into(), |group| group.to_string()),
        flow.flow.to_string(),
        time(flow.join_to_first_ns),
        time(flow.longest_gap_ns),
        latency(|latency| latency.p50_ns),
        latency(|latency| latency.p99_ns),
        latency(|latency| latency.max_ns),
        flow.ttl.map_or("-".into(), |ttl| ttl.to_string()),
    ]
}

/// A time with three digits.
fn time(nanoseconds: u64) -> String {
    let value = nanoseconds as f64;
    let (value, unit) = match nanoseconds {
        0..1_000 => (value, "ns"),
        1_000..1_000_000 => (value / 1e3, "us"),
        1_000_000..1_000_000_000 => (value / 1e6, "ms"),
        1_000_000_000.. => (value / 1e9, "s"),
    };
    let digits = if value < 10.0 {
        2
    } else {
        usize::from(value < 100.0)
    };
    format!("{value:.digits$} {unit}")
}

fn table(headers: &[&str]) -> Table {
    let mut table = Table::new();
    table
        .load_style(NOTHING)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(WIDTH)
        .set_header(headers.iter().copied());
    for column in table.column_iter_mut() {
        column.set_cell_alignment(CellAlignment::Right);
        column.set_padding((0, 2));
    }
    table
}

fn finish(text: &mut String, table: Table, flows: usize) {
    for row in table.lines() {
        line(text, row.trim_end());
    }
    if flows > ROWS {
        line(text, &format!("and {} flows more", flows - ROWS));
    }
}

fn line(text: &mut String, line: &str) {
    // Writing to a string does not fail.
    writeln!(text, "{line}").unwrap_or_default();
}
