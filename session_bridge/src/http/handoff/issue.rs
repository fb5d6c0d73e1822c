//! `GET /handoff/issue`, on the source: gets a ticket for a registered target and sends it there by form.
//!
//! Anybody may send a browser here. What comes of it is a ticket that the target redeems only for a browser with the matching state
//! and verifier, so it opens nothing for whoever sent the browser.

use std::sync::Arc;

use axum::extract::{Extension, OriginalUri, State};
use axum::http::header::CONTENT_SECURITY_POLICY;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Redirect, Response};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;

use super::not_configured::not_configured;
use crate::http::Shared;
use crate::http::auth::Browser;
use crate::http::extract::Query;
use crate::http::html;
use crate::http::problem::Problem;
use crate::http::site::{Front, Peer};
use crate::identity::random_token;
use crate::vpd::{Token, ticket};

/// Query of the route.
#[derive(Deserialize)]
pub struct IssueQuery {
    target: String,
    challenge: String,
    state: String,
}

pub async fn issue(
    State(bridge): State<Shared>,
    Extension(front): Extension<Arc<Front>>,
    OriginalUri(uri): OriginalUri,
    Query(query): Query<IssueQuery>,
    caller: Result<Browser, Problem>,
) -> Result<Response, Problem> {
    let target = front
        .handoff_to
        .iter()
        .find(|peer| peer.app == query.target)
        .ok_or_else(not_configured)?;
    if !is_token(&query.challenge) || !is_token(&query.state) {
        return Err(Problem::new(
            StatusCode::BAD_REQUEST,
            "query_invalid",
            "challenge or state is not a 256-bit value",
        )
        .hint("Start the handoff again from the target's page."));
    }
    let Ok(Browser(caller)) = caller else {
        return Ok(log_in_first(&uri));
    };
    match ticket::issue(&bridge.pool, &caller.token, &target.app, &query.challenge).await {
        Ok(answer) => page(target, &caller.note(answer).ticket, &query.state),
        Err(error) if error.is_session_invalid() => Ok(log_in_first(&uri)),
        Err(error) => Err(error.into()),
    }
}

fn log_in_first(uri: &Uri) -> Response {
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let escaped = path
        .replace('%', "%25")
        .replace('&', "%26")
        .replace('+', "%2B")
        .replace('#', "%23");
    Redirect::to(&format!("/login?return_to={escaped}")).into_response()
}

/// A page that posts itself; with a button where scripts are off.
fn page(target: &Peer, ticket: &Token, state: &str) -> Result<Response, Problem> {
    let nonce = random_token().map_err(Problem::internal)?;
    let Peer { app, origin } = target;
    let ticket = ticket.expose();
    if !ticket.chars().all(is_token_character) {
        return Err(Problem::internal(
            "the ticket has characters a ticket does not have",
        ));
    }
    let body = format!(
        r#"<form method="post" action="{origin}/handoff/redeem">
<input type="hidden" name="ticket" value="{ticket}">
<input type="hidden" name="state" value="{state}">
<noscript><button type="submit">Continue to {app}</button></noscript>
</form>
<script nonce="{nonce}">document.forms[0].submit();</script>"#
    );
    let policy = format!(
        "default-src 'none'; script-src 'nonce-{nonce}'; form-action {origin}; base-uri 'none'; frame-ancestors 'none'"
    );
    Ok((
        [(CONTENT_SECURITY_POLICY, policy)],
        html::page(&format!("Opening {app}"), "", &body),
    )
        .into_response())
}

/// 256 bits in the alphabet of URL-safe base64: harmless in a query, a cookie and an attribute.
fn is_token(text: &str) -> bool {
    URL_SAFE_NO_PAD.decode(text).is_ok_and(|bytes| bytes.len() == 32)
}

fn is_token_character(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '-' || c == '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_256_bit_values_reach_the_page() {
        assert!(is_token(&random_token().unwrap()));
        for text in ["", "x", "\"><script>", &"a".repeat(44), &"=".repeat(43)] {
            assert!(!is_token(text), "{text}");
        }
    }

    #[test]
    fn way_back_after_login_keeps_the_query() {
        let uri: Uri = "/handoff/issue?target=floor&challenge=c&state=s".parse().unwrap();
        let response = log_in_first(&uri);
        let location = response.headers()["location"].to_str().unwrap();
        assert_eq!(
            location,
            "/login?return_to=/handoff/issue?target=floor%26challenge=c%26state=s"
        );
    }
}
