//! What handlers are given: parts of a request, with a problem for each that is wrong.

use axum::Json;
use axum::extract::rejection::{JsonRejection, PathRejection, QueryRejection};
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use crate::auth::Caller;
use crate::problem::Problem;

/// The query, `?limit=…`.
#[derive(Debug)]
pub(crate) struct Asked<T>(pub(crate) T);

/// The JSON in the body.
#[derive(Debug)]
pub(crate) struct Sent<T>(pub(crate) T);

/// The JSON in a body with something in it that is not for everybody: what is wrong is told without it.
#[derive(Debug)]
pub(crate) struct SentSecret<T>(pub(crate) T);

/// Names in the path.
#[derive(Debug)]
pub(crate) struct Named<T>(pub(crate) T);

/// Who asks.
#[derive(Debug)]
pub(crate) struct By(pub(crate) Caller);

impl<S: Send + Sync> FromRequestParts<S> for By {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let caller = parts.extensions.get::<Caller>();
        caller.cloned().map(Self).ok_or_else(Problem::bug)
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Asked<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let asked = Query::<T>::from_request_parts(parts, state).await;
        asked
            .map(|Query(asked)| Self(asked))
            .map_err(|rejection: QueryRejection| wrong("the query", &rejection.body_text()))
    }
}

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Named<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let named = Path::<T>::from_request_parts(parts, state).await;
        named
            .map(|Path(named)| Self(named))
            .map_err(|rejection: PathRejection| wrong("the path", &rejection.body_text()))
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Sent<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let sent = Json::<T>::from_request(request, state).await;
        sent.map(|Json(sent)| Self(sent))
            .map_err(|rejection| wrong_body(&rejection, |text| wrong("the body", text)))
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for SentSecret<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let sent = Json::<T>::from_request(request, state).await;
        sent.map(|Json(sent)| Self(sent)).map_err(|rejection| {
            wrong_body(&rejection, |text| {
                Problem::wrong(format!("the body: {}", without_values(text)))
            })
        })
    }
}

fn wrong_body(rejection: &JsonRejection, wrong: impl FnOnce(&str) -> Problem) -> Problem {
    let status = rejection.status();
    let text = rejection.body_text();
    match status {
        StatusCode::UNSUPPORTED_MEDIA_TYPE => {
            Problem::new(status, "Content-Type: the body has to be application/json")
        }
        StatusCode::PAYLOAD_TOO_LARGE => Problem::new(status, format!("the body: {text}")),
        _ => wrong(&text),
    }
}

/// What serde says of JSON, but for what it found there. It ends in what was expected and in the place.
fn without_values(text: &str) -> String {
    let (what, place) = text.rsplit_once(" at line ").unwrap_or((text, ""));
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let place = place
        .split_once(" column ")
        .filter(|(line, column)| is_number(line) && is_number(column))
        .map(|(line, column)| format!(" at line {line} column {column}"))
        .unwrap_or_default();
    let missing = what
        .rsplit_once(": missing field ")
        .map(|(_, name)| format!("the field {name} is missing"));
    // Whatever was found stands before the last one of these.
    let expected = what
        .rsplit_once(", expected ")
        .map(|(_, expected)| format!("expected {expected}"));
    let what = expected
        .or(missing)
        .unwrap_or_else(|| "it cannot be read as the JSON that is wanted here".to_owned());
    format!("{what}{place}")
}

/// What a viewer hears who wants more.
pub(crate) fn only_admins() -> Problem {
    Problem::forbidden("you are a viewer; only the role admin may do that")
}

/// axum says what it tried; what was wrong and where stands behind it.
fn wrong(place: &str, text: &str) -> Problem {
    let what = text
        .strip_prefix("Failed to ")
        .and_then(|rest| rest.split_once(": "))
        .map_or(text, |(_, what)| what);
    Problem::wrong(format!("{place}: {what}"))
}
