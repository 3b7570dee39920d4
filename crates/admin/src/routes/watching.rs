//! What the node tells, and what happens while somebody looks.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use castmq_broker::inspect::{
    AlarmView, AlarmsWanted, DropsView, DropsWanted, EventView, EventsWanted, Explanation,
    ListenerView, ModuleView, Page, PageRequest,
};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::Shared;
use crate::live::Topic;
use crate::problem::Problem;
use crate::rates::RatesView;
use crate::read::Asked;
use crate::tail::tail;

pub(super) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(rates))
        .routes(routes!(listeners))
        .routes(routes!(modules))
        .routes(routes!(alarms))
        .routes(routes!(events))
        .routes(routes!(drops))
        .routes(routes!(explain))
        .routes(routes!(live))
}

/// What happened in the last ten seconds.
#[utoipa::path(get, path = "/rates", tag = "node",
    responses((status = 200, description = "Rates and times", body = RatesView)))]
async fn rates(State(app): State<Shared>) -> Json<RatesView> {
    Json(app.rates.view(app.has_store()))
}

/// Where clients connect.
#[utoipa::path(get, path = "/listeners", tag = "node", params(PageRequest),
    responses((status = 200, description = "A page", body = Page<ListenerView>)))]
async fn listeners(
    State(app): State<Shared>,
    Asked(page): Asked<PageRequest>,
) -> Result<Json<Page<ListenerView>>, Problem> {
    Ok(Json(
        app.inspect(move |inspect| inspect.listeners(&page)).await?,
    ))
}

/// What decides about clients, or does something for them.
#[utoipa::path(get, path = "/modules", tag = "node",
    responses((status = 200, description = "All of them", body = Vec<ModuleView>)))]
async fn modules(State(app): State<Shared>) -> Result<Json<Vec<ModuleView>>, Problem> {
    Ok(Json(app.look(|handle| handle.inspect().modules()).await?))
}

/// What an operator has to know.
#[utoipa::path(get, path = "/alarms", tag = "node", params(PageRequest, AlarmsWanted),
    responses((status = 200, description = "A page", body = Page<AlarmView>)))]
async fn alarms(
    State(app): State<Shared>,
    Asked(page): Asked<PageRequest>,
    Asked(wanted): Asked<AlarmsWanted>,
) -> Result<Json<Page<AlarmView>>, Problem> {
    Ok(Json(
        app.inspect(move |inspect| inspect.alarms(&page, &wanted))
            .await?,
    ))
}

/// What the node told lately, the latest first.
#[utoipa::path(get, path = "/events", tag = "node", params(PageRequest, EventsWanted),
    responses((status = 200, description = "A page", body = Page<EventView>)))]
async fn events(
    State(app): State<Shared>,
    Asked(page): Asked<PageRequest>,
    Asked(wanted): Asked<EventsWanted>,
) -> Result<Json<Page<EventView>>, Problem> {
    Ok(Json(
        app.inspect(move |inspect| inspect.events(&page, &wanted))
            .await?,
    ))
}

/// What clients did not get: how often for which reason, and the latest of these, the latest first.
#[utoipa::path(get, path = "/drops", tag = "watching", params(PageRequest, DropsWanted),
    responses((status = 200, description = "Counts, and a page", body = DropsView)))]
async fn drops(
    State(app): State<Shared>,
    Asked(page): Asked<PageRequest>,
    Asked(wanted): Asked<DropsWanted>,
) -> Result<Json<DropsView>, Problem> {
    Ok(Json(
        app.inspect(move |inspect| inspect.drops(&page, &wanted))
            .await?,
    ))
}

/// What is to be explained.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ExplainWanted {
    /// The client identifier.
    client: String,
    /// The topic, as the broker knows it.
    topic: String,
    /// The number of a message; usually the last one on the topic, or the next.
    message: Option<u64>,
}

/// Why a client got a message, or did not.
#[utoipa::path(get, path = "/explain", tag = "watching", params(ExplainWanted),
    responses((status = 200, description = "A verdict with its steps", body = Explanation)))]
async fn explain(
    State(app): State<Shared>,
    Asked(wanted): Asked<ExplainWanted>,
) -> Result<Json<Explanation>, Problem> {
    let ExplainWanted {
        client,
        topic,
        message,
    } = wanted;
    let found = app.inspect(move |inspect| inspect.explain(&client, &topic, message));
    Ok(Json(found.await?))
}

/// What is to be followed.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct LiveWanted {
    /// Some of `rates`, `events`, `alarms`, `processes`, parted by commas; usually all.
    of: Option<String>,
}

/// What happens while somebody looks: events named as in `of`, with the same data as the resource of that
/// name; `lost` with a count for a reader who is too slow.
#[utoipa::path(get, path = "/live", tag = "watching", params(LiveWanted),
    responses((status = 200, description = "Server-sent events", body = RatesView, content_type = "text/event-stream")))]
async fn live(
    State(app): State<Shared>,
    Asked(wanted): Asked<LiveWanted>,
) -> Result<Response, Problem> {
    let topics = Topic::several(wanted.of.as_deref())?;
    let (pen, tail) = tail(app.events_buffer());
    app.live.follow(pen, topics);
    Ok(tail.into_response())
}
