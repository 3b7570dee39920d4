//! Auth HTTP: has another server say who may come in.
//!
//! | | |
//! |---|---|
//! | emqttd | none of its own; a plugin for HTTP came with 1.1 |
//! | Started by | no process: registered with [`access_control`](crate::access_control) at the start and on reload |
//! | Work runs in | the pool for calls |
//! | Waits for | the other server, at most `auth.http.timeout` |
//! | Waited for by | `client` on CONNECT, at most a minute |
//! | If it dies | a client at which it panics is not let in |
//! | Watch | event `client.refused` |
//!
//! Requests are made and answers judged by [`castmq_access`]; this file sends them, and remembers good answers
//! for as long as it may.

// differs: emqttd's plugin asks in the connection's own process, for as long as it takes.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use castmq_access::{
    Applicant, HttpAnswer, HttpMethod, RequestBody, RequestTemplate, TemplateError, judge,
};
use castmq_rules::connect::Refused;
use castmq_settings::{AuthHttp as Settings, HttpMethod as Method, OnFailure};

use crate::access_control::{Authenticator, Credentials, Desk, Finding, Grant};
use crate::caller::Caller;

/// Answers that are remembered.
const CACHE_MAX: usize = 10_000;

/// See the module.
#[derive(Debug)]
pub struct AuthHttp {
    template: RequestTemplate,
    caller: Caller,
    cache_for: Duration,
    on_failure: OnFailure,
    cache: Mutex<HashMap<String, Remembered>>,
    /// Passwords are remembered as what these make of them.
    seeds: RandomState,
}

/// A good answer.
#[derive(Clone, Debug)]
struct Remembered {
    password: u64,
    until: Duration,
    grant: Grant,
}

/// Why the settings make no request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// A field is not `name=value`.
    #[error("`{0}` has no = between name and value")]
    Field(String),
    /// A header is not `name: value`.
    #[error("`{0}` has no : between name and value")]
    Header(String),
    /// Something in them cannot stand there.
    #[error(transparent)]
    Template(#[from] TemplateError),
}

impl AuthHttp {
    /// The module for these settings.
    ///
    /// # Errors
    ///
    /// [`RequestError`] when they make no request.
    pub fn new(settings: &Settings, caller: Caller) -> Result<Self, RequestError> {
        Ok(Self {
            template: template(settings)?,
            caller,
            cache_for: settings.cache,
            on_failure: settings.on_failure,
            cache: Mutex::default(),
            seeds: RandomState::new(),
        })
    }

    fn ask(&self, credentials: &Credentials) -> HttpAnswer {
        let applicant = Applicant {
            client_id: credentials.client_id.as_str(),
            user_name: credentials.user_name(),
            password: credentials.password(),
            address: credentials.peer.ip(),
        };
        // Nobody can be asked about such a name.
        let Ok(request) = self.template.fill(applicant) else {
            return HttpAnswer::Deny;
        };
        match self.caller.call(&request) {
            Ok(answered) => judge(answered.status, &answered.body),
            Err(cause) => HttpAnswer::Failed(cause),
        }
    }

    /// Names a client with its address; the lengths keep one from looking like another.
    fn key(credentials: &Credentials) -> String {
        let client_id = credentials.client_id.as_str();
        let user = credentials.user_name().unwrap_or_default();
        let address = credentials.peer.ip();
        format!(
            "{}:{client_id}{}:{user}{address:?}{}",
            client_id.len(),
            user.len(),
            credentials.user_name.is_some()
        )
    }

    fn remembered(&self, credentials: &Credentials) -> Option<Grant> {
        if self.cache_for.is_zero() {
            return None;
        }
        let cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        let known = cache.get(&Self::key(credentials))?;
        let is_good = known.password == self.seeds.hash_one(credentials.password())
            && credentials.at < known.until;
        is_good.then(|| known.grant.clone())
    }

    fn remember(&self, credentials: &Credentials, grant: &Grant) {
        if self.cache_for.is_zero() {
            return;
        }
        let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        if cache.len() >= CACHE_MAX {
            cache.retain(|_, known| credentials.at < known.until);
        }
        if cache.len() < CACHE_MAX {
            let until = credentials.at + self.cache_for;
            let known = Remembered {
                password: self.seeds.hash_one(credentials.password()),
                until: grant.expires.map_or(until, |expires| until.min(expires)),
                grant: grant.clone(),
            };
            cache.insert(Self::key(credentials), known);
        }
    }
}

impl Authenticator for AuthHttp {
    fn name(&self) -> &'static str {
        "http"
    }

    fn authenticate(&self, credentials: &Credentials) -> Finding {
        if let Some(grant) = self.remembered(credentials) {
            return Finding::Known(Box::new(grant));
        }
        match self.ask(credentials) {
            HttpAnswer::Allow {
                superuser,
                rights,
                expires,
            } => {
                let grant = Grant {
                    is_superuser: superuser,
                    rights,
                    expires: expires.map(Duration::from_secs),
                    ..Grant::default()
                };
                self.remember(credentials, &grant);
                Finding::Known(Box::new(grant))
            }
            HttpAnswer::Deny => Finding::wrong("the service denies it"),
            HttpAnswer::Ignore => Finding::Ignore,
            HttpAnswer::Failed(cause) => match self.on_failure {
                OnFailure::Ignore => Finding::Ignore,
                OnFailure::Deny => {
                    let cause = format!("the service does not answer: {cause}");
                    Finding::Refused(Refused::Unavailable, cause)
                }
            },
        }
    }

    fn desk(&self) -> Desk {
        Desk::Calling
    }
}

fn template(settings: &Settings) -> Result<RequestTemplate, RequestError> {
    let split = |text: &String, sign| {
        let (name, value) = text.split_once(sign)?;
        Some((name.trim().to_owned(), value.trim().to_owned()))
    };
    let fields = settings
        .fields
        .iter()
        .map(|field| split(field, '=').ok_or_else(|| RequestError::Field(field.clone())))
        .collect::<Result<Vec<_>, _>>()?;
    let headers = settings
        .headers
        .iter()
        .map(|header| split(header, ':').ok_or_else(|| RequestError::Header(header.clone())))
        .collect::<Result<Vec<_>, _>>()?;
    let mut url = settings.url.clone().unwrap_or_default();
    let (method, body) = match settings.method {
        Method::Get => {
            for (name, value) in fields {
                url.push(if url.contains('?') { '&' } else { '?' });
                url.push_str(&format!("{name}={value}"));
            }
            (HttpMethod::Get, RequestBody::Empty)
        }
        Method::PostForm => (HttpMethod::Post, RequestBody::Form(fields)),
        Method::PostJson => {
            let fields = fields
                .into_iter()
                .map(|(name, value)| (name, serde_json::Value::String(value)))
                .collect();
            let body = RequestBody::Json(serde_json::Value::Object(fields));
            (HttpMethod::Post, body)
        }
    };
    Ok(RequestTemplate::new(method, &url, &headers, body)?)
}
