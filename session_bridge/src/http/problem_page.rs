//! A problem for a person: what a browser shows when it went to an address and was refused.

use axum::response::{IntoResponse, Response};

use super::html::{escape, page};
use super::problem::ProblemBody;

/// The problem as a page; says no more than its JSON.
pub fn problem_page(body: &ProblemBody<'_>) -> Response {
    let (code, request_id) = (escape(body.code), escape(body.request_id));
    let (message, hint) = (escape(body.message), escape(body.hint.unwrap_or_default()));
    let body = format!(
        r#"<h1>{message}</h1>
<p>{hint}</p>
<p><a href="/">Back to the start</a></p>
<p><small>{code} · {request_id}</small></p>"#
    );
    page(&message, "", &body).into_response()
}
