//! `POST /v1/token`: hands out a token by which a service or another database knows whose session it is (token exchange, RFC 8693).
//!
//! The session's token in the body is the proof, as elsewhere; there is no other credential of a client. Invariants: a session is shown to those audiences alone that the
//! configuration names for its application, none by default; an unknown session and one that is over get the same answer.

use std::sync::Arc;

use axum::extract::{Extension, State};
use axum::http::header::{AUTHORIZATION, CACHE_CONTROL, PRAGMA};
use axum::http::{HeaderMap, HeaderName};
use serde::Serialize;
use utoipa::ToSchema;

use super::refusal::Refusal;
use crate::config::App;
use crate::http::Shared;
use crate::http::extract::Form;
use crate::http::problem::Problem;
use crate::http::record::Record;
use crate::vpd::{Token, identity};

/// The grant type.
pub const GRANT_TYPE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
/// What a session's token is: one that this server issued.
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
/// What is given for it.
const JWT: &str = "urn:ietf:params:oauth:token-type:jwt";

/// Whom the session is to be shown to. Fields of other names are ignored.
#[derive(Debug, Default, ToSchema)]
pub struct Exchange {
    /// `urn:ietf:params:oauth:grant-type:token-exchange`.
    #[schema(required, nullable = false)]
    grant_type: Option<Token>,
    /// Token of the session (`vs_…`).
    #[schema(required, nullable = false)]
    subject_token: Option<Token>,
    /// `urn:ietf:params:oauth:token-type:access_token`.
    #[schema(required, nullable = false)]
    subject_token_type: Option<Token>,
    /// Database or service that the token is for.
    #[schema(required, nullable = false)]
    audience: Option<Token>,
    /// `urn:ietf:params:oauth:token-type:jwt`, if anything.
    requested_token_type: Option<Token>,
    /// Not taken: who acts for the user is known from the session.
    #[schema(ignore)]
    actor_token: Option<Token>,
    /// Not taken: name the audience.
    #[schema(ignore)]
    resource: Option<Token>,
    /// Not taken: the token says who somebody is, and not what he may do.
    #[schema(ignore)]
    scope: Option<Token>,
}

/// A token for a service.
#[derive(Serialize, ToSchema)]
pub struct Issued {
    /// The token, a JSON Web Token.
    access_token: Token,
    /// `urn:ietf:params:oauth:token-type:jwt`.
    issued_token_type: &'static str,
    /// `N_A`: it opens nothing at the bridge.
    token_type: &'static str,
    /// How long it lives, in seconds.
    expires_in: i64,
}

/// What RFC 6749, 5.1 wants to stand there.
type NotKept = [(HeaderName, &'static str); 2];

/// Exchange the token of a session for one that a service or another database can verify.
#[utoipa::path(post, path = "/v1/token", tag = "tokens",
    request_body(content = Exchange, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, body = Issued), Refusal))]
pub async fn exchange_token(
    State(bridge): State<Shared>,
    Extension(record): Extension<Arc<Record>>,
    headers: HeaderMap,
    form: Result<Form<Vec<(String, Token)>>, Problem>,
) -> Result<(NotKept, axum::Json<Issued>), Problem> {
    if headers.contains_key(AUTHORIZATION) {
        return Err(Problem::oauth_client());
    }
    let Form(fields) = form.map_err(Problem::into_oauth)?;
    let (session, audience) = understand(Exchange::read(fields)?)?;
    let apps = &bridge.config.apps;
    let answer = identity::sign(&bridge.pool, &session, audience.expose(), |app| {
        may_ask(apps, app, audience.expose())
    });
    let (identity, signed) = answer.await.map_err(|error| match error.is_session_invalid() {
        true => session_refused(),
        false => Problem::from(error).into_oauth(),
    })?;
    record.identify(&identity);
    let signed = signed.ok_or_else(|| {
        Problem::oauth(
            "invalid_target",
            "the application has no tokens for this audience",
        )
        .hint("The operator names the audiences of an application in the configuration: app.audiences.")
    })?;
    let issued = Issued {
        access_token: signed.token,
        issued_token_type: JWT,
        token_type: "N_A",
        expires_in: signed.expires_in,
    };
    Ok((
        [(CACHE_CONTROL, "no-store"), (PRAGMA, "no-cache")],
        axum::Json(issued),
    ))
}

impl Exchange {
    /// Reads the fields; one without a value counts as left out (RFC 6749, 3.2).
    fn read(fields: Vec<(String, Token)>) -> Result<Self, Problem> {
        let mut read = Self::default();
        for (name, value) in fields {
            let place = match name.as_str() {
                "grant_type" => &mut read.grant_type,
                "subject_token" => &mut read.subject_token,
                "subject_token_type" => &mut read.subject_token_type,
                "audience" => &mut read.audience,
                "requested_token_type" => &mut read.requested_token_type,
                "actor_token" => &mut read.actor_token,
                "resource" => &mut read.resource,
                "scope" => &mut read.scope,
                _ => continue,
            };
            if value.expose().is_empty() {
                continue;
            }
            if place.replace(value).is_some() {
                return Err(match name.as_str() {
                    "audience" => Problem::oauth("invalid_target", "a token is for one audience"),
                    _ => Problem::oauth("invalid_request", "a parameter is there twice"),
                }
                .hint("Send each parameter once."));
            }
        }
        Ok(read)
    }
}

/// Session and audience, when the rest is what is offered here.
fn understand(exchange: Exchange) -> Result<(Token, Token), Problem> {
    let is = |field: &Option<Token>, value: &str| field.as_ref().is_some_and(|field| field.expose() == value);
    let refuse = |message: &'static str, hint: &'static str| {
        Err(Problem::oauth("invalid_request", message).hint(hint))
    };
    if exchange.grant_type.is_some() && !is(&exchange.grant_type, GRANT_TYPE) {
        return Err(
            Problem::oauth("unsupported_grant_type", "there is no such grant here")
                .hint("Use urn:ietf:params:oauth:grant-type:token-exchange."),
        );
    }
    if exchange.resource.is_some() {
        return Err(
            Problem::oauth("invalid_target", "an audience is named, and no resource")
                .hint("Use audience, without resource."),
        );
    }
    if exchange.scope.is_some() {
        return Err(Problem::oauth("invalid_scope", "the tokens have no scope").hint("Leave scope out."));
    }
    if exchange.actor_token.is_some() {
        return refuse(
            "an actor is not named by a token",
            "Act for somebody with POST /v1/sessions/on-behalf, and exchange that session.",
        );
    }
    if exchange.requested_token_type.is_some() && !is(&exchange.requested_token_type, JWT) {
        return refuse(
            "there are no tokens of this type",
            "Leave requested_token_type out, or use urn:ietf:params:oauth:token-type:jwt.",
        );
    }
    let (Some(_), Some(session), Some(_), Some(audience)) = (
        exchange.grant_type,
        exchange.subject_token,
        &exchange.subject_token_type,
        exchange.audience,
    ) else {
        return refuse(
            "a parameter is missing",
            "Send grant_type, subject_token, subject_token_type and audience.",
        );
    };
    if !is(&exchange.subject_token_type, ACCESS_TOKEN) {
        return refuse(
            "the subject is no token of this type",
            "Use urn:ietf:params:oauth:token-type:access_token for the token of a session.",
        );
    }
    Ok((session, audience))
}

fn may_ask(apps: &[App], app: &str, audience: &str) -> bool {
    apps.iter()
        .any(|known| known.name == app && known.audiences.iter().any(|one| one == audience))
}

/// RFC 8693, 2.2.2: a subject that is not valid is an invalid request.
fn session_refused() -> Problem {
    Problem::oauth("invalid_request", "no valid session").hint("Log in, or show the token of a live session.")
}
