//! Caller: asks other servers by HTTP, each with a deadline, in threads that may wait.

use std::fmt;
use std::io::Read as _;
use std::sync::Arc;
use std::time::Duration;

use ureq::http::{HeaderName, HeaderValue, Method, Request};
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
    /// The text.
    pub body: String,
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
        let answered = self.call("GET", url, &[], "")?;
        if answered.status == 200 {
            Ok(answered.body)
        } else {
            Err(format!("status {}", answered.status))
        }
    }

    /// Asks. The error says why there is no answer, without what was asked.
    pub(crate) fn call(
        &self,
        method: &str,
        url: &str,
        headers: &[(String, String)],
        body: &str,
    ) -> Result<Answered, String> {
        let method = Method::from_bytes(method.as_bytes()).map_err(|error| error.to_string())?;
        let mut request = Request::builder().method(method).uri(url);
        for (name, value) in headers {
            let name = HeaderName::try_from(name).map_err(|error| error.to_string())?;
            let value = HeaderValue::try_from(value).map_err(|error| error.to_string())?;
            request = request.header(name, value);
        }
        let request = request
            .body(body.to_owned())
            .map_err(|error| error.to_string())?;
        let mut response = self.0.run(request).map_err(|error| error.to_string())?;
        let mut text = String::new();
        response
            .body_mut()
            .as_reader()
            .take(ANSWER_BYTES_MAX)
            .read_to_string(&mut text)
            .map_err(|error| error.to_string())?;
        Ok(Answered {
            status: response.status().as_u16(),
            body: text,
        })
    }
}
