//! Logout tokens: a provider says that somebody is logged in there no more (OpenID Connect Back-Channel Logout 1.0, 2.4 to 2.6).

use super::acceptance::{check_addressee, is_identifier, moment, signed, text};
use super::{Issuer, Key, Kind, Refusal, Token};
use serde_json::{Map, Value};

const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

/// What an accepted logout token says: whose session at the provider is over, or all of whose.
#[derive(Debug, Clone, PartialEq)]
pub struct Logout {
    /// The user, by the provider's own identifier.
    pub subject: Option<String>,
    /// The session at the provider.
    pub session: Option<String>,
    /// What makes it this token and no other of its issuer.
    pub id: String,
    /// When it was made, in seconds since 1970. What was said of a login later counts again.
    pub issued_at: f64,
    /// Until when the token could be used again, in seconds since 1970.
    pub usable_until: f64,
}

/// Verifies a logout token against its issuer and the key that it names, in the steps of a login.
pub fn verify_logout(
    token: &Token,
    issuer: Option<&Issuer>,
    key: Option<&Key>,
    now: f64,
) -> Result<Logout, Refusal> {
    let issuer = signed(token, issuer, key)?;
    if issuer.kind == Kind::Database || !is_type(token.kind()) {
        return Err(Refusal::Type);
    }
    accept_logout(token.claims(), issuer, now)
}

/// Checks what a logout token says that is signed.
pub(crate) fn accept_logout(
    claims: &Map<String, Value>,
    issuer: &Issuer,
    now: f64,
) -> Result<Logout, Refusal> {
    check_addressee(claims, issuer)?;
    let issued_at = moment(claims, "iat")?.ok_or(Refusal::ClaimMissing)?;
    if issued_at > now + issuer.clock_skew {
        return Err(Refusal::IssuedLater);
    }
    let oldest = issued_at + issuer.max_age;
    if now >= oldest + issuer.clock_skew {
        return Err(Refusal::TooOld);
    }
    let expires_at = moment(claims, "exp")?.unwrap_or(oldest);
    if now >= expires_at + issuer.clock_skew {
        return Err(Refusal::Expired);
    }
    let event = claims.get("events").ok_or(Refusal::ClaimMissing)?;
    if !event.get(EVENT).is_some_and(Value::is_object) {
        return Err(Refusal::Type);
    }
    // So that no identity token passes for one.
    if claims.contains_key("nonce") {
        return Err(Refusal::Nonce);
    }
    let named = |name| match text(claims, name)? {
        Some(name) if !is_identifier(name) => Err(Refusal::ClaimType),
        name => Ok(name.map(str::to_owned)),
    };
    let (subject, session) = (named("sub")?, named("sid")?);
    if subject.is_none() && session.is_none() {
        return Err(Refusal::ClaimMissing);
    }
    Ok(Logout {
        subject,
        session,
        id: named("jti")?.ok_or(Refusal::ClaimMissing)?,
        issued_at,
        usable_until: expires_at.min(oldest) + issuer.clock_skew,
    })
}

fn is_type(typ: Option<&str>) -> bool {
    let typ = typ.map(str::to_ascii_lowercase);
    let typ = typ
        .as_deref()
        .map(|typ| typ.strip_prefix("application/").unwrap_or(typ));
    typ.is_none_or(|typ| typ == "jwt" || typ == "logout+jwt")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::{Algorithm, Attributes, Circumstances, Path, acceptance::accept};
    use serde_json::json;

    fn issuer() -> Issuer {
        Issuer {
            name: "https://a.example".to_owned(),
            audiences: vec!["b".to_owned()],
            kind: Kind::Identity,
            algorithms: vec![Algorithm::ES256],
            clock_skew: 0.0,
            max_age: 60.0,
            required: Vec::new(),
            user: Path::parse("sub").unwrap(),
            user_prefix: String::new(),
            roles: None,
            groups: None,
            attributes: Attributes::default(),
        }
    }

    fn told(change: &Value) -> Result<Logout, Refusal> {
        let mut claims = json!({
            "iss": "https://a.example", "aud": "b", "iat": 100, "exp": 160, "jti": "1", "sub": "ann", "sid": "s",
            "events": { EVENT: {} },
        });
        for (name, value) in change.as_object().unwrap() {
            if value.is_null() {
                claims.as_object_mut().unwrap().remove(name);
            } else {
                claims[name] = value.clone();
            }
        }
        accept_logout(claims.as_object().unwrap(), &issuer(), 120.0)
    }

    #[test]
    fn a_logout_is_accepted_as_the_standard_says() {
        let whole = told(&json!({})).unwrap();
        assert_eq!(
            (
                whole.subject.as_deref(),
                whole.session.as_deref(),
                whole.usable_until
            ),
            (Some("ann"), Some("s"), 160.0)
        );
        for one in [
            json!({"sub": null}),
            json!({"sid": null}),
            json!({"exp": null}),
            json!({"aud": ["other", "b"]}),
            json!({"events": {EVENT: {}, "other": {}}}),
        ] {
            assert!(told(&one).is_ok(), "{one}");
        }
        for (change, refusal) in [
            (json!({"sub": null, "sid": null}), Refusal::ClaimMissing),
            (json!({"jti": null}), Refusal::ClaimMissing),
            (json!({"iat": null}), Refusal::ClaimMissing),
            (json!({"aud": null}), Refusal::ClaimMissing),
            (json!({"events": null}), Refusal::ClaimMissing),
            (json!({"events": {}}), Refusal::Type),
            (json!({"events": [EVENT]}), Refusal::Type),
            (json!({"events": {EVENT: true}}), Refusal::Type),
            (json!({"events": EVENT}), Refusal::Type),
            (json!({"nonce": "n"}), Refusal::Nonce),
            (json!({"aud": "other"}), Refusal::Audience),
            (json!({"iat": 121}), Refusal::IssuedLater),
            (json!({"iat": 60}), Refusal::TooOld),
            (json!({"exp": 120}), Refusal::Expired),
            (json!({"sid": 7}), Refusal::ClaimType),
            (json!({"sub": ""}), Refusal::ClaimType),
            (json!({"sid": "a\u{0}b"}), Refusal::ClaimType),
        ] {
            assert_eq!(told(&change).err(), Some(refusal), "{change}");
        }
    }

    #[test]
    fn a_login_and_a_logout_do_not_pass_for_each_other() {
        let login = json!({"iss": "https://a.example", "aud": "b", "iat": 100, "exp": 160, "jti": "1", "sub": "ann", "sid": "s"});
        let login = login.as_object().unwrap();
        assert_eq!(
            accept_logout(login, &issuer(), 120.0).err(),
            Some(Refusal::ClaimMissing)
        );
        let circumstances = Circumstances {
            now: 120.0,
            nonce: None,
        };
        assert!(accept(login, &issuer(), &circumstances).is_ok());
        let mut logout = login.clone();
        logout.insert("events".to_owned(), json!({ EVENT: {} }));
        assert_eq!(
            accept(&logout, &issuer(), &circumstances).err(),
            Some(Refusal::Type)
        );
    }
}
