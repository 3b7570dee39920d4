//! Asking an HTTP server whether a client may connect: the request to send, and what the answer means.
//!
//! | placeholder | what |
//! |---|---|
//! | `%u` | user name |
//! | `%P` | password |
//! | `%c` | client id |
//! | `%a` | the address it connects from |
//! | `%r` | the protocol: `mqtt` |
//! | `%%` | a percent sign |
//!
//! In the URL and in forms names are percent-encoded, in JSON they are escaped; into a header goes
//! only what may stand there. What a client does not have is empty, or `null` where it would be a whole
//! JSON string. In the URL, `%` and two hexadecimal digits stay what they are in URLs.
// The placeholders are those of emqttd's plugin for HTTP: auth_req with %u, %P, %c, %a.

use std::fmt;
use std::net::IpAddr;

use serde_json::Value;

use crate::Secret;

mod answer;
mod template;
#[cfg(test)]
mod tests;

pub use answer::{HttpAnswer, judge};
use template::{Place, Template};

/// How a request is made for each client.
#[derive(Clone, Debug)]
pub struct RequestTemplate {
    method: HttpMethod,
    url: Template,
    headers: Vec<(String, Template)>,
    body: Option<Body>,
}

/// A method that requests are made with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HttpMethod {
    /// `GET`, without a body.
    Get,
    /// `POST`.
    Post,
    /// `PUT`.
    Put,
}

/// What stands in the body of a request.
#[derive(Clone, Debug, PartialEq)]
pub enum RequestBody {
    /// Nothing.
    Empty,
    /// Names and values of a form.
    Form(Vec<(String, String)>),
    /// JSON whose strings may hold placeholders.
    Json(Value),
}

#[derive(Clone, Debug)]
enum Body {
    Form(Vec<(String, Template)>),
    Json(Value),
}

/// The client to ask about.
#[derive(Clone, Copy)]
pub struct Applicant<'c> {
    /// Its client id.
    pub client_id: &'c str,
    /// Its user name.
    pub user_name: Option<&'c str>,
    /// Its password.
    pub password: Option<&'c [u8]>,
    /// Where it connects from.
    pub address: Option<IpAddr>,
}

/// A request to send. What is secret in it is not shown.
#[derive(Clone, PartialEq, Eq)]
pub struct FilledRequest {
    /// The method.
    pub method: HttpMethod,
    /// The URL, which may hold secrets.
    pub url: Secret,
    /// Headers, the content type among them when there is a body; values may hold secrets.
    pub headers: Vec<(String, Secret)>,
    /// The body; empty for none.
    pub body: Secret,
}

/// Why no requests can be made of a template.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// A `%` that begins none of the placeholders.
    #[error("`%{0}` is none of %u, %P, %c, %a, %r, %%")]
    Placeholder(String),
    /// Not a URL, or one whose server would depend on the client.
    #[error("not a URL of a fixed server: http:// or https://, and no placeholder before the path")]
    Url,
    /// A path with `.` or `..` in it.
    #[error("a path with `.` or `..`")]
    Dots,
    /// Not a header, or one with a line break.
    #[error("`{0}` is no header, or its value no text for one")]
    Header(String),
    /// A GET with a body.
    #[error("GET has no body")]
    Body,
}

/// Why no request can be made for a client: its names do not fit the template.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FillError {
    /// A name would change the path: it is `.` or `..`.
    #[error("a name that would be another path")]
    Dots,
    /// Other than visible ASCII characters cannot stand in a header.
    #[error("a name or password that cannot stand in a header")]
    Header,
    /// A password that is not UTF-8 cannot stand in JSON.
    #[error("a password that cannot stand in JSON")]
    Json,
}

impl HttpMethod {
    /// Its name in a request.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
        }
    }
}

impl RequestTemplate {
    /// Requests with this method, URL, headers and body.
    ///
    /// # Errors
    ///
    /// [`TemplateError`] when they are not well-formed, or would let a client choose where its request
    /// goes.
    pub fn new(
        method: HttpMethod,
        url: &str,
        headers: &[(String, String)],
        body: RequestBody,
    ) -> Result<Self, TemplateError> {
        let headers = headers.iter().map(|(name, value)| {
            let template = Template::parse(value, Place::Header)?;
            let is_header = template::is_header_name(name) && template.is_visible();
            let wrong = || TemplateError::Header(name.clone());
            let header = is_header.then(|| (name.clone(), template));
            header.ok_or_else(wrong)
        });
        let body = match body {
            RequestBody::Empty => None,
            _ if method == HttpMethod::Get => return Err(TemplateError::Body),
            RequestBody::Form(fields) => Some(Body::form(fields)?),
            RequestBody::Json(value) => Some(Body::json(value)?),
        };
        Ok(Self {
            method,
            url: template::url(url)?,
            headers: headers.collect::<Result<_, _>>()?,
            body,
        })
    }

    /// The request about a client.
    ///
    /// # Errors
    ///
    /// [`FillError`] when the client's names do not fit: nobody can be asked about it.
    pub fn fill(&self, applicant: Applicant<'_>) -> Result<FilledRequest, FillError> {
        let url = self.url.filled(applicant)?;
        if template::has_dots(&url) {
            return Err(FillError::Dots);
        }
        let mut headers = Vec::new();
        for (name, value) in &self.headers {
            headers.push((name.clone(), Secret::new(value.filled(applicant)?)));
        }
        let body = match &self.body {
            None => Vec::new(),
            Some(body) => {
                let is_type =
                    |(name, _): &(String, Secret)| name.eq_ignore_ascii_case("content-type");
                if !headers.iter().any(is_type) {
                    let kind = Secret::new(body.content_type());
                    headers.push(("Content-Type".to_owned(), kind));
                }
                body.filled(applicant)?
            }
        };
        Ok(FilledRequest {
            method: self.method,
            url: Secret::new(url),
            headers,
            body: Secret::new(body),
        })
    }
}

impl Body {
    fn form(fields: Vec<(String, String)>) -> Result<Self, TemplateError> {
        let fields = fields.into_iter().map(|(name, value)| {
            let value = Template::parse(&value, Place::Form)?;
            Ok((name, value))
        });
        fields.collect::<Result<_, _>>().map(Self::Form)
    }

    fn json(value: Value) -> Result<Self, TemplateError> {
        template::check_json(&value)?;
        Ok(Self::Json(value))
    }

    const fn content_type(&self) -> &'static str {
        match self {
            Self::Form(_) => "application/x-www-form-urlencoded",
            Self::Json(_) => "application/json",
        }
    }

    fn filled(&self, applicant: Applicant<'_>) -> Result<Vec<u8>, FillError> {
        match self {
            Self::Form(fields) => {
                let mut form = Vec::new();
                for (name, value) in fields {
                    if !form.is_empty() {
                        form.push(b'&');
                    }
                    template::percent_encode(name.as_bytes(), &mut form);
                    form.push(b'=');
                    form.extend(value.filled(applicant)?);
                }
                Ok(form)
            }
            Self::Json(value) => {
                let json = template::filled_json(value, applicant)?;
                Ok(json.to_string().into_bytes())
            }
        }
    }
}

impl fmt::Debug for Applicant<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Applicant")
            .field("client_id", &self.client_id)
            .field("user_name", &self.user_name)
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for FilledRequest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("FilledRequest")
            .field("method", &self.method)
            .finish_non_exhaustive()
    }
}
