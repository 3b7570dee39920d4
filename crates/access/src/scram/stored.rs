//! What a server keeps of a password for SCRAM.

use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::{digest, hmac, pbkdf2};
use subtle::ConstantTimeEq;

use crate::password_hash::ITERATIONS_MAX;
use crate::{HashError, Secret};

pub(super) const KEY_BYTES: usize = digest::SHA256_OUTPUT_LEN;
const NAME: &str = "SCRAM-SHA-256";
const SIGN: &str = "$scram-sha-256$i=";
const SALT_BYTES_MAX: usize = 64;
const FAKE_SALT_BYTES: usize = 16;

/// Enough to check a proof and to give one, not enough to log in anywhere.
///
/// Its text form is `$scram-sha-256$i=4096$salt$stored$server`, the last three in base64.
#[derive(Clone, PartialEq, Eq)]
pub struct StoredScram {
    iterations: NonZeroU32,
    salt: Vec<u8>,
    stored_key: [u8; KEY_BYTES],
    server_key: [u8; KEY_BYTES],
}

impl StoredScram {
    /// The iterations that \[RFC7677\] names, and those of users who are not there: a file whose
    /// users have another number tells which are.
    pub const ITERATIONS: u32 = 4096;

    /// What to keep of a password. The salt is random and of 16 bytes where nothing else is wanted.
    ///
    /// # Errors
    ///
    /// [`HashError`] for no or too many iterations, and for no or too much salt.
    pub fn derive(password: &[u8], salt: &[u8], iterations: u32) -> Result<Self, HashError> {
        let malformed = HashError::Malformed(NAME);
        let iterations = NonZeroU32::new(iterations).ok_or(malformed)?;
        if iterations.get() > ITERATIONS_MAX {
            return Err(HashError::TooCostly(NAME));
        }
        if salt.is_empty() || salt.len() > SALT_BYTES_MAX {
            return Err(malformed);
        }
        Ok(Self::of(password, salt, iterations))
    }

    /// Whether this is the password. Slow by design.
    #[must_use]
    pub fn verify(&self, password: &[u8]) -> bool {
        let derived = Self::of(password, &self.salt, self.iterations);
        derived.stored_key.ct_eq(&self.stored_key).into()
    }

    /// Credentials that no password has, the same each time for a user.
    pub(super) fn fake(key: &Secret, user: &str) -> Self {
        let salt = hmac_sha256(key.expose(), user.as_bytes());
        Self {
            iterations: NonZeroU32::new(Self::ITERATIONS).unwrap_or(NonZeroU32::MIN),
            salt: salt.into_iter().take(FAKE_SALT_BYTES).collect(),
            stored_key: [0; KEY_BYTES],
            server_key: [0; KEY_BYTES],
        }
    }

    fn of(password: &[u8], salt: &[u8], iterations: NonZeroU32) -> Self {
        let mut salted = [0; KEY_BYTES];
        let algorithm = pbkdf2::PBKDF2_HMAC_SHA256;
        pbkdf2::derive(algorithm, iterations, salt, password, &mut salted);
        let client_key = hmac_sha256(&salted, b"Client Key");
        Self {
            iterations,
            salt: salt.to_vec(),
            stored_key: sized(digest::digest(&digest::SHA256, &client_key).as_ref()),
            server_key: hmac_sha256(&salted, b"Server Key"),
        }
    }

    pub(super) fn salt(&self) -> &[u8] {
        &self.salt
    }

    pub(super) fn iterations(&self) -> NonZeroU32 {
        self.iterations
    }

    pub(super) fn stored_key(&self) -> &[u8] {
        &self.stored_key
    }

    pub(super) fn server_key(&self) -> &[u8] {
        &self.server_key
    }
}

pub(super) fn hmac_sha256(key: &[u8], message: &[u8]) -> [u8; KEY_BYTES] {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key);
    sized(hmac::sign(&key, message).as_ref())
}

fn sized(bytes: &[u8]) -> [u8; KEY_BYTES] {
    let mut sized = [0; KEY_BYTES];
    for (to, from) in sized.iter_mut().zip(bytes) {
        *to = *from;
    }
    sized
}

impl FromStr for StoredScram {
    type Err = HashError;

    fn from_str(text: &str) -> Result<Self, HashError> {
        let malformed = HashError::Malformed(NAME);
        let read = || {
            let mut fields = text.strip_prefix(SIGN)?.split('$');
            let iterations: NonZeroU32 = fields.next()?.parse().ok()?;
            let mut bytes = || STANDARD.decode(fields.next()?).ok();
            let (salt, stored_key, server_key) = (bytes()?, bytes()?, bytes()?);
            let is_all = fields.next().is_none();
            let has_salt = !salt.is_empty() && salt.len() <= SALT_BYTES_MAX;
            (is_all && has_salt).then_some(Self {
                iterations,
                salt,
                stored_key: stored_key.try_into().ok()?,
                server_key: server_key.try_into().ok()?,
            })
        };
        let stored = read().ok_or(malformed)?;
        if stored.iterations.get() > ITERATIONS_MAX {
            return Err(HashError::TooCostly(NAME));
        }
        Ok(stored)
    }
}

impl fmt::Display for StoredScram {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let salt = STANDARD.encode(&self.salt);
        let stored = STANDARD.encode(self.stored_key);
        let server = STANDARD.encode(self.server_key);
        write!(
            formatter,
            "{SIGN}{}${salt}${stored}${server}",
            self.iterations
        )
    }
}

impl fmt::Debug for StoredScram {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("StoredScram")
            .field("iterations", &self.iterations)
            .finish_non_exhaustive()
    }
}
