//! A session for a user on behalf of whom somebody acts. It lies below the session of the actor, lives by its clocks and ends with it.

use super::attachment;
use super::store::{check_attributes, no_such_app};
use super::token::{self, TokenKind};
use crate::authz::{self, Claims, Kind, MAX_ACTORS, Reference, change};
use crate::error::{Error, Result};
use crate::sys::lock::{self, Counted};
use crate::sys::spi::{Statement, arg};
use pgrx::{JsonB, Uuid};
use serde_json::json;

thread_local! {
    static INSERT: Statement = const { Statement::new(include_str!("../../../sql/query/session/on_behalf.sql")) };
}

/// Creates the session; returns its token.
pub fn create(actor_token: &str, user_name: &str, app: Option<&str>, attributes: JsonB) -> Result<String> {
    check_attributes(&attributes.0)?;
    let actor_hash = token::hash(TokenKind::Session, actor_token).ok_or_else(Error::session_invalid)?;
    let actor = attachment::identity_of(actor_token)?;
    if actor.actors.len() >= MAX_ACTORS {
        return Err(Error::limit(
            "limit_actors",
            format!("{MAX_ACTORS} users act for one another already"),
            "Act from a session of your own.",
        ));
    }
    if actor.user_name == user_name {
        return Err(Error::argument(
            "nobody acts on behalf of himself",
            "Name another user.",
        ));
    }
    // What is revoked while this waits counts.
    lock::serialize(Counted::Sessions, actor.user_name.as_bytes());
    let actor = attachment::identity_of(actor_token)?;
    // Nobody learns here who is known: who may not act for anybody gets the same answer for every name.
    let extent = authz::extent(&actor.user_name, &actor.claims, user_name)?.ok_or_else(|| {
        Error::privilege_missing(
            "the session may not act on behalf of this user",
            "Grant the privilege session:on_behalf to one of its roles, or a delegation with vpd.grant_delegation.",
        )
    })?;
    Reference::new(Kind::User, user_name).require()?;
    authz::user::require_enabled(user_name)?;
    let token = token::generate(TokenKind::Session)?;
    let hash = token::hash(TokenKind::Session, &token).unwrap_or_default();
    let created = INSERT.with(|statement| {
        statement.modify(
            &[
                arg(hash),
                arg(actor_hash),
                arg(user_name),
                arg(app),
                arg(attributes),
                arg(extent.is_full),
            ],
            |row| {
                (
                    row.get::<Uuid>(1),
                    row.get::<bool>(2).unwrap_or(false),
                    row.get::<i32>(3).unwrap_or(0),
                )
            },
        )
    });
    match created.first() {
        None => Err(no_such_app(app.unwrap_or_default())),
        Some((None, false, _)) => Err(Error::argument(
            "the application belongs to another pillar",
            "Act within the pillar of your session, and hand the new session over with a ticket.",
        )),
        Some((None, true, limit)) => Err(Error::limit(
            "limit_sessions",
            format!("the session acts on behalf of users in {limit} live sessions already"),
            "End one of them, or raise max_sessions_per_user of the application.",
        )),
        Some((Some(session_id), _, _)) => {
            let claims = Claims {
                actor_session: actor.session_id,
                acts_fully: extent.is_full,
                ..Claims::default()
            };
            let authority = authz::flatten(user_name, &claims)?;
            authz::keep(*session_id, &authority);
            // The rows of sessions go; that somebody acted for somebody stays. It changes nothing in the graph, so it waits for nobody.
            let actors: Vec<&str> = std::iter::once(actor.user_name.as_str())
                .chain(actor.actors.iter().map(String::as_str))
                .collect();
            change::record_by(
                &actor,
                "on_behalf",
                &Reference::new(Kind::User, user_name).to_string(),
                json!({
                    "actors": actors,
                    "session_id": session_id.to_string(),
                    "with_full_authority": extent.is_full,
                }),
            );
            Ok(token)
        }
    }
}
