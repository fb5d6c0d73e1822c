//! What somebody who trusts an issuer demands of its tokens, and where they say what.

use super::algorithm::asymmetric;
use super::assertion::ASSERTION_TYPE;
use super::{Algorithm, Path};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// The namespace of what tells how somebody logged in; no claim of the user's own stands there.
pub const IDENTITY: &str = "identity";

/// What sort of tokens an issuer gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Identity tokens (OpenID Connect Core 1.0, 2).
    Identity,
    /// Access tokens (RFC 9068).
    Access,
    /// Tokens of another database of this kind: they say who acts for whom, and nothing of what anybody may do.
    Database,
}

impl Kind {
    /// The kind of a name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "identity" => Some(Self::Identity),
            "access" => Some(Self::Access),
            "database" => Some(Self::Database),
            _ => None,
        }
    }

    /// Whether a token that says `typ` is one of these.
    pub(super) fn is_of(self, typ: Option<&str>) -> bool {
        let typ = typ.map(str::to_ascii_lowercase);
        let typ = typ
            .as_deref()
            .map(|typ| typ.strip_prefix("application/").unwrap_or(typ));
        match self {
            Self::Identity => typ.is_none_or(|typ| typ == "jwt"),
            Self::Access => typ == Some("at+jwt"),
            Self::Database => typ == Some(ASSERTION_TYPE),
        }
    }
}

/// What an issuer is trusted with.
#[derive(Debug, Clone)]
pub struct Issuer {
    /// `iss`, exactly.
    pub name: String,
    /// Whom its tokens are for: one of these at least.
    pub audiences: Vec<String>,
    /// What sort of tokens.
    pub kind: Kind,
    /// What they may be signed with.
    pub algorithms: Vec<Algorithm>,
    /// How far its clock may be from ours, in seconds.
    pub clock_skew: f64,
    /// How old a token may be, in seconds.
    pub max_age: f64,
    /// Claims that must be there, with the values that they may have.
    pub required: Vec<(Path, Vec<Value>)>,
    /// Where the user is named.
    pub user: Path,
    /// What stands before the name, so that two issuers name different users.
    pub user_prefix: String,
    /// Where roles are.
    pub roles: Option<Path>,
    /// Where groups are.
    pub groups: Option<Path>,
    /// Where attributes are.
    pub attributes: Attributes,
}

/// Where the attributes of each namespace are.
#[derive(Debug, Clone, Default)]
pub struct Attributes(pub(super) BTreeMap<String, Source>);

/// Where attributes are.
#[derive(Debug, Clone)]
pub(super) enum Source {
    /// All of them are members of one object.
    Object(Path),
    /// Each has a place of its own.
    Each(BTreeMap<String, Path>),
}

impl Attributes {
    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Reads `{"namespace": "claim" or {"name": "claim", …}}`; a reason when it is none.
    pub fn parse(document: &Value) -> Result<Self, &'static str> {
        const FORM: &str = "use {\"namespace\": \"claim\" or {\"name\": \"claim\", …}}";
        let path = |value: &Value| value.as_str().and_then(Path::parse).ok_or(FORM);
        let mut sources = BTreeMap::new();
        for (namespace, source) in document.as_object().ok_or(FORM)? {
            if namespace == IDENTITY {
                return Err("the namespace \"identity\" tells how the user logged in");
            }
            let source = match source {
                Value::Object(names) => Source::Each(
                    names
                        .iter()
                        .map(|(name, value)| Ok((name.clone(), path(value)?)))
                        .collect::<Result<_, &str>>()?,
                ),
                value => Source::Object(path(value)?),
            };
            sources.insert(namespace.clone(), source);
        }
        Ok(Self(sources))
    }
}

/// Reads `{"claim": value or [value, …]}`: claims that must have one of these values; a reason when it is none.
pub fn required_claims(document: &Value) -> Result<Vec<(Path, Vec<Value>)>, &'static str> {
    const FORM: &str = "use {\"claim\": value or [value, …]}";
    let is_plain = |value: &Value| matches!(value, Value::String(_) | Value::Number(_) | Value::Bool(_));
    let members: &Map<String, Value> = document.as_object().ok_or(FORM)?;
    members
        .iter()
        .map(|(claim, value)| {
            let values = match value {
                Value::Array(values) => values.clone(),
                value => vec![value.clone()],
            };
            if values.is_empty() || !values.iter().all(is_plain) {
                return Err(FORM);
            }
            Ok((Path::parse(claim).ok_or(FORM)?, values))
        })
        .collect()
}

/// The algorithms of names; the first that is none, or needs a shared secret.
pub fn algorithms(names: &[String]) -> Result<Vec<Algorithm>, &str> {
    names
        .iter()
        .map(|name| asymmetric(name).ok_or(name.as_str()))
        .collect()
}
