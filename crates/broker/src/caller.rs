//! Caller: asks other servers by HTTP, each with a deadline, in threads that may wait.

use std::fmt;
use std::io::Read as _;
use std::sync::Arc;
use std::time::Duration;

use castmq_access::{FilledRequest, HttpMethod, Secret};
use ureq::http::Request;
use ureq::tls::{RootCerts, TlsConfig, TlsProvider};

/// The longest answer that is read.
const ANSWER_BYTES_MAX: u64 = 1024 * 1024;

/// Connections to other servers, kept for the next question.
#[derive(Clone)]
pub struct Caller(ureq::Agent);

impl fmt::Debug for Caller {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Caller")
    }
}

/// What a server answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered {
    /// The status.
    pub status: u16,
    /// The answer.
    pub body: Vec<u8>,
}

impl Caller {
    /// A caller whose calls take no longer than that, with so many connections kept.
    #[must_use]
    pub fn new(timeout: Duration, connections: u16) -> Self {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = TlsConfig::builder()
            .provider(TlsProvider::Rustls)
            .root_certs(RootCerts::PlatformVerifier)
            .unversioned_rustls_crypto_provider(provider)
            .build();
        let config = ureq::Agent::config_builder()
            .timeout_global(Some(timeout))
            .http_status_as_error(false)
            // Whoever answers for another server is not the one that was named.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .max_idle_connections_per_host(connections.into())
            .proxy(None)
            .tls_config(tls)
            .user_agent("castmq")
            .build();
        Self(config.new_agent())
    }

    /// The text of a page.
    pub(crate) fn get(&self, url: &str) -> Result<String, String> {
        let answered = self.call(&FilledRequest {
            method: HttpMethod::Get,
            url: Secret::new(url),
            headers: Vec::new(),
            body: Secret::new(""),
        })?;
        if answered.status != 200 {
            return Err(format!("status {}", answered.status));
        }
        String::from_utf8(answered.body).map_err(|error| error.to_string())
    }

    /// Asks. The error says why there is no answer, without what was asked.
    pub(crate) fn call(&self, asked: &FilledRequest) -> Result<Answered, String> {
        let mut request = Request::builder()
            .method(asked.method.name())
            .uri(asked.url.expose());
        for (name, value) in &asked.headers {
            request = request.header(name, value.expose());
        }
        let body = asked.body.expose().to_vec();
        // The causes would show what was asked.
        let request = request
            .body(body)
            .map_err(|_| "the request is no request".to_owned())?;
        let mut response = self.0.run(request).map_err(|error| shown(&error))?;
        let mut body = Vec::new();
        response
            .body_mut()
            .as_reader()
            .take(ANSWER_BYTES_MAX)
            .read_to_end(&mut body)
            .map_err(|error| error.to_string())?;
        Ok(Answered {
            status: response.status().as_u16(),
            body,
        })
    }
}

/// What went wrong, without the address, which may hold what is secret.
fn shown(error: &ureq::Error) -> String {
    if let ureq::Error::Io(error) = error {
        error.to_string()
    } else if let ureq::Error::Rustls(error) = error {
        format!("TLS: {error}")
    } else if matches!(error, ureq::Error::Timeout(_)) {
        "no answer in time".to_owned()
    } else if matches!(error, ureq::Error::HostNotFound) {
        "its host is not known".to_owned()
    } else if matches!(error, ureq::Error::ConnectionFailed) {
        "no connection".to_owned()
    } else {
        "the request failed".to_owned()
    }
}
