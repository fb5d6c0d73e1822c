//! Policy `record`: gives each request an identifier, renders its problem, counts it and writes its log line.
//!
//! It wraps the others, the address policy included, so that what they refuse is on record too (PO-3): who, what, result,
//! duration. Invariant: the line names the route's template, never the path or the query, and no header or body.

use std::sync::{Arc, OnceLock};
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Json, Response};
use tracing::{error, info};
use uuid::Uuid;

use super::Shared;
use super::address::ClientAddress;
use super::problem::Problem;
use crate::db::Identity;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What is known about a request, filled while it is handled.
#[derive(Debug)]
pub struct Record {
    request_id: String,
    who: OnceLock<(String, String)>,
}

impl Record {
    /// Notes whose session the request used.
    pub fn identify(&self, identity: &Identity) {
        self.name(&identity.user_name, &identity.app);
    }

    /// Notes user and application; the first note stands.
    pub fn name(&self, user: &str, app: &str) {
        let _ = self.who.set((user.to_owned(), app.to_owned()));
    }
}

/// Template of the route that answered, on its way out to the log line.
#[derive(Clone)]
struct Route(String);

/// Wraps the whole chain.
pub async fn record(State(bridge): State<Shared>, mut request: Request, next: Next) -> Response {
    let start = Instant::now();
    let record = Arc::new(Record {
        request_id: Uuid::new_v4().simple().to_string(),
        who: OnceLock::new(),
    });
    request.extensions_mut().insert(Arc::clone(&record));
    let method = method_label(request.method().as_str());
    let client = request
        .extensions()
        .get::<ClientAddress>()
        .map(|client| client.0.to_string());

    let response = next.run(request).await;

    let route = response
        .extensions()
        .get::<Route>()
        .map_or_else(|| "-".to_owned(), |route| route.0.clone());
    let problem = response.extensions().get::<Problem>().cloned();
    let status = response.status();
    let duration = start.elapsed();
    bridge.metrics.count(method, &route, status.as_u16(), duration);
    let (user, app) = record.who.get().map_or(("-", "-"), |(user, app)| (user, app));
    let code = problem.as_ref().map_or("-", |problem| problem.code.as_ref());
    let cause = problem.as_ref().and_then(|problem| problem.cause.as_deref());
    let duration_ms = (duration.as_secs_f64() * 1e6).round() / 1e3;
    let request_id = &record.request_id;
    let client = client.as_deref().unwrap_or("-");
    if status.is_server_error() {
        error!(
            event = "http.request",
            request_id,
            user,
            app,
            client,
            method,
            route,
            status = status.as_u16(),
            code,
            cause,
            duration_ms
        );
    } else {
        info!(
            event = "http.request",
            request_id,
            user,
            app,
            client,
            method,
            route,
            status = status.as_u16(),
            code,
            cause,
            duration_ms
        );
    }
    render(response, problem, request_id)
}

/// Notes the template of the route; laid around the routes themselves, where it is known.
pub async fn note_route(request: Request, next: Next) -> Response {
    let matched = request.extensions().get::<MatchedPath>().cloned();
    let mut response = next.run(request).await;
    if let Some(path) = matched {
        response.extensions_mut().insert(Route(path.as_str().to_owned()));
    }
    response
}

fn render(mut response: Response, problem: Option<Problem>, request_id: &str) -> Response {
    if let Some(problem) = problem {
        let (parts, _) = response.into_parts();
        let mut rendered = Json(problem.body(request_id)).into_response();
        *rendered.status_mut() = parts.status;
        for (name, value) in &parts.headers {
            if name != axum::http::header::CONTENT_LENGTH {
                rendered.headers_mut().append(name, value.clone());
            }
        }
        if parts.status == StatusCode::UNAUTHORIZED {
            rendered
                .headers_mut()
                .insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if parts.status == StatusCode::TOO_MANY_REQUESTS {
            rendered
                .headers_mut()
                .insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response = rendered;
    }
    if let Ok(value) = HeaderValue::from_str(request_id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    response
}

/// Clients may invent methods; figures and log know those of the routes.
fn method_label(method: &str) -> &'static str {
    match method {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        "OPTIONS" => "OPTIONS",
        _ => "other",
    }
}
