//! Conditions between settings, checked when each value by itself is fine.

mod admin;

use std::collections::BTreeMap;

use crate::problem::{Problem, Source};
use crate::{
    CertificateUserName, ClientCertificate, Listener, ListenerTransport, ProxyProtocol, Settings,
};

/// Adds what does not go together, but nothing about settings that were wrong already.
pub(crate) fn check(
    settings: &Settings,
    origins: &BTreeMap<String, Source>,
    problems: &mut Vec<Problem>,
) {
    let mut found = Vec::new();
    marks(settings, &mut found);
    listeners(settings, &mut found);
    modules(settings, &mut found);
    admin::check(&settings.admin, &mut found);
    for (key, others, message) in found {
        let is_wrong = |path: &str| problems.iter().any(|problem| problem.key == path);
        if is_wrong(&key) || others.iter().any(|other| is_wrong(other)) {
            continue;
        }
        let named = std::iter::once(&key)
            .chain(&others)
            .find_map(|path| origins.get(path));
        let source = named.cloned().unwrap_or(Source::Default);
        problems.push(Problem {
            source,
            key,
            message,
        });
    }
}

/// A setting, the others that it depends on, and what is wrong.
type Found = (String, Vec<String>, String);

/// Work that stops at a high mark must be able to go on at a lower one.
fn marks(settings: &Settings, found: &mut Vec<Found>) {
    let bounds = &settings.bounds;
    let mut pair = |low: &str, high: &str, is_ordered: bool| {
        if !is_ordered {
            let message = format!("must be less than `{high}`");
            found.push((low.to_owned(), vec![high.to_owned()], message));
        }
    };
    pair(
        "bounds.lanes_low",
        "bounds.lanes_high",
        bounds.lanes_low < bounds.lanes_high,
    );
    pair(
        "bounds.arbiter_low",
        "bounds.arbiter_high",
        bounds.arbiter_low < bounds.arbiter_high,
    );
    let mqueue = &settings.mqueue;
    pair(
        "mqueue.low_watermark",
        "mqueue.high_watermark",
        mqueue.low_watermark < mqueue.high_watermark,
    );
}

fn listeners(settings: &Settings, found: &mut Vec<Found>) {
    if settings.listener.is_empty() {
        let message = "a broker without a listener serves nobody; name at least one".to_owned();
        found.push(("listener".to_owned(), Vec::new(), message));
    }
    for (position, listener) in settings.listener.iter().enumerate() {
        let at = |name: &str| format!("listener.{position}.{name}");
        let list = || vec!["listener".to_owned()];
        let earlier = settings.listener.iter().take(position);
        for (other, same) in earlier.enumerate() {
            if same.name == listener.name {
                let message = format!("listener.{other} is named \"{}\" too", listener.name);
                found.push((at("name"), list(), message));
            }
            let are_networked = is_networked(same) && is_networked(listener);
            if are_networked && same.address == listener.address && listener.address.port() != 0 {
                let message = format!("listener.{other} has {} too", listener.address);
                found.push((at("address"), list(), message));
            }
        }
        if !may_be_anonymous(settings, listener) {
            let message = format!(
                "{} can be reached from other machines, and no authentication is configured; \
                 allowed: a loopback address, `auth.chain` with the modules that know who may \
                 connect, or `allow_anonymous = true` written out",
                listener.address
            );
            let mut others = list();
            others.push("allow_anonymous".to_owned());
            found.push((at("address"), others, message));
        }
        transport(listener, &at, found);
    }
}

/// What the transport of a listener needs.
fn transport(listener: &Listener, at: &dyn Fn(&str) -> String, found: &mut Vec<Found>) {
    let mut missing = |is_missing: bool, key: &str, message: &str| {
        if is_missing {
            let others = vec![at("transport"), "listener".to_owned()];
            found.push((at(key), others, message.to_owned()));
        }
    };
    let word = listener.transport.word();
    let tls = &listener.tls;
    let needs = |what: &str| format!("transport \"{word}\" needs {what}");
    let is_encrypted = listener.transport.is_encrypted();
    let make = "; `castmq cert self-signed DIR` makes one for trying out";
    missing(
        is_encrypted && tls.certificate.is_none(),
        "tls.certificate",
        &needs(&format!("a certificate{make}")),
    );
    missing(
        is_encrypted && tls.key.is_none(),
        "tls.key",
        &needs("the key of its certificate"),
    );
    let shows = tls.client_certificate != ClientCertificate::None;
    missing(
        is_encrypted && shows && tls.client_ca.is_none(),
        "tls.client_ca",
        "without authorities no client certificate is good; name a file with theirs",
    );
    missing(
        is_encrypted && !shows && tls.user_name != CertificateUserName::None,
        "tls.user_name",
        "clients show no certificate; set `tls.client_certificate` to \"optional\" or \"required\"",
    );
    missing(
        listener.transport == ListenerTransport::Unix && listener.unix.path.is_none(),
        "unix.path",
        &needs("the path of its socket"),
    );
    missing(
        listener.proxy.protocol != ProxyProtocol::None
            && listener.proxy.trusted.is_empty()
            && is_networked(listener),
        "proxy.trusted",
        "a proxy is believed only if it is known; name the addresses from which it connects",
    );
    let mount_point = listener.mount_point.as_deref().unwrap_or_default();
    missing(
        !mount_point.is_empty()
            && (mount_point.contains(['+', '#', '\0'])
                || mount_point.starts_with('$')
                || !mount_point.ends_with('/')),
        "mount_point",
        "stands before topics: it ends with /, or `a` would be within `ab`, and has no +, # or leading $",
    );
}

/// What the modules need that are asked.
fn modules(settings: &Settings, found: &mut Vec<Found>) {
    let is_asked = |name: &str| {
        let lists = settings.listener.iter().map(|each| &each.authentication);
        lists
            .chain([&settings.auth.chain])
            .any(|chain| chain.iter().any(|module| module == name))
    };
    let jwt = &settings.auth.jwt;
    let keys = [&jwt.secret_file, &jwt.public_key_file, &jwt.jwks_file];
    let has_key = keys.into_iter().any(Option::is_some) || jwt.jwks_url.is_some();
    let others = || vec!["auth.chain".to_owned()];
    if is_asked("jwt") && !has_key {
        let message = "tokens need a key: secret_file, public_key_file, jwks_file or jwks_url";
        found.push(("auth.jwt".to_owned(), others(), message.to_owned()));
    }
    if is_asked("http") && settings.auth.http.url.is_none() {
        let message = "the service has no address";
        found.push(("auth.http.url".to_owned(), others(), message.to_owned()));
    }
    let urls = [
        ("http", "auth.http.url", &settings.auth.http.url),
        ("jwt", "auth.jwt.jwks_url", &jwt.jwks_url),
    ];
    for (module, key, url) in urls {
        let is_open = |url: &String| is_plain_http(url) && !settings.auth.allow_plain_http;
        if is_asked(module) && url.as_ref().is_some_and(is_open) {
            let message = "whoever is on the way could read passwords or say who comes in; allowed: \
                           https://, a host of this machine, or `auth.allow_plain_http = true`";
            found.push((key.to_owned(), others(), message.to_owned()));
        }
    }
}

/// Whether an address is asked without encryption, and not on this machine.
fn is_plain_http(url: &str) -> bool {
    let Some(rest) = url.strip_prefix("http://") else {
        return false;
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = match authority.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    };
    let is_loopback = |host: &str| {
        host.parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.to_canonical().is_loopback())
    };
    host != "localhost" && !is_loopback(host)
}

pub(crate) fn may_be_anonymous(settings: &Settings, listener: &Listener) -> bool {
    let chain = if listener.authentication.is_empty() {
        &settings.auth.chain
    } else {
        &listener.authentication
    };
    let asks = chain.iter().any(|module| module != "anonymous");
    let is_local = is_local(listener) && listener.proxy.protocol == ProxyProtocol::None;
    settings.allow_anonymous || listener.allow_anonymous || asks || is_local
}

fn is_networked(listener: &Listener) -> bool {
    listener.transport != ListenerTransport::Unix
}

/// Whether only this machine can reach the listener.
pub(crate) fn is_local(listener: &Listener) -> bool {
    !is_networked(listener) || listener.address.ip().to_canonical().is_loopback()
}
