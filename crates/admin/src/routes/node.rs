//! The node as a whole: counters, settings, logs, the audit.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use castmq_broker::inspect::{
    Drained, Inspect, NodeView, Page, PageRequest, SettingView, StatView,
};
use castmq_settings::LogLevel;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::Shared;
use crate::audit::Change;
use crate::problem::Problem;
use crate::read::{Asked, By, Sent};

/// Rows of a page when nobody says how many.
const LIMIT: u16 = 50;

pub(super) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(me))
        .routes(routes!(node))
        .routes(routes!(stats))
        .routes(routes!(metrics))
        .routes(routes!(settings))
        .routes(routes!(log, set_log))
        .routes(routes!(audit))
        .routes(routes!(drain, undrain))
}

/// Who asks, as far as the node knows.
#[derive(Debug, Serialize, ToSchema)]
struct MeView {
    /// The user or token; `local` where nobody has to say.
    who: String,
    /// `viewer` or `admin`.
    role: &'static str,
}

/// Who asks, and what that one may do.
#[utoipa::path(get, path = "/me", tag = "node", responses((status = 200, description = "You", body = MeView)))]
async fn me(By(caller): By) -> Json<MeView> {
    Json(MeView {
        who: caller.who,
        role: caller.role.word(),
    })
}

/// The node as a whole.
#[utoipa::path(get, path = "/node", tag = "node", responses((status = 200, description = "The node", body = NodeView)))]
async fn node(State(app): State<Shared>) -> Result<Json<NodeView>, Problem> {
    Ok(Json(app.look(|handle| handle.inspect().node_view()).await?))
}

/// Counts of what there is, and the highest that each has been, by emqttd's names.
#[utoipa::path(get, path = "/stats", tag = "node",
    responses((status = 200, description = "By name", body = BTreeMap<String, StatView>)))]
async fn stats(State(app): State<Shared>) -> Result<Json<BTreeMap<String, StatView>>, Problem> {
    Ok(Json(app.inspect(Inspect::stats).await?))
}

/// All counters, by emqttd's names.
#[utoipa::path(get, path = "/metrics", tag = "node",
    responses((status = 200, description = "Each since the start", body = BTreeMap<String, u64>)))]
async fn metrics(State(app): State<Shared>) -> Json<BTreeMap<&'static str, u64>> {
    Json(app.handle.metrics())
}

/// All settings as they hold.
#[utoipa::path(get, path = "/settings", tag = "node",
    responses((status = 200, description = "In the order of the file", body = Vec<SettingView>)))]
async fn settings(State(app): State<Shared>) -> Result<Json<Vec<SettingView>>, Problem> {
    Ok(Json(app.look(|handle| handle.inspect().settings()).await?))
}

/// How much is logged.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct LogView {
    /// The least important level that is logged: `error`, `warn`, `info`, `debug` or `trace`.
    level: String,
}

/// How much is logged.
#[utoipa::path(get, path = "/log", tag = "node", responses((status = 200, description = "The level", body = LogView)))]
async fn log(State(app): State<Shared>) -> Json<LogView> {
    let level = app.options.log_levels.as_ref().map(|levels| levels.level());
    let level = level.unwrap_or(app.handle.node().settings.log.level);
    Json(LogView {
        level: level.word().to_owned(),
    })
}

/// Has more or less be logged, until the broker ends.
#[utoipa::path(put, path = "/log", tag = "node", request_body = LogView,
    responses((status = 200, description = "The level that holds now", body = LogView)))]
async fn set_log(
    State(app): State<Shared>,
    Sent(asked): Sent<LogView>,
) -> Result<Json<LogView>, Problem> {
    let level = LogLevel::ALL
        .iter()
        .find(|level| level.word() == asked.level)
        .ok_or_else(|| {
            let words = LogLevel::WORDS.join(", ");
            Problem::wrong(format!(
                "the body: level: found {:?}; allowed: {words}",
                asked.level
            ))
        })?;
    let levels = app.options.log_levels.as_ref().ok_or_else(|| {
        Problem::not_found("the program that this broker is a part of writes its logs itself")
    })?;
    levels
        .set(*level)
        .map_err(|why| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, why))?;
    Ok(Json(asked))
}

/// Has all clients leave and lets nobody in, until that is taken back; the node runs on.
#[utoipa::path(post, path = "/drain", tag = "node",
    responses((status = 200, description = "How many were told to leave; they do so in their own time", body = Drained)))]
async fn drain(State(app): State<Shared>) -> Result<Json<Drained>, Problem> {
    Ok(Json(app.inspect(Inspect::drain).await?))
}

/// Lets clients in again.
#[utoipa::path(delete, path = "/drain", tag = "node",
    responses((status = 204, description = "They may come")))]
async fn undrain(State(app): State<Shared>) -> Result<StatusCode, Problem> {
    app.look(|handle| handle.inspect().undrain()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The last changes, the latest first.
#[utoipa::path(get, path = "/audit", tag = "node", params(PageRequest),
    responses((status = 200, description = "A page", body = Page<Change>)))]
async fn audit(
    State(app): State<Shared>,
    Asked(page): Asked<PageRequest>,
) -> Result<Json<Page<Change>>, Problem> {
    let before = page.cursor.map(|cursor| cursor.parse()).transpose().map_err(|_| {
        Problem::wrong("the cursor is wrong: it is not the `next` of a page of this table; leave it out to begin anew")
    })?;
    Ok(Json(
        app.audit
            .page(usize::from(page.limit.unwrap_or(LIMIT)), before),
    ))
}
