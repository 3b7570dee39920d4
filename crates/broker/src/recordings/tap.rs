//! Taps: what a session or a connection holds of its recording.

use std::sync::Arc;

use castmq_rules::Moment;
use castmq_rules::recording::{ConnectionInput, Ended};
use castmq_rules::session::{Action, Input, Observer, Returned, Session};
use serde::Serialize;

use super::Recording;

/// Where a session or a connection is recorded, if it is. No larger than a pointer.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tap(Option<Box<Open>>);

#[derive(Clone, Debug)]
struct Open {
    recording: Arc<Recording>,
    /// The how manieth session or connection of the recording it is.
    number: u64,
}

// One stands in each session and in each connection.
const _: () = assert!(size_of::<Tap>() == size_of::<usize>());

impl Tap {
    pub(super) fn new(recording: &Arc<Recording>, number: u64) -> Self {
        Self(Some(Box::new(Open {
            recording: Arc::clone(recording),
            number,
        })))
    }

    #[inline]
    pub(crate) fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// What is recorded has failed.
    pub(crate) fn failed(&self) {
        if let Some(open) = &self.0 {
            open.recording.end(Ended::Panicked);
        }
    }

    /// Something happened to the connection.
    #[cold]
    pub(crate) fn connection<R: Serialize>(
        &mut self,
        input: ConnectionInput,
        returned: &R,
        now: Option<Moment>,
    ) {
        let Some(open) = &self.0 else { return };
        let mut inner = open.recording.inner();
        let is_followed = inner.connection == open.number;
        if is_followed {
            inner.now = now.unwrap_or(inner.now);
            let at = inner.now;
            inner.recorder.connection(input, returned, at);
        }
        let is_over = inner.recorder.ended().is_some();
        drop(inner);
        if is_over || !is_followed {
            self.0 = None;
        }
    }
}

impl Observer for Tap {
    #[inline]
    fn is_watching(&self) -> bool {
        self.0.is_some()
    }

    #[cold]
    fn before(&mut self, input: Input, now: Option<Moment>) {
        let Some(open) = &self.0 else { return };
        let mut inner = open.recording.inner();
        if inner.session == open.number {
            inner.now = now.unwrap_or(inner.now);
            let at = inner.now;
            inner.recorder.session_input(input, at);
        }
    }

    #[cold]
    fn after<'a>(&mut self, returned: Returned, added: impl Iterator<Item = &'a Action>) {
        let Some(open) = &self.0 else { return };
        let mut inner = open.recording.inner();
        let is_followed = inner.session == open.number;
        if is_followed {
            inner.recorder.session_answered(returned, added);
        }
        let is_over = inner.recorder.ended().is_some();
        drop(inner);
        if is_over || !is_followed {
            self.0 = None;
        }
    }

    fn replaced(&mut self, session: &Session) {
        let Some(open) = &self.0 else { return };
        let mut inner = open.recording.inner();
        if inner.session == open.number {
            let at = inner.now;
            inner.recorder.session_is(session, at);
        }
    }
}
