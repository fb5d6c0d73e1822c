//! What a database says of a session to another database or service: who the user is, who acts for him, whose name is written down. Nothing else of a session goes out,
//! and nothing else comes in.
//!
//! Invariant: what `claims` writes, `travelled` reads back; whatever has another form is refused.

use super::Refusal;
use crate::name::is_name;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};

/// The type of these tokens (RFC 8725, 3.11): one of its own, so that none is taken for an identity or access token, nor the other way round.
pub const ASSERTION_TYPE: &str = "vpd-identity+jwt";

/// The longest that such a token lives, in seconds.
pub const MAX_LIFETIME: f64 = 300.0;

/// Users who act for one another, one behind the other.
pub const MAX_ACTORS: usize = 8;

/// What is said of a session. Times are in seconds since 1970.
#[derive(Debug, Clone)]
pub struct Assertion<'a> {
    /// Who says it.
    pub issuer: &'a str,
    /// To whom.
    pub audience: &'a str,
    /// The user.
    pub user: &'a str,
    /// Who acts for him, the nearest first; the last is really logged in.
    pub actors: &'a [String],
    /// The name for audit columns.
    pub audit_identity: &'a str,
    /// Whom the login service named as the one he works for.
    pub acting_for: Option<&'a str>,
    /// The pillar of the session.
    pub pillar: Option<&'a str>,
    /// What tells sessions apart and of no use to get at one: a hash.
    pub session: &'a [u8],
    /// How the user was authenticated.
    pub acr: Option<&'a str>,
    /// When he was.
    pub auth_time: Option<i64>,
    /// When it is said.
    pub issued_at: i64,
    /// Until when it counts.
    pub expires_at: i64,
    /// What makes it this token: random.
    pub id: &'a [u8],
}

/// Who stands behind a token of a database, with the prefix of its issuer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Travelled {
    /// Who acts for the user, the nearest first; the last is really logged in.
    pub actors: Vec<String>,
    /// The name for audit columns.
    pub audit_identity: String,
    /// Whom the login service named as the one he works for.
    pub acting_for: Option<String>,
}

impl Assertion<'_> {
    /// As claims. The outermost `act` is who is at work now, those that acted before are nested in it (RFC 8693, 4.1).
    #[must_use]
    pub fn claims(&self) -> Value {
        let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let mut claims = json!({
            "iss": self.issuer,
            "aud": self.audience,
            "sub": self.user,
            "audit_identity": self.audit_identity,
            "sid": encode(self.session),
            "auth_time": self.auth_time,
            "iat": self.issued_at,
            "nbf": self.issued_at,
            "exp": self.expires_at,
            "jti": encode(self.id),
        });
        let act = self.actors.iter().fold(None, |before: Option<Value>, actor| {
            let mut act = json!({ "sub": actor });
            if let Some(before) = before {
                act["act"] = before;
            }
            Some(act)
        });
        if let Some(act) = act {
            claims["act"] = act;
        }
        for (name, value) in [
            ("acting_for", self.acting_for),
            ("pillar", self.pillar),
            ("acr", self.acr),
        ] {
            if let Some(value) = value {
                claims[name] = json!(value);
            }
        }
        claims
    }
}

/// Reads who stands behind a token whose signature, audience and times were checked.
/// Before each name stands the prefix of the issuer.
pub(super) fn travelled(claims: &Map<String, Value>, prefix: &str) -> Result<Travelled, Refusal> {
    let named = |value: &Value, wrong: Refusal| {
        let name = value.as_str().ok_or(Refusal::ClaimType)?;
        let whole = format!("{prefix}{name}");
        if name.is_empty() || name == "anonymous" || !is_name(&whole) {
            return Err(wrong);
        }
        Ok(whole)
    };
    let user = claims.get("sub").ok_or(Refusal::ClaimMissing)?;
    let mut persons = vec![named(user, Refusal::User)?];
    let mut next = claims.get("act");
    let mut actors = Vec::new();
    while let Some(act) = next {
        let act = act.as_object().ok_or(Refusal::Actor)?;
        // Whoever is named with more, by another issuer for instance, is somebody else.
        if actors.len() == MAX_ACTORS || act.keys().any(|name| name != "sub" && name != "act") {
            return Err(Refusal::Actor);
        }
        let actor = named(act.get("sub").ok_or(Refusal::Actor)?, Refusal::Actor)?;
        if persons.contains(&actor) {
            return Err(Refusal::Actor);
        }
        persons.push(actor.clone());
        actors.push(actor);
        next = act.get("act");
    }
    actors.reverse();
    let audit_identity = claims.get("audit_identity").ok_or(Refusal::ClaimMissing)?;
    Ok(Travelled {
        actors,
        audit_identity: named(audit_identity, Refusal::User)?,
        acting_for: claims
            .get("acting_for")
            .map(|name| named(name, Refusal::Actor))
            .transpose()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    fn assertion(actors: &[String]) -> Assertion<'_> {
        Assertion {
            issuer: "https://a.example",
            audience: "b",
            user: "alice",
            actors,
            audit_identity: "alice",
            acting_for: None,
            pillar: Some("retail"),
            session: &[1; 32],
            acr: None,
            auth_time: Some(1),
            issued_at: 2,
            expires_at: 3,
            id: &[2; 16],
        }
    }

    #[test]
    fn what_is_written_is_read_back() {
        let names = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
        let chain = names(&["peter", "carol", "dave"]);
        let claims = Assertion {
            acting_for: Some("erin"),
            ..assertion(&chain)
        }
        .claims();
        // Who is really at work stands outside.
        assert_eq!(
            claims["act"],
            json!({"sub": "dave", "act": {"sub": "carol", "act": {"sub": "peter"}}})
        );
        let read = travelled(claims.as_object().unwrap(), "a/").unwrap();
        assert_eq!(read.actors, names(&["a/peter", "a/carol", "a/dave"]));
        assert_eq!(
            (read.audit_identity.as_str(), read.acting_for.as_deref()),
            ("a/alice", Some("a/erin"))
        );
        let alone = assertion(&[]).claims();
        assert!(alone.get("act").is_none() && alone.get("acr").is_none());
        let read = travelled(alone.as_object().unwrap(), "").unwrap();
        assert_eq!(read.actors, Vec::<String>::new());
    }

    #[test]
    fn a_chain_of_another_form_is_refused() {
        let mut deep = json!({"sub": "u0"});
        for number in 1..MAX_ACTORS {
            deep = json!({"sub": format!("u{number}"), "act": deep});
        }
        let with = |changes: Value| {
            let mut claims = assertion(&[]).claims();
            for (name, value) in changes.as_object().unwrap() {
                claims[name] = value.clone();
            }
            travelled(claims.as_object().unwrap(), "")
        };
        assert_eq!(with(json!({"act": deep})).unwrap().actors.len(), MAX_ACTORS);
        for (act, refusal) in [
            (json!({"sub": "too deep", "act": deep}), Refusal::Actor),
            (json!({"sub": "alice"}), Refusal::Actor),
            (json!({"sub": "peter", "act": {"sub": "alice"}}), Refusal::Actor),
            (json!({"sub": "peter", "act": {"sub": "peter"}}), Refusal::Actor),
            (
                json!({"sub": "peter", "iss": "https://c.example"}),
                Refusal::Actor,
            ),
            (json!({"sub": "anonymous"}), Refusal::Actor),
            (json!({"sub": ""}), Refusal::Actor),
            (json!({"sub": "a\nb"}), Refusal::Actor),
            (json!({"sub": ["peter"]}), Refusal::ClaimType),
            (json!({}), Refusal::Actor),
            (json!("peter"), Refusal::Actor),
            (json!([{"sub": "peter"}]), Refusal::Actor),
            (Value::Null, Refusal::Actor),
            (json!({"sub": "peter", "act": null}), Refusal::Actor),
        ] {
            assert_eq!(with(json!({"act": act})).err(), Some(refusal), "{act}");
        }
        for (changes, refusal) in [
            (json!({"audit_identity": null}), Refusal::ClaimType),
            (json!({"audit_identity": ""}), Refusal::User),
            (json!({"acting_for": 7}), Refusal::ClaimType),
            (json!({"acting_for": ""}), Refusal::Actor),
            (json!({"sub": "anonymous"}), Refusal::User),
        ] {
            assert_eq!(with(changes.clone()).err(), Some(refusal), "{changes}");
        }
    }
}
