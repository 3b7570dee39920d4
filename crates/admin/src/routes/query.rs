//! A query is what the description says: a name that is not in it is a mistake, not a decoration.

use std::sync::Arc;

use axum::extract::{MatchedPath, Request};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::document::Document;
use crate::problem::Problem;

/// Most rows of a page.
const LIMIT_MAX: u64 = 1000;

pub(super) async fn check(document: Arc<Document>, request: Request, next: Next) -> Response {
    let matched = request.extensions().get::<MatchedPath>();
    let known = matched.and_then(|path| document.query(path.as_str(), request.method()));
    let query = request.uri().query().unwrap_or_default();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        if let Some(known) = known
            && !known.contains(name)
        {
            let names: Vec<_> = known.iter().map(String::as_str).collect();
            let known = if names.is_empty() {
                "none".to_owned()
            } else {
                names.join(", ")
            };
            let detail = format!("the query: {name} is not known here; known: {known}");
            return Problem::wrong(detail).into_response();
        }
        if name == "limit"
            && !value
                .parse()
                .is_ok_and(|limit: u64| (1..=LIMIT_MAX).contains(&limit))
        {
            let detail = format!(
                "the query: limit is {value}; allowed: 1 to {LIMIT_MAX}, and further pages by `cursor`"
            );
            return Problem::wrong(detail).into_response();
        }
    }
    next.run(request).await
}
