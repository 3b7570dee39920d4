//! Algorithms of signatures, and the keys they belong to.

use ring::hmac;
use ring::signature::{
    self, RsaParameters, RsaPublicKeyComponents, UnparsedPublicKey, VerificationAlgorithm,
};

use crate::Secret;

/// An algorithm that a token may name. `none` is not one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Algorithm {
    /// HS256 and so on.
    Hmac(Hash),
    /// RS256 and so on.
    Pkcs1(Hash),
    /// PS256 and so on.
    Pss(Hash),
    Es256,
    Es384,
    EdDsa,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hash {
    Sha256,
    Sha384,
    Sha512,
}

/// What checks signatures.
#[derive(Clone, Debug)]
pub(super) enum Material {
    Secret(Secret),
    /// Modulus and exponent, both big-endian without leading zeros.
    Rsa {
        n: Vec<u8>,
        e: Vec<u8>,
    },
    /// An uncompressed point.
    P256(Vec<u8>),
    P384(Vec<u8>),
    Ed25519(Vec<u8>),
}

impl Algorithm {
    pub(super) fn named(name: &str) -> Option<Self> {
        match name {
            "ES256" => return Some(Self::Es256),
            "ES384" => return Some(Self::Es384),
            "EdDSA" | "Ed25519" => return Some(Self::EdDsa),
            _ => {}
        }
        let (family, hash) = name.split_at_checked(2)?;
        let hash = match hash {
            "256" => Hash::Sha256,
            "384" => Hash::Sha384,
            "512" => Hash::Sha512,
            _ => return None,
        };
        match family {
            "HS" => Some(Self::Hmac(hash)),
            "RS" => Some(Self::Pkcs1(hash)),
            "PS" => Some(Self::Pss(hash)),
            _ => None,
        }
    }

    const fn hmac(self) -> Option<hmac::Algorithm> {
        let Self::Hmac(hash) = self else {
            return None;
        };
        Some(match hash {
            Hash::Sha256 => hmac::HMAC_SHA256,
            Hash::Sha384 => hmac::HMAC_SHA384,
            Hash::Sha512 => hmac::HMAC_SHA512,
        })
    }

    const fn rsa(self) -> Option<&'static RsaParameters> {
        match self {
            Self::Pkcs1(Hash::Sha256) => Some(&signature::RSA_PKCS1_2048_8192_SHA256),
            Self::Pkcs1(Hash::Sha384) => Some(&signature::RSA_PKCS1_2048_8192_SHA384),
            Self::Pkcs1(Hash::Sha512) => Some(&signature::RSA_PKCS1_2048_8192_SHA512),
            Self::Pss(Hash::Sha256) => Some(&signature::RSA_PSS_2048_8192_SHA256),
            Self::Pss(Hash::Sha384) => Some(&signature::RSA_PSS_2048_8192_SHA384),
            Self::Pss(Hash::Sha512) => Some(&signature::RSA_PSS_2048_8192_SHA512),
            Self::Hmac(_) | Self::Es256 | Self::Es384 | Self::EdDsa => None,
        }
    }
}

impl Material {
    /// Whether an algorithm belongs to the key.
    pub(super) fn is_for(&self, algorithm: Algorithm) -> bool {
        match self {
            Self::Secret(_) => algorithm.hmac().is_some(),
            Self::Rsa { .. } => algorithm.rsa().is_some(),
            Self::P256(_) => algorithm == Algorithm::Es256,
            Self::P384(_) => algorithm == Algorithm::Es384,
            Self::Ed25519(_) => algorithm == Algorithm::EdDsa,
        }
    }

    /// Whether the key signed this with an algorithm that belongs to it.
    pub(super) fn signed(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        let is_by = |key: &[u8], algorithm: &'static dyn VerificationAlgorithm| {
            let key = UnparsedPublicKey::new(algorithm, key);
            key.verify(message, signature).is_ok()
        };
        if !self.is_for(algorithm) {
            return false;
        }
        match self {
            Self::Secret(secret) => algorithm.hmac().is_some_and(|algorithm| {
                let key = hmac::Key::new(algorithm, secret.expose());
                hmac::verify(&key, message, signature).is_ok()
            }),
            Self::Rsa { n, e } => algorithm.rsa().is_some_and(|parameters| {
                let key = RsaPublicKeyComponents { n, e };
                key.verify(parameters, message, signature).is_ok()
            }),
            Self::P256(point) => is_by(point, &signature::ECDSA_P256_SHA256_FIXED),
            Self::P384(point) => is_by(point, &signature::ECDSA_P384_SHA384_FIXED),
            Self::Ed25519(point) => is_by(point, &signature::ED25519),
        }
    }
}
