//! Policy `record`: gives each request an identifier, renders its problem, counts it and writes its log line.
//!
//! It wraps the others, the address policy included, so that what they refuse is on record too (PO-3): who, what, result,
//! duration. Invariant: the line names the route's template, never the path or the query, and no header or body.

use std::net::IpAddr;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::header::{CONTENT_LENGTH, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Json, Response};
use tracing::{error, info};
use uuid::Uuid;

use super::Shared;
use super::address::{ByProxy, ClientAddress};
use super::problem::Problem;
use super::problem_page::problem_page;
use super::trace;
use crate::db::Identity;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What is known about a request, filled while it is handled.
#[derive(Debug)]
pub struct Record {
    request_id: String,
    trace_id: Option<String>,
    who: OnceLock<(String, String)>,
    site: OnceLock<String>,
}

impl Record {
    fn of(request: &Request) -> Self {
        let said = request.extensions().get::<ByProxy>().map(|_| request.headers());
        let own = || Uuid::new_v4().simple().to_string();
        Self {
            request_id: said.and_then(trace::request_id).map_or_else(own, str::to_owned),
            trace_id: said.and_then(trace::trace_id).map(str::to_owned),
            who: OnceLock::new(),
            site: OnceLock::new(),
        }
    }

    /// Notes on which site the request is answered: an application's, `service` or `login`.
    pub fn at(&self, site: &str) {
        let _ = self.site.set(site.to_owned());
    }

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
    let record = Arc::new(Record::of(&request));
    request.extensions_mut().insert(Arc::clone(&record));
    let mut line = Line::start(bridge, record, &request);
    let response = next.run(request).await;
    line.finish(&response);
    let problem = response.extensions().get::<Problem>().cloned();
    render(response, problem, &line)
}

/// The log line of a request, written when it goes: also when the client went first and the handler was dropped.
struct Line {
    bridge: Shared,
    record: Arc<Record>,
    start: Instant,
    method: &'static str,
    client: Option<IpAddr>,
    /// A person looks at the answer: a browser goes to this address.
    is_navigation: bool,
    route: Option<String>,
    status: u16,
    problem: Option<Problem>,
}

/// No answer was sent, because nobody waited for one.
const CLIENT_GONE: u16 = 499;

impl Line {
    fn start(bridge: Shared, record: Arc<Record>, request: &Request) -> Self {
        Self {
            bridge,
            record,
            start: Instant::now(),
            method: method_label(request.method().as_str()),
            client: request.extensions().get::<ClientAddress>().map(|client| client.0),
            is_navigation: request
                .headers()
                .get("sec-fetch-mode")
                .is_some_and(|mode| mode == "navigate"),
            route: None,
            status: CLIENT_GONE,
            problem: None,
        }
    }

    fn finish(&mut self, response: &Response) {
        self.route = response.extensions().get::<Route>().map(|route| route.0.clone());
        self.status = response.status().as_u16();
        self.problem = response.extensions().get::<Problem>().cloned();
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        let duration = self.start.elapsed();
        let route = self.route.as_deref().unwrap_or("-");
        // A handler that panicked takes its connection along, and no client went.
        let status = if std::thread::panicking() {
            StatusCode::INTERNAL_SERVER_ERROR.as_u16()
        } else {
            self.status
        };
        self.bridge.metrics.count(self.method, route, status, duration);
        let (user, app) = self
            .record
            .who
            .get()
            .map_or(("-", "-"), |(user, app)| (user, app));
        let site = self.record.site.get().map_or("-", String::as_str);
        let code = self.problem.as_ref().map_or("-", |problem| problem.code.as_ref());
        let cause = self.problem.as_ref().and_then(|problem| problem.cause.as_deref());
        let client = self
            .client
            .map_or_else(|| "-".to_owned(), |client| client.to_string());
        let duration_ms = (duration.as_secs_f64() * 1e6).round() / 1e3;
        let (request_id, method) = (&self.record.request_id, self.method);
        let trace_id = self.record.trace_id.as_deref();
        macro_rules! write_line {
            ($level:ident) => {
                $level!(
                    event = "http.request",
                    request_id,
                    trace_id,
                    user,
                    app,
                    client,
                    site,
                    method,
                    route,
                    status,
                    code,
                    cause,
                    duration_ms
                )
            };
        }
        if status >= 500 {
            write_line!(error);
        } else {
            write_line!(info);
        }
    }
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

fn render(mut response: Response, problem: Option<Problem>, line: &Line) -> Response {
    let request_id = &line.record.request_id;
    if let Some(problem) = problem {
        let (parts, _) = response.into_parts();
        let body = problem.body(request_id);
        response = if line.is_navigation {
            problem_page(&body)
        } else {
            Json(body).into_response()
        };
        *response.status_mut() = parts.status;
        let own = response.headers_mut();
        for (name, value) in parts.headers.iter().filter(|(name, _)| *name != CONTENT_LENGTH) {
            own.append(name, value.clone());
        }
        if parts.status == StatusCode::UNAUTHORIZED {
            own.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if parts.status == StatusCode::TOO_MANY_REQUESTS {
            own.insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
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
