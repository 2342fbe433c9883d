//! Tables without borders that fit the terminal, or 80 columns. A value that
//! is too long is wrapped, never cut.

use comfy_table::{
    Attribute, Cell, CellAlignment, Color, ColumnConstraint, ContentArrangement, Table,
};

/// The width where there is no terminal to ask.
const WIDTH: u16 = 80;

/// How a column is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Column {
    /// Short words, never wrapped.
    Word,
    /// Numbers: never wrapped, aligned to the right.
    Number,
    /// Takes the room that is left.
    Text,
}

/// A table with a header line.
pub(crate) struct Sheet {
    table: Table,
    columns: Vec<Column>,
}

impl Sheet {
    pub(crate) fn new(columns: &[(&str, Column)]) -> Sheet {
        let mut sheet = Sheet::bare(columns.iter().map(|(_, column)| *column).collect());
        let header: Vec<Cell> = columns
            .iter()
            .map(|(title, column)| {
                aligned(Cell::new(title), *column).add_attribute(Attribute::Bold)
            })
            .collect();
        sheet.table.set_header(header);
        sheet
    }

    /// Names on the left, what they are on the right.
    pub(crate) fn facts() -> Sheet {
        Sheet::bare(vec![Column::Word, Column::Text])
    }

    fn bare(columns: Vec<Column>) -> Sheet {
        let mut table = Table::new();
        table.load_style(comfy_table::presets::NOTHING);
        table.set_content_arrangement(ContentArrangement::Dynamic);
        table.set_width(table.width().unwrap_or(WIDTH).max(40));
        // The stream that it is written to takes colours away where they are
        // not wanted.
        table.enforce_styling();
        table.style_text_only();
        Sheet { table, columns }
    }

    pub(crate) fn row<T: ToString>(&mut self, cells: impl IntoIterator<Item = T>) {
        let cells = cells.into_iter().map(|cell| cell.to_string());
        let row: Vec<Cell> = cells
            .zip(&self.columns)
            .map(|(cell, column)| aligned(state(cell), *column))
            .collect();
        self.table.add_row(row);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.table.row_count() == 0
    }

    /// The lines, each with its end.
    pub(crate) fn text(mut self) -> String {
        for (column, kind) in self.table.column_iter_mut().zip(&self.columns) {
            column.set_padding((0, 2));
            if *kind != Column::Text {
                column.set_constraint(ColumnConstraint::ContentWidth);
            }
        }
        let mut text = String::new();
        for line in self.table.lines() {
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }
}

fn aligned(cell: Cell, column: Column) -> Cell {
    match column {
        Column::Number => cell.set_alignment(CellAlignment::Right),
        Column::Word | Column::Text => cell,
    }
}

/// A cell, with the colour of the state that it names, if it names one.
fn state(text: String) -> Cell {
    let colour = match text.as_str() {
        "active" | "running" | "up" => Some(Color::Green),
        "partial" | "starting" => Some(Color::Yellow),
        "waiting" | "backoff" | "down" | "missing" => Some(Color::Red),
        _ => None,
    };
    let cell = Cell::new_owned(text);
    match colour {
        Some(colour) => cell.fg(colour),
        None => cell,
    }
}
