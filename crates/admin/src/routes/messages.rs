//! Subscriptions, routes, topics, retained messages, and messages in the broker's name.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use castmq_broker::inspect::{
    Page, PageRequest, PublishAsked, RetainedDetail, RetainedView, RetainedWanted, RouteView,
    RoutesWanted, SubscribeAsked, SubscriptionView, SubscriptionsWanted, TopicView, TopicsWanted,
};
use castmq_settings::AdminRole;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::Shared;
use crate::problem::Problem;
use crate::read::{Asked, By, Named, Sent, SentSecret};
use crate::way::Target;

pub(super) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(subscriptions))
        .routes(routes!(subscribe, unsubscribe))
        .routes(routes!(topics))
        .routes(routes!(routing))
        .routes(routes!(retained))
        .routes(routes!(retained_message, delete_retained))
        .routes(routes!(publish))
}

/// All subscriptions.
#[utoipa::path(get, path = "/subscriptions", tag = "messages", params(PageRequest, SubscriptionsWanted),
    responses((status = 200, description = "A page", body = Page<SubscriptionView>)))]
async fn subscriptions(
    State(app): State<Shared>,
    Asked(page): Asked<PageRequest>,
    Asked(wanted): Asked<SubscriptionsWanted>,
) -> Result<Json<Page<SubscriptionView>>, Problem> {
    Ok(Json(
        app.inspect(move |inspect| inspect.subscriptions(&page, &wanted))
            .await?,
    ))
}

/// Subscribes on behalf of a client.
#[utoipa::path(post, path = "/sessions/{id}/subscriptions", tag = "messages", request_body = SubscribeAsked,
    params(("id" = String, Path, description = "The client identifier")),
    responses((status = 204, description = "It is subscribed")))]
async fn subscribe(
    State(app): State<Shared>,
    Named(id): Named<String>,
    Sent(asked): Sent<SubscribeAsked>,
) -> Response {
    let target = Target(format!("{id} {}", asked.filter));
    let subscribe = app.inspect(move |inspect| inspect.subscribe(&id, &asked));
    target.of(subscribe.await.map(|_| StatusCode::NO_CONTENT))
}

/// Which subscription.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct FilterWanted {
    /// Its filter.
    filter: String,
}

/// Ends a subscription on behalf of a client.
#[utoipa::path(delete, path = "/sessions/{id}/subscriptions", tag = "messages",
    params(("id" = String, Path, description = "The client identifier"), FilterWanted),
    responses((status = 204, description = "It is ended")))]
async fn unsubscribe(
    State(app): State<Shared>,
    Named(id): Named<String>,
    Asked(wanted): Asked<FilterWanted>,
) -> Response {
    let target = Target(format!("{id} {}", wanted.filter));
    let unsubscribe = app.inspect(move |inspect| inspect.unsubscribe(&id, &wanted.filter));
    target.of(unsubscribe.await.map(|_| StatusCode::NO_CONTENT))
}

/// The next level of the tree of topics.
#[utoipa::path(get, path = "/topics", tag = "messages", params(PageRequest, TopicsWanted),
    responses((status = 200, description = "A page", body = Page<TopicView>)))]
async fn topics(
    State(app): State<Shared>,
    Asked(page): Asked<PageRequest>,
    Asked(wanted): Asked<TopicsWanted>,
) -> Result<Json<Page<TopicView>>, Problem> {
    Ok(Json(
        app.inspect(move |inspect| inspect.topics(&page, &wanted))
            .await?,
    ))
}

/// Which arbiters have subscribers to what.
#[utoipa::path(get, path = "/routes", tag = "messages", operation_id = "routes",
    params(PageRequest, RoutesWanted),
    responses((status = 200, description = "A page", body = Page<RouteView>)))]
async fn routing(
    State(app): State<Shared>,
    Asked(page): Asked<PageRequest>,
    Asked(wanted): Asked<RoutesWanted>,
) -> Result<Json<Page<RouteView>>, Problem> {
    Ok(Json(
        app.inspect(move |inspect| inspect.routes(&page, &wanted))
            .await?,
    ))
}

/// The retained messages, without what they hold.
#[utoipa::path(get, path = "/retained", tag = "messages", params(PageRequest, RetainedWanted),
    responses((status = 200, description = "A page", body = Page<RetainedView>)))]
async fn retained(
    State(app): State<Shared>,
    Asked(page): Asked<PageRequest>,
    Asked(wanted): Asked<RetainedWanted>,
) -> Result<Json<Page<RetainedView>>, Problem> {
    Ok(Json(
        app.inspect(move |inspect| inspect.retained(&page, &wanted))
            .await?,
    ))
}

/// A retained message; what it holds is for admins alone, a viewer gets no `payload` and no `encoding`.
#[utoipa::path(get, path = "/retained/{*topic}", tag = "messages",
    params(("topic" = String, Path, description = "The topic; its slashes may stand for themselves")),
    responses((status = 200, description = "The message", body = RetainedDetail)))]
async fn retained_message(
    State(app): State<Shared>,
    By(caller): By,
    Named(topic): Named<String>,
) -> Result<Response, Problem> {
    let detail = app
        .inspect(move |inspect| inspect.retained_message(&topic))
        .await?;
    Ok(match caller.role {
        AdminRole::Admin => Json(detail).into_response(),
        AdminRole::Viewer => Json(detail.message).into_response(),
    })
}

/// Forgets a retained message.
#[utoipa::path(delete, path = "/retained/{*topic}", tag = "messages",
    params(("topic" = String, Path, description = "The topic; its slashes may stand for themselves")),
    responses((status = 204, description = "There is none any more")))]
async fn delete_retained(
    State(app): State<Shared>,
    Named(topic): Named<String>,
) -> Result<StatusCode, Problem> {
    app.inspect(move |inspect| inspect.delete_retained(&topic))
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Publishes in the name of the broker.
#[utoipa::path(post, path = "/publish", tag = "messages", request_body = PublishAsked,
    responses((status = 204, description = "It is in the broker's bounded queue")))]
async fn publish(
    State(app): State<Shared>,
    SentSecret(asked): SentSecret<PublishAsked>,
) -> Response {
    let target = Target(asked.topic.clone());
    let publish = app.inspect(move |inspect| inspect.publish(&asked));
    target.of(publish.await.map(|_| StatusCode::NO_CONTENT))
}
