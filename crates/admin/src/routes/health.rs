//! For whoever runs the broker: whether it lives, whether it serves, and its metrics.

use axum::Extension;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::Shared;
use crate::auth::Caller;
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
    (status = 503, description = "They are not; why is for those who show who they are", body = String, content_type = "text/plain")))]
async fn readyz(State(app): State<Shared>, caller: Option<Extension<Caller>>) -> Response {
    let node = app.handle.inspect().node_view();
    if node.status == "running" {
        return "ready\n".into_response();
    }
    let why = if caller.is_some() { node.trouble } else { None };
    (
        StatusCode::SERVICE_UNAVAILABLE,
        not_ready(node.status, why.as_deref()),
    )
        .into_response()
}

/// What is told of a node that does not serve; trouble names files and amounts, and is not for everybody.
fn not_ready(status: &str, why: Option<&str>) -> String {
    match why {
        Some(why) => format!("not ready: {why}\n"),
        None => format!("not ready: {status}\n"),
    }
}

/// All metrics, for Prometheus.
#[utoipa::path(get, path = "/metrics", tag = "health",
    responses((status = 200, description = "Text format 0.0.4", body = String, content_type = "text/plain")))]
async fn prometheus(State(app): State<Shared>) -> Result<Response, Problem> {
    let counts = AdminCounts {
        auth_failures: app.gate.failures(),
        refused_changes: app.audit.refused(),
    };
    let text = app.ask(move |handle| metrics::text(handle, counts)).await?;
    Ok(([(header::CONTENT_TYPE, metrics::CONTENT_TYPE)], text).into_response())
}
