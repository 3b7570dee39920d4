//! Readers: bring messages back from the store, away from the arbiters.

use std::ops::ControlFlow;
use std::sync::Arc;

use castmq_rules::MessageId;
use castmq_rules::session::Page;

use crate::codec::queue::{self, Content, Queued};
use crate::codec::{message, unseal};
use crate::link::Read;
use crate::recovery::read_session;
use crate::{Damage, Link, QueueRange, SessionKey, Space, Store, StoreError, Timeline, space};

/// Serves the reads that wait in a [`Link`].
#[derive(Clone, Debug)]
pub struct Readers {
    store: Arc<dyn Store>,
    link: Arc<Link>,
    timeline: Timeline,
}

impl Readers {
    pub(crate) fn new(store: Arc<dyn Store>, link: Arc<Link>, timeline: Timeline) -> Self {
        Self {
            store,
            link,
            timeline,
        }
    }

    /// Serves one read, if one waits; says whether one did.
    #[must_use]
    pub fn step(&self) -> bool {
        let read = self.link.poll_read();
        let has_read = read.is_some();
        read.into_iter().for_each(|read| self.serve(read));
        has_read
    }

    /// Starts so many threads that serve reads until the link stops.
    ///
    /// # Errors
    ///
    /// What the operating system says when it gives no thread.
    pub fn spawn(&self, threads: usize) -> std::io::Result<()> {
        for number in 0..threads.max(1) {
            let readers = self.clone();
            let thread = std::thread::Builder::new()
                .name(format!("store-reader-{number}"))
                .spawn(move || {
                    while let Some(read) = readers.link.next_read() {
                        readers.serve(read);
                    }
                })?;
            self.link.keep_thread(thread);
        }
        Ok(())
    }

    fn serve(&self, read: Read) {
        match read {
            Read::Queue(session, range, answer) => answer(self.page(session, range)),
            Read::Session(session, answer) => {
                answer(read_session(&*self.store, session, self.timeline));
            }
        }
    }

    /// Some messages of a queue. One that is damaged is left out and counted: otherwise those behind
    /// it would never be reached.
    fn page(&self, session: SessionKey, range: QueueRange) -> Result<Page, StoreError> {
        let (rows, next) = self.rows(session, range)?;
        let mut messages = Vec::with_capacity(rows.len());
        for (number, row) in rows {
            match self.content(session, number, &row) {
                Ok(Some(message)) => messages.push((number, row.delivery(message))),
                Ok(None) => {}
                Err(StoreError::Damaged { .. }) => self.link.counters().damaged(1),
                Err(error) => return Err(error),
            }
        }
        Ok(Page { messages, next })
    }

    /// The rows as they stand, and the number behind which nothing was looked at.
    fn rows(
        &self,
        session: SessionKey,
        range: QueueRange,
    ) -> Result<(Vec<(u64, Queued)>, u64), StoreError> {
        let (mut rows, mut bytes, mut next) = (Vec::new(), 0, range.until);
        let from = space::queued(session, range.from);
        let until = space::queued(session, range.until);
        let mut visit = |key: &[u8], value: &[u8]| {
            let Some((_, number)) = space::split_queued(key) else {
                self.link.counters().damaged(1);
                return ControlFlow::Continue(());
            };
            if rows.len() >= range.messages_max.max(1) || bytes >= range.bytes_max {
                next = number;
                return ControlFlow::Break(());
            }
            match unseal((Space::Queue, key), value, self.timeline, queue::decode) {
                Ok(row) => {
                    bytes += usize::try_from(row.weight).unwrap_or(usize::MAX);
                    rows.push((number, row));
                }
                Err(_) => self.link.counters().damaged(1),
            }
            ControlFlow::Continue(())
        };
        self.store
            .scan(Space::Queue, &from, Some(&until), &mut visit)?;
        Ok((rows, next))
    }

    /// The message of a row; `None` when the row has gone since it was read.
    fn content(
        &self,
        session: SessionKey,
        number: u64,
        row: &Queued,
    ) -> Result<Option<Arc<castmq_rules::Message>>, StoreError> {
        let id = match &row.content {
            Content::Inline(message) => return Ok(Some(Arc::clone(message))),
            Content::Body(id) => *id,
        };
        if let Some(message) = read_body(&*self.store, id, self.timeline)? {
            return Ok(Some(Arc::new(message)));
        }
        let key = space::queued(session, number);
        match self.store.get(Space::Queue, &key)? {
            None => Ok(None),
            Some(_) => Err(StoreError::damaged(Space::Queue, &key, Damage::BodyMissing)),
        }
    }
}

/// A message that several sessions wait for.
pub(crate) fn read_body(
    store: &dyn Store,
    id: MessageId,
    timeline: Timeline,
) -> Result<Option<castmq_rules::Message>, StoreError> {
    let key = space::body(id.0);
    let value = store.get(Space::Bodies, &key)?;
    value
        .map(|value| unseal((Space::Bodies, &key), &value, timeline, message::decode))
        .transpose()
}
