//! Passwords that were right a moment ago, so that not each request of a page costs a hash.
//!
//! What is kept is a mark of user and password under a key that nobody knows, for some minutes.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use castmq_broker::access::{Secret, random_bytes};
use ring::hmac;
use tokio::time::Instant;

use super::Identity;

/// How long a password is remembered to be right.
const MEMORY: Duration = Duration::from_secs(300);
/// How many are.
const KEPT: usize = 64;

/// What stands for a user and a password.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mark(hmac::Tag);

pub(super) struct Remembered {
    /// None when there was no randomness: nothing is remembered then.
    key: Option<hmac::Key>,
    kept: Mutex<VecDeque<(Mark, Identity, Instant)>>,
}

impl fmt::Debug for Remembered {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Remembered")
    }
}

impl Remembered {
    pub(super) fn new() -> Self {
        let bytes = random_bytes::<32>().ok();
        Self {
            key: bytes.map(|bytes| hmac::Key::new(hmac::HMAC_SHA256, &bytes)),
            kept: Mutex::default(),
        }
    }

    /// The mark of a user and a password.
    pub(super) fn mark(&self, user: &str, password: &Secret) -> Option<Mark> {
        let mut context = hmac::Context::with_key(self.key.as_ref()?);
        // A name has no such byte, so that no two pairs are the same text.
        context.update(user.as_bytes());
        context.update(&[0]);
        context.update(password.expose());
        Some(Mark(context.sign()))
    }

    /// Who it is, if that was right lately.
    pub(super) fn find(&self, mark: &Option<Mark>, now: Instant) -> Option<Identity> {
        let mark = mark.as_ref()?;
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        // A mark cannot be guessed piece by piece: it depends on a key that nobody knows.
        kept.iter()
            .find(|(known, _, until)| *until > now && known.0.as_ref() == mark.0.as_ref())
            .map(|(_, identity, _)| identity.clone())
    }

    /// Notes that it was right.
    pub(super) fn note(&self, mark: Option<Mark>, identity: Identity, now: Instant) {
        let Some(mark) = mark else { return };
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|(_, _, until)| *until > now);
        if kept.len() == KEPT {
            kept.pop_front();
        }
        kept.push_back((mark, identity, now + MEMORY));
    }

    /// Forgets everything.
    pub(super) fn forget(&self) {
        self.kept
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
    }
}
