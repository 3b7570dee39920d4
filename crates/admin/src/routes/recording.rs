//! What is written down: recordings of clients, what arbiters did last, dumps, invariants, faults.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use castmq_broker::fault::{FaultRequest, FaultView};
use castmq_broker::inspect::Inspect;
use castmq_broker::invariants::InvariantView;
use castmq_broker::recorder::{DumpSummary, DumpView, MomentView};
use castmq_broker::recordings::{RecordingView, RecordingWanted};
use castmq_settings::AdminRole;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::Shared;
use crate::problem::Problem;
use crate::read::{Asked, By, Named, Sent, only_admins};
use crate::way::Target;

/// Moments when nobody says how many.
const MOMENTS: u16 = 100;

pub(super) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(recordings, record))
        .routes(routes!(recording, end_recording))
        .routes(routes!(recording_file))
        .routes(routes!(moments))
        .routes(routes!(dumps))
        .routes(routes!(dump))
        .routes(routes!(invariants))
        .routes(routes!(faults, add_fault))
        .routes(routes!(remove_fault))
}

/// The recordings that are kept.
#[utoipa::path(get, path = "/recordings", tag = "watching",
    responses((status = 200, description = "The latest last", body = Vec<RecordingView>)))]
async fn recordings(State(app): State<Shared>) -> Result<Json<Vec<RecordingView>>, Problem> {
    Ok(Json(app.look(castmq_broker::Handle::recordings).await?))
}

/// Records a client: its session, its connection and everything that happens to them from now on.
#[utoipa::path(post, path = "/recordings", tag = "watching", request_body = RecordingWanted,
    responses((status = 201, description = "It runs", body = RecordingView)))]
async fn record(State(app): State<Shared>, Sent(wanted): Sent<RecordingWanted>) -> Response {
    let client = wanted.client.clone();
    let recording = app.ask(move |handle| handle.record(&wanted)).await;
    let target = match &recording {
        Ok(recording) => format!("{} {}", recording.id, recording.client_id),
        Err(_) => client,
    };
    created(recording, Target(target))
}

/// A recording.
#[utoipa::path(get, path = "/recordings/{id}", tag = "watching",
    params(("id" = u64, Path, description = "Its number")),
    responses((status = 200, description = "The recording", body = RecordingView)))]
async fn recording(
    State(app): State<Shared>,
    Named(id): Named<u64>,
) -> Result<Json<RecordingView>, Problem> {
    Ok(Json(app.ask(move |handle| handle.recording(id)).await?))
}

/// Stops a recording that runs, whose file stays; removes one that is over.
#[utoipa::path(delete, path = "/recordings/{id}", tag = "watching",
    params(("id" = u64, Path, description = "Its number")),
    responses((status = 204, description = "It is over, or gone")))]
async fn end_recording(
    State(app): State<Shared>,
    Named(id): Named<u64>,
) -> Result<StatusCode, Problem> {
    app.ask(move |handle| {
        if handle.recording(id)?.ended_because.is_none() {
            handle.stop_recording(id).map(|_| ())
        } else {
            handle.remove_recording(id)
        }
    })
    .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The file of a recording, for `castmq replay`. One with payloads is for admins alone.
#[utoipa::path(get, path = "/recordings/{id}/file", tag = "watching",
    params(("id" = u64, Path, description = "Its number")),
    responses((status = 200, description = "The file, as far as it is written", body = Vec<u8>, content_type = "application/octet-stream")))]
async fn recording_file(
    State(app): State<Shared>,
    By(caller): By,
    Named(id): Named<u64>,
) -> Result<Response, Problem> {
    let recording = app.ask(move |handle| handle.recording(id)).await?;
    if recording.has_payloads && caller.role != AdminRole::Admin {
        return Err(only_admins());
    }
    let file = app.ask(move |handle| handle.recording_file(id)).await?;
    let name = format!("attachment; filename=\"recording-{id}.castmq\"");
    let about = [
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/octet-stream"),
        ),
        (
            header::CONTENT_DISPOSITION,
            HeaderValue::from_str(&name).map_err(|_| Problem::bug())?,
        ),
    ];
    Ok((about, file).into_response())
}

/// Which moments.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct MomentsWanted {
    /// Of which arbiter; usually of all.
    arbiter: Option<u16>,
    /// How many at most: 1 to 1000, usually 100.
    limit: Option<u16>,
}

/// What arbiters did last, the latest last.
#[utoipa::path(get, path = "/recorder", tag = "watching", params(MomentsWanted),
    responses((status = 200, description = "Moments", body = Vec<MomentView>)))]
async fn moments(
    State(app): State<Shared>,
    Asked(wanted): Asked<MomentsWanted>,
) -> Result<Json<Vec<MomentView>>, Problem> {
    let limit = usize::from(wanted.limit.unwrap_or(MOMENTS));
    let arbiters = match wanted.arbiter {
        Some(arbiter) => arbiter..arbiter.saturating_add(1),
        None => 0..app.handle.node().arbiters,
    };
    let all = app.inspect(move |inspect: &Inspect| {
        let mut all = Vec::new();
        for arbiter in arbiters {
            all.extend(inspect.moments(arbiter, limit)?);
        }
        // Times of one form are in the order of their text.
        all.sort_by(|left, right| left.at.cmp(&right.at));
        all.drain(..all.len().saturating_sub(limit));
        Ok(all)
    });
    Ok(Json(all.await?))
}

/// What arbiters had done when something broke, in short.
#[utoipa::path(get, path = "/recorder/dumps", tag = "watching",
    responses((status = 200, description = "The latest last", body = Vec<DumpSummary>)))]
async fn dumps(State(app): State<Shared>) -> Result<Json<Vec<DumpSummary>>, Problem> {
    Ok(Json(app.look(|handle| handle.inspect().dumps()).await?))
}

/// What an arbiter had done when something broke.
#[utoipa::path(get, path = "/recorder/dumps/{id}", tag = "watching",
    params(("id" = u64, Path, description = "Its number")),
    responses((status = 200, description = "The dump", body = DumpView)))]
async fn dump(State(app): State<Shared>, Named(id): Named<u64>) -> Result<Json<DumpView>, Problem> {
    Ok(Json(app.inspect(move |inspect| inspect.dump(id)).await?))
}

/// What must hold, and whether it did.
#[utoipa::path(get, path = "/invariants", tag = "watching",
    responses((status = 200, description = "All that are watched", body = Vec<InvariantView>)))]
async fn invariants(State(app): State<Shared>) -> Result<Json<Vec<InvariantView>>, Problem> {
    Ok(Json(
        app.look(|handle| handle.inspect().invariants()).await?,
    ))
}

/// What goes wrong on purpose now.
#[utoipa::path(get, path = "/faults", tag = "watching",
    responses((status = 200, description = "All of them", body = Vec<FaultView>)))]
async fn faults(State(app): State<Shared>) -> Result<Json<Vec<FaultView>>, Problem> {
    Ok(Json(app.inspect(Inspect::faults).await?))
}

/// Has something go wrong with a process, for a time. Only with `debug.fault_injection`.
#[utoipa::path(post, path = "/faults", tag = "watching", request_body = FaultRequest,
    responses((status = 201, description = "It goes wrong", body = FaultView)))]
async fn add_fault(State(app): State<Shared>, Sent(wanted): Sent<FaultRequest>) -> Response {
    let victim = wanted.process.clone().or_else(|| wanted.client.clone());
    let fault = app.inspect(move |inspect| inspect.add_fault(&wanted)).await;
    let target = match &fault {
        Ok(fault) => format!("{} {} {}", fault.id, fault.process_kind, fault.pid),
        Err(_) => victim.unwrap_or_default(),
    };
    created(fault, Target(target))
}

/// Has everything go right again.
#[utoipa::path(delete, path = "/faults/{id}", tag = "watching",
    params(("id" = u64, Path, description = "Its number")),
    responses((status = 204, description = "It is over")))]
async fn remove_fault(
    State(app): State<Shared>,
    Named(id): Named<u64>,
) -> Result<StatusCode, Problem> {
    app.inspect(move |inspect| inspect.remove_fault(id)).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn created(made: Result<impl serde::Serialize, Problem>, target: Target) -> Response {
    target.of(made.map(|made| (StatusCode::CREATED, Json(made))))
}
