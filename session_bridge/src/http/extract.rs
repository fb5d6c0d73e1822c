//! Extractors whose refusals are problems.
//!
//! Invariant: a refusal never repeats what was sent: a body may hold a ticket.

use axum::extract::rejection::{FormRejection, JsonRejection, PathRejection, QueryRejection};
use axum::extract::{FromRequest, FromRequestParts};
use axum::http::StatusCode;

use super::limit::body_too_large;
use super::problem::Problem;

/// A JSON body.
#[derive(FromRequest)]
#[from_request(via(axum::Json), rejection(Problem))]
pub struct Json<T>(pub T);

/// A form body.
#[derive(FromRequest)]
#[from_request(via(axum::Form), rejection(Problem))]
pub struct Form<T>(pub T);

/// The query of the URL.
#[derive(FromRequestParts)]
#[from_request(via(axum::extract::Query), rejection(Problem))]
pub struct Query<T>(pub T);

/// Parameters of the path.
#[derive(FromRequestParts)]
#[from_request(via(axum::extract::Path), rejection(Problem))]
pub struct Path<T>(pub T);

impl From<JsonRejection> for Problem {
    fn from(rejection: JsonRejection) -> Self {
        body_problem(
            rejection.status(),
            "the body is not the JSON this route takes",
            "application/json",
        )
    }
}

impl From<FormRejection> for Problem {
    fn from(rejection: FormRejection) -> Self {
        let kind = "application/x-www-form-urlencoded";
        body_problem(
            rejection.status(),
            "the body is not the form this route takes",
            kind,
        )
    }
}

impl From<QueryRejection> for Problem {
    fn from(_: QueryRejection) -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "query_invalid",
            "the query is not what this route takes",
        )
        .hint("See the description of the route.")
    }
}

impl From<PathRejection> for Problem {
    fn from(_: PathRejection) -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "path_invalid",
            "a part of the path has the wrong type",
        )
        .hint("See the description of the route.")
    }
}

fn body_problem(status: StatusCode, message: &'static str, media_type: &str) -> Problem {
    match status {
        StatusCode::PAYLOAD_TOO_LARGE => body_too_large(),
        StatusCode::UNSUPPORTED_MEDIA_TYPE => Problem::new(
            status,
            "media_type_unsupported",
            "the body has another type than this route takes",
        )
        .details(format!("Content-Type: {media_type} is taken"))
        .hint("Set Content-Type."),
        _ => Problem::new(StatusCode::BAD_REQUEST, "body_invalid", message)
            .hint("Send every required field with its type, and no other field."),
    }
}
