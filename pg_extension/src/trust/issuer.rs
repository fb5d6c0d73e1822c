//! Registered issuers.

use crate::authz::change;
use crate::error::{Error, Result};
use crate::session;
use crate::sys::document::Document;
use crate::sys::lock::{self, Counted};
use crate::sys::spi::{Arg, Row, arg, statements};
use pgrx::JsonB;
use pgrx::datum::Interval;
use vpd_text::identity::{Algorithm, Attributes, Issuer, Key, Kind, Path, algorithms, required_claims};

const MAX_NAME: usize = 512;
const MAX_AUDIENCES: usize = 100;
const MAX_AUDIENCE: usize = 256;
const MAX_PREFIX: usize = 64;

statements! {
    DEFINE = "trust/define.sql";
    ALTER = "trust/alter.sql";
    FIND = "trust/find.sql";
    FORGET = "trust/forget.sql";
    FORGET_LEFT = "trust/forget_left_keys.sql";
}

/// What an administrator says of an issuer; what is none stays as it is.
pub struct Registration {
    pub issuer: String,
    pub audiences: Option<Vec<String>>,
    pub apps: Option<Vec<String>>,
    pub kind: Option<String>,
    pub algorithms: Option<Vec<String>>,
    pub clock_skew: Option<Interval>,
    pub max_age: Option<Interval>,
    pub key_grace: Option<Interval>,
    pub required_claims: Option<JsonB>,
    pub user_claim: Option<String>,
    pub user_prefix: Option<String>,
    pub roles_claim: Option<String>,
    pub groups_claim: Option<String>,
    pub attribute_claims: Option<JsonB>,
}

/// An issuer as it is registered.
pub(super) struct Trusted {
    pub issuer: Issuer,
    /// Applications that it speaks for; all of them when there is none.
    pub apps: Vec<String>,
    /// How long a withdrawn key is accepted, in seconds.
    key_grace: f64,
}

/// Registers an issuer, or changes all of its registration.
pub fn trust(new: Registration) -> Result<()> {
    check_name(&new.issuer)?;
    lock::serialize(Counted::Registrations, new.issuer.as_bytes());
    FORGET_LEFT.with(|statement| statement.execute(&[arg(new.issuer.as_str())]));
    write(&DEFINE, new).map(|_| ())
}

/// Changes what is given of the registration of an issuer.
pub fn alter(new: Registration) -> Result<()> {
    let name = new.issuer.clone();
    if write(&ALTER, new)? == 0 {
        return Err(not_found(&name));
    }
    Ok(())
}

/// Trusts an issuer no more; returns how many of its sessions ended.
pub fn distrust(name: &str, ends_sessions: bool) -> Result<u64> {
    // Nobody is waited for who hands in keys, for as long as he likes.
    if FORGET.with(|statement| statement.execute(&[arg(name)])) == 0 {
        return Err(not_found(name));
    }
    Ok(if ends_sessions {
        session::end_issuer(name, "issuer_distrusted")
    } else {
        0
    })
}

/// 42704: nobody of that name is trusted here.
pub(super) fn not_found(name: &str) -> Error {
    let shown: String = name
        .chars()
        .filter(|letter| !letter.is_control())
        .take(100)
        .collect();
    Error::not_found(
        "issuer_not_found",
        format!("issuer \"{shown}\" is not trusted here"),
        "See the view vpd.issuers; register it with vpd.trust_issuer.",
    )
}

/// A registered issuer, and its key of an identifier, if that is accepted now. What cannot be read is nobody.
pub(super) fn find(name: &str, key_id: &str) -> Option<(Trusted, Option<Key>)> {
    FIND.with(|statement| {
        statement.query_one(&[arg(name), arg(key_id)], |row| {
            let key = row
                .get::<Document>(14)
                .and_then(|document| Key::read(document.known()));
            Some((read(name, row).ok()?, key))
        })
    })
    .flatten()
}

/// Whether an issuer is registered.
pub(super) fn require(name: &str) -> Result<()> {
    FIND.with(|statement| statement.query_one(&[arg(name), arg("")], |_| ()))
        .ok_or_else(|| not_found(name))
}

fn write(
    statement: &'static std::thread::LocalKey<crate::sys::spi::Statement>,
    new: Registration,
) -> Result<u64> {
    lock::serialize(Counted::Registrations, new.issuer.as_bytes());
    let name = new.issuer;
    let args: [Arg; 15] = [
        arg(name.as_str()),
        arg(new.audiences),
        arg(new.apps),
        arg(new.kind),
        arg(new.algorithms),
        arg(new.clock_skew),
        arg(new.max_age),
        arg(new.key_grace),
        arg(new.required_claims),
        arg(new.user_claim),
        arg(new.user_prefix),
        arg(new.roles_claim),
        arg(new.groups_claim),
        arg(new.attribute_claims),
        arg(change::author()),
    ];
    let written = statement.with(|statement| statement.execute(&args));
    // What was stored is checked: an error takes it back.
    let checked =
        FIND.with(|statement| statement.query_one(&[arg(name.as_str()), arg("")], |row| read(&name, row)));
    if let Some(checked) = checked {
        check(&checked?)?;
    }
    Ok(written)
}

/// What a row says; an error tells what is wrong with it.
fn read(name: &str, row: &Row) -> Result<Trusted> {
    let path = |number: i32, what: &str| {
        let text: String = row.get(number).unwrap_or_default();
        if text.is_empty() {
            return Ok(None);
        }
        Path::parse(&text).map(Some).ok_or_else(|| {
            Error::argument(
                format!("{what} names no claim"),
                "Use the name of a claim, or a JSON Pointer such as /realm_access/roles.",
            )
        })
    };
    let document = |number: i32| -> Result<JsonB> {
        row.get::<Document>(number)
            .map_or_else(|| Ok(JsonB(serde_json::Value::Null)), Document::read)
    };
    let names = row.get::<Vec<String>>(4).unwrap_or_default();
    let accepted = algorithms(&names).map_err(|name| {
        let shown: String = name.chars().take(20).collect();
        Error::argument(
            format!("\"{shown}\" is no algorithm that is accepted"),
            "Use RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384 or EdDSA.",
        )
    })?;
    Ok(Trusted {
        apps: row.get(2).unwrap_or_default(),
        key_grace: row.get::<f64>(7).unwrap_or(0.0),
        issuer: Issuer {
            name: name.to_owned(),
            audiences: row.get(1).unwrap_or_default(),
            kind: row
                .get::<String>(3)
                .and_then(|kind| Kind::parse(&kind))
                .ok_or_else(|| Error::argument("unknown kind", "Use identity, access or database."))?,
            algorithms: accepted,
            clock_skew: row.get::<f64>(5).unwrap_or(-1.0),
            max_age: row.get::<f64>(6).unwrap_or(-1.0),
            required: required_claims(&document(8)?.0)
                .map_err(|reason| Error::argument("required_claims cannot be read", reason))?,
            user: path(9, "user_claim")?
                .ok_or_else(|| Error::argument("user_claim names no claim", "Use sub, for instance."))?,
            user_prefix: row.get(10).unwrap_or_default(),
            roles: path(11, "roles_claim")?,
            groups: path(12, "groups_claim")?,
            attributes: Attributes::parse(&document(13)?.0)
                .map_err(|reason| Error::argument("attribute_claims cannot be read", reason))?,
        },
    })
}

fn check(trusted: &Trusted) -> Result<()> {
    let issuer = &trusted.issuer;
    for (what, seconds, range) in [
        ("clock_skew", issuer.clock_skew, 0.0..=300.0),
        ("max_age", issuer.max_age, 1.0..=86_400.0),
        ("key_grace", trusted.key_grace, 0.0..=2_592_000.0),
    ] {
        if !range.contains(&seconds) {
            return Err(Error::argument(
                format!("{what} is out of range"),
                "clock_skew: 0 to 5 minutes; max_age: 1 second to 24 hours; key_grace: 0 to 30 days.",
            ));
        }
    }
    if issuer.algorithms.is_empty() {
        return Err(Error::argument("no algorithm is accepted", "Name one at least."));
    }
    let is_audience = |name: &String| !name.is_empty() && name.len() <= MAX_AUDIENCE;
    if !(1..=MAX_AUDIENCES).contains(&issuer.audiences.len()) || !issuer.audiences.iter().all(is_audience) {
        return Err(Error::argument(
            "the audiences are not usable",
            "Name 1 to 100, each with 1 to 256 characters: the client_id of the application at the provider.",
        ));
    }
    if issuer.user_prefix.len() > MAX_PREFIX || issuer.user_prefix.chars().any(char::is_control) {
        return Err(Error::argument(
            "user_prefix is not usable",
            "Use at most 64 characters.",
        ));
    }
    if issuer.kind == Kind::Database {
        check_database(trusted)?;
    }
    trusted.apps.iter().try_for_each(|app| session::require_app(app))
}

/// Another database says who somebody is and who acts for him: what he may do is administered here, and for which applications it speaks is said.
fn check_database(trusted: &Trusted) -> Result<()> {
    let issuer = &trusted.issuer;
    let says_more = issuer.roles.is_some() || issuer.groups.is_some() || !issuer.attributes.is_empty();
    if says_more || Some(&issuer.user) != Path::parse("sub").as_ref() {
        return Err(Error::argument(
            "a database gives an identity and nothing else",
            "Leave user_claim, roles_claim, groups_claim and attribute_claims out; grant roles here.",
        ));
    }
    if trusted.apps.is_empty() {
        return Err(Error::argument(
            "a database speaks for the applications that are named",
            "Name them in apps.",
        ));
    }
    if !issuer.algorithms.contains(&Algorithm::EdDSA) {
        return Err(Error::argument(
            "a database signs with EdDSA",
            "Name it among the algorithms.",
        ));
    }
    Ok(())
}

/// OpenID Connect Discovery 1.0, 3: https, no query, no fragment.
pub(super) fn check_name(name: &str) -> Result<()> {
    let rest = name.strip_prefix("https://").or_else(|| {
        let rest = name.strip_prefix("http://")?;
        is_loopback(rest).then_some(rest)
    });
    let is_good = rest.is_some_and(|rest| !rest.is_empty() && !rest.starts_with(['/', ':', '@']))
        && name.len() <= MAX_NAME
        && name
            .chars()
            .all(|letter| letter.is_ascii_graphic() && !"?#\\\"<>".contains(letter));
    if is_good {
        return Ok(());
    }
    Err(Error::argument(
        "this is no issuer",
        "Use the claim iss of its tokens, an https URL without query and fragment; http for loopback alone.",
    ))
}

fn is_loopback(rest: &str) -> bool {
    let authority = rest.split('/').next().unwrap_or_default();
    let host = match authority.strip_prefix('[') {
        Some(bracketed) => bracketed.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    };
    ["localhost", "127.0.0.1", "::1"].contains(&host) || host.ends_with(".localhost")
}

#[cfg(test)]
mod tests {
    use super::check_name;

    #[test]
    fn an_issuer_is_an_https_url() {
        for good in [
            "https://idp.example",
            "https://idp.example/realms/a",
            "http://localhost:8080",
            "http://idp.localhost:8480/x",
            "http://[::1]:80",
        ] {
            assert!(check_name(good).is_ok(), "{good}");
        }
        let long = format!("https://{}", "x".repeat(600));
        for bad in [
            "",
            "idp",
            "https://",
            "https:///x",
            "http://idp.example",
            "http://localhost.example",
            "http://127.0.0.1.example",
            "https://a b",
            "https://a?b",
            "https://a#b",
            "javascript:alert(1)",
            "HTTPS://A",
            long.as_str(),
        ] {
            assert!(check_name(bad).is_err(), "{bad}");
        }
    }
}
