//! The interceptor chain (FA-16): which named policies run, in which order, before which routes.
//!
//! ```text
//! every request   client address → record (id, log, figures) → headers → address ranges → rate limit → limits → host
//! browser routes  same origin (all but the redemption of a handoff, which checks its source) → session cookie → handler
//! service routes  cross origin → bearer token → handler
//! ```
//!
//! The record wraps the address ranges, so that what they refuse is in the log as well.

use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::Request;
use axum::http::StatusCode;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::{Router, routing::get};
use tower::ServiceExt;

use super::no_route::route_not_found;
use super::problem::Problem;
use super::rate_limit::{Buckets, limit_rate};
use super::record::Record;
use super::site::{OwnOrigin, Site};
use super::{
    Shared, address, browser, cors, demo, dev_idp, handoff, headers, limit, operation, origin_check, record,
    v1, well_known,
};
use crate::bridge::StartError;

/// What the listener of the operation routes hands requests to, whatever host they name: no policy stands between a supervisor and the bridge but the record.
pub fn operation_router(bridge: &Shared) -> Result<Router, StartError> {
    let routes = operation::describe(operation::routes())?;
    Ok(on_record(finish(routes, bridge), bridge))
}

/// Everything the listener hands requests to.
pub fn router(bridge: &Shared) -> Result<Router, StartError> {
    let apps = app_routes(bridge);
    let services = service_routes(bridge)?;
    let login = dev_idp::routes(&bridge.config)
        .map_err(StartError::Identity)?
        .map(|routes| finish(routes, bridge));
    let shared = Shared::clone(bridge);
    let dispatch = move |mut request: Request| {
        let chosen = choose(&shared, &mut request, &apps, &services, login.as_ref());
        async move {
            match chosen {
                Ok(routes) => never(routes.oneshot(request).await),
                Err(problem) => problem.into_response(),
            }
        }
    };
    let buckets = Buckets::new(bridge.config.server.rate_limit);
    let limited = Router::new()
        .fallback(dispatch)
        .layer(from_fn_with_state(Shared::clone(bridge), limit::limit))
        .layer(from_fn_with_state(buckets, limit_rate))
        .layer(from_fn_with_state(Shared::clone(bridge), address::refuse_ranges));
    Ok(on_record(limited, bridge))
}

/// What goes around everything: whose request it is, the record, and the headers of each answer.
fn on_record(routes: Router, bridge: &Shared) -> Router {
    routes
        .layer(from_fn_with_state(Shared::clone(bridge), headers::protect))
        .layer(from_fn_with_state(Shared::clone(bridge), record::record))
        .layer(from_fn_with_state(Shared::clone(bridge), address::find_client))
}

fn app_routes(bridge: &Shared) -> Router {
    let mut own_pages_only = Router::new()
        .merge(browser::routes())
        .merge(handoff::own_routes());
    if bridge.config.demo.enabled {
        own_pages_only = own_pages_only.merge(demo::routes());
    }
    let routes = own_pages_only
        .layer(from_fn(origin_check::check_origin))
        .merge(handoff::source_route())
        .route("/health", get(operation::health))
        .fallback(browser::page);
    finish(routes, bridge)
}

fn service_routes(bridge: &Shared) -> Result<Router, StartError> {
    let mut described = v1::routes().merge(well_known::routes());
    if bridge.config.server.operation_bind.is_none() {
        described = described.merge(operation::routes());
    }
    let routes = operation::describe(described)?;
    let cors = from_fn_with_state(Shared::clone(bridge), cors::allow_listed_origins);
    // A preflight asks with a method no route has: the layer goes around the refusal of methods too.
    Ok(finish(
        Router::new().fallback_service(finish(routes, bridge)).layer(cors),
        bridge,
    ))
}

fn finish(routes: Router<Shared>, bridge: &Shared) -> Router {
    routes
        .method_not_allowed_fallback(method_not_allowed)
        .layer(from_fn(record::note_route))
        .with_state(Shared::clone(bridge))
}

fn choose(
    bridge: &Shared,
    request: &mut Request,
    apps: &Router,
    services: &Router,
    login: Option<&Router>,
) -> Result<Router, Problem> {
    let site = bridge.sites.find(request.uri(), request.headers())?.clone();
    if let Some(record) = request.extensions().get::<Arc<Record>>() {
        record.at(site.name());
    }
    match site {
        Site::App(front) => {
            request
                .extensions_mut()
                .insert(OwnOrigin(front.own.origin.as_str().into()));
            request.extensions_mut().insert(front);
            Ok(apps.clone())
        }
        Site::Service => Ok(services.clone()),
        Site::Login => {
            request
                .extensions_mut()
                .insert(OwnOrigin(bridge.config.identity.issuer.as_str().into()));
            login.cloned().ok_or_else(route_not_found)
        }
    }
}

async fn method_not_allowed() -> Problem {
    Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "method_not_allowed",
        "the route has no such method",
    )
    .hint("See the header Allow.")
}

fn never(result: Result<Response, Infallible>) -> Response {
    match result {
        Ok(response) => response,
        Err(never) => match never {},
    }
}
