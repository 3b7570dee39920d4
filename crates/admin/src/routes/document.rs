//! The description of the interface: OpenAPI 3.1, made of the handlers.

use std::collections::{BTreeMap, BTreeSet};

use axum::http::Method;
use axum::response::Response;
use castmq_broker::inspect::{ProcessSort, SessionKind, SessionPresence};
use utoipa::OpenApi;
use utoipa::openapi::path::{Operation, ParameterIn};
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{Content, OpenApi as Description, PathItem, Ref, RefOr, ResponseBuilder};

use crate::problem::{MEDIA_TYPE, Problem};
use crate::routes::json;

/// What every request may be answered with.
const PROBLEMS: [(&str, &str); 6] = [
    ("400", "The request is wrong; the detail says where"),
    ("401", "Nobody is let in who does not say who it is"),
    (
        "403",
        "The role viewer is not enough, or a page of somebody else asks",
    ),
    ("404", "There is no such thing"),
    (
        "429",
        "Too many wrong passwords or tokens came from the same address",
    ),
    (
        "503",
        "The broker or the admin interface is busy; try again",
    ),
];

#[derive(OpenApi)]
#[openapi(
    info(
        title = "CastMQ",
        description = "What goes on in a CastMQ broker, and what can be changed while it runs.",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    // Those of parameters are not found by themselves.
    components(schemas(Problem, ProcessSort, SessionKind, SessionPresence)),
    tags(
        (name = "node", description = "The node as a whole"),
        (name = "clients", description = "Clients and their sessions"),
        (name = "messages", description = "Subscriptions, routes, topics, retained messages"),
        (name = "access", description = "Users and rules"),
        (name = "processes", description = "Processes and tables"),
        (name = "watching", description = "Traces, explanations, recordings, faults"),
        (name = "health", description = "For whoever runs it")
    )
)]
struct Start;

/// The description before there is a route.
pub(super) fn begin() -> Description {
    Start::openapi()
}

/// The description of all routes.
pub(super) struct Document {
    text: String,
    /// The names that a query may have, by path below the root and method.
    queries: BTreeMap<(String, Method), BTreeSet<String>>,
}

impl Document {
    /// Adds what is the same for all routes.
    pub(super) fn finish(mut description: Description) -> Self {
        let schemes = [
            ("basic", Http::new(HttpAuthScheme::Basic)),
            ("bearer", Http::new(HttpAuthScheme::Bearer)),
        ];
        let components = description.components.get_or_insert_default();
        for (name, scheme) in schemes {
            let scheme = SecurityScheme::Http(scheme);
            components.security_schemes.insert(name.to_owned(), scheme);
        }
        let scopes: [&str; 0] = [];
        description.security = Some(vec![
            SecurityRequirement::default(),
            SecurityRequirement::new("basic", scopes),
            SecurityRequirement::new("bearer", scopes),
        ]);
        let mut queries = BTreeMap::new();
        let paths = std::mem::take(&mut description.paths.paths);
        for (path, mut item) in paths {
            for (method, operation) in operations(&mut item) {
                add_problems(operation);
                queries.insert(
                    (path.clone(), method),
                    names_of(operation, &ParameterIn::Query),
                );
            }
            // The document knows no names that stand for several parts of a path.
            description
                .paths
                .paths
                .insert(path.replace("{*", "{"), item);
        }
        Self {
            text: description.to_json().unwrap_or_default(),
            queries,
        }
    }

    /// The names that the query of a route may have; nothing for a route that is not described.
    pub(super) fn query(&self, path: &str, method: &Method) -> Option<&BTreeSet<String>> {
        let method = if *method == Method::HEAD {
            Method::GET
        } else {
            method.clone()
        };
        self.queries.get(&(path.to_owned(), method))
    }

    pub(super) fn answer(&self) -> Response {
        json(self.text.clone())
    }
}

fn operations(item: &mut PathItem) -> Vec<(Method, &mut Operation)> {
    let all = [
        (Method::GET, item.get.as_mut()),
        (Method::PUT, item.put.as_mut()),
        (Method::POST, item.post.as_mut()),
        (Method::DELETE, item.delete.as_mut()),
    ];
    all.into_iter()
        .filter_map(|(method, operation)| Some((method, operation?)))
        .collect()
}

fn names_of(operation: &Operation, place: &ParameterIn) -> BTreeSet<String> {
    let parameters = operation.parameters.iter().flatten();
    parameters
        .filter(|parameter| parameter.parameter_in == *place)
        .map(|parameter| parameter.name.clone())
        .collect()
}

fn add_problems(operation: &mut Operation) {
    for (status, about) in PROBLEMS {
        let responses = &mut operation.responses.responses;
        responses.entry(status.to_owned()).or_insert_with(|| {
            let content = Content::new(Some(Ref::from_schema_name("Problem")));
            let response = ResponseBuilder::new()
                .description(about)
                .content(MEDIA_TYPE, content);
            RefOr::T(response.build())
        });
    }
}
