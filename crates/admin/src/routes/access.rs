//! Users and rules that change while the broker runs.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use castmq_broker::Rank;
use castmq_broker::access::Secret;
use castmq_broker::inspect::{Page, PageRequest, RulesAnswer, RulesAsked, RulesView, UserView};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::Shared;
use crate::problem::Problem;
use crate::read::{Asked, Named, Sent, SentSecret};

pub(super) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(users))
        .routes(routes!(set_user, remove_user))
        .routes(routes!(rules, set_rules, remove_rules))
        .routes(routes!(check_rules))
}

/// What a user is to be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct UserWanted {
    /// The password; it is kept as a hash alone.
    password: String,
    /// What the user may do.
    #[serde(default)]
    rank: RankWord,
}

/// What a user may do.
#[derive(Clone, Copy, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum RankWord {
    /// What the rules say.
    #[default]
    User,
    /// Everything.
    Superuser,
}

/// Users that were added while the broker ran.
#[utoipa::path(get, path = "/users", tag = "access", params(PageRequest),
    responses((status = 200, description = "A page", body = Page<UserView>)))]
async fn users(
    State(app): State<Shared>,
    Asked(page): Asked<PageRequest>,
) -> Result<Json<Page<UserView>>, Problem> {
    Ok(Json(
        app.inspect(move |inspect| inspect.users(&page)).await?,
    ))
}

/// Adds a user, or gives one another password and rank.
#[utoipa::path(put, path = "/users/{name}", tag = "access", request_body = UserWanted,
    params(("name" = String, Path, description = "The user name")),
    responses((status = 204, description = "It holds")))]
async fn set_user(
    State(app): State<Shared>,
    Named(name): Named<String>,
    SentSecret(wanted): SentSecret<UserWanted>,
) -> Result<StatusCode, Problem> {
    let password = Secret::new(wanted.password);
    if password.expose().is_empty() {
        return Err(Problem::wrong("the body: password: it is empty"));
    }
    let rank = match wanted.rank {
        RankWord::User => Rank::User,
        RankWord::Superuser => Rank::Superuser,
    };
    app.ask(move |handle| handle.set_user(&name, password.expose(), rank))
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Takes a user out; who is connected as that user is disconnected.
#[utoipa::path(delete, path = "/users/{name}", tag = "access",
    params(("name" = String, Path, description = "The user name")),
    responses((status = 204, description = "There is no such user any more")))]
async fn remove_user(
    State(app): State<Shared>,
    Named(name): Named<String>,
) -> Result<StatusCode, Problem> {
    app.inspect(move |inspect| inspect.remove_user(&name))
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The rules that hold in place of those in the file.
#[utoipa::path(get, path = "/rules", tag = "access",
    responses((status = 200, description = "The rules", body = RulesView)))]
async fn rules(State(app): State<Shared>) -> Result<Json<RulesView>, Problem> {
    Ok(Json(app.look(|handle| handle.inspect().rules()).await?))
}

/// Has rules hold in place of those in the file.
#[utoipa::path(put, path = "/rules", tag = "access", request_body = RulesView,
    responses((status = 204, description = "They hold")))]
async fn set_rules(
    State(app): State<Shared>,
    Sent(wanted): Sent<RulesView>,
) -> Result<StatusCode, Problem> {
    app.inspect(move |inspect| inspect.set_rules(wanted.rules.as_deref()))
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Has the rules in the file hold again.
#[utoipa::path(delete, path = "/rules", tag = "access",
    responses((status = 204, description = "They hold")))]
async fn remove_rules(State(app): State<Shared>) -> Result<StatusCode, Problem> {
    app.inspect(|inspect| inspect.set_rules(None)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What the rules say of something that a client might do.
#[utoipa::path(get, path = "/rules/check", tag = "access", params(RulesAsked),
    responses((status = 200, description = "Whether it is allowed, and why", body = RulesAnswer)))]
async fn check_rules(
    State(app): State<Shared>,
    Asked(asked): Asked<RulesAsked>,
) -> Result<Json<RulesAnswer>, Problem> {
    Ok(Json(
        app.inspect(move |inspect| inspect.check_rules(&asked))
            .await?,
    ))
}
