//! Processes, as the dispatchers know them.

use axum::Json;
use axum::extract::State;
use castmq_broker::inspect::{Page, PageRequest, ProcessSummary, ProcessView, ProcessesWanted};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::Shared;
use crate::problem::Problem;
use crate::read::Asked;

pub(super) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(processes))
        .routes(routes!(summary))
}

/// The processes that live now.
#[utoipa::path(get, path = "/processes", tag = "processes", params(PageRequest, ProcessesWanted),
    responses((status = 200, description = "A page", body = Page<ProcessView>)))]
async fn processes(
    State(app): State<Shared>,
    Asked(page): Asked<PageRequest>,
    Asked(wanted): Asked<ProcessesWanted>,
) -> Result<Json<Page<ProcessView>>, Problem> {
    Ok(Json(
        app.inspect(move |inspect| inspect.processes(&page, &wanted))
            .await?,
    ))
}

/// The processes of each kind and arbiter, added up.
#[utoipa::path(get, path = "/processes/summary", tag = "processes",
    responses((status = 200, description = "All kinds", body = Vec<ProcessSummary>)))]
async fn summary(State(app): State<Shared>) -> Result<Json<Vec<ProcessSummary>>, Problem> {
    let all = app
        .look(|handle| handle.inspect().processes_summary())
        .await?;
    Ok(Json(all))
}
