//! Recordings as those see them who ask for them.

use std::sync::Arc;
use std::time::Duration;

use castmq_mqtt::Text;
use castmq_rules::recording::{Ended, Limits};
use castmq_rules::{ClientId, Moment};
use serde::{Deserialize, Serialize};

use super::{BYTES_EACH, INPUTS, INPUTS_MAX, Recording, TIME, TIME_MAX};
use crate::app::{Handle, HandleError, session_of};
use crate::inspect::time::rfc3339;
use crate::now;

/// What is to be recorded.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct RecordingWanted {
    /// Whose session and connection.
    pub client: String,
    /// Whether payloads are written down; without it their lengths alone are.
    #[serde(default)]
    pub payloads: bool,
    /// After so many inputs it ends.
    #[serde(default)]
    pub inputs: Option<u64>,
    /// After so long it ends.
    #[serde(default)]
    pub seconds: Option<u64>,
}

/// A recording.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct RecordingView {
    /// Its number.
    pub id: u64,
    /// Whose.
    pub client_id: String,
    /// `running` or `done`.
    pub state: String,
    /// Inputs so far.
    pub inputs_count: u64,
    /// The size of its file.
    pub bytes: usize,
    /// When it was started.
    pub started_at: String,
    /// Whether payloads are written down.
    pub has_payloads: bool,
    /// Why it is over: `stopped`, `inputs`, `bytes`, `seconds`, `panicked`.
    pub ended_because: Option<String>,
}

/// Why something about a recording cannot be done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordingError {
    /// No recording has this number.
    #[error("there is no recording {0}")]
    Unknown(u64),
    /// The client id is none.
    #[error("the client is wrong: {0}")]
    Client(&'static str),
    /// The client is being recorded.
    #[error("recording {0} of this client is running; stop it first")]
    Running(u64),
    /// There are as many recordings as may be.
    #[error("there are {0} recordings, which take as much memory as they may; remove some first")]
    Full(usize),
    /// A bound is none.
    #[error("{what} is wrong: between 1 and {max} may be asked for")]
    Bound {
        /// Which.
        what: &'static str,
        /// The most.
        max: u64,
    },
    /// The broker does not answer.
    #[error(transparent)]
    Handle(#[from] HandleError),
}

impl RecordingWanted {
    /// The bounds, within those of all recordings.
    pub(super) fn limits(&self) -> Result<Limits, RecordingError> {
        let inputs = bound("inputs", self.inputs, INPUTS, INPUTS_MAX)?;
        let seconds = bound("seconds", self.seconds, TIME.as_secs(), TIME_MAX.as_secs())?;
        Ok(Limits {
            inputs,
            bytes: BYTES_EACH,
            time: Duration::from_secs(seconds),
        })
    }
}

fn bound(
    what: &'static str,
    asked: Option<u64>,
    default: u64,
    max: u64,
) -> Result<u64, RecordingError> {
    let asked = asked.unwrap_or(default);
    if (1..=max).contains(&asked) {
        Ok(asked)
    } else {
        Err(RecordingError::Bound { what, max })
    }
}

impl Recording {
    fn view(&self) -> RecordingView {
        let inner = self.inner();
        let header = inner.recorder.header();
        let ended = inner.recorder.ended();
        RecordingView {
            id: self.id,
            client_id: self.client_id.to_string(),
            state: if ended.is_some() { "done" } else { "running" }.to_owned(),
            inputs_count: inner.recorder.inputs(),
            bytes: inner.recorder.bytes(),
            started_at: header.started_at.clone(),
            has_payloads: header.has_payloads,
            ended_because: ended.map(|why| why.to_string()),
        }
    }
}

impl Handle {
    /// Records a client from now on: its session, its connection, and everything that happens to them. One
    /// that is not known yet is recorded from the moment on at which it connects.
    ///
    /// # Errors
    ///
    /// [`RecordingError`] when it cannot be recorded.
    pub fn record(&self, wanted: &RecordingWanted) -> Result<RecordingView, RecordingError> {
        let client_id = Text::try_from(wanted.client.as_str())
            .map_err(|_| RecordingError::Client("it is no MQTT string"))?;
        let client_id = ClientId::new(client_id).ok_or(RecordingError::Client("it is empty"))?;
        let started_at = rfc3339(self.clock().wall());
        let recordings = &self.node().recordings;
        let begun = (client_id, started_at);
        let recording = recordings.start(wanted, begun, self.moment())?;
        if let Err(silent) = self.attach(&wanted.client, &recording) {
            recordings.remove(recording.id);
            return Err(silent.into());
        }
        Ok(recording.view())
    }

    /// Has the session and the connection that there are recorded. Those that come look for themselves.
    fn attach(&self, client: &str, recording: &Arc<Recording>) -> Result<(), HandleError> {
        let Some(arbiter) = self.arbiter_of(client) else {
            return Ok(());
        };
        let client = client.to_owned();
        let recording = Arc::clone(recording);
        self.ask(arbiter, move |shard| {
            let at = now(shard);
            if let Some(session) = session_of(shard, &client) {
                shard.with(session, |session, _| session.record(&recording, at));
            }
            let row = shard.world.clients.get(&client);
            if let Some(client) = row.map(|row| row.client) {
                shard.with(client, |client, _| client.record(&recording, at));
            }
        })
    }

    fn moment(&self) -> Moment {
        Moment::from_start(self.clock().now())
    }

    /// All recordings, the latest last.
    #[must_use]
    pub fn recordings(&self) -> Vec<RecordingView> {
        let now = self.moment();
        let list = self.node().recordings.list();
        list.iter().for_each(|one| one.look(now));
        list.iter().map(|one| one.view()).collect()
    }

    /// One recording.
    ///
    /// # Errors
    ///
    /// [`RecordingError::Unknown`] when there is none of this number.
    pub fn recording(&self, id: u64) -> Result<RecordingView, RecordingError> {
        Ok(self.find_recording(id)?.view())
    }

    /// Its file, as far as it is written; `castmq replay` plays it.
    ///
    /// # Errors
    ///
    /// [`RecordingError::Unknown`] when there is none of this number.
    pub fn recording_file(&self, id: u64) -> Result<Vec<u8>, RecordingError> {
        Ok(self.find_recording(id)?.inner().recorder.file())
    }

    /// Stops it; its file stays.
    ///
    /// # Errors
    ///
    /// [`RecordingError::Unknown`] when there is none of this number.
    pub fn stop_recording(&self, id: u64) -> Result<RecordingView, RecordingError> {
        self.find_recording(id)?.end(Ended::Stopped);
        self.recording(id)
    }

    /// Removes it and its file, stopped or not.
    ///
    /// # Errors
    ///
    /// [`RecordingError::Unknown`] when there is none of this number.
    pub fn remove_recording(&self, id: u64) -> Result<(), RecordingError> {
        self.find_recording(id)?.end(Ended::Stopped);
        self.node().recordings.remove(id);
        Ok(())
    }

    fn find_recording(&self, id: u64) -> Result<Arc<Recording>, RecordingError> {
        self.node().recordings.find(id, self.moment())
    }
}
