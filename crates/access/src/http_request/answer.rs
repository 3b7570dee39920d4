//! What an HTTP server says about a client.

use castmq_rules::access::AccessRules;
use serde_json::{Map, Value};

use crate::rights;

/// What a response means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HttpAnswer {
    /// The client may connect.
    Allow {
        /// Whether nothing is forbidden to it.
        superuser: bool,
        /// What it may do, when the server says so; everything else is denied then.
        rights: Option<AccessRules>,
        /// Until when, in seconds since the epoch.
        expires: Option<u64>,
    },
    /// It may not.
    Deny,
    /// The server does not know: the next one is asked.
    Ignore,
    /// That is no answer; the text is for the operator and holds nothing of the client.
    Failed(String),
}

/// The meaning of a response.
///
/// | status | body | meaning |
/// |---|---|---|
/// | 2xx | empty, `ok`, `allow` | allow |
/// | 2xx | `deny`, `ignore` | that |
/// | 2xx | JSON with `result`: `allow`, `deny` or `ignore`; `is_superuser`, `acl`, `expire_at` | that |
/// | 2xx | anything else, as the page of a proxy | failed |
/// | 401, 403 | | deny |
/// | 404 | | ignore: there is no such user there |
/// | others | | failed |
// differs: for emqttd every body of a 200 but `ignore` allows, so that an error page does, too; and it
// takes 404 for a refusal like any other status.
#[must_use]
pub fn judge(status: u16, body: &[u8]) -> HttpAnswer {
    match status {
        200..=299 => judge_body(body),
        401 | 403 => HttpAnswer::Deny,
        404 => HttpAnswer::Ignore,
        _ => HttpAnswer::Failed(format!("status {status}")),
    }
}

fn judge_body(body: &[u8]) -> HttpAnswer {
    match body.trim_ascii() {
        b"" | b"ok" | b"OK" | b"allow" => HttpAnswer::allow(),
        b"deny" => HttpAnswer::Deny,
        b"ignore" => HttpAnswer::Ignore,
        json => judge_json(json).unwrap_or_else(|why| HttpAnswer::Failed(why.to_owned())),
    }
}

fn judge_json(json: &[u8]) -> Result<HttpAnswer, &'static str> {
    let wrong = "a body that is neither empty nor a JSON object";
    let answer: Map<String, Value> = serde_json::from_slice(json).map_err(|_| wrong)?;
    match answer.get("result").and_then(Value::as_str) {
        Some("allow") => {}
        Some("deny") => return Ok(HttpAnswer::Deny),
        Some("ignore") => return Ok(HttpAnswer::Ignore),
        _ => return Err("`result` is none of `allow`, `deny`, `ignore`"),
    }
    let field = |name| answer.get(name).filter(|value| !value.is_null());
    let superuser = match field("is_superuser") {
        None => false,
        Some(value) => value
            .as_bool()
            .ok_or("`is_superuser` is not true or false")?,
    };
    let rights = match field("acl") {
        None => None,
        Some(value) => Some(rights::parse(value).ok_or("`acl` is not of pub, sub and all")?),
    };
    let expires = match field("expire_at") {
        None => None,
        Some(value) => Some(
            value
                .as_u64()
                .ok_or("`expire_at` is not a number of seconds")?,
        ),
    };
    Ok(HttpAnswer::Allow {
        superuser,
        rights,
        expires,
    })
}

impl HttpAnswer {
    const fn allow() -> Self {
        Self::Allow {
            superuser: false,
            rights: None,
            expires: None,
        }
    }
}
