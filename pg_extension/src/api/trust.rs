//! `vpd.trust_issuer`, `alter_issuer`, `distrust_issuer`, `set_issuer_keys`, `unknown_keys`, `create_session_from_token`, `log_out_from_token`.

use super::{Answer, require_primary, require_ready, required, without_null};
use crate::error::{Error, Result};
use crate::sys::ErrorReport;
use crate::sys::document::Document;
use crate::trust::{self, Login, Registration};
use pgrx::datum::Interval;
use pgrx::prelude::*;
use pgrx::{Inet, JsonB};

/// A list that may be left out.
fn names(list: Option<Vec<Option<String>>>, what: &str) -> Result<Option<Vec<String>>> {
    list.map(|list| without_null(list, what)).transpose()
}

#[pg_extern(sql = false)]
#[expect(
    clippy::too_many_arguments,
    reason = "the function's SQL signature, called with named arguments"
)]
fn trust_issuer(
    issuer: Option<String>,
    audiences: Option<Vec<Option<String>>>,
    apps: Option<Vec<Option<String>>>,
    kind: Option<String>,
    algorithms: Option<Vec<Option<String>>>,
    clock_skew: Option<Interval>,
    max_age: Option<Interval>,
    key_grace: Option<Interval>,
    required_claims: Option<Document>,
    user_claim: Option<String>,
    user_prefix: Option<String>,
    roles_claim: Option<String>,
    groups_claim: Option<String>,
    attribute_claims: Option<Document>,
) -> Answer<()> {
    require_primary()?;
    let list = |list, what| names(required(list, what).map(Some)?, what);
    let document = |document: Option<Document>, what| -> Result<Option<JsonB>> {
        required(document, what)?.read().map(Some)
    };
    trust::trust(Registration {
        issuer: required(issuer, "issuer")?,
        audiences: list(audiences, "audiences")?,
        apps: list(apps, "apps")?,
        kind: Some(required(kind, "kind")?),
        algorithms: list(algorithms, "algorithms")?,
        clock_skew: Some(required(clock_skew, "clock_skew")?),
        max_age: Some(required(max_age, "max_age")?),
        key_grace: Some(required(key_grace, "key_grace")?),
        required_claims: document(required_claims, "required_claims")?,
        user_claim: Some(required(user_claim, "user_claim")?),
        user_prefix: Some(user_prefix.unwrap_or_default()),
        roles_claim: Some(roles_claim.unwrap_or_default()),
        groups_claim: Some(groups_claim.unwrap_or_default()),
        attribute_claims: document(attribute_claims, "attribute_claims")?,
    })?;
    Ok(())
}

#[pg_extern(sql = false)]
#[expect(
    clippy::too_many_arguments,
    reason = "the function's SQL signature, called with named arguments"
)]
fn alter_issuer(
    issuer: Option<String>,
    audiences: Option<Vec<Option<String>>>,
    apps: Option<Vec<Option<String>>>,
    kind: Option<String>,
    algorithms: Option<Vec<Option<String>>>,
    clock_skew: Option<Interval>,
    max_age: Option<Interval>,
    key_grace: Option<Interval>,
    required_claims: Option<Document>,
    user_claim: Option<String>,
    user_prefix: Option<String>,
    roles_claim: Option<String>,
    groups_claim: Option<String>,
    attribute_claims: Option<Document>,
) -> Answer<()> {
    require_primary()?;
    trust::alter(Registration {
        issuer: required(issuer, "issuer")?,
        audiences: names(audiences, "audiences")?,
        apps: names(apps, "apps")?,
        kind,
        algorithms: names(algorithms, "algorithms")?,
        clock_skew,
        max_age,
        key_grace,
        required_claims: Document::read_all(required_claims)?,
        user_claim,
        user_prefix,
        roles_claim,
        groups_claim,
        attribute_claims: Document::read_all(attribute_claims)?,
    })?;
    Ok(())
}

#[pg_extern(sql = false)]
fn distrust_issuer(issuer: Option<String>, end_sessions: Option<bool>) -> Answer<i64> {
    require_primary()?;
    let ended = trust::distrust(&required(issuer, "issuer")?, end_sessions.unwrap_or(true))?;
    Ok(i64::try_from(ended).unwrap_or(i64::MAX))
}

#[pg_extern(sql = false)]
fn set_issuer_keys(
    issuer: Option<String>,
    jwks: Option<Document>,
) -> std::result::Result<
    TableIterator<
        'static,
        (
            name!(kid, String),
            name!(thumbprint, Option<String>),
            name!(change, String),
        ),
    >,
    ErrorReport,
> {
    require_primary()?;
    let keys = required(jwks, "jwks")?.read()?;
    let changes = trust::set_keys(&required(issuer, "issuer")?, &keys.0)?;
    Ok(TableIterator::new(changes))
}

#[pg_extern(sql = false)]
fn unknown_keys() -> Answer<i64> {
    require_ready()?;
    Ok(i64::try_from(trust::unknown_keys()).unwrap_or(i64::MAX))
}

#[pg_extern(sql = false)]
#[expect(
    clippy::too_many_arguments,
    reason = "the function's SQL signature, called with named arguments"
)]
fn create_session_from_token(
    token: Option<String>,
    app: Option<String>,
    nonce: Option<String>,
    language: Option<String>,
    territory: Option<String>,
    date_format: Option<String>,
    number_format: Option<String>,
    client_address: Option<Inet>,
    user_agent: Option<String>,
    assumed_role: Option<String>,
) -> Answer<String> {
    require_primary()?;
    Ok(trust::create_session(Login {
        token: token.ok_or_else(Error::token_refused)?,
        app: required(app, "app")?,
        nonce,
        language,
        territory,
        date_format,
        number_format,
        client_address,
        user_agent,
        assumed_role,
    })?)
}

#[pg_extern(sql = false)]
fn log_out_from_token(logout_token: Option<&str>) -> Answer<i64> {
    require_primary()?;
    let ended = trust::log_out(logout_token.ok_or_else(Error::token_refused)?)?;
    Ok(i64::try_from(ended).unwrap_or(i64::MAX))
}
