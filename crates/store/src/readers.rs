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

    /// The rows as they stand, and the number from which on nothing was looked at.
    fn rows(
        &self,
        session: SessionKey,
        range: QueueRange,
    ) -> Result<(Vec<(u64, Queued)>, u64), StoreError> {
        let mut rows = Rows {
            readers: self,
            range,
            found: Vec::new(),
            bytes: 0,
            seen: range.from,
            next: range.until,
        };
        let from = space::queued(session, range.from);
        let until = space::queued(session, range.until);
        let visit = &mut |key: &[u8], value: &[u8]| rows.visit(key, value);
        match self.store.scan(Space::Queue, &from, Some(&until), visit) {
            Err(StoreError::DamagedBlock { .. }) => rows.one_by_one(session)?,
            scanned => scanned?,
        }
        Ok((rows.found, rows.next))
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

/// Rows of a queue that are being read.
struct Rows<'a> {
    readers: &'a Readers,
    range: QueueRange,
    found: Vec<(u64, Queued)>,
    bytes: usize,
    /// What is below was looked at.
    seen: u64,
    /// Where the next page begins.
    next: u64,
}

/// How many numbers are tried one by one for a page.
const ONE_BY_ONE_MAX: u64 = 1024;

impl Rows<'_> {
    fn visit(&mut self, key: &[u8], value: &[u8]) -> ControlFlow<()> {
        let counters = self.readers.link.counters();
        let Some((_, number)) = space::split_queued(key) else {
            counters.damaged(1);
            return ControlFlow::Continue(());
        };
        if self.found.len() >= self.range.messages_max.max(1) || self.bytes >= self.range.bytes_max
        {
            self.next = number;
            return ControlFlow::Break(());
        }
        self.seen = number + 1;
        match unseal(
            (Space::Queue, key),
            value,
            self.readers.timeline,
            queue::decode,
        ) {
            Ok(row) => {
                self.bytes += usize::try_from(row.weight).unwrap_or(usize::MAX);
                self.found.push((number, row));
            }
            Err(_) => counters.damaged(1),
        }
        ControlFlow::Continue(())
    }

    /// A block of several rows is damaged, and whoever reads them in a row gets no further: the next
    /// ones are asked for by their numbers, so that what is behind the block is reached.
    fn one_by_one(&mut self, session: SessionKey) -> Result<(), StoreError> {
        let end = self.seen.saturating_add(ONE_BY_ONE_MAX);
        self.next = end.min(self.range.until);
        for number in self.seen..self.next {
            let key = space::queued(session, number);
            let value = self.readers.store.get(Space::Queue, &key)?;
            if value.is_some_and(|value| self.visit(&key, &value).is_break()) {
                break;
            }
        }
        Ok(())
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
