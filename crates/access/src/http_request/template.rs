//! Texts with placeholders, and how what they stand for is written into each place.

use serde_json::Value;

use super::{Applicant, FillError, TemplateError};

/// Where a text stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Url,
    Header,
    Form,
    Json,
}

#[derive(Clone, Debug)]
pub(super) struct Template {
    parts: Vec<Part>,
    place: Place,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Name(Name),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Name {
    User,
    Password,
    Client,
    Address,
    Protocol,
}

impl Template {
    pub(super) fn parse(text: &str, place: Place) -> Result<Self, TemplateError> {
        let mut parts = Vec::new();
        let mut plain = String::new();
        let mut rest = text;
        while let Some((before, behind)) = rest.split_once('%') {
            plain.push_str(before);
            let sign = behind.chars().next();
            rest = sign
                .and_then(|sign| behind.strip_prefix(sign))
                .unwrap_or("");
            if place == Place::Url && is_encoded(behind) {
                plain.push('%');
                rest = behind;
                continue;
            }
            if sign == Some('%') {
                plain.push_str(if place == Place::Url { "%25" } else { "%" });
                continue;
            }
            let name = sign.and_then(Name::of);
            let unknown = || TemplateError::Placeholder(sign.map(String::from).unwrap_or_default());
            parts.push(Part::Text(std::mem::take(&mut plain)));
            parts.push(Part::Name(name.ok_or_else(unknown)?));
        }
        plain.push_str(rest);
        parts.push(Part::Text(plain));
        parts.retain(|part| *part != Part::Text(String::new()));
        Ok(Self { parts, place })
    }

    /// Whether the text around the placeholders may stand in a header.
    pub(super) fn is_visible(&self) -> bool {
        self.parts.iter().all(|part| match part {
            Part::Text(text) => text.bytes().all(is_visible),
            Part::Name(_) => true,
        })
    }

    pub(super) fn filled(&self, applicant: Applicant<'_>) -> Result<Vec<u8>, FillError> {
        let mut filled = Vec::new();
        for part in &self.parts {
            let name = match part {
                Part::Text(text) if self.place == Place::Form => {
                    percent_encode(text.as_bytes(), &mut filled);
                    continue;
                }
                Part::Text(text) => {
                    filled.extend(text.as_bytes());
                    continue;
                }
                Part::Name(name) => name.of_applicant(applicant).unwrap_or_default(),
            };
            match self.place {
                Place::Url | Place::Form => percent_encode(&name, &mut filled),
                Place::Header if !name.iter().copied().all(is_visible) => {
                    return Err(FillError::Header);
                }
                Place::Header | Place::Json => filled.extend(name),
            }
        }
        Ok(filled)
    }
}

impl Name {
    const fn of(sign: char) -> Option<Self> {
        match sign {
            'u' => Some(Self::User),
            'P' => Some(Self::Password),
            'c' => Some(Self::Client),
            'a' => Some(Self::Address),
            'r' => Some(Self::Protocol),
            _ => None,
        }
    }

    fn of_applicant(self, applicant: Applicant<'_>) -> Option<Vec<u8>> {
        match self {
            Self::User => applicant.user_name.map(Vec::from),
            Self::Password => applicant.password.map(<[u8]>::to_vec),
            Self::Client => Some(applicant.client_id.into()),
            Self::Address => applicant.address.map(|address| {
                let address = address.to_canonical();
                address.to_string().into_bytes()
            }),
            Self::Protocol => Some(b"mqtt".to_vec()),
        }
    }
}

/// The template of a URL whose scheme and server are fixed.
pub(super) fn url(text: &str) -> Result<Template, TemplateError> {
    let server = text
        .strip_prefix("http://")
        .or_else(|| text.strip_prefix("https://"))
        .ok_or(TemplateError::Url)?;
    let (server, _) = server.split_once(['/', '?', '#']).unwrap_or((server, ""));
    let is_plain = text
        .bytes()
        .all(|byte| byte.is_ascii_graphic() && byte != b'#');
    if server.is_empty() || server.contains(['%', '@', '\\']) || !is_plain {
        return Err(TemplateError::Url);
    }
    if has_dots(text.as_bytes()) {
        return Err(TemplateError::Dots);
    }
    Template::parse(text, Place::Url)
}

/// Whether a level of a URL's path is `.` or `..`, also when it is encoded.
pub(super) fn has_dots(url: &[u8]) -> bool {
    let path = url.split(|byte| *byte == b'?').next().unwrap_or_default();
    path.split(|byte| matches!(byte, b'/' | b'\\'))
        .any(|level| {
            let level = level.to_ascii_lowercase();
            let level = String::from_utf8_lossy(&level).replace("%2e", ".");
            level == "." || level == ".."
        })
}

pub(super) fn is_header_name(name: &str) -> bool {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !name.is_empty() && name.bytes().all(is_token)
}

/// Writes bytes so that none means anything in a URL or a form. \[RFC3986-2.3\]
pub(super) fn percent_encode(bytes: &[u8], to: &mut Vec<u8>) {
    for byte in bytes {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(byte) {
            to.push(*byte);
        } else {
            to.extend(format!("%{byte:02X}").into_bytes());
        }
    }
}

/// Whether all strings of a JSON value are templates.
pub(super) fn check_json(value: &Value) -> Result<(), TemplateError> {
    match value {
        Value::String(text) => Template::parse(text, Place::Json).map(|_| ()),
        Value::Array(list) => list.iter().try_for_each(check_json),
        Value::Object(map) => map.values().try_for_each(check_json),
        Value::Null | Value::Bool(_) | Value::Number(_) => Ok(()),
    }
}

pub(super) fn filled_json(value: &Value, applicant: Applicant<'_>) -> Result<Value, FillError> {
    match value {
        Value::String(text) => filled_string(text, applicant),
        Value::Array(list) => {
            let list = list.iter().map(|value| filled_json(value, applicant));
            list.collect::<Result<_, _>>().map(Value::Array)
        }
        Value::Object(map) => {
            let fields = map.iter().map(|(name, value)| {
                let value = filled_json(value, applicant)?;
                Ok((name.clone(), value))
            });
            fields.collect::<Result<_, _>>().map(Value::Object)
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => Ok(value.clone()),
    }
}

fn filled_string(text: &str, applicant: Applicant<'_>) -> Result<Value, FillError> {
    // That it is a template was checked when the request's template was made.
    let template = Template::parse(text, Place::Json).map_err(|_| FillError::Json)?;
    if let [Part::Name(name)] = template.parts.as_slice()
        && name.of_applicant(applicant).is_none()
    {
        return Ok(Value::Null);
    }
    let filled = String::from_utf8(template.filled(applicant)?);
    filled.map(Value::String).map_err(|_| FillError::Json)
}

fn is_encoded(behind_percent: &str) -> bool {
    let mut bytes = behind_percent.bytes();
    let mut is_hex = || bytes.next().is_some_and(|byte| byte.is_ascii_hexdigit());
    is_hex() && is_hex()
}

const fn is_visible(byte: u8) -> bool {
    matches!(byte, b' '..=b'~')
}
