//! Writes a store out, a line of JSON for each row.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::path::Path;

use serde::Serialize;

use super::lines::{Head, KIND, Line, MessageLine, QueuedLine, SessionLine, to_millis};
use super::{SINCE_EPOCH, Subject, body_of, decoded, queued, split};
use crate::codec::queue::Content;
use crate::codec::{self, meta};
use crate::committer::read_progress;
use crate::{Account, FORMAT, SessionKey, Space, StoreError, space};

/// Writes the store of a directory out. What belongs to sessions that are over is left out.
///
/// # Errors
///
/// [`StoreError`] when the store cannot be read, a row of it is damaged, or writing fails.
pub fn export(path: &Path, to: &mut dyn Write) -> Result<(), StoreError> {
    let subject = Subject::open(path)?;
    let mut output = Output { path, to };
    let progress = read_progress(&*subject.store, SINCE_EPOCH)?;
    let run = subject.store.get(Space::Meta, meta::RUN)?;
    let run = run.map(|value| decoded((Space::Meta, meta::RUN), &value, |from| from.number()));
    output.line(&Head {
        castmq: KIND.to_owned(),
        format: FORMAT,
        run: run.transpose()?.unwrap_or_default(),
        commit: progress.sequence,
        wall_millis: progress.wall_millis,
        retained_version: progress.retained_version,
    })?;
    let sessions = sessions(&subject, &mut output)?;
    subscriptions(&subject, &sessions, &mut output)?;
    let bodies = referred_to(&subject, &sessions)?;
    subject.each(Space::Bodies, |key, value| {
        let message = decoded((Space::Bodies, key), value, codec::message::decode)?;
        if bodies.contains(&message.id.0) {
            output.line(&Line::Body(Box::new(MessageLine::new(&message))))?;
        }
        Ok(())
    })?;
    queues(&subject, &sessions, &mut output)?;
    packet_ids(&subject, &sessions, &mut output)?;
    subject.each(Space::Retained, |key, value| {
        let (message, ends) = decoded((Space::Retained, key), value, codec::retained::decode)?;
        output.line(&Line::Retained {
            ends: ends.map(to_millis),
            message: Box::new(MessageLine::new(&message)),
        })
    })?;
    subject.each(Space::Users, |key, value| {
        let row = (Space::Users, key);
        let text = decoded(row, value, codec::account::decode)?;
        match split(Space::Users, key, codec::account::of_key)? {
            Account::User(name) => output.line(&Line::User { name, line: text }),
            Account::Rules => output.line(&Line::Rules(text)),
        }
    })?;
    output.flush()
}

type Sessions = BTreeSet<SessionKey>;

struct Output<'to> {
    path: &'to Path,
    to: &'to mut dyn Write,
}

impl Output<'_> {
    fn line(&mut self, line: &impl Serialize) -> Result<(), StoreError> {
        serde_json::to_writer(&mut *self.to, line)
            .map_err(io::Error::from)
            .and_then(|()| self.to.write_all(b"\n"))
            .map_err(|error| StoreError::file(self.path, "write it out", error))
    }

    fn flush(&mut self) -> Result<(), StoreError> {
        let flushed = self.to.flush();
        flushed.map_err(|error| StoreError::file(self.path, "write it out", error))
    }
}

fn sessions(subject: &Subject, output: &mut Output<'_>) -> Result<Sessions, StoreError> {
    let mut sessions = Sessions::new();
    subject.each(Space::Sessions, |key, value| {
        let record = decoded((Space::Sessions, key), value, codec::session::decode)?;
        let (session, _) = split(Space::Sessions, key, space::split_session)?;
        sessions.insert(session);
        let line = Box::new(SessionLine::new(&record));
        output.line(&Line::Session(session.0, line))
    })?;
    Ok(sessions)
}

fn subscriptions(
    subject: &Subject,
    sessions: &Sessions,
    output: &mut Output<'_>,
) -> Result<(), StoreError> {
    subject.each(Space::Subscriptions, |key, value| {
        let (session, subscription, entry) = codec::subscription::read(key, value, SINCE_EPOCH)?;
        if !sessions.contains(&session) {
            return Ok(());
        }
        output.line(&Line::subscription(session.0, &subscription, &entry))
    })
}

/// The bodies that somebody waits for.
fn referred_to(subject: &Subject, sessions: &Sessions) -> Result<BTreeSet<u64>, StoreError> {
    let mut bodies = BTreeSet::new();
    subject.each(Space::Queue, |key, value| {
        let (session, _, row) = queued(key, value)?;
        if sessions.contains(&session) {
            bodies.extend(body_of(&row));
        }
        Ok(())
    })?;
    Ok(bodies)
}

fn queues(
    subject: &Subject,
    sessions: &Sessions,
    output: &mut Output<'_>,
) -> Result<(), StoreError> {
    subject.each(Space::Queue, |key, value| {
        let (session, number, row) = queued(key, value)?;
        if !sessions.contains(&session) {
            return Ok(());
        }
        let (message, body) = match &row.content {
            Content::Inline(message) => (Some(Box::new(MessageLine::new(message))), None),
            Content::Body(id) => (None, Some(id.0)),
        };
        let envelope = row.envelope();
        output.line(&Line::Queued(Box::new(QueuedLine {
            session: session.0,
            number,
            weight_sum: row.weight_sum,
            qos: envelope.qos.number(),
            retain: envelope.retain,
            subscription_ids: envelope.subscription_ids.as_slice().to_vec(),
            group: envelope.group.as_ref().map(|group| group.to_string()),
            message,
            body,
        })))
    })
}

fn packet_ids(
    subject: &Subject,
    sessions: &Sessions,
    output: &mut Output<'_>,
) -> Result<(), StoreError> {
    for space in [Space::Released, Space::Received] {
        subject.each(space, |key, value| {
            let (session, packet_id) = split(space, key, space::split_packet)?;
            if !sessions.contains(&session) {
                return Ok(());
            }
            let session = session.0;
            let line = if space == Space::Released {
                Line::Released {
                    session,
                    packet_id,
                    order: decoded((space, key), value, |from| from.number())?,
                }
            } else {
                decoded((space, key), value, |_| Ok(()))?;
                Line::Received { session, packet_id }
            };
            output.line(&line)
        })?;
    }
    Ok(())
}
