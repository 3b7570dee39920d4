//! One connection of many.

use std::io::{ErrorKind, Write};

use rustix::event::epoll;
use rustix::fd::OwnedFd;

use crate::stream::Stream;

/// A connection, and what its reads and writes have left over.
#[derive(Debug, Default)]
pub(super) struct Wire {
    pub(super) stream: Option<Stream>,
    /// The beginning of a packet whose end has not come.
    pub(super) cut: Vec<u8>,
    /// What the system did not take yet.
    pub(super) unsent: Vec<u8>,
    /// Why the broker ends the connection, if it has said so.
    pub(super) goodbye: Option<u8>,
    /// The poller is asked to tell when the socket takes more.
    waits_for_room: bool,
    /// This side is closed as soon as all is written.
    pub(super) is_leaving: bool,
}

impl Wire {
    pub(super) fn new(stream: Stream) -> Self {
        Self {
            stream: Some(stream),
            ..Self::default()
        }
    }

    /// Whether neither it nor its stream holds anything back.
    pub(super) fn has_written_all(&self) -> bool {
        self.unsent.is_empty() && !self.waits_for_room
    }

    /// Asks the poller to tell when the socket takes more, if something waits for that.
    #[inline]
    pub(super) fn ask_for_room(&mut self, epoll: &OwnedFd, number: usize) {
        let Some(stream) = &self.stream else {
            return;
        };
        let waits = stream.waits_for_room(!self.unsent.is_empty());
        if waits != self.waits_for_room {
            self.waits_for_room = waits;
            let mut flags = epoll::EventFlags::IN;
            flags.set(epoll::EventFlags::OUT, waits);
            // It fails for a socket that is broken, and that shows at the next poll.
            let _ = epoll::modify(epoll, stream, data(number), flags);
        }
    }

    /// Tells the broker that this side is done, as soon as all is written.
    pub(super) fn close_own_side_if_it_leaves(&mut self) {
        let is_time = self.is_leaving && self.has_written_all();
        if let Some(stream) = &mut self.stream
            && is_time
        {
            stream.close_own_side();
        }
    }
}

/// What the system takes at once.
pub(super) fn write(stream: &mut Stream, bytes: &[u8]) -> usize {
    let mut written = 0;
    while let Some(rest) = bytes.get(written..).filter(|rest| !rest.is_empty()) {
        match stream.write(rest) {
            Ok(count) => written += count,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            // A broken connection shows at the next poll.
            Err(_) => break,
        }
    }
    written
}

/// How the poller knows a wire.
pub(super) fn data(wire: usize) -> epoll::EventData {
    epoll::EventData::new_u64(u64::try_from(wire).unwrap_or(u64::MAX))
}
