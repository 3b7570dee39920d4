//! Writing a recording, while what is recorded goes on: a line for each thing that happens, within
//! bounds.

use std::fmt;
use std::io;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::Moment;
use crate::recording::connection::value;
use crate::recording::{Connection, ConnectionInput, Header};
use crate::session::{Action, Input, Payloads, Returned, Session};

/// After what a recording ends by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Things that happened.
    pub inputs: u64,
    /// Bytes of the file; a line that would go beyond is not written.
    pub bytes: usize,
    /// How long it goes on.
    pub time: Duration,
}

/// Why a recording is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ended {
    /// Not at all: this is a copy of one that goes on.
    Running,
    /// Somebody has stopped it.
    Stopped,
    /// As many inputs came as were asked for.
    Inputs,
    /// It is as large as it may become.
    Bytes,
    /// Its time was over.
    Seconds,
    /// What was recorded failed; the last input is the one that did it.
    Panicked,
}

impl fmt::Display for Ended {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Running => "running",
            Self::Stopped => "stopped",
            Self::Inputs => "inputs",
            Self::Bytes => "bytes",
            Self::Seconds => "seconds",
            Self::Panicked => "panicked",
        })
    }
}

/// What the last line takes up, and the end of one that is open.
const LAST_LINE_BYTES: usize = 64;
/// No delivery and no subscription is written with fewer.
const ROW_BYTES_MIN: usize = 32;

/// A recording that is being written. It goes on until one of its bounds is reached.
#[derive(Debug)]
pub struct Recorder {
    header: Header,
    limits: Limits,
    text: Vec<u8>,
    started: Moment,
    inputs: u64,
    /// When the last line was.
    last: Moment,
    /// An input is not answered yet.
    is_open: bool,
    /// The bytes before the line that is being written, so that one that is too long can be taken back.
    line_start: usize,
    ended: Option<Ended>,
}

impl Recorder {
    /// Nothing happened yet.
    #[must_use]
    pub fn new(header: Header, limits: Limits, now: Moment) -> Self {
        let mut recorder = Self {
            text: Vec::new(),
            limits,
            started: now,
            inputs: 0,
            last: now,
            is_open: false,
            line_start: 0,
            ended: None,
            header,
        };
        let header = value(&recorder.header).to_string();
        recorder.text.extend_from_slice(header.as_bytes());
        recorder.text.push(b'\n');
        recorder
    }

    /// Whose it is, and what it holds.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// After what it ends by itself.
    #[must_use]
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// Things that happened so far.
    #[must_use]
    pub fn inputs(&self) -> u64 {
        self.inputs
    }

    /// Bytes so far.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.text.len()
    }

    /// Why it is over, if it is.
    #[must_use]
    pub fn ended(&self) -> Option<Ended> {
        self.ended
    }

    /// The session is like this from now on. One that is too large to be written down ends the recording.
    pub fn session_is(&mut self, session: &Session, now: Moment) {
        if self.is_running(now) && self.has_room_for(session) {
            let state = session.blanked(self.payloads());
            self.line(now, "session_is", &state);
        }
    }

    /// The connection is like this from now on.
    pub fn connection_is(&mut self, connection: &Connection, now: Moment) {
        if self.is_running(now) {
            self.line(now, "connection_is", connection);
        }
    }

    /// Something is about to happen to the session; [`Self::session_answered`] has to follow.
    pub fn session_input(&mut self, input: Input, now: Moment) {
        if self.is_running(now) {
            let input = input.blanked(self.payloads());
            self.open(now, "session", &input);
        }
    }

    /// What the session answered, and what it asked for.
    pub fn session_answered<'a>(
        &mut self,
        returned: Returned,
        actions: impl Iterator<Item = &'a Action>,
    ) {
        if !std::mem::take(&mut self.is_open) {
            return;
        }
        self.put(",\"returned\":");
        self.put_json(&returned);
        let payloads = self.payloads();
        let actions: Vec<Action> = actions
            .map(|action| action.clone().blanked(payloads))
            .collect();
        if !actions.is_empty() {
            self.put(",\"actions\":");
            self.put_json(&actions);
        }
        self.close();
    }

    /// Something happened to the connection, and this was the answer.
    pub fn connection<R: Serialize>(&mut self, input: ConnectionInput, returned: &R, now: Moment) {
        if self.is_running(now) {
            let returned = value(returned);
            let input = input.blanked(self.payloads());
            self.open(now, "connection", &input);
            self.is_open = false;
            if !returned.is_null() {
                self.put(",\"returned\":");
                self.put_json(&returned);
            }
            self.close();
        }
    }

    /// It is over.
    pub fn end(&mut self, why: Ended) {
        if self.ended.is_some() {
            return;
        }
        if std::mem::take(&mut self.is_open) {
            self.text.extend_from_slice(b"}\n");
        }
        self.ended = Some(why);
        self.text.extend(self.last_line(why));
        self.text.shrink_to_fit();
    }

    /// Ends it if its time is over.
    pub fn handle_timer(&mut self, now: Moment) {
        self.is_running(now);
    }

    /// The file as far as it is written. One that goes on says so in its last line.
    #[must_use]
    pub fn file(&self) -> Vec<u8> {
        let mut file = self.text.clone();
        if self.ended.is_none() {
            if self.is_open {
                file.extend_from_slice(b"}\n");
            }
            file.extend(self.last_line(Ended::Running));
        }
        file
    }

    fn last_line(&self, why: Ended) -> Vec<u8> {
        let at = u64::from(self.last);
        format!("{{\"at\":{at},\"end\":\"{why}\"}}\n").into_bytes()
    }

    fn payloads(&self) -> Payloads {
        if self.header.has_payloads {
            Payloads::Kept
        } else {
            Payloads::Blank
        }
    }

    fn is_running(&mut self, now: Moment) -> bool {
        if self.ended.is_none() && now.saturating_since(self.started) >= self.limits.time {
            self.end(Ended::Seconds);
        }
        self.ended.is_none()
    }

    /// Looks at how many rows a session has before it is copied.
    fn has_room_for(&mut self, session: &Session) -> bool {
        let in_memory = session
            .queued_now()
            .saturating_sub(session.queued_on_disk_now());
        let rows = in_memory + session.inflight_now() + session.subscriptions_now();
        if rows.saturating_mul(ROW_BYTES_MIN) > self.room() {
            self.end(Ended::Bytes);
        }
        self.ended.is_none()
    }

    /// Bytes that may still be written.
    fn room(&self) -> usize {
        let taken = self.text.len() + LAST_LINE_BYTES;
        self.limits.bytes.saturating_sub(taken)
    }

    fn open<T: Serialize>(&mut self, now: Moment, key: &str, what: &T) {
        if std::mem::take(&mut self.is_open) {
            self.put("}\n");
        }
        if self.ended.is_some() {
            return;
        }
        self.last = now;
        self.line_start = self.text.len();
        self.is_open = true;
        self.put(&format!("{{\"at\":{},\"{key}\":", u64::from(now)));
        self.put_json(what);
    }

    fn line<T: Serialize>(&mut self, now: Moment, key: &str, what: &T) {
        self.open(now, key, what);
        self.is_open = false;
        self.put("}\n");
    }

    fn close(&mut self) {
        self.put("}\n");
        if self.ended.is_some() {
            return;
        }
        self.inputs += 1;
        if self.inputs >= self.limits.inputs {
            self.end(Ended::Inputs);
        }
    }

    fn put(&mut self, text: &str) {
        if self.ended.is_some() {
            return;
        }
        if text.len() <= self.room() {
            self.text.extend_from_slice(text.as_bytes());
        } else {
            self.take_back();
        }
    }

    fn put_json<T: Serialize>(&mut self, what: &T) {
        if self.ended.is_some() {
            return;
        }
        let room = self.room();
        let text = &mut self.text;
        // All keys are strings: that there is no room is all that can go wrong.
        if serde_json::to_writer(Bounded { text, room }, what).is_err() {
            self.take_back();
        }
    }

    /// The line that is being written is too long.
    fn take_back(&mut self) {
        self.text.truncate(self.line_start);
        self.is_open = false;
        self.end(Ended::Bytes);
    }
}

/// Takes so many bytes; the first that are too many are refused, so that nothing large is written in vain.
struct Bounded<'t> {
    text: &'t mut Vec<u8>,
    room: usize,
}

impl io::Write for Bounded<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let left = self.room.checked_sub(bytes.len());
        self.room = left.ok_or(io::ErrorKind::StorageFull)?;
        self.text.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
