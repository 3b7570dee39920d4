//! Payloads in JSON: text where they are, base64 where they are not.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::InspectError;

/// How a payload is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Encoding {
    /// As UTF-8.
    #[default]
    Text,
    /// In base64.
    Base64,
}

pub(super) fn encode(payload: &[u8]) -> (String, Encoding) {
    match std::str::from_utf8(payload) {
        Ok(text) => (text.to_owned(), Encoding::Text),
        Err(_) => (STANDARD.encode(payload), Encoding::Base64),
    }
}

pub(super) fn decode(payload: &str, encoding: Encoding) -> Result<Vec<u8>, InspectError> {
    match encoding {
        Encoding::Text => Ok(payload.as_bytes().to_vec()),
        Encoding::Base64 => STANDARD
            .decode(payload)
            .map_err(|error| InspectError::Wrong {
                what: "payload",
                why: format!("it is no base64: {error}"),
            }),
    }
}
