//! The request for a WebSocket, and what is answered. RFC 6455, section 4.

use std::fmt;

use httparse::{EMPTY_HEADER, Header, Request, Status};
use tungstenite::handshake::derive_accept_key;

use crate::plan::WebSocketPlan;

/// A request is at most so long.
pub(super) const HEAD_BYTES_MAX: usize = 8 * 1024;
/// What a request ends with.
pub(super) const HEAD_END: &[u8] = b"\r\n\r\n";
/// A request has at most so many header fields.
const FIELDS_MAX: usize = 64;
/// What is spoken in the messages, the better name first.
const PROTOCOLS: [&str; 2] = ["mqtt", "mqttv3.1"];
/// The length of a key: 16 bytes in base64.
const KEY_BYTES: usize = 24;

/// Why a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    status: &'static str,
    /// Header fields that belong to it.
    fields: &'static str,
    text: &'static str,
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "HTTP {}: {}", self.status, self.text)
    }
}

impl Refusal {
    const fn new(status: &'static str, text: &'static str) -> Self {
        Self {
            status,
            fields: "",
            text,
        }
    }

    const fn bad(text: &'static str) -> Self {
        Self::new("400 Bad Request", text)
    }

    pub(super) const TOO_LONG: Self = Self::new(
        "431 Request Header Fields Too Large",
        "the request has more than 8 KiB or 64 header fields",
    );

    /// For what does not begin as the request for a resource does.
    pub(super) fn of_start(start: &[u8]) -> Option<Self> {
        let method: &[u8] = b"GET ";
        if start.iter().zip(method).all(|(one, other)| one == other) {
            return None;
        }
        // By the first byte, which is always there: the answer is the same however the request arrives.
        let is_method = start.first().is_some_and(u8::is_ascii_uppercase);
        Some(if is_method {
            Self {
                fields: "Allow: GET\r\n",
                ..Self::new("405 Method Not Allowed", "a WebSocket is asked for by GET")
            }
        } else {
            Self::bad("this is no HTTP; WebSockets are taken here")
        })
    }

    /// The whole answer.
    pub(super) fn answer(&self) -> Vec<u8> {
        let Self {
            status,
            fields,
            text,
        } = self;
        format!(
            "HTTP/1.1 {status}\r\n{fields}Content-Type: text/plain\r\nContent-Length: {}\r\n\
             Connection: close\r\n\r\n{text}\n",
            text.len() + 1
        )
        .into_bytes()
    }
}

/// The answer to a whole request that opens a WebSocket.
pub(super) fn accept(head: &[u8], plan: &WebSocketPlan) -> Result<Vec<u8>, Refusal> {
    let mut fields = [EMPTY_HEADER; FIELDS_MAX];
    let mut request = Request::new(&mut fields);
    match request.parse(head) {
        Ok(Status::Complete(_)) => {}
        Err(httparse::Error::TooManyHeaders) => return Err(Refusal::TOO_LONG),
        Ok(Status::Partial) | Err(_) => return Err(Refusal::bad("the request cannot be read")),
    }
    check_resource(&request, plan)?;
    let fields = Fields(request.headers);
    check_origin(fields, &plan.origins)?;
    check_upgrade(fields)?;
    let key = fields.one("Sec-WebSocket-Key").filter(|key| is_key(key));
    let key = key.ok_or(Refusal::bad("Sec-WebSocket-Key is not one key"))?;
    // [MQTT3-6.0.0-3], [MQTT3-6.0.0-4], [MQTT5-6.0.0-3], [MQTT5-6.0.0-4]
    let protocol = PROTOCOLS
        .into_iter()
        .find(|name| fields.lists("Sec-WebSocket-Protocol", |offered| offered == *name))
        .ok_or(Refusal::bad(
            "Sec-WebSocket-Protocol does not offer mqtt, which is what is spoken here",
        ))?;
    let accept = derive_accept_key(key.as_bytes());
    Ok(format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {accept}\r\nSec-WebSocket-Protocol: {protocol}\r\n\r\n"
    )
    .into_bytes())
}

fn check_resource(request: &Request<'_, '_>, plan: &WebSocketPlan) -> Result<(), Refusal> {
    // The parser knows versions 1.0 and 1.1.
    if request.version != Some(1) {
        let text = "WebSockets need HTTP/1.1";
        return Err(Refusal::new("505 HTTP Version Not Supported", text));
    }
    let target = request.path.unwrap_or_default();
    let path = target.split_once('?').map_or(target, |(path, _)| path);
    if path != plan.path {
        let text = "there is no WebSocket at this path";
        return Err(Refusal::new("404 Not Found", text));
    }
    Ok(())
}

fn check_origin(fields: Fields<'_>, origins: &[String]) -> Result<(), Refusal> {
    let is_allowed = |origin: &str| {
        let mut origins = origins.iter();
        origins.any(|allowed| allowed.eq_ignore_ascii_case(origin))
    };
    // Each of them: who sends two hopes that we look at the better one.
    if !origins.is_empty() && !fields.all("Origin").all(is_allowed) {
        let text = "pages of this origin may not connect";
        return Err(Refusal::new("403 Forbidden", text));
    }
    Ok(())
}

fn check_upgrade(fields: Fields<'_>) -> Result<(), Refusal> {
    if fields.one("Host").is_none() {
        return Err(Refusal::bad("Host is not there once"));
    }
    if !fields.lists("Upgrade", |name| name.eq_ignore_ascii_case("websocket")) {
        return Err(Refusal {
            fields: "Upgrade: websocket\r\n",
            ..Refusal::new("426 Upgrade Required", "only WebSockets are taken here")
        });
    }
    if !fields.lists("Connection", |name| name.eq_ignore_ascii_case("upgrade")) {
        return Err(Refusal::bad("Connection does not say Upgrade"));
    }
    if fields.one("Sec-WebSocket-Version") != Some("13") {
        return Err(Refusal {
            fields: "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n",
            ..Refusal::new(
                "426 Upgrade Required",
                "only version 13 of WebSockets is spoken here",
            )
        });
    }
    Ok(())
}

fn is_key(key: &str) -> bool {
    let is_base64 = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    key.len() == KEY_BYTES
        && key
            .strip_suffix("==")
            .is_some_and(|digits| digits.bytes().all(is_base64))
}

/// The header fields of a request.
#[derive(Clone, Copy)]
struct Fields<'a>(&'a [Header<'a>]);

impl<'a> Fields<'a> {
    /// The values of all fields of that name. What is no text is no value, but is one of them.
    fn all(self, name: &str) -> impl Iterator<Item = &'a str> {
        self.0
            .iter()
            .filter(move |field| field.name.eq_ignore_ascii_case(name))
            .map(|field| std::str::from_utf8(field.value).unwrap_or_default().trim())
    }

    /// The value of the only field of that name.
    fn one(self, name: &str) -> Option<&'a str> {
        let mut all = self.all(name);
        all.next().filter(|_| all.next().is_none())
    }

    /// Whether one of a list, which may be spread over fields of the same name, is the one.
    fn lists(self, name: &str, is_it: impl Fn(&str) -> bool) -> bool {
        self.all(name)
            .flat_map(|value| value.split(','))
            .any(|part| is_it(part.trim()))
    }
}

#[cfg(test)]
mod tests;
