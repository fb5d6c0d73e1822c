//! The answer to a form that leads to another origin: a page that goes on there.
//!
//! Not a redirect: browsers apply the `form-action` of the page with the form to every redirect that follows it, so the page would have to name whatever origins a provider sends
//! people through. A page that refreshes itself is a navigation of its own, and needs no script.

use axum::response::{Html, IntoResponse, Response};

use super::html::escape;

/// A page that goes on to an address.
pub fn onward(url: &str) -> Response {
    let url = escape(url);
    let page = format!(
        r#"<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><meta http-equiv="refresh" content="0;url={url}"><title>One moment</title></head>
<body>
<p><a href="{url}">Continue</a></p>
</body>
</html>
"#
    );
    Html(page).into_response()
}
