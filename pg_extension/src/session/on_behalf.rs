//! A session for a user on behalf of whom somebody acts. It lies below the session of the actor, lives by its clocks and ends with it.

use super::app::no_such_app;
use super::derive::{self, Derived, OnBehalf};
use super::store::check_attributes;
use super::token::{self, TokenKind};
use super::{attachment, era, line};
use crate::authz::{self, Claims, Kind, MAX_ACTORS, Reference, change};
use crate::error::{Error, Result};
use crate::sys::lock::{self, Counted};
use crate::trail::{self, Event};
use pgrx::JsonB;
use serde_json::json;

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
    let holder = line::holder(&actor_hash)?;
    let app = app.unwrap_or(&holder.app);
    // What is revoked while this waits counts.
    lock::serialize(Counted::Sessions, actor.login().as_bytes());
    let era = era::begun(user_name, app);
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
    let derived = derive::derive(Derived {
        source: holder.session_id,
        app: app.to_owned(),
        token_hash: token::hash(TokenKind::Session, &token).unwrap_or_default(),
        ticket_hash: None,
        is_primary: holder.is_primary,
        on_behalf: Some(OnBehalf {
            user_name: user_name.to_owned(),
            is_full: extent.is_full,
            attributes,
        }),
        era,
    })?;
    let Some(session_id) = derived else {
        attachment::identity_of(actor_token)?;
        return Err(no_such_app(app));
    };
    let claims = Claims {
        actor_session: actor.session_id,
        acts_fully: extent.is_full,
        ..Claims::default()
    };
    let authority = authz::flatten(user_name, &claims)?;
    authz::keep(session_id, &authority);
    trail::record(&Event {
        name: "session.on_behalf",
        session_id: Some(&session_id.to_string()),
        user_name: Some(user_name),
        app: Some(app),
        details: Some(
            &json!({ "actor": actor.user_name, "actors": actor.actors, "with_full_authority": extent.is_full }),
        ),
        is_change: true,
        ..Event::default()
    });
    // The rows of sessions go; that somebody acted for somebody stays. It changes nothing in the graph, so it waits for nobody.
    let actors: Vec<&str> = std::iter::once(actor.user_name.as_str())
        .chain(actor.actors.iter().map(String::as_str))
        .collect();
    change::record_by(
        &actor.author(),
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
