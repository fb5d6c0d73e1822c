//! A problem for a person: what a browser shows when it went to an address and was refused.

use axum::response::{Html, IntoResponse, Response};

use super::html::escape;
use super::problem::ProblemBody;

/// The problem as a page; says no more than its JSON.
pub fn problem_page(body: &ProblemBody<'_>) -> Response {
    let (code, request_id) = (escape(body.code), escape(body.request_id));
    let (message, hint) = (escape(body.message), escape(body.hint.unwrap_or_default()));
    let page = format!(
        r#"<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>{message}</title></head>
<body>
<h1>{message}</h1>
<p>{hint}</p>
<p><a href="/">Back to the start</a></p>
<p><small>{code} · {request_id}</small></p>
</body>
</html>
"#
    );
    Html(page).into_response()
}
