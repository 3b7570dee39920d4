//! Who asks, and what that one may do.
//!
//! Where nobody is known, everybody on this machine is an admin, and nobody else is anybody. Once there are
//! users or tokens, everybody shows one. A request that a proxy has passed on comes from another machine.

mod browser;
mod failures;
mod known;
mod remembered;

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use castmq_broker::access::Secret;
use castmq_settings::{Admin as Settings, AdminRole};
use tokio::time::Instant;

use crate::desk::Desk;
use crate::problem::Problem;

pub(crate) use browser::{check_host, check_origin, is_reading};
pub use known::UsersError;
pub(crate) use known::{Identity, Known};

use failures::Failures;
use remembered::Remembered;

/// Headers by which proxies say for whom they ask.
const FORWARDED: [&str; 7] = [
    "forwarded",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-real-ip",
    "cf-connecting-ip",
    "via",
];
/// How long the answer to wrong credentials takes.
const WRONG_TAKES: Duration = Duration::from_millis(200);
/// The longest user name and password together, in bytes of base64.
const BASIC_MAX: usize = 4096;

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Caller {
    /// The user or token; `local` where nobody has to say.
    pub(crate) who: String,
    /// What that one may do.
    pub(crate) role: AdminRole,
    /// From where, as far as it is known.
    pub(crate) address: String,
}

/// What somebody shows to be let in.
enum Shown {
    Password { user: String, password: Secret },
    Token(Secret),
}

/// Decides who is let in.
#[derive(Debug)]
pub(crate) struct Gate {
    known: Mutex<Arc<Known>>,
    failures: Failures,
    remembered: Remembered,
    hosts: Vec<String>,
    hashing: Desk,
}

impl Gate {
    pub(crate) fn new(settings: &Settings, known: Known, hashing: Desk) -> Self {
        Self {
            known: Mutex::new(Arc::new(known)),
            failures: Failures::default(),
            remembered: Remembered::new(),
            hosts: settings.hosts.clone(),
            hashing,
        }
    }

    /// Has other users and tokens hold from now on.
    pub(crate) fn replace(&self, known: Known) {
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(known);
        self.remembered.forget();
    }

    /// How often somebody showed what is not known.
    pub(crate) fn failures(&self) -> u64 {
        self.failures.total()
    }

    /// Lets somebody in, or says why not.
    pub(crate) async fn admit(
        &self,
        peer: SocketAddr,
        headers: &HeaderMap,
    ) -> Result<Caller, Problem> {
        let known = Arc::clone(&self.known.lock().unwrap_or_else(PoisonError::into_inner));
        let from = Origin::of(peer, headers);
        if known.is_empty() {
            if !from.is_here {
                return Err(unauthorized());
            }
            check_host(headers, &self.hosts)?;
            return Ok(from.caller("local", AdminRole::Admin));
        }
        let Some(shown) = shown(headers) else {
            return Err(unauthorized());
        };
        self.failures.check(from.address, Instant::now())?;
        if from.is_proxied {
            self.failures.check_proxied(Instant::now())?;
        }
        match self.identify(known, shown).await? {
            Some(identity) => Ok(from.caller(&identity.name, identity.role)),
            None => {
                self.failures.note(from.address, Instant::now());
                if from.is_proxied {
                    self.failures.note_proxied(Instant::now());
                }
                tokio::time::sleep(WRONG_TAKES).await;
                Err(unauthorized())
            }
        }
    }

    async fn identify(&self, known: Arc<Known>, shown: Shown) -> Result<Option<Identity>, Problem> {
        match shown {
            Shown::Token(token) => Ok(known.token(&token)),
            Shown::Password { user, password } => {
                let now = Instant::now();
                let mark = self.remembered.mark(&user, &password);
                if let Some(identity) = self.remembered.find(&mark, now) {
                    return Ok(Some(identity));
                }
                let found = self
                    .hashing
                    .run(move || known.user(&user, &password))
                    .await?;
                if let Some(identity) = &found {
                    self.remembered.note(mark, identity.clone(), now);
                }
                Ok(found)
            }
        }
    }
}

/// From where a request comes.
struct Origin {
    /// What failures are counted by.
    address: IpAddr,
    /// What the audit shows.
    shown: String,
    /// Whether it comes from this machine, and nobody passed it on.
    is_here: bool,
    /// Whether a proxy on this machine passed it on.
    is_proxied: bool,
}

impl Origin {
    fn of(peer: SocketAddr, headers: &HeaderMap) -> Self {
        let address = peer.ip().to_canonical();
        let is_forwarded = FORWARDED.iter().any(|name| headers.contains_key(*name));
        if !is_forwarded {
            return Self {
                address,
                shown: address.to_string(),
                is_here: address.is_loopback(),
                is_proxied: false,
            };
        }
        // The last one was added by the proxy that calls; those before it may be anybody's invention.
        let forwarded_for = headers
            .get_all("x-forwarded-for")
            .iter()
            .next_back()
            .and_then(|value| value.to_str().ok()?.rsplit(',').next()?.trim().parse().ok())
            .filter(|_| address.is_loopback());
        match forwarded_for {
            Some(client) => Self {
                address: client,
                shown: format!("{client} by {address}"),
                is_here: false,
                is_proxied: true,
            },
            None => Self {
                address,
                shown: format!("somebody by {address}"),
                is_here: false,
                is_proxied: address.is_loopback(),
            },
        }
    }

    fn caller(self, who: &str, role: AdminRole) -> Caller {
        Caller {
            who: who.to_owned(),
            role,
            address: self.shown,
        }
    }
}

fn shown(headers: &HeaderMap) -> Option<Shown> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, rest) = value.split_once(' ')?;
    let rest = rest.trim();
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(Shown::Token(Secret::new(rest)));
    }
    if !scheme.eq_ignore_ascii_case("basic") || rest.len() > BASIC_MAX {
        return None;
    }
    let plain = String::from_utf8(STANDARD.decode(rest).ok()?).ok()?;
    let (user, password) = plain.split_once(':')?;
    Some(Shown::Password {
        user: user.to_owned(),
        password: Secret::new(password),
    })
}

/// What everybody hears who is not let in, whatever was asked for.
fn unauthorized() -> Problem {
    Problem::new(
        StatusCode::UNAUTHORIZED,
        "show who you are: a user's name and password (Basic) or a token (Bearer)",
    )
    .with(
        header::WWW_AUTHENTICATE,
        HeaderValue::from_static("Basic realm=\"castmq\", charset=\"UTF-8\""),
    )
}

#[cfg(test)]
mod tests;
