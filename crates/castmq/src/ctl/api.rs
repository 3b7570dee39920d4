//! The broker's admin API as this program's counterpart: requests, answers, and what goes wrong.

use std::fmt;
use std::io::{self, Read};
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use castmq_access::Secret;
use serde_json::Value;
use ureq::Agent;
use ureq::http::{Request, Response};
use ureq::tls::{Certificate, RootCerts, TlsConfig, TlsProvider};

use super::failure::Failure;
use super::text;

/// Where all resources are but those for machines, such as `/metrics`.
pub(super) const BASE: &str = "/api/v1";

/// The longest answer that is read whole; a page has at most 1000 rows.
const ANSWER_BYTES_MAX: u64 = 256 * 1024 * 1024;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Draining and tests of rules take their time.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// What a request does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Method {
    Get,
    Put,
    Post,
    Delete,
}

impl Method {
    fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Put => "PUT",
            Self::Post => "POST",
            Self::Delete => "DELETE",
        }
    }
}

/// Who asks.
#[derive(Clone, Debug)]
pub(super) enum Credentials {
    /// Nobody: enough on loopback, where none are configured.
    None,
    /// A user with a password.
    Password(String, Secret),
    /// A token.
    Token(Secret),
}

/// An answer, as it came and as what it means.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) text: String,
    pub(super) value: Value,
}

/// A broker's admin API.
#[derive(Clone)]
pub(super) struct Api {
    agent: Agent,
    origin: String,
    authorization: Option<Secret>,
}

impl fmt::Debug for Api {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Api({})", self.origin)
    }
}

impl Api {
    /// The API at that origin, `http://host:port` or `https://host:port`, whose certificate one of the `authorities`
    /// has signed; without any, one of the system's.
    pub(super) fn new(
        origin: &str,
        credentials: &Credentials,
        authorities: Option<Vec<Certificate<'static>>>,
    ) -> Self {
        let roots = match authorities {
            Some(certificates) => RootCerts::new_with_certs(&certificates),
            None => RootCerts::PlatformVerifier,
        };
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = TlsConfig::builder()
            .provider(TlsProvider::Rustls)
            .root_certs(roots)
            .unversioned_rustls_crypto_provider(provider)
            .build();
        let config = Agent::config_builder()
            .timeout_connect(Some(CONNECT_TIMEOUT))
            .timeout_recv_response(Some(ANSWER_TIMEOUT))
            .http_status_as_error(false)
            // Credentials are for the one that was named.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .proxy(None)
            .tls_config(tls)
            .user_agent("castmq ctl")
            .build();
        let authorization = match credentials {
            Credentials::None => None,
            Credentials::Password(user, password) => {
                let both = [user.as_bytes(), b":", password.expose()].concat();
                Some(Secret::new(format!("Basic {}", STANDARD.encode(both))))
            }
            Credentials::Token(token) => Some(Secret::new([b"Bearer ", token.expose()].concat())),
        };
        Self {
            agent: config.new_agent(),
            origin: origin.trim_end_matches('/').to_owned(),
            authorization,
        }
    }

    /// Where it is.
    pub(super) fn origin(&self) -> &str {
        &self.origin
    }

    /// What stands at a path below the base.
    pub(super) fn get(&self, path: &str) -> Result<Answer, Failure> {
        self.ask(Method::Get, path, None)
    }

    /// Asks for a change.
    pub(super) fn ask(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Answer, Failure> {
        let response = self.send(method, &format!("{BASE}{path}"), body)?;
        let text = self.whole(response)?;
        let value = if text.trim().is_empty() {
            Value::Null
        } else {
            serde_json::from_str(&text).map_err(|_| self.stranger("its answer is no JSON"))?
        };
        Ok(Answer { text, value })
    }

    /// A text at the root, such as `/metrics`.
    pub(super) fn root(&self, path: &str) -> Result<String, Failure> {
        let response = self.send(Method::Get, path, None)?;
        self.whole(response)
    }

    /// An answer that is read while it comes: a file, or events without an end.
    pub(super) fn open(&self, path: &str) -> Result<impl Read + use<>, Failure> {
        let response = self.send(Method::Get, &format!("{BASE}{path}"), None)?;
        Ok(response.into_body().into_reader())
    }

    fn whole(&self, response: Response<ureq::Body>) -> Result<String, Failure> {
        let mut bytes = Vec::new();
        response
            .into_body()
            .into_reader()
            .take(ANSWER_BYTES_MAX)
            .read_to_end(&mut bytes)
            .map_err(|error| self.unreachable(&shown(&ureq::Error::Io(error))))?;
        String::from_utf8(bytes).map_err(|_| self.stranger("its answer is no text"))
    }

    fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Response<ureq::Body>, Failure> {
        let mut request = Request::builder()
            .method(method.name())
            .uri(format!("{}{path}", self.origin));
        if let Some(authorization) = &self.authorization {
            request = request.header("authorization", authorization.expose());
        }
        if method != Method::Get {
            // Also without a body: it tells the broker that no page in a browser has sent this.
            request = request.header("content-type", "application/json");
        }
        let body = body.map(Value::to_string).unwrap_or_default();
        // The cause would show who asks.
        let request = request.body(body);
        let request = request.map_err(|_| Failure::Usage(format!("{path} is no address")))?;
        let response = self.agent.run(request);
        let response = response.map_err(|error| self.unreachable(&shown(&error)))?;
        if response.status().is_success() {
            Ok(response)
        } else {
            Err(self.refused(response))
        }
    }

    fn refused(&self, response: Response<ureq::Body>) -> Failure {
        let status = response.status().as_u16();
        let problem: Option<Value> = self
            .whole(response)
            .ok()
            .and_then(|text| serde_json::from_str(&text).ok());
        let part = |name: &str| {
            let text = problem.as_ref()?.get(name)?.as_str()?;
            // Further lines are indented, so that none looks like a message of this program.
            let lines: Vec<String> = text.lines().map(text::plain).collect();
            Some(lines.join("\n  ")).filter(|text| !text.is_empty())
        };
        let told = part("detail").or_else(|| part("title"));
        match (status, told) {
            (401, _) => Failure::NotAllowed(format!(
                "{} wants to know who asks, or does not know this user, password or token: use \
                 --user NAME or --token-file FILE",
                self.origin
            )),
            (403, told) => Failure::NotAllowed(
                told.unwrap_or_else(|| "that is for the role admin only".to_owned()),
            ),
            (_, Some(told)) => Failure::Refused(told),
            (404, None) => Failure::Refused(format!("{}: there is no such thing", self.origin)),
            (_, None) => self.stranger(&format!("it answers with status {status}")),
        }
    }

    fn unreachable(&self, why: &str) -> Failure {
        if self.origin.starts_with("https://") && why.contains("certificate") {
            return Failure::Unreachable(format!(
                "{} shows a certificate that cannot be believed ({why}): --ca FILE names the authority that \
                 has signed it, and the host has to be one of its names",
                self.origin
            ));
        }
        Failure::Unreachable(format!(
            "no broker answers at {} ({why}): is it running, is admin.enabled = true, and is that its admin \
             address? another one: --url URL",
            self.origin
        ))
    }

    fn stranger(&self, why: &str) -> Failure {
        Failure::Unreachable(format!(
            "what answers at {} is not the admin API of a broker ({why}): use --url URL",
            self.origin
        ))
    }
}

/// What went wrong on the way, in few words.
fn shown(error: &ureq::Error) -> String {
    if let ureq::Error::Io(error) = error {
        if error.kind() == io::ErrorKind::ConnectionRefused {
            return "connection refused".to_owned();
        }
        text::plain(&error.to_string())
    } else if let ureq::Error::Rustls(error) = error {
        format!("TLS: {}", text::plain(&error.to_string()))
    } else if matches!(error, ureq::Error::Timeout(_)) {
        "no answer in time".to_owned()
    } else if matches!(error, ureq::Error::HostNotFound) {
        "its host is not known".to_owned()
    } else if matches!(error, ureq::Error::ConnectionFailed) {
        "no connection".to_owned()
    } else {
        text::plain(&error.to_string())
    }
}

/// A part of a path, or of a query, with everything escaped that means something there.
pub(super) fn part(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                out.push(char::from(byte));
            }
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

/// A topic as the end of a path: its levels stay levels.
pub(super) fn levels(topic: &str) -> String {
    topic.split('/').map(part).collect::<Vec<_>>().join("/")
}

/// A path with its question.
#[derive(Clone, Debug)]
pub(super) struct Path(String);

impl Path {
    /// The path, without a question yet.
    pub(super) fn new(path: impl Into<String>) -> Self {
        Self(path.into())
    }

    /// Also asks for that, if there is something to ask for.
    pub(super) fn with(mut self, name: &str, value: Option<impl ToString>) -> Self {
        if let Some(value) = value {
            self.0.push(if self.0.contains('?') { '&' } else { '?' });
            self.0.push_str(name);
            self.0.push('=');
            self.0.push_str(&part(&value.to_string()));
        }
        self
    }

    /// The whole.
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_peers_choose_cannot_leave_its_place_in_an_address() {
        assert_eq!(part("a/b?c#d e%"), "a%2Fb%3Fc%23d%20e%25");
        assert_eq!(levels("a b/+/\u{1b}"), "a%20b/%2B/%1B");
        assert_eq!(part("ü"), "%C3%BC");
    }

    #[test]
    fn a_path_asks_for_what_is_given() {
        let path = Path::new("/drops")
            .with("client", Some("a&b"))
            .with("topic", None::<String>)
            .with("limit", Some(5));
        assert_eq!(path.as_str(), "/drops?client=a%26b&limit=5");
    }
}
