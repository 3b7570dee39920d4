//! The three parts of a token.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use super::TokenError;
use super::algorithm::Algorithm;

/// A token nobody has checked.
pub(super) struct Token<'t> {
    pub(super) algorithm: Algorithm,
    pub(super) key_id: Option<String>,
    /// What is signed.
    pub(super) signed: &'t [u8],
    pub(super) signature: Vec<u8>,
    pub(super) payload: Vec<u8>,
}

impl<'t> Token<'t> {
    pub(super) fn parse(token: &'t [u8]) -> Result<Self, TokenError> {
        let text = std::str::from_utf8(token).map_err(|_| TokenError::Malformed)?;
        let (signed, signature) = text.rsplit_once('.').ok_or(TokenError::Malformed)?;
        let (header, payload) = signed.split_once('.').ok_or(TokenError::Malformed)?;
        let header = object(&decoded(header)?)?;
        // No extension is known, so none that must be understood is.
        if header.contains_key("crit") {
            return Err(TokenError::Malformed);
        }
        let string = |name| header.get(name).and_then(Value::as_str);
        let algorithm = string("alg").ok_or(TokenError::Malformed)?;
        Ok(Self {
            algorithm: Algorithm::named(algorithm).ok_or(TokenError::Algorithm)?,
            key_id: string("kid").map(str::to_owned),
            signed: signed.as_bytes(),
            signature: decoded(signature)?,
            payload: decoded(payload)?,
        })
    }
}

pub(super) fn object(json: &[u8]) -> Result<Map<String, Value>, TokenError> {
    serde_json::from_slice(json).map_err(|_| TokenError::Malformed)
}

fn decoded(part: &str) -> Result<Vec<u8>, TokenError> {
    let bytes = URL_SAFE_NO_PAD.decode(part);
    bytes.map_err(|_| TokenError::Malformed)
}
