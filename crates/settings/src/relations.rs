//! Conditions between settings, checked when each value by itself is fine.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use crate::problem::{Problem, Source};
use crate::{Listener, Settings};

/// Adds what does not go together, but nothing about settings that were wrong already.
pub(crate) fn check(
    settings: &Settings,
    origins: &BTreeMap<String, Source>,
    problems: &mut Vec<Problem>,
) {
    let mut found = Vec::new();
    marks(settings, &mut found);
    listeners(settings, &mut found);
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
        let earlier = settings.listener.iter().take(position);
        for (other, same) in earlier.enumerate() {
            if same.name == listener.name {
                let message = format!("listener.{other} is named \"{}\" too", listener.name);
                found.push((at("name"), vec!["listener".to_owned()], message));
            }
            if same.address == listener.address && listener.address.port() != 0 {
                let message = format!("listener.{other} has {} too", listener.address);
                found.push((at("address"), vec!["listener".to_owned()], message));
            }
        }
        if !may_be_anonymous(settings, listener) {
            let message = format!(
                "{} can be reached from other machines, and no authentication is configured; \
                 allowed: a loopback address, or `allow_anonymous = true` written out",
                listener.address
            );
            let others = vec!["listener".to_owned(), "allow_anonymous".to_owned()];
            found.push((at("address"), others, message));
        }
    }
}

fn may_be_anonymous(settings: &Settings, listener: &Listener) -> bool {
    settings.allow_anonymous || listener.allow_anonymous || is_loopback(listener.address)
}

/// Whether only this machine can reach the address.
pub(crate) fn is_loopback(address: SocketAddr) -> bool {
    address.ip().to_canonical().is_loopback()
}
