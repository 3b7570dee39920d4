//! Reads a store in that was written out.

use std::collections::{BTreeMap, BTreeSet};
use std::io::BufRead;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use castmq_mqtt::{QoS, RetainHandling, Subscription, SubscriptionOptions, TopicName};
use castmq_rules::session::SubscriptionEntry;
use castmq_rules::{Delivery, Message, MessageId, Moment};

use super::lines::{Head, KIND, Line, QueuedLine, Wrong, from_millis, qos, text};
use super::{SINCE_EPOCH, Subject};
use crate::codec::meta::{self, Progress};
use crate::codec::{self, Encoder, queue};
use crate::committer::progress_row;
use crate::open::is_empty;
use crate::{
    Account, Durability, Engine, FORMAT, Key, SessionKey, Space, StoreError, Write, space,
};

/// How many rows are written together.
const ROWS_MAX: usize = 100;

/// Makes a store in a directory, which is empty or not there, of lines that were written out. The store
/// says that it is whole only once it is.
///
/// # Errors
///
/// [`StoreError::Import`] for a line that cannot be, with its number; any other when the store cannot
/// be made. What was written until then is of no use.
pub fn import(path: &Path, engine: Engine, from: &mut dyn BufRead) -> Result<(), StoreError> {
    let mut subject = Subject::open_or_create(path, engine)?;
    if !is_empty(&*subject.store)? {
        return Err(StoreError::NotOurs {
            path: path.to_owned(),
            found: "a store with data".to_owned(),
        });
    }
    let mut import = Import {
        subject: &mut subject,
        rows: Vec::new(),
        sessions: BTreeSet::new(),
        bodies: BTreeMap::new(),
    };
    let mut head = None;
    for (number, line) in (1..).zip(from.lines()) {
        let wrong = |message: String| StoreError::Import {
            line: number,
            message,
        };
        let line = line.map_err(|error| wrong(error.to_string()))?;
        if head.is_none() {
            head = Some(read_head(&line).map_err(wrong)?);
        } else {
            let line = serde_json::from_str(&line).map_err(|error| wrong(error.to_string()))?;
            import.line(line).map_err(|error| wrong(error.to_owned()))?;
            import.write_if_many()?;
        }
    }
    let head = head.ok_or_else(|| StoreError::Import {
        line: 1,
        message: "nothing to read".to_owned(),
    })?;
    import.finish(&head)
}

fn read_head(line: &str) -> Result<Head, String> {
    let head: Head = serde_json::from_str(line)
        .map_err(|error| format!("not the beginning of an export: {error}"))?;
    if head.castmq != KIND {
        return Err("not the beginning of an export".to_owned());
    }
    if head.format != FORMAT {
        let format = head.format;
        return Err(format!("format {format}; this program knows {FORMAT}"));
    }
    Ok(head)
}

struct Import<'subject> {
    subject: &'subject mut Subject,
    rows: Vec<Write>,
    sessions: BTreeSet<u64>,
    /// What each body weighs.
    bodies: BTreeMap<u64, u64>,
}

impl Import<'_> {
    fn line(&mut self, line: Line) -> Result<(), Wrong> {
        match line {
            Line::Session(session, line) => {
                let record = line.record()?;
                if !self.sessions.insert(session) {
                    return Err("the session occurs twice");
                }
                let key = space::session(SessionKey(session));
                self.put(Space::Sessions, key, |to| {
                    codec::session::encode(&record, to);
                });
            }
            Line::Subscription { .. } => return self.subscription(line),
            Line::Body(line) => {
                let message = line.message()?;
                let key = space::body(message.id.0);
                self.put(Space::Bodies, key, |to| {
                    codec::message::encode(&message, to);
                });
                self.bodies.insert(message.id.0, message.weight() as u64);
            }
            Line::Queued(line) => return self.queued(*line),
            Line::Released {
                session,
                packet_id,
                order,
            } => {
                let key = space::packet(self.session(session)?, packet_id);
                self.put(Space::Released, key, |to| to.number(order));
            }
            Line::Received { session, packet_id } => {
                let key = space::packet(self.session(session)?, packet_id);
                self.put(Space::Received, key, |_| {});
            }
            Line::User { name, line } => {
                let key = codec::account::key(&Account::User(name));
                self.put(Space::Users, key, |to| codec::account::encode(&line, to));
            }
            Line::Rules(text) => {
                let key = codec::account::key(&Account::Rules);
                self.put(Space::Users, key, |to| codec::account::encode(&text, to));
            }
            Line::Retained { ends, message } => {
                let message = message.message()?;
                let key = Key::from_slice(message.topic.as_str().as_bytes());
                self.put(Space::Retained, key, |to| {
                    codec::retained::encode(&message, ends.map(from_millis), to);
                });
            }
        }
        Ok(())
    }

    fn session(&self, session: u64) -> Result<SessionKey, Wrong> {
        if self.sessions.contains(&session) {
            Ok(SessionKey(session))
        } else {
            Err("there is no such session")
        }
    }

    fn subscription(&mut self, line: Line) -> Result<(), Wrong> {
        let Line::Subscription {
            session,
            filter,
            qos: number,
            no_local,
            retain_as_published,
            retain_handling,
            id,
        } = line
        else {
            return Ok(());
        };
        let session = self.session(session)?;
        let entry = SubscriptionEntry {
            options: SubscriptionOptions {
                qos: qos(number)?,
                no_local,
                retain_as_published,
                retain_handling: match retain_handling {
                    0 => RetainHandling::Send,
                    1 => RetainHandling::SendIfNew,
                    2 => RetainHandling::DoNotSend,
                    _ => return Err("retain handling is 0, 1 or 2"),
                },
            },
            id,
        };
        let parsed = Subscription::parse(text(filter)?).map_err(|_| "not a topic filter")?;
        let filter = parsed.to_string();
        let key = space::subscription(session, &filter);
        self.put(Space::Subscriptions, key, |to| {
            codec::subscription::encode(&entry, &filter, to);
        });
        Ok(())
    }

    fn queued(&mut self, line: QueuedLine) -> Result<(), Wrong> {
        let session = self.session(line.session)?;
        let (message, weight, form) = match (line.message, line.body) {
            (Some(message), None) => {
                let message = message.message()?;
                let weight = message.weight() as u64;
                (message, weight, queue::Form::Inline)
            }
            (None, Some(id)) => {
                let weight = self.bodies.get(&id).ok_or("there is no such body")?;
                (reference(id)?, *weight, queue::Form::Body)
            }
            _ => return Err("either `message` or `body` says what is queued"),
        };
        let group = line.group.map(text).transpose()?;
        let delivery = Delivery {
            message: Arc::new(message),
            qos: qos(line.qos)?,
            retain: line.retain,
            subscription_ids: line.subscription_ids.into_iter().collect(),
            group: group.map(|group| Box::new(Arc::from(group.as_str()))),
        };
        let key = space::queued(session, line.number);
        self.put(Space::Queue, key, |to| {
            queue::encode(&delivery, (weight, line.weight_sum), form, to);
        });
        Ok(())
    }

    fn put(&mut self, space: Space, key: Key, encode: impl FnOnce(&mut Encoder)) {
        let mut to = Encoder::new(SINCE_EPOCH, 0);
        encode(&mut to);
        let value = to.seal(space, &key);
        self.rows.push(Write::Put { space, key, value });
    }

    fn write_if_many(&mut self) -> Result<(), StoreError> {
        if self.rows.len() >= ROWS_MAX {
            let rows = std::mem::take(&mut self.rows);
            self.subject.store.commit(&rows, Durability::Handed)?;
        }
        Ok(())
    }

    /// Writes the rest, and that it is whole.
    fn finish(mut self, head: &Head) -> Result<(), StoreError> {
        self.put(Space::Meta, Key::from_slice(meta::RUN), |to| {
            to.number(head.run);
        });
        let progress = Progress {
            sequence: head.commit.max(1),
            wall_millis: head.wall_millis,
            retained_version: head.retained_version,
        };
        self.rows.push(progress_row(progress, SINCE_EPOCH));
        self.subject.store.commit(&self.rows, Durability::Synced)?;
        self.subject.directory.promise(progress.sequence);
        self.subject.directory.sync_promise();
        Ok(())
    }
}

/// Stands for a message of which the row holds the id alone.
fn reference(id: u64) -> Result<Message, Wrong> {
    let topic = TopicName::new(text("-".to_owned())?).map_err(|_| "not a topic name")?;
    Ok(Message {
        id: MessageId(id),
        topic,
        payload: Bytes::new(),
        qos: QoS::AtMostOnce,
        retain: false,
        properties: None,
        from: None,
        received: Moment::default(),
        expires: None,
        version: None,
    })
}
