//! Recordings: what a client's session and connection were like, everything that happened to them
//! afterwards, and what they did about it. From that any build plays the story again, without a broker.
//!
//! A recording is lines of JSON. The first one is the [`Header`]; each later one has a moment (`at`, in
//! nanoseconds after the start of the node) and one thing that happened then, see [`Event`]; the last one
//! says why it is the last. `docs/recording.md` describes the format for those who read it elsewhere.

mod connection;
mod player;
mod read;
mod recorder;
mod replay;
mod route;
mod shorten;
mod tell;
#[cfg(test)]
mod tests;

pub use connection::{Connection, ConnectionInput, told};
pub use player::Player;
pub use read::RecordingError;
pub use recorder::{Ended, Limits, Recorder};
pub use replay::{Finding, Outcome, Replay, Step};
pub use route::{Routed, route};
pub use shorten::{Goal, Story};
pub use tell::{tell_action, tell_change_of_state, tell_event, tell_input, tell_outcome};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::session::{Action, Input, Returned, Session};
use crate::{ClientId, Moment};

/// The version of the format that this build writes, and the only one that it reads.
pub const FORMAT: u32 = 1;

/// The first line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Header {
    /// Which version of the format; [`FORMAT`].
    pub castmq_recording: u32,
    /// The broker that wrote it.
    pub version: String,
    /// Whose connection and session.
    pub client_id: ClientId,
    /// When it was started, for people.
    pub started_at: String,
    /// Whether payloads are as they were; otherwise each is as many zeros.
    pub has_payloads: bool,
}

/// A recording as it is read.
#[derive(Clone, Debug)]
pub struct Recording {
    /// The first line.
    pub header: Header,
    /// All others, in their order.
    pub lines: Vec<Line>,
}

/// One thing that happened.
#[derive(Clone, Debug)]
pub struct Line {
    /// Which line of the file, from 1 on.
    pub number: usize,
    /// When.
    pub at: Moment,
    /// What.
    pub event: Event,
}

/// What a line says.
#[derive(Clone, Debug)]
pub enum Event {
    /// The session is like this: at the start, or because another one took its place.
    SessionIs(Box<Session>),
    /// The connection is like this: at the start, or because another one came.
    ConnectionIs(Box<Connection>),
    /// Something happened to the session.
    Session {
        /// What.
        input: Box<Input>,
        /// What the session answered; `None` when it failed before it could.
        returned: Option<Returned>,
        /// What it asked for.
        actions: Vec<Action>,
    },
    /// Something happened to the connection.
    Connection {
        /// What.
        input: Box<ConnectionInput>,
        /// What the machine answered.
        returned: Value,
    },
    /// Nothing follows.
    End(Ended),
}

impl Recording {
    /// How many things happened: neither states nor the end.
    #[must_use]
    pub fn inputs(&self) -> usize {
        let is_input =
            |line: &&Line| matches!(line.event, Event::Session { .. } | Event::Connection { .. });
        self.lines.iter().filter(is_input).count()
    }
}
