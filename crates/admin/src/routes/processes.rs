//! Processes, as the dispatchers know them.

use axum::Json;
use axum::extract::State;
use castmq_broker::inspect::{
    ArchitectureView, Inspect, Page, PageRequest, ProcessDetail, ProcessSummary, ProcessView,
    ProcessesWanted, Row, RowsWanted, TableView, TreeNode, TreeWanted,
};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::Shared;
use crate::problem::Problem;
use crate::read::{Asked, Named};

pub(super) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(processes))
        .routes(routes!(summary))
        .routes(routes!(tree))
        .routes(routes!(process))
        .routes(routes!(architecture))
        .routes(routes!(tables))
        .routes(routes!(table))
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

/// emqttd's modules and what became of each.
#[utoipa::path(get, path = "/architecture", tag = "processes",
    responses((status = 200, description = "All parts", body = Vec<ArchitectureView>)))]
async fn architecture(State(app): State<Shared>) -> Result<Json<Vec<ArchitectureView>>, Problem> {
    Ok(Json(
        app.look(|handle| handle.inspect().architecture()).await?,
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

/// The supervision tree, one level.
#[utoipa::path(get, path = "/processes/tree", tag = "processes", params(PageRequest, TreeWanted),
    responses((status = 200, description = "A page", body = Page<TreeNode>)))]
async fn tree(
    State(app): State<Shared>,
    Asked(page): Asked<PageRequest>,
    Asked(wanted): Asked<TreeWanted>,
) -> Result<Json<Page<TreeNode>>, Problem> {
    Ok(Json(
        app.inspect(move |inspect| inspect.processes_tree(&page, &wanted))
            .await?,
    ))
}

/// A process with its state, what waits in its lane, and its passport.
#[utoipa::path(get, path = "/processes/{pid}", tag = "processes",
    params(("pid" = String, Path, description = "Its id, with brackets or without")),
    responses((status = 200, description = "The process", body = ProcessDetail)))]
async fn process(
    State(app): State<Shared>,
    Named(pid): Named<String>,
) -> Result<Json<ProcessDetail>, Problem> {
    Ok(Json(
        app.inspect(move |inspect| inspect.process(&pid)).await?,
    ))
}

/// emqttd's tables.
#[utoipa::path(get, path = "/tables", tag = "processes",
    responses((status = 200, description = "All of them", body = Vec<TableView>)))]
async fn tables(State(app): State<Shared>) -> Result<Json<Vec<TableView>>, Problem> {
    Ok(Json(app.inspect(Inspect::tables).await?))
}

/// A value for each column.
#[derive(Debug, Serialize, ToSchema)]
#[schema(value_type = Object)]
struct RowView(Row);

/// The rows of a table.
#[utoipa::path(get, path = "/tables/{name}", tag = "processes",
    params(("name" = String, Path, description = "The table's name"), PageRequest, RowsWanted),
    responses((status = 200, description = "A page; each row has a value for each column", body = Page<RowView>)))]
async fn table(
    State(app): State<Shared>,
    Named(name): Named<String>,
    Asked(page): Asked<PageRequest>,
    Asked(wanted): Asked<RowsWanted>,
) -> Result<Json<Page<RowView>>, Problem> {
    let page = app
        .inspect(move |inspect| inspect.table(&name, &page, &wanted))
        .await?;
    Ok(Json(page.map(RowView)))
}
