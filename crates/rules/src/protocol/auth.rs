//! AUTH: which step of enhanced authentication may come when.

use bytes::Bytes;
use castmq_mqtt::{Auth, ReasonCode, Text};

use super::Violation;

/// A step of enhanced authentication that a client takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthStep {
    /// It begins anew, while it is connected.
    pub is_new: bool,
    /// What the method defines.
    pub data: Bytes,
}

/// Checks a step against the method of CONNECT and whether the server has asked for one.
// [MQTT5-4.12.0-5] [MQTT5-4.12.0-7]
pub(super) fn check(
    auth: Auth,
    method: Option<&Text>,
    is_challenged: bool,
    is_connected: bool,
) -> Result<AuthStep, Violation> {
    let Some(method) = method else {
        return Err(Violation::UnexpectedAuth);
    };
    if auth.properties.method.as_ref() != Some(method) {
        return Err(Violation::OtherAuthMethod);
    }
    let is_new = auth.reason == ReasonCode::ReAuthenticate;
    let is_due = if is_new {
        is_connected
    } else {
        auth.reason == ReasonCode::ContinueAuthentication && is_challenged
    };
    if !is_due {
        return Err(Violation::UnexpectedAuth);
    }
    Ok(AuthStep {
        is_new,
        data: auth.properties.data.unwrap_or_default(),
    })
}
