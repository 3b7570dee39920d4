//! MQTT strings: UTF-8 that obeys the protocol's extra rules.

use std::borrow::Borrow;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

/// Longest string that its two length bytes can state.
const TEXT_BYTES_MAX: usize = 65_535;

/// A string as MQTT allows it: UTF-8 without U+0000, at most 65 535 bytes. It owns its bytes, so that it
/// keeps no packet's buffer alive; cloning shares them.
// One allocation and 16 bytes: sessions, tables and queues hold many of them. A slice of the packet would
// take twice as much, and a reference to the whole packet with it.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Text(Arc<str>);

/// Why bytes are not an MQTT string.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    /// Not UTF-8; surrogate code points are not UTF-8 either. [MQTT3-1.5.3-1] [MQTT5-1.5.4-1]
    #[error("string is not well-formed UTF-8")]
    NotUtf8,
    /// Holds U+0000. [MQTT3-1.5.3-2] [MQTT5-1.5.4-2]
    #[error("string holds the null character U+0000")]
    Null,
    /// More than 65 535 bytes.
    #[error("string is longer than 65535 bytes")]
    TooLong,
}

impl Text {
    /// The string for some bytes.
    ///
    /// # Errors
    ///
    /// [`TextError`] when the bytes break a rule for MQTT strings.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, TextError> {
        if bytes.len() > TEXT_BYTES_MAX {
            return Err(TextError::TooLong);
        }
        if bytes.contains(&0) {
            return Err(TextError::Null);
        }
        let text = std::str::from_utf8(bytes).map_err(|_| TextError::NotUtf8)?;
        Ok(Self(Arc::from(text)))
    }

    /// The string as a string slice.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Text {
    /// Whether both are clones of one string, which is quicker to tell than whether they are equal.
    #[must_use]
    pub fn is_clone_of(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl TryFrom<&str> for Text {
    type Error = TextError;

    fn try_from(text: &str) -> Result<Self, TextError> {
        Self::from_bytes(text.as_bytes())
    }
}

impl TryFrom<String> for Text {
    type Error = TextError;

    fn try_from(text: String) -> Result<Self, TextError> {
        Self::from_bytes(text.as_bytes())
    }
}

impl Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl Borrow<str> for Text {
    fn borrow(&self) -> &str {
        self.as_str()
    }
}

impl AsRef<str> for Text {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl fmt::Display for Text {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), formatter)
    }
}
