//! The table: each figure with both kinds side by side, and what is wanted.

use std::collections::BTreeMap;

/// The kinds of router, the peer first.
pub(crate) const KINDS: [&str; 2] = ["frr", "mcrd"];

/// Between two packets of the sources, in milliseconds.
const PACKET_GAP: f64 = 2.0;

/// Figures in order, with the values of each kind.
#[derive(Debug, Default)]
pub(crate) struct Table {
    rows: Vec<(String, BTreeMap<&'static str, Vec<f64>>)>,
}

impl Table {
    pub(crate) fn add(&mut self, kind: &'static str, figures: Vec<(String, f64)>) {
        for (name, value) in figures {
            match self.rows.iter_mut().find(|(known, _)| *known == name) {
                Some((_, values)) => values.entry(kind).or_default().push(value),
                None => self
                    .rows
                    .push((name, BTreeMap::from([(kind, vec![value])]))),
            }
        }
    }

    /// The lines of the table, and how many figures of mcrd miss what is
    /// wanted.
    pub(crate) fn lines(&self) -> (Vec<String>, usize) {
        let mut lines = Vec::new();
        let mut missed = 0;
        for (name, values) in &self.rows {
            let [frr, mcrd] = KINDS.map(|kind| values.get(kind).map(|values| sorted(values)));
            let wanted = Wanted::of(name);
            let good = match (&wanted, &mcrd) {
                (Some(wanted), Some(mcrd)) => wanted.holds(median(mcrd)),
                (None, _) => true,
                // A figure that cannot be had is missed.
                (Some(_), None) => false,
            };
            missed += usize::from(!good);
            let cell = |values: &Option<Vec<f64>>| values.as_deref().map_or("-".to_owned(), cell);
            let wanted = wanted.map_or(String::new(), |wanted| wanted.to_string());
            let mark = if good { "" } else { " !" };
            let (frr, mcrd) = (cell(&frr), cell(&mcrd));
            lines.push(format!("{name:37}{frr:>16}{mcrd:>15}{wanted:>10}{mark}"));
        }
        (lines, missed)
    }
}

/// What a median of mcrd must be.
enum Wanted {
    AtMost(f64),
    Between(f64, f64),
}

impl Wanted {
    fn of(name: &str) -> Option<Wanted> {
        let (_, figure) = name.rsplit_once(' ').unwrap_or(("", name));
        let has = |word: &str| name.contains(word);
        if has("Report to first") {
            Some(Wanted::AtMost(3.0))
        } else if has("start: first packet") {
            Some(Wanted::AtMost(1.0))
        } else if has("message to last") {
            // LMQT is 2 seconds with the timers of the RFC.
            Some(Wanted::Between(2000.0, 2020.0))
        } else if has("rpt) prune") {
            Some(Wanted::AtMost(10.0))
        } else if has("longest gap") {
            Some(Wanted::AtMost(5.0))
        } else if has("duplicates") || figure == "lost" || has("lost after") {
            Some(Wanted::AtMost(0.0))
        } else {
            None
        }
    }

    fn holds(&self, value: f64) -> bool {
        match self {
            Wanted::AtMost(most) => value <= *most,
            // What is seen of an end is the last packet before it.
            Wanted::Between(least, most) => (*least - PACKET_GAP..=*most).contains(&value),
        }
    }
}

impl std::fmt::Display for Wanted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Wanted::AtMost(most) => write!(f, "{most}"),
            Wanted::Between(least, most) => write!(f, "{least}-{most}"),
        }
    }
}

fn sorted(values: &[f64]) -> Vec<f64> {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    values
}

fn median(sorted: &[f64]) -> f64 {
    sorted[sorted.len() / 2]
}

fn cell(sorted: &[f64]) -> String {
    let (least, most) = (sorted[0], sorted[sorted.len() - 1]);
    let median = number(median(sorted));
    if number(least) == number(most) {
        median
    } else {
        format!("{median} {}-{}", number(least), number(most))
    }
}

fn number(value: f64) -> String {
    if value >= 100.0 || value.fract() == 0.0 {
        format!("{value:.0}")
    } else if value >= 10.0 {
        format!("{value:.1}")
    } else {
        format!("{value:.2}")
    }
}
