//! The screen of `lab watch`: links, traffic, routers, the tree of a group, the
//! latest steps.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use jiff::Timestamp;
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::Line;
use ratatui::widgets::{Block, Borders, Paragraph, Row, Table};

use super::cells::{cut, groups, number, right};
use crate::run::status::{Entry, LinkStatus, RouterStatus, Status};

/// Lines that a part needs beside its own: its title and the names of columns.
const HEAD: u16 = 2;
/// What memory is told in.
const MEBIBYTE: f64 = 1_048_576.0;
/// Steps that are shown.
const STEPS: usize = 6;

/// What is shown.
pub(super) struct View {
    lab: String,
    status: Status,
    /// The look before, for the rates.
    before: Option<Status>,
    group: usize,
    paused: bool,
    /// The network is drawn in the place of the table of links.
    network: bool,
}

impl View {
    pub(super) fn of(lab: &str) -> Self {
        Self {
            lab: lab.to_owned(),
            status: Status::default(),
            before: None,
            group: 0,
            paused: false,
            network: false,
        }
    }

    /// The same view of a newer look.
    pub(super) fn with(self, status: Status) -> Self {
        let before = (self.status.at_ns > 0).then_some(self.status);
        Self {
            status,
            before,
            ..self
        }
    }

    pub(super) fn status(&self) -> &Status {
        &self.status
    }

    pub(super) fn pause(&mut self, paused: bool) {
        self.paused = paused;
    }

    /// Draws the network, or has the table of links again.
    pub(super) fn turn(&mut self) {
        self.network = !self.network;
    }

    /// Of what the network is to be drawn: with the way of the group that is shown.
    pub(super) fn wants(&self) -> Option<Option<Ipv4Addr>> {
        self.network.then(|| self.shown_group())
    }

    /// Shows the tree of another group.
    pub(super) fn next_group(&mut self, by: isize) {
        let count = self.groups().len().max(1);
        let group = self.group.min(count - 1).checked_add_signed(by);
        self.group = group.map_or(count - 1, |group| group % count);
    }

    /// The groups that somebody wants, sends to or has entries of.
    fn groups(&self) -> Vec<Ipv4Addr> {
        let status = &self.status;
        let wanted = status.receivers.iter().flat_map(|one| &one.groups);
        let sent = status.sources.iter().flat_map(|one| &one.groups);
        let routed = status.routers.iter().flat_map(|one| &one.trees);
        let all = wanted.chain(sent).copied();
        let all = all.chain(routed.map(|entry| entry.group));
        all.collect::<BTreeSet<_>>().into_iter().collect()
    }

    fn shown_group(&self) -> Option<Ipv4Addr> {
        let groups = self.groups();
        let last = groups.len().checked_sub(1)?;
        groups.get(self.group.min(last)).copied()
    }

    /// The lines that everything takes.
    pub(super) fn height(&self) -> u16 {
        let parts = self.parts();
        1 + parts.iter().map(|part| part.height()).sum::<u16>()
    }

    pub(super) fn draw(&self, frame: &mut Frame<'_>) {
        let parts = self.parts();
        let mut heights = vec![Constraint::Length(1)];
        heights.extend(parts.iter().map(|part| Constraint::Length(part.height())));
        let areas = Layout::vertical(heights).split(frame.area());
        let mut areas = areas.iter();
        if let Some(area) = areas.next() {
            frame.render_widget(Paragraph::new(self.heading()), *area);
        }
        for (part, area) in parts.into_iter().zip(areas) {
            part.draw(frame, *area);
        }
    }

    fn heading(&self) -> Line<'static> {
        let time = i64::try_from(self.status.at_ns).ok();
        let time = time.and_then(|time| Timestamp::from_nanosecond(time.into()).ok());
        let time = time.map(|time| time.strftime("%H:%M:%S").to_string());
        let state = if self.paused { "paused  " } else { "" };
        Line::from(format!(
            "{}  {} UTC  {state}q quit  p pause  tab next group  n network",
            self.lab,
            time.unwrap_or_default(),
        ))
        .style(Style::default().add_modifier(Modifier::BOLD))
    }

    fn parts(&self) -> Vec<Part> {
        let first = match self.network && !self.status.network.is_empty() {
            true => self.drawing(),
            false => self.links(),
        };
        let mut parts = vec![first];
        if !(self.status.receivers.is_empty() && self.status.sources.is_empty()) {
            parts.push(self.traffic());
        }
        if !self.status.routers.is_empty() {
            parts.push(self.routers());
            parts.push(self.tree());
        }
        if !self.status.processes.is_empty() {
            parts.push(self.processes());
        }
        if !self.status.steps.is_empty() {
            parts.push(self.steps());
        }
        parts
    }

    /// Of a count now and before, how many a second.
    fn rate(&self, now: u64, before: Option<u64>) -> Option<f64> {
        let since = self.before.as_ref()?.at_ns;
        let seconds = self.status.at_ns.checked_sub(since)? as f64 / 1e9;
        let more = now.checked_sub(before?)? as f64;
        (seconds > 0.0).then_some(more / seconds)
    }

    fn links(&self) -> Part {
        let before = |name: &str| -> Option<&LinkStatus> {
            let links = &self.before.as_ref()?.links;
            links.iter().find(|link| link.name == name)
        };
        let rows = self.status.links.iter().map(|link| {
            let before = before(&link.name);
            let pps = self.rate(link.datagrams, before.map(|link| link.datagrams));
            let bytes = self.rate(link.bytes, before.map(|link| link.bytes));
            let (state, style) = match (link.up, pps.is_some_and(|pps| pps > 0.0)) {
                (false, _) => ("down", Style::default().fg(Color::Red)),
                (true, true) => ("up", Style::default().fg(Color::Green)),
                (true, false) => ("up", Style::default()),
            };
            let cells = vec![
                link.name.clone(),
                state.to_owned(),
                right(&number(pps, 0), 9),
                right(&number(bytes.map(|bytes| bytes * 8.0 / 1e6), 2), 9),
                right(&link.datagrams.to_string(), 12),
            ];
            (cells, style)
        });
        Part {
            title: "links".to_owned(),
            columns: vec![
                ("LINK", Constraint::Fill(1)),
                ("STATE", Constraint::Length(6)),
                ("      PPS", Constraint::Length(9)),
                ("   MBIT/S", Constraint::Length(9)),
                ("   DATAGRAMS", Constraint::Length(12)),
            ],
            rows: rows.collect(),
        }
    }

    fn drawing(&self) -> Part {
        let rows = self.status.network.lines();
        let rows = rows.map(|line| (vec![line.to_owned()], Style::default()));
        let way = self.shown_group();
        let way = way.map_or_else(String::new, |group| format!(", and the way of {group}"));
        Part {
            title: format!("network{way}"),
            columns: vec![("", Constraint::Fill(1))],
            rows: rows.collect(),
        }
    }

    fn traffic(&self) -> Part {
        let mut rows = Vec::new();
        for one in &self.status.sources {
            let before = self.before.as_ref().and_then(|before| {
                let mut all = before.sources.iter();
                all.find(|other| other.name == one.name)
            });
            let state = if one.sending { "sends" } else { "-" };
            let pps = self.rate(one.sent, before.map(|one| one.sent));
            let cells = vec![
                one.name.clone(),
                one.node.clone(),
                groups(&one.groups),
                state.to_owned(),
                right(&number(pps, 0), 6),
                right(&one.sent.to_string(), 8),
                String::new(),
                String::new(),
            ];
            rows.push((cells, Style::default()));
        }
        for one in &self.status.receivers {
            let before = self.before.as_ref().and_then(|before| {
                let mut all = before.receivers.iter();
                all.find(|other| other.name == one.name)
            });
            let state = if one.joined { "joined" } else { "-" };
            let pps = self.rate(one.received, before.map(|one| one.received));
            let style = if one.lost + one.duplicated > 0 {
                Style::default().fg(Color::Yellow)
            } else {
                Style::default()
            };
            let cells = vec![
                one.name.clone(),
                one.node.clone(),
                groups(&one.groups),
                state.to_owned(),
                right(&number(pps, 0), 6),
                right(&one.received.to_string(), 8),
                right(&one.lost.to_string(), 6),
                right(&one.duplicated.to_string(), 5),
            ];
            rows.push((cells, style));
        }
        // What is by hand is called NODE:GROUP, and has what the others leave.
        let widest = |column: usize, least: usize, most: usize| {
            let cells = rows.iter().filter_map(|(cells, _)| cells.get(column));
            let widest = cells.map(|cell| cell.chars().count()).max();
            let width = widest.unwrap_or_default().clamp(least, most);
            Constraint::Length(u16::try_from(width).unwrap_or(u16::MAX))
        };
        Part {
            title: "sources and receivers".to_owned(),
            columns: vec![
                ("NAME", Constraint::Fill(1)),
                ("NODE", widest(1, 4, 8)),
                ("GROUP", widest(2, 5, 18)),
                ("STATE", Constraint::Length(6)),
                ("   PPS", Constraint::Length(6)),
                (" PACKETS", Constraint::Length(8)),
                ("  LOST", Constraint::Length(6)),
                ("  DUP", Constraint::Length(5)),
            ],
            rows,
        }
    }

    fn routers(&self) -> Part {
        let row = |router: &RouterStatus| {
            let neighbors = || router.neighbors.join(" ");
            let last = router.problem.clone().unwrap_or_else(neighbors);
            let style = if router.problem.is_some() {
                Style::default().fg(Color::Red)
            } else {
                Style::default()
            };
            let cells = vec![
                router.node.clone(),
                router.kind.clone(),
                right(&router.groups.to_string(), 7),
                right(&router.entries.to_string(), 8),
                last,
            ];
            (cells, style)
        };
        Part {
            title: "routers".to_owned(),
            columns: vec![
                ("NODE", Constraint::Length(12)),
                ("KIND", Constraint::Length(6)),
                (" GROUPS", Constraint::Length(7)),
                (" ENTRIES", Constraint::Length(8)),
                ("NEIGHBOURS", Constraint::Fill(1)),
            ],
            rows: self.status.routers.iter().map(row).collect(),
        }
    }

    fn tree(&self) -> Part {
        let group = self.shown_group();
        let routers = self.status.routers.iter();
        let entries = routers.flat_map(|router| {
            let of_group = router.trees.iter();
            let of_group = of_group.filter(move |entry| Some(entry.group) == group);
            of_group.map(|entry| (router.node.clone(), entry))
        });
        let row = |(node, entry): (String, &Entry)| {
            let source = entry.source.map_or("*".to_owned(), |one| one.to_string());
            let oif = if entry.oif.is_empty() {
                "nothing".to_owned()
            } else {
                entry.oif.join(" ")
            };
            let iif = entry.iif.clone().unwrap_or_else(|| "-".to_owned());
            (vec![node, source, iif, oif], Style::default())
        };
        let name = group.map_or("no group".to_owned(), |group| group.to_string());
        Part {
            title: format!("trees of {name}"),
            columns: vec![
                ("ROUTER", Constraint::Length(12)),
                ("SOURCE", Constraint::Length(15)),
                ("FROM", Constraint::Length(15)),
                ("TO", Constraint::Fill(1)),
            ],
            rows: entries.map(row).collect(),
        }
    }

    /// What the processes of each node take together.
    fn processes(&self) -> Part {
        let used = |status: &Status, node: &str| -> Used {
            let processes = status.processes.iter();
            let live = processes.filter(|one| one.node == node && one.ended.is_none());
            live.fold(Used::default(), |sum, one| Used {
                processes: sum.processes + 1,
                cpu_seconds: sum.cpu_seconds + one.cpu_seconds,
                bytes: sum.bytes + one.memory_bytes,
            })
        };
        let mut nodes: Vec<&str> = Vec::new();
        for process in &self.status.processes {
            if nodes.last() != Some(&process.node.as_str()) {
                nodes.push(&process.node);
            }
        }
        let row = |node: &str| {
            let now = used(&self.status, node);
            let share = self.before.as_ref().and_then(|before| {
                let seconds = self.status.at_ns.checked_sub(before.at_ns)? as f64 / 1e9;
                // Processes that ended have taken theirs with them.
                let more = (now.cpu_seconds - used(before, node).cpu_seconds).max(0.0);
                (seconds > 0.0).then_some(more / seconds * 100.0)
            });
            let cells = vec![
                node.to_owned(),
                ended(&self.status, node),
                right(&now.processes.to_string(), 9),
                right(
                    &share.map_or("-".to_owned(), |share| format!("{share:.0}%")),
                    7,
                ),
                right(&format!("{:.1}s", now.cpu_seconds), 10),
                right(&format!("{:.1}M", now.bytes as f64 / MEBIBYTE), 10),
            ];
            let style = match cells.get(1).is_some_and(|ended| !ended.is_empty()) {
                true => Style::default().fg(Color::Red),
                false => Style::default(),
            };
            (cells, style)
        };
        Part {
            title: "processes".to_owned(),
            columns: vec![
                ("NODE", Constraint::Length(12)),
                ("ENDED", Constraint::Fill(1)),
                ("PROCESSES", Constraint::Length(9)),
                ("    CPU", Constraint::Length(7)),
                ("  CPU TIME", Constraint::Length(10)),
                ("    MEMORY", Constraint::Length(10)),
            ],
            rows: nodes.into_iter().map(row).collect(),
        }
    }

    fn steps(&self) -> Part {
        let latest = self.status.steps.iter().rev().take(STEPS).rev();
        let row = latest.map(|step| {
            let ago = self.status.at_ns.saturating_sub(step.at_ns) / 1_000_000_000;
            let style = if step.outcome == "PASS" {
                Style::default()
            } else {
                Style::default().fg(Color::Red)
            };
            let cells = vec![
                format!("{ago:>5}s ago"),
                step.outcome.clone(),
                step.title.clone(),
            ];
            (cells, style)
        });
        Part {
            title: "steps".to_owned(),
            columns: vec![
                ("", Constraint::Length(10)),
                ("", Constraint::Length(5)),
                ("STEP", Constraint::Fill(1)),
            ],
            rows: row.collect(),
        }
    }
}

/// The daemons of a node that ended by themselves.
fn ended(status: &Status, node: &str) -> String {
    let dead = status.processes.iter().filter(|one| one.node == node);
    let told = dead.filter_map(|one| {
        let status = one.ended.as_ref()?;
        Some(format!("{}: {status}", one.command))
    });
    told.collect::<Vec<_>>().join(", ")
}

/// What the processes of a node took.
#[derive(Clone, Copy, Default)]
struct Used {
    processes: usize,
    cpu_seconds: f64,
    bytes: u64,
}

/// A table with a title.
struct Part {
    title: String,
    columns: Vec<(&'static str, Constraint)>,
    rows: Vec<(Vec<String>, Style)>,
}

impl Part {
    fn height(&self) -> u16 {
        let rows = u16::try_from(self.rows.len()).unwrap_or(u16::MAX);
        rows.saturating_add(HEAD)
    }

    fn draw(self, frame: &mut Frame<'_>, area: Rect) {
        let dim = Style::default().add_modifier(Modifier::DIM);
        let titles = self.columns.iter().map(|(title, _)| *title);
        let header = Row::new(titles.collect::<Vec<_>>()).style(dim);
        let widths = self.columns.iter().map(|(_, width)| *width);
        let columns = Layout::horizontal(widths).spacing(1).split(area);
        let widths = columns.iter().map(|column| column.width);
        let rows = self.rows.iter().map(|(cells, style)| {
            let cells = cells.iter().zip(widths.clone());
            let cells = cells.map(|(cell, width)| cut(cell, width.into()));
            Row::new(cells).style(*style)
        });
        let block = Block::new().borders(Borders::TOP).title(self.title);
        let table = Table::new(rows, widths.clone()).header(header).block(block);
        frame.render_widget(table, area);
    }
}
