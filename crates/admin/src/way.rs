//! The way of each request to its handler and back: who asks, whether it may, how long it may take, and
//! what the audit says.

use std::net::SocketAddr;
use std::time::Duration;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use castmq_settings::AdminRole;

use crate::app::Shared;
use crate::audit::Change;
use crate::auth::{Caller, check_origin, is_reading};
use crate::problem::Problem;
use crate::read::only_admins;

/// How long an answer may take to begin.
const PATIENCE: Duration = Duration::from_secs(30);

/// What may be asked without saying who asks: whether the broker lives.
const HEALTHZ: &str = "/healthz";
/// And whether it serves; why not is for those who are let in.
const READYZ: &str = "/readyz";
/// What is asked for at an address that there is not; its path may be anything.
const NOWHERE: &str = "(no such address)";

/// Who is at the other end of a connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer(pub(crate) SocketAddr);

/// What a change was about, where that is not in the path: for the audit.
#[derive(Clone, Debug)]
pub(crate) struct Target(pub(crate) String);

impl Target {
    /// Has the audit know what it was about, whatever came of it.
    pub(crate) fn of(self, outcome: Result<impl IntoResponse, Problem>) -> Response {
        let mut response = outcome.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// Finds out who asks; nothing else is looked at before.
pub(crate) async fn admit(State(app): State<Shared>, mut request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let is_for_everybody = path == READYZ;
    if path != HEALTHZ {
        let Some(Peer(peer)) = request.extensions().get().copied() else {
            return Problem::bug().into_response();
        };
        let admitted = app.gate.admit(peer, request.headers()).await;
        match admitted {
            Ok(caller) => {
                request.extensions_mut().insert(caller);
            }
            Err(_) if is_for_everybody => {}
            Err(problem) => return secured(problem.into_response()),
        }
    }
    let answer = tokio::time::timeout(PATIENCE, next.run(request)).await;
    secured(answer.unwrap_or_else(|_| {
        let detail = format!("there was no answer within {} s", PATIENCE.as_secs());
        Problem::new(StatusCode::GATEWAY_TIMEOUT, detail).into_response()
    }))
}

/// Lets changes through from whom they may come, and has the audit know of each.
pub(crate) async fn guard(State(app): State<Shared>, request: Request, next: Next) -> Response {
    if is_reading(request.method()) {
        return next.run(request).await;
    }
    let Some(caller) = request.extensions().get::<Caller>().cloned() else {
        return Problem::bug().into_response();
    };
    let (mut change, target) = described(&request, &caller);
    change.target = target;
    if let Err(problem) = check_origin(request.method(), request.headers()) {
        let response = problem.into_response();
        change.outcome = outcome(&response);
        app.audit.count_refused(change);
        return response;
    }
    if caller.role != AdminRole::Admin {
        let response = only_admins().into_response();
        change.outcome = outcome(&response);
        app.audit.note_refused(change);
        return response;
    }
    let response = next.run(request).await;
    if let Some(Target(told)) = response.extensions().get() {
        change.target.clone_from(told);
    }
    change.outcome = outcome(&response);
    app.audit.note(change);
    response
}

/// The change that a request asks for, and what its path names.
fn described(request: &Request, caller: &Caller) -> (Change, String) {
    let path = request.uri().path();
    let matched = request.extensions().get::<MatchedPath>();
    let template = matched.map_or(NOWHERE, MatchedPath::as_str);
    let action = format!("{} {template}", request.method());
    let change = Change::now(&caller.who, caller.role, &caller.address, action);
    (change, named(template, path))
}

/// What stands in the path where its template has names.
fn named(template: &str, path: &str) -> String {
    let mut found: Vec<String> = Vec::new();
    let mut parts = path.split('/');
    for name in template.split('/') {
        let part = parts.next().unwrap_or_default();
        if name.starts_with("{*") {
            let rest = std::iter::once(part).chain(parts.by_ref());
            found.push(plain(&rest.collect::<Vec<_>>().join("/")));
        } else if name.starts_with('{') {
            found.push(plain(part));
        }
    }
    found.join(" ")
}

/// The text without percent signs.
fn plain(part: &str) -> String {
    let mut bytes = Vec::with_capacity(part.len());
    let mut rest = part.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let digits = after.first_chunk::<2>().filter(|_| *first == b'%');
        let read = digits
            .and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok());
        bytes.push(read.unwrap_or(*first));
        rest = after
            .get(if read.is_some() { 2 } else { 0 }..)
            .unwrap_or_default();
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn outcome(response: &Response) -> String {
    match response.extensions().get::<Problem>() {
        None => "done".to_owned(),
        Some(problem) => format!("{}: {}", problem.status().as_u16(), problem.detail()),
    }
}

/// What browsers are told about each answer.
fn secured(mut response: Response) -> Response {
    let headers = response.headers_mut();
    let mut set = |name: header::HeaderName, value: &'static str| {
        headers
            .entry(name)
            .or_insert(HeaderValue::from_static(value));
    };
    set(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(header::REFERRER_POLICY, "no-referrer");
    set(header::X_FRAME_OPTIONS, "DENY");
    set(
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; frame-ancestors 'none'",
    );
    set(header::CACHE_CONTROL, "no-store");
    set(
        header::HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    );
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_audit_shows_what_the_path_names() {
        assert_eq!(
            named("/api/v1/clients/{id}", "/api/v1/clients/a%2Fb%20c"),
            "a/b c"
        );
        assert_eq!(named("/x/{*topic}", "/x/a/b"), "a/b");
        assert_eq!(named("/x/drain", "/x/drain"), "");
        assert_eq!(plain("100%"), "100%");
        assert_eq!(plain("%zz%4"), "%zz%4");
    }
}
