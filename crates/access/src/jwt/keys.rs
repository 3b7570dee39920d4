//! The keys that tokens may be signed with.

use super::TokenError;
use super::algorithm::{Algorithm, Material};
use super::token::Token;
use super::{jwks, pem};
use crate::Secret;

/// Most keys that are tried for a token that does not say which one it is signed with.
const TRIES_MAX: usize = 8;

/// Keys, each with the algorithms that belong to it: a secret with HMAC, an RSA key with RSA, a point
/// of a curve with that curve's.
#[derive(Clone, Debug)]
pub struct TokenKeys(Vec<Key>);

#[derive(Clone, Debug)]
pub(super) struct Key {
    /// The name that tokens call it by, when it has one.
    pub(super) id: Option<String>,
    /// The only algorithm it is for, when it says so.
    pub(super) algorithm: Option<Algorithm>,
    pub(super) material: Material,
}

/// Why a text holds no keys. Shows nothing of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// A secret of no bytes.
    #[error("the secret is empty")]
    EmptySecret,
    /// A public key in place of a secret: anybody who knows it could sign.
    #[error("a PEM file is no secret")]
    PemAsSecret,
    /// No public key of a known kind stands there.
    #[error("no public key of RSA, P-256, P-384 or Ed25519")]
    NoKey,
    /// A private key, which does not belong on a broker.
    #[error("a private key stands there; only its public part is needed")]
    PrivateKey,
    /// Not a JWKS document.
    #[error("not a JWKS document: a JSON object with a list `keys`")]
    Jwks,
}

impl TokenKeys {
    /// One secret for HS256, HS384 and HS512. \[RFC7518\] wants as many bytes as the hash has.
    ///
    /// # Errors
    ///
    /// [`KeyError`] when it is empty, or a PEM file.
    pub fn secret(secret: Secret) -> Result<Self, KeyError> {
        if secret.expose().is_empty() {
            return Err(KeyError::EmptySecret);
        }
        if secret.expose().starts_with(b"-----BEGIN ") {
            return Err(KeyError::PemAsSecret);
        }
        Ok(Self(vec![Key::of(Material::Secret(secret))]))
    }

    /// The public keys of a PEM text, bare or in certificates. When a certificate ends is not looked at.
    ///
    /// # Errors
    ///
    /// [`KeyError`] when there is none, or one of another kind.
    pub fn pem(text: &str) -> Result<Self, KeyError> {
        pem::keys(text).map(Self)
    }

    /// The keys of a JWKS document; those of unknown kinds are left out. \[RFC7517\]
    ///
    /// # Errors
    ///
    /// [`KeyError`] when it is none, or has no key of a known kind.
    pub fn jwks(text: &str) -> Result<Self, KeyError> {
        jwks::keys(text).map(Self)
    }

    /// Both these and others.
    #[must_use]
    pub fn and(mut self, others: Self) -> Self {
        self.0.extend(others.0);
        self
    }

    /// A token that names its key is checked by that key, and by keys without a name.
    pub(super) fn verify(&self, token: &Token<'_>) -> Result<(), TokenError> {
        let is_named = |key: &&Key| match (&token.key_id, &key.id) {
            (Some(wanted), Some(id)) => wanted == id,
            (None, _) | (_, None) => true,
        };
        let is_for = |key: &&Key| {
            key.algorithm.is_none_or(|only| only == token.algorithm)
                && key.material.is_for(token.algorithm)
        };
        if !self.0.iter().any(|key| is_named(&key)) {
            return Err(TokenError::UnknownKey);
        }
        let mut keys = self.0.iter().filter(is_named).filter(is_for).peekable();
        if keys.peek().is_none() {
            return Err(TokenError::Algorithm);
        }
        let signed = |key: &Key| {
            let (message, signature) = (token.signed, &token.signature);
            key.material.signed(token.algorithm, message, signature)
        };
        if keys.take(TRIES_MAX).any(signed) {
            Ok(())
        } else {
            Err(TokenError::Signature)
        }
    }
}

impl Key {
    pub(super) const fn of(material: Material) -> Self {
        Self {
            id: None,
            algorithm: None,
            material,
        }
    }
}
