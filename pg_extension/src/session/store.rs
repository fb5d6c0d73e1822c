//! Logging in: the first session of a subject, which others come out of.

use super::app::{self, no_such_app};
use super::era::{self, Era};
use super::issuance::{self, Issued};
use super::token::{self, TokenKind};
use crate::authz::{self, Authority, Claims};
use crate::error::{Error, Result};
use crate::sys::clock::{self, Timestamp};
use crate::sys::lock::{self, Counted};
use crate::sys::spi::{arg, statements};
use crate::trail::{self, Event};
use pgrx::{Inet, JsonB, Uuid};
use serde_json::{Value, json};
use vpd_text::identity::ProviderLogin;
use vpd_text::name::is_name;

const MAX_ATTRIBUTE_BYTES: usize = 64 * 1024;
const MAX_FORMAT_BYTES: usize = 256;
const MAX_NAMES: usize = 10_000;

statements! {
    INSERT = "session/insert.sql";
}

/// What a new session is to hold.
pub struct NewSession {
    pub user_name: String,
    pub app: String,
    pub attributes: JsonB,
    pub roles: Vec<String>,
    pub privileges: Vec<String>,
    pub groups: Vec<String>,
    pub audit_identity: Option<String>,
    pub acting_for: Option<String>,
    pub language: Option<String>,
    pub territory: Option<String>,
    pub date_format: Option<String>,
    pub number_format: Option<String>,
    pub client_address: Option<Inet>,
    pub user_agent: Option<String>,
    pub auth_time: Option<pgrx::datum::TimestampWithTimeZone>,
    /// The authentication context class.
    pub acr: Option<String>,
    /// The one role it is to run with.
    pub assumed_role: Option<String>,
    /// The issuer whose token opens it.
    pub origin: Option<Origin>,
}

/// Where a session comes from that a token opens.
pub struct Origin {
    pub issuer: String,
    /// Its generation, read before anything else.
    pub generation: i64,
    /// The login there.
    pub login: ProviderLogin,
    /// What the provider wants to be shown when the user logs out.
    pub logout_hint: Option<String>,
}

/// Creates a session for an authenticated subject; returns its token.
pub fn create(new: NewSession) -> Result<String> {
    let app = new.app.clone();
    let opened = open(new)?;
    let token = token::generate(TokenKind::Session)?;
    issuance::store(Issued {
        token_hash: token::hash(TokenKind::Session, &token).unwrap_or_default(),
        session_id: opened.session_id,
        app: &app,
        is_primary: true,
        ticket_hash: None,
        era: opened.era.of_token,
    });
    Ok(token)
}

/// A session that no token opens yet.
pub(super) struct Opened {
    pub session_id: Uuid,
    pub era: Era,
}

/// Creates the session alone.
pub(super) fn open(new: NewSession) -> Result<Opened> {
    check(&new)?;
    lock::serialize(Counted::Sessions, new.user_name.as_bytes());
    let era = era::begun(&new.user_name, &new.app);
    let app = app::find(&new.app).ok_or_else(|| no_such_app(&new.app))?;
    let auth_time = new
        .auth_time
        .map(|time| Timestamp(time.into()))
        // A token that does not tell when says nothing of now.
        .unwrap_or_else(|| {
            if new.origin.is_some() {
                clock::LONG_AGO
            } else {
                clock::now()
            }
        });
    issuance::require_assurance(&app, new.acr.as_deref(), auth_time)?;
    let authority = authority_of(&new)?;
    issuance::make_room(&new.user_name, &app)?;
    let user_name = new.user_name.clone();
    let origin = json!({
        "issuer": new.origin.as_ref().map(|origin| origin.issuer.as_str()),
        "acr": new.acr,
        "assumed_role": new.assumed_role,
    });
    let args = [
        arg(new.user_name),
        arg(new.app),
        arg(new.attributes),
        arg(new.roles),
        arg(new.privileges),
        arg(new.audit_identity),
        arg(new.acting_for),
        arg(new.language),
        arg(new.territory),
        arg(new.date_format),
        arg(new.number_format),
        arg(new.client_address),
        arg(new.user_agent),
        arg(new.auth_time),
        arg(new.assumed_role),
        arg(era.of_session + new.origin.as_ref().map_or(0, |origin| origin.generation)),
        arg(new.acr),
        arg(new.origin.as_ref().map(|origin| origin.issuer.as_str())),
        arg(new.groups),
        arg(new.origin.as_ref().map(|origin| origin.login.subject.as_str())),
        arg(new
            .origin
            .as_ref()
            .and_then(|origin| origin.login.session.as_deref())),
        arg(new
            .origin
            .as_ref()
            .and_then(|origin| origin.logout_hint.as_deref())),
    ];
    let created = INSERT.with(|statement| statement.modify(&args, |row| row.get::<Uuid>(1)));
    let Some(session_id) = created.into_iter().next().flatten() else {
        return Err(no_such_app(&app.name));
    };
    authz::keep(session_id, &authority);
    trail::record(&Event {
        name: "session.created",
        session_id: Some(&session_id.to_string()),
        app: Some(&app.name),
        user_name: Some(&user_name),
        details: Some(&origin),
        is_change: true,
        ..Event::default()
    });
    Ok(Opened { session_id, era })
}

/// What the session will have: flattened once, here.
fn authority_of(new: &NewSession) -> Result<Authority> {
    authz::user::require_enabled(&new.user_name)?;
    let claims = Claims {
        roles: new.roles.clone(),
        privileges: new.privileges.clone(),
        groups: new.groups.clone(),
        assumed_role: new.assumed_role.clone(),
        ..Claims::default()
    };
    let authority = authz::flatten(&new.user_name, &claims)?;
    match &new.assumed_role {
        Some(role) if !authority.roles.contains(role) => Err(Error::role_not_held()),
        _ => Ok(authority),
    }
}

fn check(new: &NewSession) -> Result<()> {
    check_name("the user name", &new.user_name)?;
    if new.user_name == "anonymous" {
        return Err(Error::argument(
            "\"anonymous\" is not a user",
            "Use vpd.attach_anonymous for unauthenticated requests.",
        ));
    }
    for (what, name) in [
        ("the audit identity", &new.audit_identity),
        ("acting_for", &new.acting_for),
        ("acr", &new.acr),
    ] {
        if let Some(name) = name {
            check_name(what, name)?;
        }
    }
    for (what, value) in [
        ("language", &new.language),
        ("territory", &new.territory),
        ("date_format", &new.date_format),
        ("number_format", &new.number_format),
    ] {
        if value.as_ref().is_some_and(|value| value.len() > MAX_FORMAT_BYTES) {
            return Err(Error::argument(
                format!("{what} is too long"),
                "Use at most 256 bytes.",
            ));
        }
    }
    for (what, names) in [("roles", &new.roles), ("privileges", &new.privileges)] {
        if names.len() > MAX_NAMES {
            return Err(Error::argument(
                format!("too many {what}"),
                "A session holds at most 10000.",
            ));
        }
        for name in names {
            check_name(&format!("a name in {what}"), name)?;
        }
    }
    check_attributes(&new.attributes.0)
}

fn check_name(what: &str, name: &str) -> Result<()> {
    if is_name(name) {
        return Ok(());
    }
    Err(Error::argument(
        format!("{what} is not usable"),
        "Use 1 to 256 characters, none of them a control character.",
    ))
}

/// An error when attributes are too many or have the wrong form.
pub(super) fn check_attributes(attributes: &Value) -> Result<()> {
    if attributes.to_string().len() > MAX_ATTRIBUTE_BYTES {
        return Err(Error::argument(
            "the attributes are too large",
            "A session holds at most 64 KiB of attributes.",
        ));
    }
    let is_value = |value: &Value| {
        matches!(
            value,
            Value::String(_) | Value::Number(_) | Value::Bool(_) | Value::Null
        )
    };
    let is_attribute = |value: &Value| match value {
        Value::Array(values) => values.iter().all(is_value),
        value => is_value(value),
    };
    let is_namespace = |value: &Value| {
        value
            .as_object()
            .is_some_and(|names| names.values().all(is_attribute))
    };
    if attributes
        .as_object()
        .is_some_and(|namespaces| namespaces.values().all(is_namespace))
    {
        return Ok(());
    }
    Err(Error::argument(
        "the attributes have the wrong form",
        "Use {\"namespace\": {\"name\": \"value\" or [\"value\", …]}}.",
    ))
}
