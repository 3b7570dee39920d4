//! Clients and their sessions.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use castmq_broker::inspect::{
    ClientDetail, ClientView, ClientsWanted, Page, PageRequest, SessionDetail, SessionView,
    SessionsWanted, TimelineEntry,
};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::Shared;
use crate::problem::Problem;
use crate::read::{Asked, Named};

pub(super) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(clients))
        .routes(routes!(client, kick))
        .routes(routes!(timeline))
        .routes(routes!(sessions))
        .routes(routes!(session, discard))
}

/// The clients that are connected.
#[utoipa::path(get, path = "/clients", tag = "clients", params(PageRequest, ClientsWanted),
    responses((status = 200, description = "A page", body = Page<ClientView>)))]
async fn clients(
    State(app): State<Shared>,
    Asked(page): Asked<PageRequest>,
    Asked(wanted): Asked<ClientsWanted>,
) -> Result<Json<Page<ClientView>>, Problem> {
    Ok(Json(
        app.inspect(move |inspect| inspect.clients(&page, &wanted))
            .await?,
    ))
}

/// A client that is connected.
#[utoipa::path(get, path = "/clients/{id}", tag = "clients",
    params(("id" = String, Path, description = "The client identifier")),
    responses((status = 200, description = "The client", body = ClientDetail)))]
async fn client(
    State(app): State<Shared>,
    Named(id): Named<String>,
) -> Result<Json<ClientDetail>, Problem> {
    Ok(Json(app.inspect(move |inspect| inspect.client(&id)).await?))
}

/// Closes the connection of a client; its session stays as its expiry says.
#[utoipa::path(delete, path = "/clients/{id}", tag = "clients",
    params(("id" = String, Path, description = "The client identifier")),
    responses((status = 204, description = "It is told to go")))]
async fn kick(State(app): State<Shared>, Named(id): Named<String>) -> Result<StatusCode, Problem> {
    app.inspect(move |inspect| inspect.kick(&id)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Which part of a timeline.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct TimelineWanted {
    /// What was before this place: the `next` of the page before.
    before: Option<String>,
    /// How many at most: 1 to 1000, usually 50.
    limit: Option<u16>,
}

/// What happened to a client id lately, over reconnects and takeovers, the latest first.
#[utoipa::path(get, path = "/clients/{id}/timeline", tag = "watching",
    params(("id" = String, Path, description = "The client identifier"), TimelineWanted),
    responses((status = 200, description = "A page", body = Page<TimelineEntry>)))]
async fn timeline(
    State(app): State<Shared>,
    Named(id): Named<String>,
    Asked(wanted): Asked<TimelineWanted>,
) -> Result<Json<Page<TimelineEntry>>, Problem> {
    let TimelineWanted { before, limit } = wanted;
    let page = app.inspect(move |inspect| inspect.timeline(&id, before.as_deref(), limit));
    Ok(Json(page.await?))
}

/// The sessions, connected or not.
#[utoipa::path(get, path = "/sessions", tag = "clients", params(PageRequest, SessionsWanted),
    responses((status = 200, description = "A page", body = Page<SessionView>)))]
async fn sessions(
    State(app): State<Shared>,
    Asked(page): Asked<PageRequest>,
    Asked(wanted): Asked<SessionsWanted>,
) -> Result<Json<Page<SessionView>>, Problem> {
    Ok(Json(
        app.inspect(move |inspect| inspect.sessions(&page, &wanted))
            .await?,
    ))
}

/// A session with its window and the beginning of its queue, and what it waits for.
#[utoipa::path(get, path = "/sessions/{id}", tag = "clients",
    params(("id" = String, Path, description = "The client identifier")),
    responses((status = 200, description = "The session", body = SessionDetail)))]
async fn session(
    State(app): State<Shared>,
    Named(id): Named<String>,
) -> Result<Json<SessionDetail>, Problem> {
    Ok(Json(
        app.inspect(move |inspect| inspect.session(&id)).await?,
    ))
}

/// Ends a session, with its messages, and the connection of its client.
#[utoipa::path(delete, path = "/sessions/{id}", tag = "clients",
    params(("id" = String, Path, description = "The client identifier")),
    responses((status = 204, description = "It is told to end")))]
async fn discard(
    State(app): State<Shared>,
    Named(id): Named<String>,
) -> Result<StatusCode, Problem> {
    app.inspect(move |inspect| inspect.discard(&id)).await?;
    Ok(StatusCode::NO_CONTENT)
}
