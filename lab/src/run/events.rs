//! What happened when, one JSON object a line.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use serde_json::{Value, json};

use super::clock::now_ns;
use crate::report::pcapng::Marker;

/// The run's diary.
pub struct Events {
    file: File,
    began_ns: u64,
    markers: Vec<Marker>,
    failed: Option<io::Error>,
}

impl Events {
    /// Begins the diary.
    ///
    /// # Errors
    /// The file system's.
    pub fn create(path: &Path) -> io::Result<Events> {
        Ok(Events {
            file: File::create(path)?,
            began_ns: now_ns(),
            markers: Vec::new(),
            failed: None,
        })
    }

    /// Notes that something happened, with what there is to say about it.
    pub fn note(&mut self, event: &str, detail: Value) {
        let now = now_ns();
        let seconds = now.saturating_sub(self.began_ns) as f64 / 1e9;
        let mut line = json!({ "seconds": seconds, "at_ns": now, "event": event });
        if let (Some(line), Value::Object(detail)) = (line.as_object_mut(), detail) {
            line.extend(detail);
        }
        if let Err(error) = writeln!(self.file, "{line}") {
            self.failed.get_or_insert(error);
        }
    }

    /// The same, and marks the moment in the packets.
    pub fn mark(&mut self, event: &str, text: &str, detail: Value) {
        self.markers.push(Marker {
            at_ns: now_ns(),
            text: format!("{event}: {text}"),
        });
        self.note(event, detail);
    }

    /// The moments marked so far.
    #[must_use]
    pub fn markers(&self) -> &[Marker] {
        &self.markers
    }

    /// The first line that could not be written.
    pub fn take_error(&mut self) -> Option<io::Error> {
        self.failed.take()
    }
}
