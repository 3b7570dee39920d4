//! A line of a password file: `user:hash`, and perhaps `:superuser`.

use std::fmt;
use std::str::FromStr;

use castmq_mqtt::{Text, TextError};

use crate::{HashError, PasswordHash};

const SUPERUSER: &str = "superuser";

/// What a line says of a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PasswordLine {
    /// The user's name; not empty, and without `:`.
    pub user: Text,
    /// What is known of the password.
    pub hash: PasswordHash,
    /// Whether nothing is forbidden to the user. mosquitto knows no such mark.
    pub superuser: bool,
}

/// Why a line is none of a password file. Never shows what stands behind the user's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LineError {
    /// There is no `:`.
    #[error("not `user:hash`")]
    NoColon,
    /// Nothing stands before the `:`.
    #[error("the user has no name")]
    NoUser,
    /// The name could not stand in an MQTT packet.
    #[error("the user's name: {0}")]
    User(#[from] TextError),
    /// The hash is none.
    #[error(transparent)]
    Hash(#[from] HashError),
    /// Something else than `superuser` stands behind the hash.
    #[error("behind the hash stands something else than `:superuser`")]
    Mark,
}

impl PasswordLine {
    /// The user's name for a line; blanks around it do not belong to it.
    ///
    /// # Errors
    ///
    /// [`LineError`] when no line can be about such a user.
    pub fn user(name: &str) -> Result<Text, LineError> {
        let name = name.trim();
        if name.is_empty() {
            return Err(LineError::NoUser);
        }
        if name.contains([':', '\n', '\r']) || name.starts_with('#') {
            return Err(LineError::NoColon);
        }
        Ok(Text::try_from(name)?)
    }
}

impl FromStr for PasswordLine {
    type Err = LineError;

    fn from_str(line: &str) -> Result<Self, LineError> {
        let (user, rest) = line.split_once(':').ok_or(LineError::NoColon)?;
        let (hash, mark) = match rest.split_once(':') {
            Some((hash, mark)) => (hash, Some(mark.trim())),
            None => (rest, None),
        };
        if mark.is_some_and(|mark| mark != SUPERUSER) {
            return Err(LineError::Mark);
        }
        Ok(Self {
            user: Self::user(user)?,
            hash: hash.trim().parse()?,
            superuser: mark.is_some(),
        })
    }
}

impl fmt::Display for PasswordLine {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.user, self.hash)?;
        if self.superuser {
            write!(formatter, ":{SUPERUSER}")?;
        }
        Ok(())
    }
}
