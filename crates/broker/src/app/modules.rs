//! The modules that the settings name: who may connect, and who may do what.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use castmq_access::{Acl, AclRules, MosquittoAcl, PasswordFile, Secret, TokenKeys};
use castmq_otp::Mailroom;
use castmq_settings::Settings;

use super::accounts::Accounts;
use crate::access_control::{Authenticator, Authorizer, Desks, Modules};
use crate::acl_internal::AclInternal;
use crate::auth_anonymous::AuthAnonymous;
use crate::auth_certificate::AuthCertificate;
use crate::auth_clientid::AuthClientid;
use crate::auth_http::AuthHttp;
use crate::auth_jwt::AuthJwt;
use crate::auth_username::AuthUsername;
use crate::caller::Caller;
use crate::node::Node;
use crate::parcel::Parcel;
use crate::pooler::Pooler;

/// How long reading a page with keys may take.
const KEYS_TIMEOUT: Duration = Duration::from_secs(5);

/// A module cannot work.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ModuleError {
    /// A file cannot be read.
    #[error("{module}: {}: {cause}", path.display())]
    File {
        /// The setting that names it.
        module: &'static str,
        /// Which file.
        path: PathBuf,
        /// Why.
        cause: String,
    },
    /// Something else is wrong.
    #[error("{module}: {cause}")]
    Other {
        /// The setting that it is about.
        module: &'static str,
        /// What.
        cause: String,
    },
}

/// Reads what a file holds.
pub(crate) fn read<T, E: std::fmt::Display>(
    module: &'static str,
    path: &Path,
    parse: impl FnOnce(&str) -> Result<T, E>,
) -> Result<T, ModuleError> {
    let wrong = |cause: String| ModuleError::File {
        module,
        path: path.to_owned(),
        cause,
    };
    let text = std::fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
    parse(&text).map_err(|error| wrong(error.to_string()))
}

/// The program's own modules, and behind them those that the settings name.
pub(super) fn load(
    settings: &Settings,
    embedded: &Modules,
    accounts: &Accounts,
) -> Result<Modules, ModuleError> {
    let mut made = BTreeMap::new();
    let mut chain = |names: &[String]| {
        let mut modules = embedded.authenticators.clone();
        for name in names {
            let module = match made.get(name) {
                Some(module) => Arc::clone(module),
                None => make(name, settings, accounts)?,
            };
            made.insert(name.clone(), Arc::clone(&module));
            modules.push(module);
        }
        Ok::<_, ModuleError>(modules)
    };
    let authenticators = chain(&settings.auth.chain)?;
    let mut by_listener = BTreeMap::new();
    for listener in &settings.listener {
        if !listener.authentication.is_empty() {
            by_listener.insert(listener.name.clone(), chain(&listener.authentication)?);
        }
    }
    let mut authorizers = embedded.authorizers.clone();
    authorizers.extend(rules(settings, accounts)?);
    Ok(Modules {
        authenticators,
        by_listener,
        authorizers,
    })
}

fn make(
    name: &str,
    settings: &Settings,
    accounts: &Accounts,
) -> Result<Arc<dyn Authenticator>, ModuleError> {
    let auth = &settings.auth;
    let other = |error: &dyn std::fmt::Display| ModuleError::Other {
        module: "users in the store",
        cause: error.to_string(),
    };
    Ok(match name {
        "client_certificate" => Arc::new(AuthCertificate),
        "password_file" => {
            let path = &auth.password_file.path;
            let file = read("auth.password_file.path", path, PasswordFile::parse)?;
            Arc::new(AuthUsername::new("password_file", file))
        }
        "users" => {
            let file =
                PasswordFile::parse(&accounts.password_file()).map_err(|error| other(&error))?;
            Arc::new(AuthUsername::new("users", file))
        }
        "jwt" => {
            let keys = token_keys(&auth.jwt)?;
            Arc::new(AuthJwt::new(&auth.jwt, keys, Caller::new(KEYS_TIMEOUT, 1)))
        }
        "http" => {
            let http = &auth.http;
            let caller = Caller::new(http.timeout, http.connections);
            let module = AuthHttp::new(http, caller).map_err(|error| ModuleError::Other {
                module: "auth.http",
                cause: error.to_string(),
            })?;
            Arc::new(module)
        }
        "clientid" => Arc::new(AuthClientid::new(&auth.clientid.clients)),
        "anonymous" => Arc::new(AuthAnonymous),
        _ => {
            return Err(ModuleError::Other {
                module: "auth.chain",
                cause: format!("there is no module {name}"),
            });
        }
    })
}

/// The keys that stand in files.
fn token_keys(settings: &castmq_settings::AuthJwt) -> Result<Option<TokenKeys>, ModuleError> {
    let mut keys: Option<TokenKeys> = None;
    let mut add = |more: TokenKeys| {
        keys = Some(match keys.take() {
            Some(keys) => keys.and(more),
            None => more,
        });
    };
    if let Some(path) = &settings.secret_file {
        // An editor's newline is not part of it.
        let secret =
            |text: &str| TokenKeys::secret(Secret::new(text.trim_end_matches(['\r', '\n'])));
        add(read("auth.jwt.secret_file", path, secret)?);
    }
    if let Some(path) = &settings.public_key_file {
        add(read("auth.jwt.public_key_file", path, TokenKeys::pem)?);
    }
    if let Some(path) = &settings.jwks_file {
        add(read("auth.jwt.jwks_file", path, TokenKeys::jwks)?);
    }
    Ok(keys)
}

fn rules(
    settings: &Settings,
    accounts: &Accounts,
) -> Result<Vec<Arc<dyn Authorizer>>, ModuleError> {
    let kept = accounts.rules();
    let acl = &settings.acl;
    let mut authorizers: Vec<Arc<dyn Authorizer>> = Vec::new();
    if let Some(path) = &acl.mosquitto_file {
        let rules = read("acl.mosquitto_file", path, MosquittoAcl::parse)?;
        let has_successor = acl.file.is_some() || kept.is_some();
        let module = AclInternal::new(Acl::Mosquitto(rules), has_successor, acl.check_delivery);
        authorizers.push(Arc::new(module));
    }
    let rules = match (&kept, &acl.file) {
        (Some(text), _) => Some(AclRules::parse(text).map_err(|error| ModuleError::Other {
            module: "rules in the store",
            cause: error.to_string(),
        })?),
        (None, Some(path)) => Some(read("acl.file", path, AclRules::parse)?),
        (None, None) => None,
    };
    if let Some(rules) = rules {
        let module = AclInternal::new(Acl::Rules(rules), false, acl.check_delivery);
        authorizers.push(Arc::new(module));
    }
    Ok(authorizers)
}

/// Where modules work that would hold an arbiter up.
pub(super) fn set_up(node: &Node, mailroom: &Mailroom<Parcel>) {
    let auth = &node.settings.auth;
    let waiting = |waiting: u32| usize::try_from(waiting).unwrap_or(usize::MAX);
    let hashing = Pooler::new(
        "hashing",
        auth.hashing_threads,
        waiting(auth.hashing_waiting),
    );
    let calling = Pooler::new("calling", auth.http.connections, waiting(auth.http.waiting));
    let desks = Desks::new(hashing, calling, mailroom.clone());
    node.access.set_up(desks, &node.settings);
}
