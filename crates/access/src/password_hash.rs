//! Hashes of passwords, in the forms that password files hold.
//!
//! | text | what |
//! |---|---|
//! | `$argon2id$v=19$m=19456,t=2,p=1$salt$hash` | Argon2id as a PHC string: CastMQ's own, and mosquitto's from 2.1 |
//! | `$7$101$salt$hash` | PBKDF2 with SHA-512: mosquitto's from 2.0 |
//! | `$6$salt$hash` | SHA-512 of password and salt: mosquitto's before; cheap to guess |
//! | `$2b$12$…`, also `$2a$`, `$2y$` | bcrypt; the password counts up to its 72nd byte |
//! | `$scram-sha-256$i=4096$salt$stored$server` | what SCRAM needs, see [`StoredScram`] |

use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use ring::{digest, pbkdf2};
use subtle::ConstantTimeEq;

use crate::StoredScram;

mod argon2id;

use argon2id::Argon2id;

/// Most rounds of PBKDF2 that are computed: some seconds.
pub(crate) const ITERATIONS_MAX: u32 = 10_000_000;
/// Highest cost of bcrypt that is computed: some seconds.
const BCRYPT_COST_MAX: u32 = 16;
const SALT_BYTES_MAX: usize = 64;
const SHA512_BYTES: usize = 64;

/// What a password file knows of a password: enough to recognise it, not to tell it.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash {
    text: Box<str>,
    kind: Kind,
}

#[derive(Clone, PartialEq, Eq)]
enum Kind {
    Argon2id(Argon2id),
    Sha512(Salted),
    Pbkdf2(NonZeroU32, Salted),
    /// Its text is all it is.
    Bcrypt,
    Scram(StoredScram),
}

#[derive(Clone, PartialEq, Eq)]
struct Salted {
    salt: Vec<u8>,
    hash: Vec<u8>,
}

/// Why a text is no hash of a password. Never shows the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HashError {
    /// It begins with no known sign: a password in plain text perhaps.
    #[error(
        "not a known hash: it begins with none of $argon2id$, $7$, $6$, $2a$, $2b$, $2y$, $scram-sha-256$"
    )]
    Unknown,
    /// Of a known kind, but not complete or not well-formed.
    #[error("a {0} hash that is not well-formed")]
    Malformed(&'static str),
    /// Would take more time or memory than any hash in use.
    #[error("a {0} hash whose parameters ask for too much work")]
    TooCostly(&'static str),
}

impl PasswordHash {
    /// A new hash with CastMQ's parameters: Argon2id with 19 MiB and two passes, OWASP's first choice.
    /// Takes tens of milliseconds.
    #[must_use]
    pub fn argon2id(password: &[u8], salt: &[u8; 16]) -> Self {
        Self::of(Kind::Argon2id(Argon2id::new(password, salt)))
    }

    /// What SCRAM needs, as a hash.
    #[must_use]
    pub fn scram(stored: StoredScram) -> Self {
        Self::of(Kind::Scram(stored))
    }

    /// A hash of no password that takes as long to check as a new one.
    pub(crate) fn decoy() -> Self {
        Self::of(Kind::Argon2id(Argon2id::decoy()))
    }

    /// Whether this is the password. Slow by design; how long it takes does not tell how far off the
    /// password is.
    #[must_use]
    pub fn verify(&self, password: &[u8]) -> bool {
        match &self.kind {
            Kind::Argon2id(argon2id) => argon2id.verify(password),
            Kind::Sha512(Salted { salt, hash }) => {
                let mut context = digest::Context::new(&digest::SHA512);
                context.update(password);
                context.update(salt);
                context.finish().as_ref().ct_eq(hash).into()
            }
            Kind::Pbkdf2(iterations, Salted { salt, hash }) => {
                let algorithm = pbkdf2::PBKDF2_HMAC_SHA512;
                pbkdf2::verify(algorithm, *iterations, salt, password, hash).is_ok()
            }
            Kind::Bcrypt => bcrypt::verify(password, &self.text).unwrap_or(false),
            Kind::Scram(stored) => stored.verify(password),
        }
    }

    /// What SCRAM needs, when it is that kind.
    #[must_use]
    pub fn as_scram(&self) -> Option<&StoredScram> {
        match &self.kind {
            Kind::Scram(stored) => Some(stored),
            Kind::Argon2id(_) | Kind::Sha512(_) | Kind::Pbkdf2(..) | Kind::Bcrypt => None,
        }
    }

    fn of(kind: Kind) -> Self {
        let text = match &kind {
            Kind::Argon2id(argon2id) => argon2id.to_string(),
            Kind::Scram(stored) => stored.to_string(),
            Kind::Sha512(_) | Kind::Pbkdf2(..) | Kind::Bcrypt => String::new(),
        };
        let text = text.into();
        Self { text, kind }
    }
}

impl FromStr for PasswordHash {
    type Err = HashError;

    fn from_str(text: &str) -> Result<Self, HashError> {
        let sign_and_rest = text.strip_prefix('$').and_then(|rest| rest.split_once('$'));
        let (sign, rest) = sign_and_rest.ok_or(HashError::Unknown)?;
        let kind = match sign {
            "argon2id" => Kind::Argon2id(rest.parse()?),
            "7" => pbkdf2(rest)?,
            "6" => Kind::Sha512(salted(rest, "SHA-512")?),
            "2a" | "2b" | "2y" => bcrypt(text)?,
            "scram-sha-256" => Kind::Scram(text.parse()?),
            _ => return Err(HashError::Unknown),
        };
        let text = text.into();
        Ok(Self { text, kind })
    }
}

fn pbkdf2(rest: &str) -> Result<Kind, HashError> {
    const NAME: &str = "PBKDF2";
    let malformed = HashError::Malformed(NAME);
    let (iterations, rest) = rest.split_once('$').ok_or(malformed)?;
    let iterations: NonZeroU32 = iterations.parse().map_err(|_| malformed)?;
    if iterations.get() > ITERATIONS_MAX {
        return Err(HashError::TooCostly(NAME));
    }
    Ok(Kind::Pbkdf2(iterations, salted(rest, NAME)?))
}

fn salted(rest: &str, name: &'static str) -> Result<Salted, HashError> {
    let read = || {
        let (salt, hash) = rest.split_once('$')?;
        let salt = STANDARD.decode(salt).ok()?;
        let hash = STANDARD.decode(hash).ok()?;
        let is_whole = hash.len() == SHA512_BYTES && salt.len() <= SALT_BYTES_MAX;
        (is_whole && !salt.is_empty()).then_some(Salted { salt, hash })
    };
    read().ok_or(HashError::Malformed(name))
}

fn bcrypt(text: &str) -> Result<Kind, HashError> {
    const NAME: &str = "bcrypt";
    let parts: bcrypt::HashParts = text.parse().map_err(|_| HashError::Malformed(NAME))?;
    match parts.get_cost() {
        4..=BCRYPT_COST_MAX => Ok(Kind::Bcrypt),
        0..4 => Err(HashError::Malformed(NAME)),
        _ => Err(HashError::TooCostly(NAME)),
    }
}

impl fmt::Display for PasswordHash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self.kind {
            Kind::Argon2id(_) => "PasswordHash(argon2id)",
            Kind::Sha512(_) => "PasswordHash(SHA-512)",
            Kind::Pbkdf2(..) => "PasswordHash(PBKDF2)",
            Kind::Bcrypt => "PasswordHash(bcrypt)",
            Kind::Scram(_) => "PasswordHash(SCRAM-SHA-256)",
        })
    }
}

#[cfg(test)]
mod tests;
