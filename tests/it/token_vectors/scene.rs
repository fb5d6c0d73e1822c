//! A database that trusts two issuers, for the attacks.

use serde_json::{Value, json};
use vpd_tests::issuer::{SigningKey, claims};
use vpd_tests::{Database, Result, role};

use super::{ISSUER, Line, assert_recorded, log_in, trust};

/// Another issuer that is trusted.
pub const OTHER: &str = "https://other.example";

/// A database that trusts two issuers, and what the first one signs with.
pub struct Scene<'a> {
    pub database: Database<'a>,
    pub own: SigningKey,
    pub rsa: SigningKey,
    pub other: SigningKey,
    pub attacker: SigningKey,
}

pub fn scene<'a>() -> Result<Scene<'a>> {
    let database = Database::create()?;
    let (own, rsa) = (SigningKey::generate("ES256")?, SigningKey::generate("RS256")?);
    let (other, attacker) = (SigningKey::generate("ES256")?, SigningKey::generate("ES256")?);
    let curve = SigningKey::generate("ES384")?;
    trust(
        &database,
        ISSUER,
        &[own.public("own"), rsa.public("rsa"), curve.public("curve")],
    )?;
    // By the same name as a key of the first, and by one of its own.
    trust(&database, OTHER, &[other.public("own"), other.public("theirs")])?;
    Ok(Scene {
        database,
        own,
        rsa,
        other,
        attacker,
    })
}

pub fn header() -> Value {
    json!({"alg": "ES256", "kid": "own"})
}

pub fn good() -> Value {
    claims(ISSUER, "alice")
}

pub fn with(mut document: Value, name: &str, value: Value) -> Value {
    document[name] = value;
    document
}

impl Scene<'_> {
    /// Brings the tokens, and afterwards a good one, which is accepted.
    pub fn assert_recorded(&self, lines: &[Line]) -> Result<()> {
        assert_recorded(&self.database, lines)?;
        let mut bridge = self.database.connect(role::WEB)?;
        log_in(&mut bridge, &self.own.sign(&header(), &good())?)?;
        Ok(())
    }
}
