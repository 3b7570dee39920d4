//! Every address there is, and its description.
#![expect(
    unused_qualifications,
    reason = "the code that utoipa makes of parameters"
)]

mod access;
mod clients;
mod document;
mod health;
mod messages;
mod node;
mod processes;
mod query;
mod recording;
mod traces;
mod watching;

use std::sync::Arc;

use axum::Router;
use axum::body::to_bytes;
use axum::extract::{DefaultBodyLimit, Request};
use axum::http::header::CONTENT_LENGTH;
use axum::http::{StatusCode, Uri};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use utoipa_axum::router::OpenApiRouter;

use crate::app::Shared;
use crate::problem::Problem;
use crate::{dashboard, way};

/// Below this is the interface for programs.
pub(crate) const BASE: &str = "/api/v1";

/// The largest body of a request. A message in base64 is a third larger than itself.
const BODY_MAX: usize = 2 * 1024 * 1024;
/// The largest body that is taken in only to be refused.
const BODY_TAKEN_MAX: usize = 4 * BODY_MAX;

/// All addresses.
pub(crate) fn router(app: &Shared) -> Router {
    let (router, document) = described().split_for_parts();
    let document = Arc::new(document::Document::finish(document));
    let (shown, known) = (Arc::clone(&document), Arc::clone(&document));
    let show = move || {
        let shown = Arc::clone(&shown);
        async move { shown.answer() }
    };
    router
        .route("/openapi.json", get(show.clone()))
        .route(&format!("{BASE}/openapi.json"), get(show))
        .route("/", get(dashboard::index))
        .fallback(dashboard::file)
        .method_not_allowed_fallback(not_allowed)
        .layer(from_fn(move |request, next| {
            query::check(Arc::clone(&known), request, next)
        }))
        .layer(from_fn(within_size))
        .layer(from_fn_with_state(Arc::clone(app), way::guard))
        .layer(DefaultBodyLimit::max(BODY_MAX))
        .layer(from_fn_with_state(Arc::clone(app), way::admit))
        .with_state(Arc::clone(app))
}

/// Refuses a body that says of itself that it is too large, but takes it in first: a connection that is
/// closed while its other side still sends is reset, and the answer is lost with it.
async fn within_size(request: Request, next: Next) -> Response {
    let length = request.headers().get(CONTENT_LENGTH);
    let length = length.and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    if length.is_none_or(|length| length <= BODY_MAX) {
        return next.run(request).await;
    }
    // Of one that is larger still the sender has to make do with the end of the connection.
    let _ = to_bytes(request.into_body(), BODY_TAKEN_MAX).await;
    let text =
        format!("the body: it is larger than {BODY_MAX} bytes, which is the most that is taken");
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, text).into_response()
}

/// All addresses that the document describes, which are all but the document's own and the dashboard's.
fn described() -> OpenApiRouter<Shared> {
    let below = OpenApiRouter::new()
        .merge(node::routes())
        .merge(clients::routes())
        .merge(messages::routes())
        .merge(access::routes())
        .merge(processes::routes())
        .merge(watching::routes())
        .merge(traces::routes())
        .merge(recording::routes());
    OpenApiRouter::with_openapi(document::begin())
        .merge(health::routes())
        .nest(BASE, below)
}

async fn not_allowed(uri: Uri, request: Request) -> Problem {
    Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        format!(
            "{} cannot be asked of {}; the header Allow says what can",
            request.method(),
            uri.path()
        ),
    )
}

/// What is told about an address that there is not.
pub(crate) fn nothing_at(path: &str) -> Problem {
    Problem::not_found(format!(
        "there is nothing at {path}; {BASE}/openapi.json lists what there is"
    ))
}

/// JSON that is a text already.
pub(crate) fn json(text: String) -> Response {
    use axum::http::{HeaderValue, header};
    use axum::response::IntoResponse;

    let media_type = HeaderValue::from_static("application/json");
    ([(header::CONTENT_TYPE, media_type)], text).into_response()
}
