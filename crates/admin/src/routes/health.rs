//! For whoever runs the broker: whether it lives, whether it serves, and its metrics.

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::Shared;
use crate::metrics::{self, AdminCounts};
use crate::problem::Problem;

pub(super) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(healthz))
        .routes(routes!(readyz))
        .routes(routes!(prometheus))
}

/// Whether the process answers.
#[utoipa::path(get, path = "/healthz", tag = "health",
    responses((status = 200, description = "It does", body = String, content_type = "text/plain")))]
async fn healthz() -> &'static str {
    "ok\n"
}

/// Whether clients are served: listeners are open, the node does not stop, the store takes what comes.
#[utoipa::path(get, path = "/readyz", tag = "health", responses(
    (status = 200, description = "They are", body = String, content_type = "text/plain"),
    (status = 503, description = "They are not; a line for each reason", body = String, content_type = "text/plain")))]
async fn readyz(State(app): State<Shared>) -> Response {
    let node = app.handle.inspect().node_view();
    let mut reasons = Vec::new();
    if node.status != "running" {
        reasons.push(
            node.trouble
                .unwrap_or_else(|| format!("the node is {}", node.status)),
        );
    }
    if reasons.is_empty() {
        return "ready\n".into_response();
    }
    let text: String = reasons
        .into_iter()
        .map(|reason| format!("{reason}\n"))
        .collect();
    (StatusCode::SERVICE_UNAVAILABLE, text).into_response()
}

/// All metrics, for Prometheus.
#[utoipa::path(get, path = "/metrics", tag = "health",
    responses((status = 200, description = "Text format 0.0.4", body = String, content_type = "text/plain")))]
async fn prometheus(State(app): State<Shared>) -> Result<Response, Problem> {
    let counts = AdminCounts {
        auth_failures: app.gate.failures(),
    };
    let text = app.ask(move |handle| metrics::text(handle, counts)).await?;
    Ok(([(header::CONTENT_TYPE, metrics::CONTENT_TYPE)], text).into_response())
}
