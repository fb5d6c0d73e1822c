//! Logging in with a token of an identity provider.
//!
//! Whatever is wrong with a token, the steps are the same: it is taken apart, its issuer and key are looked for, a signature is checked, and the answer is one. What
//! was wrong goes to the audit trail, with the issuer when it is one that is known here.

use super::acceptance::{EPOCH, now, refused, spend};
use super::{issuer, logout};
use crate::error::Result;
use crate::session::{self, NewSession, Origin};
use pgrx::datum::TimestampWithTimeZone;
use pgrx::{Inet, JsonB};
use vpd_text::identity::{Accepted, Circumstances, Kind, Refusal, Token, verify};

/// What somebody brings who wants a session.
pub struct Login {
    pub token: String,
    pub app: String,
    pub nonce: Option<String>,
    pub language: Option<String>,
    pub territory: Option<String>,
    pub date_format: Option<String>,
    pub number_format: Option<String>,
    pub client_address: Option<Inet>,
    pub user_agent: Option<String>,
    pub assumed_role: Option<String>,
}

/// Creates a session from a token; returns the session's token.
pub fn create_session(login: Login) -> Result<String> {
    let (token, malformed) = match Token::read(&login.token) {
        Ok(token) => (token, None),
        Err(refusal) => (Token::decoy(), Some(refusal)),
    };
    // Read before anything that the session rests on: whoever distrusts the issuer meanwhile ends what is made.
    let generation = session::issuer_generation(token.issuer());
    let found = issuer::find(token.issuer(), token.key_id());
    let (trusted, key) = found.unzip();
    let circumstances = Circumstances {
        now: now(),
        nonce: login.nonce.as_deref(),
    };
    let issuer = trusted.as_ref().map(|trusted| &trusted.issuer);
    let verified = verify(&token, issuer, key.flatten().as_ref(), &circumstances);
    let speaks_for = |accepted: Accepted| {
        let apps = trusted.as_ref().map_or(&[][..], |trusted| &trusted.apps);
        if apps.is_empty() || apps.contains(&login.app) {
            Ok(accepted)
        } else {
            Err(Refusal::Application)
        }
    };
    let accepted = malformed
        .map_or(Ok(()), Err)
        .and(verified)
        .and_then(speaks_for)
        .and_then(|accepted| logout::still_in(token.issuer(), &accepted.login).map(|()| accepted))
        .and_then(|accepted| spend(token.digest(), token.issuer(), accepted.usable_until).map(|()| accepted));
    let accepted = accepted.map_err(|refusal| refused(refusal, issuer, Some(&login.app)))?;
    let origin = Origin {
        issuer: token.issuer().to_owned(),
        generation,
        login: accepted.login.clone(),
        // An access token opens doors elsewhere yet, and is kept nowhere.
        logout_hint: issuer
            .filter(|issuer| issuer.kind == Kind::Identity)
            .map(|_| login.token.clone()),
    };
    open(login, accepted, origin)
}

/// The session of the user, below those of whoever acts for him.
fn open(login: Login, mut accepted: Accepted, origin: Origin) -> Result<String> {
    let travelled = accepted.travelled.take().unwrap_or_default();
    let mut persons = travelled.actors;
    let user = std::mem::take(&mut accepted.user);
    // Who is really logged in comes first, the user last.
    let in_person = persons.pop();
    let mut new = session_of(login, accepted, origin);
    new.acting_for = travelled.acting_for;
    let Some(in_person) = in_person else {
        new.user_name = user;
        new.audit_identity = Some(travelled.audit_identity).filter(|name| !name.is_empty());
        return session::create(new);
    };
    new.user_name = in_person;
    persons.reverse();
    persons.push(user);
    session::create_chain(new, persons, travelled.audit_identity)
}

fn session_of(login: Login, accepted: Accepted, origin: Origin) -> NewSession {
    NewSession {
        user_name: accepted.user,
        app: login.app,
        attributes: JsonB(accepted.attributes),
        roles: accepted.roles,
        privileges: Vec::new(),
        groups: accepted.groups,
        audit_identity: None,
        acting_for: None,
        language: login.language,
        territory: login.territory,
        date_format: login.date_format,
        number_format: login.number_format,
        client_address: login.client_address,
        user_agent: login.user_agent,
        auth_time: accepted.auth_time.and_then(moment),
        acr: accepted.acr,
        assumed_role: login.assumed_role,
        origin: Some(origin),
    }
}

fn moment(seconds: f64) -> Option<TimestampWithTimeZone> {
    TimestampWithTimeZone::try_from(((seconds - EPOCH) * 1e6) as i64).ok()
}
