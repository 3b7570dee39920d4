//! Traces: messages followed through all processes.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use castmq_broker::inspect::Page;
use castmq_broker::trace::{FlowView, TraceRequest, TraceView};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::Shared;
use crate::live;
use crate::problem::Problem;
use crate::read::{Asked, Named, Sent};
use crate::tail::tail;
use crate::way::Target;

/// Flows of a page when nobody says how many.
const FLOWS: u16 = 50;

pub(super) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(traces, start_trace))
        .routes(routes!(trace, stop_trace))
        .routes(routes!(flows))
        .routes(routes!(follow_trace))
}

/// The traces that are remembered.
#[utoipa::path(get, path = "/traces", tag = "watching",
    responses((status = 200, description = "In the order of their starts", body = Vec<TraceView>)))]
async fn traces(State(app): State<Shared>) -> Result<Json<Vec<TraceView>>, Problem> {
    Ok(Json(app.look(|handle| handle.inspect().traces()).await?))
}

/// Begins to trace what a client, a topic or an address has to do with, within a budget.
#[utoipa::path(post, path = "/traces", tag = "watching", request_body = TraceRequest,
    responses((status = 201, description = "It runs", body = TraceView)))]
async fn start_trace(State(app): State<Shared>, Sent(wanted): Sent<TraceRequest>) -> Response {
    let asked = [
        wanted.client.clone(),
        wanted.topic.clone(),
        wanted.address.map(|address| address.to_string()),
    ];
    let trace = app
        .inspect(move |inspect| inspect.start_trace(&wanted))
        .await;
    let target = match &trace {
        Ok(trace) => trace.id.to_string(),
        Err(_) => asked.into_iter().flatten().collect::<Vec<_>>().join(" "),
    };
    Target(target).of(trace.map(|trace| (StatusCode::CREATED, Json(trace))))
}

/// A trace.
#[utoipa::path(get, path = "/traces/{id}", tag = "watching",
    params(("id" = u32, Path, description = "Its number")),
    responses((status = 200, description = "The trace", body = TraceView)))]
async fn trace(
    State(app): State<Shared>,
    Named(id): Named<u32>,
) -> Result<Json<TraceView>, Problem> {
    Ok(Json(app.inspect(move |inspect| inspect.trace(id)).await?))
}

/// Ends a trace that runs, which keeps what it has found; forgets one that is over.
#[utoipa::path(delete, path = "/traces/{id}", tag = "watching",
    params(("id" = u32, Path, description = "Its number")),
    responses((status = 204, description = "It is over, or forgotten")))]
async fn stop_trace(
    State(app): State<Shared>,
    Named(id): Named<u32>,
) -> Result<StatusCode, Problem> {
    app.inspect(move |inspect| inspect.stop_trace(id)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Which flows.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct FlowsWanted {
    /// Those that changed behind this place: the `next` of the page before.
    after: Option<u64>,
    /// How many at most: 1 to 1000, usually 50.
    limit: Option<u16>,
}

/// The flows of a trace, in the order in which they last changed. One comes again, whole, when more of it is
/// known.
#[utoipa::path(get, path = "/traces/{id}/flows", tag = "watching",
    params(("id" = u32, Path, description = "The trace's number"), FlowsWanted),
    responses((status = 200, description = "A page; while the trace runs it has a `next` always", body = Page<FlowView>)))]
async fn flows(
    State(app): State<Shared>,
    Named(id): Named<u32>,
    Asked(wanted): Asked<FlowsWanted>,
) -> Result<Json<Page<FlowView>>, Problem> {
    let after = wanted.after.unwrap_or_default();
    let limit = usize::from(wanted.limit.unwrap_or(FLOWS));
    Ok(Json(
        app.inspect(move |inspect| inspect.flows(id, after, limit))
            .await?,
    ))
}

/// The flows of a trace as they become known: events `flow`, and `trace` at the end; `lost` for a reader who
/// is too slow.
#[utoipa::path(get, path = "/traces/{id}/live", tag = "watching",
    params(("id" = u32, Path, description = "The trace's number")),
    responses((status = 200, description = "Server-sent events", body = FlowView, content_type = "text/event-stream")))]
async fn follow_trace(
    State(app): State<Shared>,
    Named(id): Named<u32>,
) -> Result<Response, Problem> {
    app.inspect(move |inspect| inspect.trace(id)).await?;
    let (pen, tail) = tail(app.events_buffer());
    let follow = live::follow_trace(Shared::clone(&app), id, pen);
    app.live.begin(follow);
    Ok(tail.into_response())
}
