//! Writing answers: as JSON for programs, as tables for people.

pub(crate) mod table;
pub(crate) mod text;

use std::io::{self, Write};

use serde::Serialize;

/// Where the answer goes, and in which form.
pub(crate) struct Output<W: Write> {
    writer: W,
    /// JSON is asked for.
    pub(crate) json: bool,
}

impl<W: Write> Output<W> {
    pub(crate) fn new(writer: W, json: bool) -> Output<W> {
        Output { writer, json }
    }

    /// Writes `value` as JSON where that is asked for, otherwise as `text`
    /// tells it.
    pub(crate) fn show<T: Serialize>(
        &mut self,
        value: &T,
        text: impl FnOnce(&T) -> String,
    ) -> io::Result<()> {
        if self.json {
            self.json(value)
        } else {
            self.text(&text(value))
        }
    }

    /// Writes indented JSON.
    pub(crate) fn json<T: Serialize>(&mut self, value: &T) -> io::Result<()> {
        serde_json::to_writer_pretty(&mut self.writer, value)?;
        writeln!(self.writer)
    }

    /// Writes JSON on one line, for values that follow each other.
    pub(crate) fn json_line<T: Serialize>(&mut self, value: &T) -> io::Result<()> {
        serde_json::to_writer(&mut self.writer, value)?;
        writeln!(self.writer)?;
        self.flush()
    }

    pub(crate) fn text(&mut self, text: &str) -> io::Result<()> {
        self.writer.write_all(text.as_bytes())
    }

    pub(crate) fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}
