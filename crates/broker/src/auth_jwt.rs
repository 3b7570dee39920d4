//! Auth JWT: lets in whoever shows a token that is good.
//!
//! | | |
//! |---|---|
//! | emqttd | none; tokens came with EMQ 2 |
//! | Started by | no process: registered with [`access_control`](crate::access_control) at the start and on reload |
//! | Work runs in | the pool for hashing; that for calls where the keys are on a page |
//! | Waits for | the server of that page, at most a few seconds |
//! | Waited for by | `client` on CONNECT, at most a minute |
//! | If it dies | a client at which it panics is not let in |
//! | Watch | event `client.refused` |
//!
//! Tokens are read by [`castmq_access`]; this file keeps the keys fresh.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use castmq_access::{TokenBearer, TokenError, TokenKeys, TokenSettings, TokenVerifier};
use castmq_rules::connect::Refused;
use castmq_settings::{AuthJwt as Settings, TokenFrom};

use crate::access_control::{Authenticator, Credentials, Desk, Finding, Grant, UserName};
use crate::caller::Caller;

/// How soon a page is read again that could not be, or that does not have the key of a token.
const AGAIN: Duration = Duration::from_secs(10);

/// See the module.
#[derive(Debug)]
pub struct AuthJwt {
    settings: Settings,
    /// Keys from files; they stay.
    own: Option<TokenKeys>,
    caller: Caller,
    /// `None` until there is a key.
    verifier: ArcSwapOption<TokenVerifier>,
    page: Mutex<Page>,
}

/// What is known of the page with keys.
#[derive(Debug, Default)]
struct Page {
    asked: Option<Duration>,
    failed: Option<String>,
}

impl AuthJwt {
    /// The module for these settings, with the keys that stand in files.
    #[must_use]
    pub fn new(settings: &Settings, own: Option<TokenKeys>, caller: Caller) -> Self {
        let module = Self {
            settings: settings.clone(),
            caller,
            verifier: ArcSwapOption::empty(),
            page: Mutex::default(),
            own,
        };
        if let Some(keys) = &module.own {
            module.use_keys(keys.clone());
        }
        module
    }

    fn use_keys(&self, keys: TokenKeys) {
        let Settings {
            audience,
            issuer,
            leeway,
            require_expiry,
            user_claim,
            superuser_claim,
            acl_claim,
            client_claim,
            ..
        } = self.settings.clone();
        let client = client_claim.map(|claim| (claim, "%c".to_owned()));
        let settings = TokenSettings {
            audience,
            issuer,
            leeway_seconds: leeway.as_secs(),
            requires_expiry: require_expiry,
            user_claim,
            superuser_claim,
            acl_claim,
            equal_claims: client.into_iter().collect(),
        };
        let verifier = TokenVerifier::new(keys, settings);
        self.verifier.store(Some(Arc::new(verifier)));
    }

    /// Reads the page with keys, unless it was read less than `age` ago. Others go on with the keys that
    /// there are.
    fn refresh(&self, now: Duration, age: Duration) {
        let Some(url) = &self.settings.jwks_url else {
            return;
        };
        let mut page = self.page.lock().unwrap_or_else(PoisonError::into_inner);
        let is_fresh = |asked: Duration| now.saturating_sub(asked) < age;
        if page.asked.is_some_and(is_fresh) {
            return;
        }
        page.asked = Some(now);
        // Without any key all wait for the page; with keys they go on with these meanwhile.
        let waits = self.verifier.load().is_none();
        let held = waits.then_some(page);
        let read = self.caller.get(url).and_then(|text| {
            let keys = TokenKeys::jwks(&text).map_err(|error| error.to_string())?;
            Ok(match &self.own {
                Some(own) => own.clone().and(keys),
                None => keys,
            })
        });
        let failed = match read {
            Ok(keys) => {
                self.use_keys(keys);
                None
            }
            Err(cause) => Some(format!("{url}: {cause}")),
        };
        let page = held.map_or_else(|| self.page.lock(), Ok);
        page.unwrap_or_else(PoisonError::into_inner).failed = failed;
    }

    fn verify(&self, credentials: &Credentials, token: &[u8]) -> Result<Finding, TokenError> {
        let Some(verifier) = self.verifier.load_full() else {
            let page = self.page.lock().unwrap_or_else(PoisonError::into_inner);
            let cause = page.failed.clone().unwrap_or_default();
            return Ok(Finding::Refused(
                Refused::Unavailable,
                format!("there are no keys for tokens: {cause}"),
            ));
        };
        let bearer = TokenBearer {
            client_id: credentials.client_id.as_str(),
            user_name: match self.settings.from {
                TokenFrom::Password => credentials.user_name(),
                TokenFrom::UserName => None,
            },
        };
        let verified = verifier.verify(token, bearer, credentials.at.as_secs())?;
        let leeway = self.settings.leeway;
        let expires = verified
            .expires
            .filter(|_| self.settings.disconnect_at_expiry)
            .map(|expires| Duration::from_secs(expires).saturating_add(leeway));
        Ok(Finding::Known(Box::new(Grant {
            user_name: verified
                .user_name
                .map_or(UserName::Nobody, UserName::Proven),
            is_superuser: verified.superuser,
            claims: verified.claims,
            rights: verified.rights,
            expires,
            ..Grant::default()
        })))
    }
}

impl Authenticator for AuthJwt {
    fn name(&self) -> &'static str {
        "jwt"
    }

    fn authenticate(&self, credentials: &Credentials) -> Finding {
        let token = match self.settings.from {
            TokenFrom::Password => credentials.password(),
            TokenFrom::UserName => credentials.user_name().map(str::as_bytes),
        };
        // What has not the shape of a token is another module's business.
        let Some(token) = token.filter(|token| has_shape(token)) else {
            return Finding::Ignore;
        };
        let now = credentials.at;
        self.refresh(now, self.age());
        let verified = match self.verify(credentials, token) {
            Err(TokenError::UnknownKey) => {
                self.refresh(now, AGAIN);
                self.verify(credentials, token)
            }
            verified => verified,
        };
        verified.unwrap_or_else(|error| Finding::wrong(error.to_string()))
    }

    fn desk(&self) -> Desk {
        if self.settings.jwks_url.is_some() {
            Desk::Calling
        } else {
            Desk::Hashing
        }
    }
}

impl AuthJwt {
    /// How old the keys of the page may be.
    fn age(&self) -> Duration {
        let page = self.page.lock().unwrap_or_else(PoisonError::into_inner);
        if page.failed.is_some() {
            AGAIN
        } else {
            self.settings.jwks_refresh
        }
    }
}

/// Three parts with dots between.
fn has_shape(token: &[u8]) -> bool {
    let dots = token.iter().filter(|byte| **byte == b'.').count();
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.=".contains(byte);
    dots == 2 && token.iter().all(is_plain)
}
