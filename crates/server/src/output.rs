//! What a command answers: one JSON value for programs, a table or a sentence for people.

use std::{
    fmt::Display,
    io::{self, ErrorKind, Write},
};

use comfy_table::{Cell, CellAlignment, ContentArrangement, Table, presets};
use serde::Serialize;
use serde_json::Value;

/// The answer of a command.
#[derive(Debug)]
pub struct Answer {
    json: Value,
    text: String,
    /// What is wrong, one line each: for stderr, beside the answer.
    warnings: Vec<String>,
    /// Whether the exit code says that something is wrong, although the command itself worked.
    pub is_finding: bool,
}

impl Answer {
    /// The same answer for programs and for people.
    pub fn new(json: &impl Serialize, text: impl Into<String>) -> anyhow::Result<Self> {
        Ok(Self {
            json: serde_json::to_value(json)?,
            text: text.into(),
            warnings: Vec::new(),
            is_finding: false,
        })
    }

    /// Marks the answer as one that something is wrong.
    #[must_use]
    pub const fn finding(mut self, is_finding: bool) -> Self {
        self.is_finding = is_finding;
        self
    }

    /// With lines for stderr that say what is wrong; where there is one, the answer is a finding.
    #[must_use]
    pub fn warning(mut self, warnings: Vec<String>) -> Self {
        self.is_finding |= !warnings.is_empty();
        self.warnings = warnings;
        self
    }

    /// Writes the answer to stdout, and what is wrong to stderr. A reader that went away has had enough.
    pub fn print(&self, json: bool) -> io::Result<()> {
        let said = self.print_answer(json);
        for warning in &self.warnings {
            eprintln!("error: {warning}");
        }
        said
    }

    fn print_answer(&self, json: bool) -> io::Result<()> {
        if !json && self.text.is_empty() {
            return Ok(());
        }
        let mut stdout = io::stdout().lock();
        let written = if json {
            writeln!(stdout, "{}", self.json)
        } else {
            writeln!(stdout, "{}", self.text.trim_end())
        };
        match written.and_then(|()| stdout.flush()) {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
            other => other,
        }
    }
}

/// A column of a table.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Column {
    /// Names and texts.
    Text(&'static str),
    /// Numbers and amounts, aligned by their last digit.
    Number(&'static str),
}

/// A table for people; `none` where there is no row.
pub(crate) fn table(columns: &[Column], rows: impl IntoIterator<Item = Vec<String>>, none: &str) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(columns.iter().map(|column| match column {
        Column::Text(name) => Cell::new(name),
        Column::Number(name) => Cell::new(name).set_alignment(CellAlignment::Right),
    }));
    let mut is_empty = true;
    for row in rows {
        is_empty = false;
        table.add_row(row.into_iter().zip(columns).map(|(text, column)| match column {
            Column::Text(_) => Cell::new(text),
            Column::Number(_) => Cell::new(text).set_alignment(CellAlignment::Right),
        }));
    }
    if is_empty { none.to_owned() } else { table.trim_fmt() }
}

/// A number of things, in grammar: `1 record`, `2 records`.
pub(crate) fn count(number: impl TryInto<u64> + Display + Copy, one: &str) -> String {
    let is_one = number.try_into().is_ok_and(|number| number == 1);
    if is_one { format!("1 {one}") } else { format!("{number} {one}s") }
}

/// What stands for nothing in a table.
pub(crate) const NONE: &str = "–";

/// A value that may be absent.
pub(crate) fn or_none(value: Option<impl ToString>) -> String {
    value.map_or_else(|| NONE.to_owned(), |value| value.to_string())
}
