//! What happened when, one JSON object a line.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use serde_json::{Value, json};

use crate::report::pcapng::Marker;

/// Moments that are kept for the packets; the older half goes first.
const MARKERS: usize = 20_000;

/// The run's diary.
pub(super) struct Events {
    /// Where nothing is written there is none.
    file: Option<File>,
    began_ns: u64,
    markers: Vec<Marker>,
    failed: Option<io::Error>,
}

impl Events {
    /// Begins the diary at a time of the clock of the reports.
    ///
    /// # Errors
    /// The file system's.
    pub(super) fn create(path: &Path, began_ns: u64) -> io::Result<Events> {
        Ok(Events {
            file: Some(File::create(path)?),
            ..Events::nowhere(began_ns)
        })
    }

    /// A diary that keeps its markers, and writes nothing.
    pub(super) fn nowhere(began_ns: u64) -> Events {
        Events {
            file: None,
            began_ns,
            markers: Vec::new(),
            failed: None,
        }
    }

    /// Notes that something happened now, with what there is to say about it.
    pub(super) fn note(&mut self, now: u64, event: &str, detail: Value) {
        let Some(file) = &mut self.file else {
            return;
        };
        let seconds = now.saturating_sub(self.began_ns) as f64 / 1e9;
        let mut line = json!({ "seconds": seconds, "at_ns": now, "event": event });
        if let (Some(line), Value::Object(detail)) = (line.as_object_mut(), detail) {
            line.extend(detail);
        }
        if let Err(error) = writeln!(file, "{line}") {
            self.failed.get_or_insert(error);
        }
    }

    /// The same, and marks the moment in the packets.
    pub(super) fn mark(&mut self, now: u64, event: &str, text: &str, detail: Value) {
        if self.markers.len() == MARKERS {
            self.markers.drain(..MARKERS / 2);
        }
        self.markers.push(Marker {
            at_ns: now,
            text: format!("{event}: {text}"),
        });
        self.note(now, event, detail);
    }

    /// The moments marked since a time.
    #[must_use]
    pub(super) fn markers(&self, since_ns: u64) -> &[Marker] {
        let from = self
            .markers
            .partition_point(|marker| marker.at_ns < since_ns);
        self.markers.get(from..).unwrap_or_default()
    }

    /// The first line that could not be written.
    pub(super) fn take_error(&mut self) -> Option<io::Error> {
        self.failed.take()
    }
}
