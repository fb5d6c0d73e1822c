//! A session for a user on behalf of whom somebody acts. It lies below the session of the actor, lives by its clocks and ends with it.
//!
//! The actor is logged in here, or another database says that he acts. Either way it is the delegations of this database that decide.

use super::app::no_such_app;
use super::derive::{self, Derived, OnBehalf};
use super::era::{self, Era};
use super::store::{self, NewSession, check_attributes};
use super::token::{self, TokenKind};
use super::{attachment, line};
use crate::authz::{self, Claims, Kind, Reference, change};
use crate::context::Identity;
use crate::error::{Error, Result};
use crate::sys::lock::{self, Counted};
use crate::trail::{self, Event};
use pgrx::{JsonB, Uuid};
use serde_json::json;
use vpd_text::identity::MAX_ACTORS;

/// The session to be, and what it comes out of.
struct Acting {
    /// The session of the actor.
    source: Uuid,
    user_name: String,
    app: String,
    attributes: JsonB,
    audit_identity: Option<String>,
    /// What is stored of its token, if it gets one.
    token_hash: Option<Vec<u8>>,
    is_primary: bool,
    era: Era,
}

/// Creates the session; returns its token.
pub fn create(actor_token: &str, user_name: &str, app: Option<&str>, attributes: JsonB) -> Result<String> {
    check_attributes(&attributes.0)?;
    let actor_hash = token::hash(TokenKind::Session, actor_token).ok_or_else(Error::session_invalid)?;
    let actor = attachment::identity_of(actor_token)?;
    require_chain(&actor, user_name)?;
    let holder = line::holder(&actor_hash)?;
    let app = app.unwrap_or(&holder.app);
    // What is revoked while this waits counts.
    lock::serialize(Counted::Sessions, actor.login().as_bytes());
    let era = era::begun(user_name, app);
    let actor = attachment::identity_of(actor_token)?;
    let token = token::generate(TokenKind::Session)?;
    let acting = Acting {
        source: holder.session_id,
        user_name: user_name.to_owned(),
        app: app.to_owned(),
        attributes,
        audit_identity: None,
        token_hash: token::hash(TokenKind::Session, &token),
        is_primary: holder.is_primary,
        era,
    };
    if act(&actor, acting)?.is_none() {
        attachment::identity_of(actor_token)?;
        return Err(no_such_app(app));
    }
    Ok(token)
}

/// Creates the session of somebody who acts elsewhere: his login, and below it a session for each whom he acts for, the last of them the user's. Nobody opens those
/// that stand between: they say who acts, are asked for their limits, and end with the last. Returns the token of the last.
pub fn create_chain(login: NewSession, users: Vec<String>, audit_identity: String) -> Result<String> {
    let app = login.app.clone();
    let attributes = login.attributes.0.clone();
    lock::serialize(Counted::Sessions, login.user_name.as_bytes());
    let eras: Vec<Era> = users.iter().map(|user| era::begun(user, &app)).collect();
    let mut actor = Identity {
        user_name: login.user_name.clone(),
        audit_identity: login.user_name.clone(),
        is_authenticated: true,
        claims: Claims {
            assumed_role: login.assumed_role.clone(),
            ..Claims::default()
        },
        ..Identity::anonymous()
    };
    let mut source = store::open(login)?.session_id;
    let token = token::generate(TokenKind::Session)?;
    let count = users.len();
    for (number, (user_name, era)) in users.into_iter().zip(eras).enumerate() {
        let is_last = number + 1 == count;
        require_chain(&actor, &user_name)?;
        actor.session_id = Some(source);
        let acting = Acting {
            source,
            user_name: user_name.clone(),
            app: app.clone(),
            attributes: JsonB(attributes.clone()),
            audit_identity: is_last.then(|| audit_identity.clone()),
            token_hash: token::hash(TokenKind::Session, &token).filter(|_| is_last),
            is_primary: true,
            era,
        };
        let (session_id, claims) = act(&actor, acting)?.ok_or_else(|| no_such_app(&app))?;
        let mut actors = vec![actor.user_name.clone()];
        actors.append(&mut actor.actors);
        source = session_id;
        actor = Identity {
            audit_identity: user_name.clone(),
            user_name,
            actors,
            claims,
            ..actor
        };
    }
    Ok(token)
}

/// An error when the chain would be too long, or somebody act for himself.
fn require_chain(actor: &Identity, user_name: &str) -> Result<()> {
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
    Ok(())
}

/// Stores the session of somebody who acts, if he may. `None` when his own is over, or there is no such application. The caller has serialized the logins of
/// whoever is logged in.
fn act(actor: &Identity, new: Acting) -> Result<Option<(Uuid, Claims)>> {
    let (user_name, app) = (new.user_name, new.app.clone());
    // Nobody learns here who is known: who may not act for anybody gets the same answer for every name.
    let extent = authz::extent(&actor.user_name, &actor.claims, &user_name)?.ok_or_else(|| {
        Error::privilege_missing(
            "the session may not act on behalf of this user",
            "Grant the privilege session:on_behalf to one of its roles, or a delegation with vpd.grant_delegation.",
        )
    })?;
    Reference::new(Kind::User, user_name.as_str()).require()?;
    authz::user::require_enabled(&user_name)?;
    let derived = derive::derive(Derived {
        source: new.source,
        app: new.app,
        token_hash: new.token_hash,
        ticket_hash: None,
        is_primary: new.is_primary,
        on_behalf: Some(OnBehalf {
            user_name: user_name.clone(),
            is_full: extent.is_full,
            attributes: new.attributes,
            audit_identity: new.audit_identity,
        }),
        era: new.era,
    })?;
    let Some(session_id) = derived else {
        return Ok(None);
    };
    let claims = Claims {
        actor_session: actor.session_id,
        acts_fully: extent.is_full,
        ..Claims::default()
    };
    let authority = authz::flatten(&user_name, &claims)?;
    authz::keep(session_id, &authority);
    trail::record(&Event {
        name: "session.on_behalf",
        session_id: Some(&session_id.to_string()),
        user_name: Some(&user_name),
        app: Some(&app),
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
        &Reference::new(Kind::User, &user_name).to_string(),
        json!({
            "actors": actors,
            "session_id": session_id.to_string(),
            "with_full_authority": extent.is_full,
        }),
    );
    Ok(Some((session_id, claims)))
}
