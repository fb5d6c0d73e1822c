//! The answer to a form that leads to another origin: a page that goes on there.
//!
//! Not a redirect: browsers apply the `form-action` of the page with the form to every redirect that follows it, so the page would have to name whatever origins a provider sends
//! people through. A page that refreshes itself is a navigation of its own, and needs no script.

use axum::response::{IntoResponse, Response};

use super::html::{escape, page};

/// A page that goes on to an address.
pub fn onward(url: &str) -> Response {
    let url = escape(url);
    page(
        "One moment",
        &format!(r#"<meta http-equiv="refresh" content="0;url={url}">"#),
        &format!(r#"<p><a href="{url}">Continue</a></p>"#),
    )
    .into_response()
}
