//! Whether a token is accepted: OpenID Connect Core 1.0, 3.1.3.7; RFC 9068, 4; RFC 8725.

use super::assertion::{MAX_LIFETIME, Travelled, travelled};
use super::issuer::{IDENTITY, Source};
use super::key::wanted;
use super::{Algorithm, Issuer, Key, Kind, Path, Refusal, Token};
use crate::name::is_name;
use serde_json::{Map, Value, json};

const MAX_NAMES: usize = 1_000;

/// What is known beside the token.
#[derive(Debug, Clone, Copy)]
pub struct Circumstances<'a> {
    /// The clock, in seconds since 1970.
    pub now: f64,
    /// The nonce of the login that the token is to belong to.
    pub nonce: Option<&'a str>,
}

/// What an accepted token says.
#[derive(Debug, Clone, PartialEq)]
pub struct Accepted {
    /// The user, with the prefix of the issuer.
    pub user: String,
    /// Roles.
    pub roles: Vec<String>,
    /// Groups.
    pub groups: Vec<String>,
    /// Attributes by namespace; `identity` tells how the user logged in.
    pub attributes: Value,
    /// Authentication context class.
    pub acr: Option<String>,
    /// When the user was authenticated, in seconds since 1970.
    pub auth_time: Option<f64>,
    /// Until when the token could be used again, in seconds since 1970.
    pub usable_until: f64,
    /// Who stands behind the token of another database.
    pub travelled: Option<Travelled>,
    /// The login at the provider, for when it is over there.
    pub login: ProviderLogin,
}

/// A login at a provider, as the provider names it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ProviderLogin {
    /// The user (`sub`).
    pub subject: String,
    /// The session there (`sid`), if the provider names it.
    pub session: Option<String>,
    /// When the token was made, in seconds since 1970.
    pub issued_at: f64,
}

/// Verifies a token against its issuer and the key that it names. A signature is checked in any case, with a key of nobody where there is none, so that an answer
/// takes as long whatever is wrong.
pub fn verify(
    token: &Token,
    issuer: Option<&Issuer>,
    key: Option<&Key>,
    circumstances: &Circumstances<'_>,
) -> Result<Accepted, Refusal> {
    let issuer = signed(token, issuer, key)?;
    if !issuer.kind.is_of(token.kind()) {
        return Err(Refusal::Type);
    }
    accept(token.claims(), issuer, circumstances)
}

/// The issuer of a token, when it is the one that signed it.
pub(super) fn signed<'a>(
    token: &Token,
    issuer: Option<&'a Issuer>,
    key: Option<&Key>,
) -> Result<&'a Issuer, Refusal> {
    let found = wanted(key, token.algorithm());
    let is_signed = match found {
        Ok(key) => token.is_signed_by(key),
        Err(_) => Key::decoy(token.algorithm()).is_some_and(|decoy| token.is_signed_by(&decoy)),
    };
    let issuer = issuer.ok_or(Refusal::IssuerUnknown)?;
    if token.issuer() != issuer.name {
        return Err(Refusal::IssuerUnknown);
    }
    let is_of_database = token.algorithm() == Algorithm::EdDSA || issuer.kind != Kind::Database;
    if !issuer.algorithms.contains(&token.algorithm()) || !is_of_database {
        return Err(Refusal::Algorithm);
    }
    found?;
    if !is_signed {
        return Err(Refusal::Signature);
    }
    Ok(issuer)
}

/// Checks what a token says that is signed.
pub(crate) fn accept(
    claims: &Map<String, Value>,
    issuer: &Issuer,
    circumstances: &Circumstances<'_>,
) -> Result<Accepted, Refusal> {
    check_audience(claims, issuer)?;
    let usable_until = check_times(claims, issuer, circumstances.now)?;
    // A logout token (OpenID Connect Back-Channel Logout 1.0, 2.4), or another security event, is no login.
    if claims.contains_key("events") {
        return Err(Refusal::Type);
    }
    let travelled = match issuer.kind {
        Kind::Database => Some(travelled(claims, &issuer.user_prefix)?),
        _ if claims.contains_key("act") => return Err(Refusal::Actor),
        _ => None,
    };
    if let Some(nonce) = circumstances.nonce
        && text(claims, "nonce")?.is_none_or(|given| given != nonce)
    {
        return Err(Refusal::Nonce);
    }
    for (claim, values) in &issuer.required {
        let is_one = |value: &Value| values.contains(value);
        let is_met = match claim.find(claims).ok_or(Refusal::ClaimMissing)? {
            Value::Array(given) => given.iter().any(is_one),
            given => is_one(given),
        };
        if !is_met {
            return Err(Refusal::ClaimValue);
        }
    }
    let auth_time = moment(claims, "auth_time")?;
    let acr = match text(claims, "acr")? {
        Some(acr) if !is_name(acr) => return Err(Refusal::ClaimType),
        acr => acr.map(str::to_owned),
    };
    let subject = text(claims, "sub")?.ok_or(Refusal::ClaimMissing)?;
    if travelled.is_some() {
        // What anybody may do is administered here alone.
        return Ok(Accepted {
            user: format!("{}{subject}", issuer.user_prefix),
            roles: Vec::new(),
            groups: Vec::new(),
            attributes: json!({ IDENTITY: how_logged_in(claims, issuer, acr.as_deref())? }),
            acr,
            auth_time,
            usable_until,
            travelled,
            login: login_of(claims, subject)?,
        });
    }
    Ok(Accepted {
        user: user_of(claims, issuer)?,
        roles: names_at(claims, issuer.roles.as_ref())?,
        groups: names_at(claims, issuer.groups.as_ref())?,
        attributes: attributes_of(claims, issuer, acr.as_deref())?,
        acr,
        auth_time,
        usable_until,
        travelled,
        login: login_of(claims, subject)?,
    })
}

/// An identifier that a provider may give: it is stored, and compared.
pub(super) fn is_identifier(text: &str) -> bool {
    (1..=512).contains(&text.len()) && !text.contains('\0')
}

fn login_of(claims: &Map<String, Value>, subject: &str) -> Result<ProviderLogin, Refusal> {
    let session = text(claims, "sid")?;
    if !is_identifier(subject) || session.is_some_and(|session| !is_identifier(session)) {
        return Err(Refusal::ClaimType);
    }
    Ok(ProviderLogin {
        subject: subject.to_owned(),
        session: session.map(str::to_owned),
        issued_at: moment(claims, "iat")?.ok_or(Refusal::ClaimMissing)?,
    })
}

/// Whom the token is for, which is one of ours at least.
pub(super) fn check_addressee<'a>(
    claims: &'a Map<String, Value>,
    issuer: &Issuer,
) -> Result<Vec<&'a str>, Refusal> {
    let given: Vec<&str> = match claims.get("aud") {
        None => return Err(Refusal::ClaimMissing),
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(several)) => several
            .iter()
            .map(|one| one.as_str().ok_or(Refusal::ClaimType))
            .collect::<Result<_, _>>()?,
        Some(_) => return Err(Refusal::ClaimType),
    };
    if given.iter().any(|audience| is_ours(issuer, audience)) {
        Ok(given)
    } else {
        Err(Refusal::Audience)
    }
}

fn is_ours(issuer: &Issuer, name: &str) -> bool {
    issuer.audiences.iter().any(|audience| audience == name)
}

fn check_audience(claims: &Map<String, Value>, issuer: &Issuer) -> Result<(), Refusal> {
    let given = check_addressee(claims, issuer)?;
    match issuer.kind {
        Kind::Identity => match text(claims, "azp")? {
            Some(party) if !is_ours(issuer, party) => Err(Refusal::AuthorizedParty),
            // Of several audiences, one is who asked for it.
            None if given.len() > 1 => Err(Refusal::AuthorizedParty),
            _ => Ok(()),
        },
        Kind::Access => {
            for claim in ["client_id", "jti"] {
                text(claims, claim)?.ok_or(Refusal::ClaimMissing)?;
            }
            Ok(())
        }
        Kind::Database if given.len() > 1 => Err(Refusal::Audience),
        Kind::Database => text(claims, "jti")?.map(|_| ()).ok_or(Refusal::ClaimMissing),
    }
}

/// Until when the token could be used.
fn check_times(claims: &Map<String, Value>, issuer: &Issuer, now: f64) -> Result<f64, Refusal> {
    let expires_at = moment(claims, "exp")?.ok_or(Refusal::ClaimMissing)?;
    let issued_at = moment(claims, "iat")?.ok_or(Refusal::ClaimMissing)?;
    if now >= expires_at + issuer.clock_skew {
        return Err(Refusal::Expired);
    }
    if moment(claims, "nbf")?.is_some_and(|begin| begin > now + issuer.clock_skew) {
        return Err(Refusal::NotYet);
    }
    let is_later = |time: f64| time > now + issuer.clock_skew;
    if is_later(issued_at) || moment(claims, "auth_time")?.is_some_and(is_later) {
        return Err(Refusal::IssuedLater);
    }
    if issuer.kind == Kind::Database && expires_at - issued_at > MAX_LIFETIME {
        return Err(Refusal::Lifetime);
    }
    let oldest = issued_at + issuer.max_age;
    if now >= oldest + issuer.clock_skew {
        return Err(Refusal::TooOld);
    }
    Ok(expires_at.min(oldest) + issuer.clock_skew)
}

fn user_of(claims: &Map<String, Value>, issuer: &Issuer) -> Result<String, Refusal> {
    let name = issuer.user.find(claims).ok_or(Refusal::ClaimMissing)?;
    let name = name.as_str().ok_or(Refusal::ClaimType)?;
    let user = format!("{}{name}", issuer.user_prefix);
    if name.is_empty() || !is_name(&user) || user == "anonymous" {
        return Err(Refusal::User);
    }
    Ok(user)
}

/// One name or several; none where nothing is.
fn names_at(claims: &Map<String, Value>, path: Option<&Path>) -> Result<Vec<String>, Refusal> {
    let name = |value: &Value| {
        value
            .as_str()
            .filter(|name| is_name(name))
            .map(str::to_owned)
            .ok_or(Refusal::ClaimType)
    };
    match path.and_then(|path| path.find(claims)) {
        None => Ok(Vec::new()),
        Some(Value::Array(values)) if values.len() <= MAX_NAMES => values.iter().map(name).collect(),
        Some(value) => Ok(vec![name(value)?]),
    }
}

fn attributes_of(claims: &Map<String, Value>, issuer: &Issuer, acr: Option<&str>) -> Result<Value, Refusal> {
    let mut attributes = Map::new();
    for (namespace, source) in &issuer.attributes.0 {
        let mut values = Map::new();
        match source {
            Source::Object(path) => {
                if let Some(found) = path.find(claims) {
                    for (name, value) in found.as_object().ok_or(Refusal::ClaimType)? {
                        if name.contains('\0') {
                            return Err(Refusal::ClaimType);
                        }
                        values.insert(name.clone(), attribute(value)?);
                    }
                }
            }
            Source::Each(paths) => {
                for (name, path) in paths {
                    if let Some(found) = path.find(claims) {
                        values.insert(name.clone(), attribute(found)?);
                    }
                }
            }
        }
        attributes.insert(namespace.clone(), Value::Object(values));
    }
    attributes.insert(IDENTITY.to_owned(), how_logged_in(claims, issuer, acr)?);
    Ok(Value::Object(attributes))
}

/// What the namespace `identity` holds.
fn how_logged_in(claims: &Map<String, Value>, issuer: &Issuer, acr: Option<&str>) -> Result<Value, Refusal> {
    let mut identity = Map::from_iter([("issuer".to_owned(), json!(issuer.name))]);
    if let Some(acr) = acr {
        identity.insert("acr".to_owned(), json!(acr));
    }
    if let Some(methods) = claims.get("amr").filter(|methods| !methods.is_null()) {
        let is_list = methods.as_array().is_some_and(|methods| {
            methods
                .iter()
                .all(|method| method.is_string() && is_storable(method))
        });
        if !is_list {
            return Err(Refusal::ClaimType);
        }
        identity.insert("amr".to_owned(), methods.clone());
    }
    Ok(Value::Object(identity))
}

/// No database stores a text with NUL.
fn is_storable(value: &Value) -> bool {
    value.as_str().is_none_or(|text| !text.contains('\0'))
}

/// A value or a list of values.
fn attribute(value: &Value) -> Result<Value, Refusal> {
    let is_plain = |value: &Value| !value.is_object() && !value.is_array() && is_storable(value);
    let is_good = match value {
        Value::Array(values) => values.iter().all(is_plain),
        value => is_plain(value),
    };
    is_good.then(|| value.clone()).ok_or(Refusal::ClaimType)
}

/// A claim that is a text, if it is there.
pub(super) fn text<'a>(claims: &'a Map<String, Value>, name: &str) -> Result<Option<&'a str>, Refusal> {
    match claims.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(Refusal::ClaimType),
    }
}

/// A claim that is a time (RFC 7519, `NumericDate`), if it is there.
pub(super) fn moment(claims: &Map<String, Value>, name: &str) -> Result<Option<f64>, Refusal> {
    match claims.get(name) {
        None => Ok(None),
        Some(value) => value
            .as_f64()
            // Until the year 9999.
            .filter(|time| (0.0..253_402_300_800.0).contains(time))
            .map(Some)
            .ok_or(Refusal::ClaimType),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::{ASSERTION_TYPE, Assertion, Attributes, Signer};

    #[test]
    fn what_is_signed_is_accepted_as_one_of_a_database_and_as_nothing_else() {
        let signer = Signer::from_seed(&[7; 32]).unwrap();
        let chain = ["peter".to_owned()];
        let said = Assertion {
            issuer: "https://a.example",
            audience: "b",
            user: "alice",
            actors: &chain,
            audit_identity: "alice",
            acting_for: None,
            pillar: None,
            session: &[1; 32],
            acr: None,
            auth_time: Some(1),
            issued_at: 2,
            expires_at: 3,
            id: &[2; 16],
        };
        let text = signer.token(ASSERTION_TYPE, &said.claims()).unwrap();
        let token = Token::read(&text).unwrap();
        let circumstances = Circumstances {
            now: 2.5,
            nonce: None,
        };
        let of_kind = |kind| {
            let issuer = Issuer {
                name: "https://a.example".to_owned(),
                audiences: vec!["b".to_owned()],
                kind,
                algorithms: vec![Algorithm::EdDSA],
                clock_skew: 0.0,
                max_age: 60.0,
                required: Vec::new(),
                user: Path::parse("sub").unwrap(),
                user_prefix: "a/".to_owned(),
                roles: None,
                groups: None,
                attributes: Attributes::default(),
            };
            verify(&token, Some(&issuer), Some(signer.public()), &circumstances)
        };
        let accepted = of_kind(Kind::Database).unwrap();
        assert_eq!((accepted.user.as_str(), accepted.usable_until), ("a/alice", 3.0));
        assert_eq!(
            accepted.attributes,
            json!({"identity": {"issuer": "https://a.example"}})
        );
        assert_eq!(accepted.travelled.unwrap().actors, ["a/peter"]);
        for kind in [Kind::Identity, Kind::Access] {
            assert_eq!(of_kind(kind).err(), Some(Refusal::Type));
        }
    }
}
