//! Argon2id as a PHC string.

use std::fmt;
use std::str::FromStr;

use argon2::{Algorithm, Argon2, Params, Version};
use subtle::ConstantTimeEq;

use super::{Engine, HashError, SALT_BYTES_MAX, STANDARD_NO_PAD};

const NAME: &str = "argon2id";
const MEMORY_KIB: u32 = 19_456;
const PASSES: u32 = 2;
const LANES: u32 = 1;
const HASH_BYTES: usize = 32;

/// 1 GiB.
const MEMORY_KIB_MAX: u32 = 1 << 20;
/// Four passes over 1 GiB, or as much in another division: some seconds.
const WORK_KIB_MAX: u64 = 4 << 20;
const LANES_MAX: u32 = 16;
const SALT_BYTES_MIN: usize = 8;

#[derive(Clone, PartialEq, Eq)]
pub(super) struct Argon2id {
    memory_kib: u32,
    passes: u32,
    lanes: u32,
    salt: Vec<u8>,
    hash: Vec<u8>,
}

impl Argon2id {
    pub(super) fn new(password: &[u8], salt: &[u8; 16]) -> Self {
        let mut new = Self::decoy();
        new.salt = salt.to_vec();
        // Only parameters or lengths that are out of range could fail, and these are not; an empty
        // hash would be no password's.
        new.hash = new.compute(password, HASH_BYTES).unwrap_or_default();
        new
    }

    pub(super) fn decoy() -> Self {
        Self {
            memory_kib: MEMORY_KIB,
            passes: PASSES,
            lanes: LANES,
            salt: vec![0; 16],
            hash: vec![0; HASH_BYTES],
        }
    }

    pub(super) fn verify(&self, password: &[u8]) -> bool {
        let computed = self.compute(password, self.hash.len());
        computed.is_some_and(|computed| computed.ct_eq(&self.hash).into())
    }

    fn compute(&self, password: &[u8], bytes: usize) -> Option<Vec<u8>> {
        let params = Params::new(self.memory_kib, self.passes, self.lanes, Some(bytes)).ok()?;
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let mut hash = vec![0; bytes];
        argon2
            .hash_password_into(password, &self.salt, &mut hash)
            .ok()?;
        Some(hash)
    }

    fn check(self) -> Result<Self, HashError> {
        let work = u64::from(self.memory_kib) * u64::from(self.passes);
        if self.memory_kib > MEMORY_KIB_MAX || work > WORK_KIB_MAX || self.lanes > LANES_MAX {
            return Err(HashError::TooCostly(NAME));
        }
        let is_possible = Params::new(
            self.memory_kib,
            self.passes,
            self.lanes,
            Some(self.hash.len()),
        )
        .is_ok();
        let is_whole = (SALT_BYTES_MIN..=SALT_BYTES_MAX).contains(&self.salt.len())
            && (16..=64).contains(&self.hash.len());
        if is_possible && is_whole {
            Ok(self)
        } else {
            Err(HashError::Malformed(NAME))
        }
    }
}

impl FromStr for Argon2id {
    type Err = HashError;

    /// Reads what stands behind `$argon2id$`.
    fn from_str(rest: &str) -> Result<Self, HashError> {
        let read = || {
            let mut fields = rest.strip_prefix("v=19$")?.split('$');
            let mut params = fields.next()?.split(',');
            let mut number = |name| params.next()?.strip_prefix(name)?.parse().ok();
            let (memory_kib, passes, lanes) = (number("m=")?, number("t=")?, number("p=")?);
            let salt = STANDARD_NO_PAD.decode(fields.next()?).ok()?;
            let hash = STANDARD_NO_PAD.decode(fields.next()?).ok()?;
            let is_all = params.next().is_none() && fields.next().is_none();
            is_all.then_some(Self {
                memory_kib,
                passes,
                lanes,
                salt,
                hash,
            })
        };
        read().ok_or(HashError::Malformed(NAME))?.check()
    }
}

impl fmt::Display for Argon2id {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (memory_kib, passes, lanes) = (self.memory_kib, self.passes, self.lanes);
        let salt = STANDARD_NO_PAD.encode(&self.salt);
        let hash = STANDARD_NO_PAD.encode(&self.hash);
        write!(
            formatter,
            "$argon2id$v=19$m={memory_kib},t={passes},p={lanes}${salt}${hash}"
        )
    }
}
