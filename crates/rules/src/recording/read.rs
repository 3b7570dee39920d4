//! Reading a recording: each mistake with its line.

use serde::Deserialize;
use serde_json::Value;

use crate::Moment;
use crate::recording::{
    Connection, ConnectionInput, Ended, Event, FORMAT, Header, Line, Recording,
};
use crate::session::{Action, Input, Returned, Session};

/// Why a text is no recording that can be played.
#[derive(Debug, thiserror::Error)]
pub enum RecordingError {
    /// It does not begin as one.
    #[error(
        "line 1: this is no recording of castmq: {0}; the first line of one is \
         {{\"castmq_recording\":1,…}}"
    )]
    NotOne(String),
    /// Another build has written it.
    #[error(
        "line 1: a recording of format {found}, and this build reads format {FORMAT} only; take a castmq \
         that wrote it{}", by(.writer.as_deref())
    )]
    UnknownFormat {
        /// Which format.
        found: u64,
        /// Which version of the broker says that it wrote it.
        writer: Option<String>,
    },
    /// A line is none.
    #[error("line {line}, column {column}: {cause}")]
    Line {
        /// Which, from 1 on.
        line: usize,
        /// Where in it, from 1 on; 0 when it is the line as a whole.
        column: usize,
        /// What is wrong.
        cause: String,
    },
    /// The last line is missing.
    #[error("cut off after line {0}: the last line of a recording has \"end\"; fetch it again")]
    Cut(usize),
}

/// A line as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    at: Moment,
    session_is: Option<Box<Session>>,
    connection_is: Option<Box<Connection>>,
    session: Option<Box<Input>>,
    connection: Option<Box<ConnectionInput>>,
    returned: Option<Value>,
    #[serde(default)]
    actions: Vec<Action>,
    end: Option<Ended>,
}

impl Recording {
    /// Reads a recording.
    ///
    /// # Errors
    ///
    /// [`RecordingError`] says what is wrong, and in which line.
    pub fn parse(text: &str) -> Result<Self, RecordingError> {
        let mut rows = text.lines().zip(1..);
        let first = rows.next().map_or("", |(first, _)| first);
        let header = read_header(first)?;
        let mut lines = Vec::new();
        let mut is_whole = false;
        let mut last = 1;
        for (row, number) in rows {
            last = number;
            if is_whole {
                return Err(whole(number, "there is a line behind the last one"));
            }
            let line = match read_line(row, number) {
                Ok(line) => line,
                // A line that breaks off at the end of the file was cut, not written wrongly.
                Err((_, true)) if !text.ends_with('\n') && number == text.lines().count() => {
                    return Err(RecordingError::Cut(number - 1));
                }
                Err((error, _)) => return Err(error),
            };
            is_whole = matches!(line.event, Event::End(_));
            lines.push(line);
        }
        if is_whole {
            Ok(Self { header, lines })
        } else {
            Err(RecordingError::Cut(last))
        }
    }
}

fn read_header(line: &str) -> Result<Header, RecordingError> {
    let not_one = |cause: serde_json::Error| RecordingError::NotOne(cause.to_string());
    let value: Value = serde_json::from_str(line).map_err(not_one)?;
    let Some(found) = value.get("castmq_recording").and_then(Value::as_u64) else {
        let cause = "it has no number \"castmq_recording\"".to_owned();
        return Err(RecordingError::NotOne(cause));
    };
    if found != u64::from(FORMAT) {
        let writer = value.get("version").and_then(Value::as_str);
        let writer = writer.map(str::to_owned);
        return Err(RecordingError::UnknownFormat { found, writer });
    }
    serde_json::from_value(value).map_err(not_one)
}

/// A line; with the error whether the line breaks off.
fn read_line(row: &str, number: usize) -> Result<Line, (RecordingError, bool)> {
    let row: Row = serde_json::from_str(row).map_err(|cause| {
        let error = RecordingError::Line {
            line: number,
            column: cause.column(),
            cause: without_place(&cause.to_string()),
        };
        (error, cause.is_eof())
    })?;
    let at = row.at;
    let event = event_of(row).map_err(|cause| (whole(number, &cause), false))?;
    Ok(Line { number, at, event })
}

fn event_of(row: Row) -> Result<Event, String> {
    let Row {
        session_is,
        connection_is,
        session,
        connection,
        returned,
        actions,
        end,
        at: _,
    } = row;
    match (session_is, connection_is, session, connection, end) {
        (Some(session), None, None, None, None) => Ok(Event::SessionIs(session)),
        (None, Some(connection), None, None, None) => Ok(Event::ConnectionIs(connection)),
        (None, None, Some(input), None, None) => Ok(Event::Session {
            input,
            returned: read_returned(returned)?,
            actions,
        }),
        (None, None, None, Some(input), None) => Ok(Event::Connection {
            input,
            returned: returned.unwrap_or_default(),
        }),
        (None, None, None, None, Some(end)) => Ok(Event::End(end)),
        _ => Err(
            "a line has exactly one of session_is, connection_is, session, connection and end"
                .to_owned(),
        ),
    }
}

fn read_returned(returned: Option<Value>) -> Result<Option<Returned>, String> {
    let Some(returned) = returned else {
        return Ok(None);
    };
    let returned = serde_json::from_value(returned);
    returned
        .map(Some)
        .map_err(|cause| format!("returned: {cause}"))
}

fn whole(line: usize, cause: &str) -> RecordingError {
    RecordingError::Line {
        line,
        column: 0,
        cause: cause.to_owned(),
    }
}

/// The place is said in front.
fn without_place(cause: &str) -> String {
    let end = cause.rfind(" at line ").unwrap_or(cause.len());
    cause.get(..end).unwrap_or(cause).to_owned()
}

fn by(writer: Option<&str>) -> String {
    writer.map_or_else(String::new, |writer| format!(" ({writer:?})"))
}
