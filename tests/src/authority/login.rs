//! Sessions by brute force: what each has now, or why it is refused.

use super::evaluation::{Has, Names};
use super::model::{Model, NOW};
use super::scene::Login;

/// What a session has, and what stands behind it.
#[derive(Debug, Clone)]
pub struct Share {
    pub has: Has,
    is_whole: bool,
    persons: Vec<String>,
    /// What the persons can do, whatever a login narrowed.
    reach: Has,
}

/// A session that was made.
#[derive(Debug, Clone)]
pub struct Session {
    pub login: Login,
    pub acts_fully: bool,
    /// Ended, or that of somebody who acts was.
    pub is_over: bool,
}

const OVER: &str = "28000 session_invalid";
const CONFLICT: &str = "42501 sod_conflict";

/// What a session has now.
pub fn share(model: &Model, sessions: &[Option<Session>], session: &Session) -> Result<Share, &'static str> {
    if session.is_over {
        return Err(OVER);
    }
    let login = &session.login;
    if model
        .find("user", &login.user)
        .is_some_and(|user| !model.nodes[user].counts(NOW))
    {
        return Err(OVER);
    }
    let granted = model.has(&login.user, &login.roles, &login.privileges);
    let own = match &login.assumed {
        None => granted.clone(),
        Some(role) => narrowed(model, &granted, role),
    };
    let is_whole = login.assumed.is_none();
    let Some(actor) = login.actor else {
        return kept_apart(
            model,
            Share {
                has: own,
                is_whole,
                persons: vec![login.user.clone()],
                reach: granted,
            },
        );
    };
    let actor_session = sessions.get(actor).and_then(Option::as_ref).ok_or(OVER)?;
    let actor = share(model, sessions, actor_session)?;
    let extent = model
        .extent(&actor_session.login.user, &actor.has, &login.user, &granted)
        .ok_or(OVER)?;
    if extent && actor.is_whole && session.acts_fully {
        let mut persons = actor.persons.clone();
        persons.push(login.user.clone());
        return kept_apart(
            model,
            Share {
                has: own,
                is_whole,
                persons,
                reach: actor.reach.or(&granted),
            },
        );
    }
    kept_apart(
        model,
        Share {
            has: own.and(&actor.has),
            is_whole: false,
            persons: vec![login.user.clone()],
            reach: granted.and(&actor.reach),
        },
    )
}

/// Makes a session, or tells why not.
pub fn log_in(model: &Model, sessions: &[Option<Session>], login: &Login) -> Result<Session, &'static str> {
    let mut session = Session {
        login: login.clone(),
        acts_fully: false,
        is_over: false,
    };
    let user = model.find("user", &login.user);
    let is_off = user.is_some_and(|user| !model.nodes[user].counts(NOW));
    if let Some(actor) = login.actor {
        let actor_session = sessions.get(actor).and_then(Option::as_ref).ok_or(OVER)?;
        if actor_session.login.user == login.user {
            return Err("22023 argument_invalid");
        }
        let actor = share(model, sessions, actor_session)?;
        let granted = model.has(&login.user, &[], &[]);
        let extent = model
            .extent(&actor_session.login.user, &actor.has, &login.user, &granted)
            .ok_or("42501 privilege_missing")?;
        session.acts_fully = extent && actor.is_whole;
        if user.is_none() {
            return Err("42704 user_not_found");
        }
    }
    if is_off {
        return Err("28000 user_disabled");
    }
    let share = share(model, sessions, &session)?;
    match &login.assumed {
        Some(role) if !share.has.roles.contains(role) => Err("42501 role_not_held"),
        _ => Ok(session),
    }
}

/// Ends what a change of a user ends.
pub fn end(sessions: &mut [Option<Session>], user: &str) {
    for number in 0..sessions.len() {
        let is_above_over = sessions[number]
            .as_ref()
            .and_then(|session| session.login.actor)
            .is_some_and(|actor| sessions[actor].as_ref().is_none_or(|actor| actor.is_over));
        if let Some(session) = &mut sessions[number]
            && (session.login.user == user || is_above_over)
        {
            session.is_over = true;
        }
    }
}

fn narrowed(model: &Model, granted: &Has, role: &str) -> Has {
    let mut one = if granted.roles.contains(role) {
        let mut one = model.has_roles(&[role, "anonymous"]);
        one.roles.insert(role.to_owned());
        one
    } else {
        Has {
            groups: vec![super::model::Nodes::new()],
            ..Has::default()
        }
    };
    one.roles.insert("anonymous".to_owned());
    // What filters the user's rows goes on filtering.
    one.groups.extend(granted.groups.iter().cloned());
    one
}

fn kept_apart(model: &Model, share: Share) -> Result<Share, &'static str> {
    if share
        .persons
        .iter()
        .any(|person| model.breaks_with(person, &share.reach))
    {
        return Err(CONFLICT);
    }
    Ok(share)
}

/// The sessions that bring enterprise roles: user and roles, without those that are over.
pub fn claims(sessions: &[Option<Session>]) -> Vec<(String, Vec<String>)> {
    sessions
        .iter()
        .flatten()
        .filter(|session| !session.is_over)
        .map(|session| (session.login.user.clone(), session.login.roles.clone()))
        .collect()
}

/// A list for comparing.
pub fn list(names: &Names) -> String {
    names.iter().cloned().collect::<Vec<_>>().join(",")
}
