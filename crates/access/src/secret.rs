//! Bytes that nobody may see.

use std::fmt;

use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// A password or a key: shows nothing of itself, also not by how long it takes to compare, and its
/// memory is overwritten when it goes.
#[derive(Clone, Eq)]
pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    /// Takes the bytes over.
    #[must_use]
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Self(Zeroizing::new(bytes.into()))
    }

    /// The bytes, for whoever computes with them.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("(secret)")
    }
}

#[cfg(test)]
mod tests {
    use super::Secret;

    #[test]
    fn a_secret_is_not_shown() {
        let secret = Secret::new("swordfish");

        assert_eq!(format!("{secret} {secret:?}"), "(secret) Secret");
        assert_eq!(secret.expose(), b"swordfish");
    }

    #[test]
    fn secrets_of_the_same_bytes_are_equal() {
        assert_eq!(Secret::new("swordfish"), Secret::new("swordfish"));
        assert_ne!(Secret::new("swordfish"), Secret::new("swordfisk"));
        assert_ne!(Secret::new("swordfish"), Secret::new("sword"));
    }
}
