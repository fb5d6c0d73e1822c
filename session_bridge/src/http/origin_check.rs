//! Policy `same origin`: a request that changes state must come from the application's own pages (CSRF).
//!
//! Follows OWASP ASVS 5.0 3.5.1: `Sec-Fetch-Site` where the browser sends it, an exact `Origin` where it does not. Invariant: a request
//! that says neither is refused, and an `Origin` that is another one is refused whatever else is said.

use axum::extract::{Extension, Request};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;

use super::problem::Problem;
use super::site::OwnOrigin;

/// The request came from elsewhere.
pub fn origin_refused() -> Problem {
    Problem::new(StatusCode::FORBIDDEN, "origin_refused", "the request does not come from the application's own pages")
        .hint("Send it from a page of the same origin; a client without Sec-Fetch-Site sends that origin as Origin.")
}

/// Checks requests that change state.
pub async fn check_origin(
    Extension(own): Extension<OwnOrigin>,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let is_safe = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    if is_safe || is_same_origin(request.headers(), &own.0) {
        Ok(next.run(request).await)
    } else {
        Err(origin_refused())
    }
}

/// The one `Origin` of a request.
pub fn origin_of(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(header::ORIGIN).iter();
    match (values.next(), values.next()) {
        (Some(origin), None) => origin.to_str().ok(),
        _ => None,
    }
}

fn is_same_origin(headers: &HeaderMap, own: &str) -> bool {
    let origin = origin_of(headers);
    if headers.contains_key(header::ORIGIN) && origin != Some(own) {
        return false;
    }
    let mut sites = headers.get_all("sec-fetch-site").iter();
    match (sites.next(), sites.next()) {
        (Some(site), None) => site == "same-origin",
        (None, _) => origin == Some(own),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: &str = "http://portal.localhost:8480";

    fn verdict(sent: &[(&'static str, &str)]) -> bool {
        let mut headers = HeaderMap::new();
        for (name, value) in sent {
            headers.append(*name, value.parse().unwrap());
        }
        is_same_origin(&headers, OWN)
    }

    #[test]
    fn own_pages_are_accepted() {
        assert!(verdict(&[("sec-fetch-site", "same-origin"), ("origin", OWN)]));
        assert!(verdict(&[("sec-fetch-site", "same-origin")]));
        assert!(verdict(&[("origin", OWN)]));
    }

    #[test]
    fn everything_else_is_refused() {
        for sent in [
            &[][..],
            &[("origin", "http://floor.localhost:8480")],
            &[("origin", "null")],
            &[("origin", "http://portal.localhost:8480.evil.example")],
            &[("origin", "http://portal.localhost")],
            &[("origin", OWN), ("origin", OWN)],
            &[("sec-fetch-site", "cross-site"), ("origin", OWN)],
            &[("sec-fetch-site", "same-site"), ("origin", OWN)],
            &[("sec-fetch-site", "none")],
            &[
                ("sec-fetch-site", "same-origin"),
                ("origin", "http://evil.example"),
            ],
            &[
                ("sec-fetch-site", "same-origin"),
                ("sec-fetch-site", "cross-site"),
            ],
        ] {
            assert!(!verdict(sent), "accepted {sent:?}");
        }
    }
}
