//! Where output goes: tables cut to the terminal, JSON as the broker gave it.

use std::fs::File;
use std::io::{self, IsTerminal, Write};
use std::path::Path;

use rustix::termios;
use serde_json::Value;

use super::failure::Failure;
use super::table::{self, Column, Table};
use super::text;

/// Standard output, or a file.
#[derive(Debug)]
pub(super) struct Paper {
    /// For programs.
    pub(super) is_json: bool,
    width: Option<usize>,
    is_terminal: bool,
    file: Option<(String, File)>,
}

impl Paper {
    /// Standard output.
    pub(super) fn stdout(is_json: bool) -> Self {
        let stdout = io::stdout();
        let is_terminal = stdout.is_terminal();
        let size = is_terminal.then(|| termios::tcgetwinsize(&stdout).ok());
        let columns = size.flatten().map(|size| usize::from(size.ws_col));
        Self {
            is_json,
            is_terminal,
            width: columns.filter(|columns| *columns > 0),
            file: None,
        }
    }

    /// A new file, or one in place of what was there.
    pub(super) fn file(path: &Path, is_json: bool) -> Result<Self, Failure> {
        let name = path.display().to_string();
        match File::create(path) {
            Ok(file) => Ok(Self {
                is_json,
                width: None,
                is_terminal: false,
                file: Some((name, file)),
            }),
            Err(error) => Err(Failure::Local(name, error)),
        }
    }

    /// The columns of the terminal; none when something else reads.
    pub(super) fn width(&self) -> Option<usize> {
        self.width
    }

    /// Whether people read.
    pub(super) fn is_terminal(&self) -> bool {
        self.is_terminal
    }

    /// Writes a text as it is.
    pub(super) fn write(&self, text: &str) -> Result<(), Failure> {
        if let Some((name, file)) = &self.file {
            let mut file: &File = file;
            return file
                .write_all(text.as_bytes())
                .map_err(|error| Failure::Local(name.clone(), error));
        }
        let mut stdout = io::stdout().lock();
        let written = stdout
            .write_all(text.as_bytes())
            .and_then(|()| stdout.flush());
        written.map_err(|error| {
            if error.kind() == io::ErrorKind::BrokenPipe {
                Failure::Closed
            } else {
                Failure::Local("standard output".to_owned(), error)
            }
        })
    }

    /// Writes a line.
    pub(super) fn line(&self, line: &str) -> Result<(), Failure> {
        self.write(&format!("{line}\n"))
    }

    /// Writes the broker's JSON as one line.
    pub(super) fn json(&self, text: &str) -> Result<(), Failure> {
        let text = text.trim();
        if text.is_empty() {
            return Ok(());
        }
        if self.is_terminal {
            self.line(&text::plain_json(text))
        } else {
            self.line(text)
        }
    }

    /// Writes rows as a table.
    pub(super) fn rows(&self, columns: &[Column], rows: &[Value]) -> Result<(), Failure> {
        let mut table = Table::new(columns);
        self.write(&table.rows(rows, self.width))?;
        self.left_out(&table);
        Ok(())
    }

    /// Says which columns the terminal was too narrow for.
    pub(super) fn left_out(&self, table: &Table) {
        match table.left_out() {
            [] => {}
            heads => self.note(&format!("(too narrow for {})", heads.join(", "))),
        }
    }

    /// Writes one object as a list of its fields.
    pub(super) fn fields(&self, value: &Value) -> Result<(), Failure> {
        self.write(&table::fields(value, self.width))
    }

    /// Says something that is no output, such as that there is more.
    pub(super) fn note(&self, line: &str) {
        crate::say(line);
    }
}
